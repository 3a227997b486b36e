"""Makes an environment: a new one beside what is there, tried, and only then the engine."""

from __future__ import annotations

import json
import os
import re
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TextIO

from ...core.depth import weights
from ...core.errors import CancelledError, InstallError, OfflineError, OutputError, UnflatError
from . import failures, kept, pins, place, pythons, sources, trial, usage
from .accelerator import Accelerator
from .meter import Meter
from .pins import Pins
from .place import Receipt
from .program import run, told
from .sources import Options

Progress = Callable[[float, str], None]
"""Called with a fraction in [0, 1], which never falls, and a few words."""

_MADE, _INSTALLED = 0.02, 0.94  # of the progress, when that is done; the self-test remains
_OLDEST_UV = (0, 7)  # goes on where PyTorch's index refuses to speak of other libraries
_USUAL = Options()
_INSTALL = ("install", "--no-input", "--disable-pip-version-check", "--only-binary", ":all:",
            "--no-compile", "--no-cache-dir", "--progress-bar", "off",
            "--no-warn-script-location")  # fmt: skip


def install(
    folder: Path,
    accelerator: Accelerator,
    progress: Progress = lambda _fraction, _text: None,
    cancelled: Callable[[], bool] = lambda: False,
    *,
    online: bool = True,
    options: Options = _USUAL,
) -> Receipt:
    """Make the engine in `folder`, or make it anew: an update, a repair, another accelerator.

    What was there works on until the new environment has passed its test, and stays if anything
    fails. An installation that was broken off goes on with what has been downloaded.
    online: False keeps off the network, and so does UNFLAT_OFFLINE; a folder of wheels will do.
    Raises CancelledError, DownloadError (OfflineError), InstallError or OutputError.
    """
    folder = folder.absolute()
    if options.wheels is None and (not online or weights.is_offline()):
        raise OfflineError(
            "The engine's libraries have to be downloaded and Unflat was asked to stay offline, "
            "allow the network or name a folder with their wheels."
        )
    if options.wheels and not options.wheels.is_dir():
        raise InstallError(f"There is no folder {options.wheels}, choose the one with the wheels.")
    place.claim(folder)
    known = place.receipt(folder)

    def waiting() -> None:
        if cancelled():
            raise CancelledError
        progress(0, "waiting for another Blender")

    with place.sole(folder, waiting):
        noted = place.receipt(folder)
        if noted and noted != known and noted.accelerator is accelerator:
            return noted  # another Blender has just made the same
        with place.log(folder).open("w", encoding="utf-8") as log:
            pinned = pins.wanted(accelerator)
            work = _Work(folder, accelerator, pinned, options, progress, cancelled, log)
            return work.run()


@dataclass(frozen=True)
class _Work:
    """One installation; the folder is ours alone."""

    folder: Path
    accelerator: Accelerator
    pinned: Pins
    options: Options
    progress: Progress
    cancelled: Callable[[], bool]
    log: TextIO

    def run(self) -> Receipt:
        place.sweep(self.folder)
        self._check_space()
        (self.folder / place.INCOMPLETE).touch()
        home = place.fresh(self.folder)
        try:
            noted = self._build(home)
            place.write_receipt(self.folder, noted)
        except failures.DamagedError:
            shutil.rmtree(self.folder / place.CACHE, ignore_errors=True)
            raise
        finally:
            shutil.rmtree(self.folder / place.SCRATCH, ignore_errors=True)
            place.sweep(self.folder)  # the new one or the old one, whichever does not count
        shutil.rmtree(self.folder / place.CACHE, ignore_errors=True)
        self.progress(1, "ready")
        return noted

    def _build(self, home: Path) -> Receipt:
        """An environment that has passed its test. Raises what `install` raises."""
        uv = find_uv()
        self.progress(0, "looking for a Python")
        pip = self._make(home, uv)
        self._fill(home, pip, uv)
        passed = self._try(home)
        usage.prepare(home)
        return Receipt(
            environment=home.name,
            accelerator=self.accelerator,
            digest=self.pinned.digest,
            python=passed["python"],
            torch=passed["torch"],
            device=passed["device"],
            size=place.measure(home),
            packages=sum(1 for _ in place.libraries(home).glob("*.dist-info")),
        )

    def _make(self, home: Path, uv: Path | None) -> list[str]:
        """Make an empty environment; the command of a pip that installs into it, if there is one.

        A Python's own pip does, which spares the environment one of its own.
        """
        error: UnflatError | None = None
        isolated = ["-I", "-u", "-X", "utf8", "-m"]
        for python in pythons.find(self.options.python, uv):
            program, interpreter = str(python.path), str(place.interpreter(home))
            if python.has_venv and python.has_pip:
                command = [program, "-I", "-m", "venv", "--without-pip", str(home)]
                pip = [program, *isolated, "pip", "--python", interpreter]
            elif python.has_venv and python.brings_pip:
                command = [program, "-I", "-m", "venv", str(home)]
                pip = [interpreter, *isolated, "pip"]
            else:
                command = [str(uv), "venv", "--no-config", "--python", program, str(home)]
                pip = []
            status, lines = self._run(command)
            if status == 0 and place.interpreter(home).exists():
                return pip
            error = failures.explained(lines, self.folder, place.log(self.folder))
            shutil.rmtree(home, ignore_errors=True)
        assert error is not None  # `find` raises where there is no Python at all
        raise error

    def _fill(self, home: Path, pip: list[str], uv: Path | None) -> None:
        """Bring the libraries into an environment."""
        scratch, cache, wanted = self._folders()
        lines = kept.requirements(self.pinned.lines, cache)
        wanted.write_text("\n".join(lines), encoding="utf-8")
        settings = sources.resolved(_configured(pip), self.pinned.indexes, self.options)
        if uv:
            command = [*_uv(uv, place.interpreter(home), cache), "-r", str(wanted)]
            environment = sources.for_uv(settings)
            expected = 2 * self.pinned.installed  # unpacked in the cache, and linked from there
        else:
            command = [*pip, *_INSTALL, "-r", str(wanted)]
            environment = sources.for_pip(settings)
            expected = self.pinned.installed + self.pinned.download
        environment |= {name: str(scratch) for name in ("TMPDIR", "TEMP", "TMP")}
        span = self._part(_MADE, _INSTALLED)
        meter = Meter((home, cache if uv else scratch), place.libraries(home), expected, span)

        def watch(line: str) -> None:
            if meter.watch(line):
                kept.keep(scratch, cache)

        status, said = self._run(command, environment, watch)
        if status:
            raise failures.explained(said, self.folder, place.log(self.folder))

    def _folders(self) -> tuple[Path, Path, Path]:
        """For temporary files, for downloads of this very set, and the file of requirements."""
        scratch = self.folder / place.SCRATCH
        scratch.mkdir(exist_ok=True)
        name = f"{self.accelerator.value}-{self.pinned.digest[:8]}"
        caches = self.folder / place.CACHE
        caches.mkdir(exist_ok=True)
        for cache in caches.iterdir():
            if cache.name != name:
                shutil.rmtree(cache, ignore_errors=True)
        (caches / name).mkdir(exist_ok=True)
        return scratch, caches / name, scratch / "requirements.txt"

    def _try(self, home: Path) -> dict[str, str]:
        """Run the self-test in an environment; what it tells. Raises InstallError."""
        self.progress(_INSTALLED, "testing")
        device = self.accelerator.device
        status, lines = self._run([str(place.interpreter(home)), *trial.arguments(device)])
        passed = next((line for line in reversed(lines) if line.startswith("{")), "")
        if status == 0 and passed:
            return {name: str(value) for name, value in json.loads(passed).items()}
        last = next((line for line in reversed(lines) if line), f"it ended with {status}")
        advice = "install again" if device == "cpu" else "update its driver or install for another"
        raise InstallError(
            f"The new engine does not work on {device} ({last[:200]}), {advice}; see "
            f"{place.log(self.folder)}."
        )

    def _run(
        self,
        command: list[str],
        environment: dict[str, str] | None = None,
        watch: Callable[[str], None] = lambda _line: None,
    ) -> tuple[int, list[str]]:
        clean = sources.clean_environment(os.environ) | (environment or {})
        clean |= {"PYTHONUTF8": "1", "PYTHONUNBUFFERED": "1"}  # for what pip starts in turn
        return run(command, clean, self.log, self.cancelled, watch)

    def _part(self, start: float, end: float) -> Progress:
        """Progress within a part of the whole."""
        return lambda fraction, text: self.progress(start + (end - start) * fraction, text)

    def _check_space(self) -> None:
        """Raises OutputError where the disk has no room for the set and its downloads."""
        download = 0 if self.options.wheels else self.pinned.download
        here = place.measure(self.folder / place.CACHE)
        needed = max(self.pinned.installed + download - here, 0)
        free = shutil.disk_usage(self.folder).free
        if needed > free:
            raise OutputError(
                f"The engine needs {needed / 1e9:.1f} GB while it is installed, {self.folder} has "
                f"{free / 1e9:.1f} GB free, free some space or choose another folder."
            )


def find_uv() -> Path | None:
    """uv, if it is here and new enough."""
    path = shutil.which("uv")
    version = told([path, "--version"], sources.clean_environment(os.environ)) if path else ""
    match = re.match(r"uv (\d+)\.(\d+)", version)
    if path is None or match is None or (int(match[1]), int(match[2])) < _OLDEST_UV:
        return None
    return Path(path)


def _uv(uv: Path, interpreter: Path, cache: Path) -> list[str]:
    """The command that installs with uv."""
    return [str(uv), "pip", "install", "--no-config", "--python", str(interpreter), "--no-build",
            "--index-strategy", "unsafe-best-match", "--color", "never", "--no-progress",
            "--cache-dir", str(cache)]  # fmt: skip


def _configured(pip: list[str]) -> dict[str, str]:
    """How pip is set up here, by files and variables, as far as it matters."""
    environment = {k: v for k, v in os.environ.items() if not k.upper().startswith("PYTHON")}
    return sources.configuration(told([*pip, "config", "list"], environment) if pip else "")
