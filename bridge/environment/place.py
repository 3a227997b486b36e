"""What lies in the engine's folder, and in which state that is."""

from __future__ import annotations

import json
import os
import shutil
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from enum import Enum
from pathlib import Path
from uuid import uuid4

from ...core import filelock
from ...core.depth import weights
from ...core.errors import InstallError, OutputError
from ...core.files import refusal
from . import pins, usage
from .accelerator import Accelerator

RECEIPT, INCOMPLETE, LOCK, _LOG = "engine.json", "engine.incomplete", "engine.lock", "engine.log"
CACHE, SCRATCH, _ENVIRONMENT = "engine-cache", "engine-tmp", "engine-"
DAMAGED = "damaged"  # within an environment
_DEEPEST = 210  # characters of the longest path within an environment, and some more


class State(Enum):
    """How an engine's folder stands."""

    MISSING = "missing"
    INCOMPLETE = "incomplete"  # an installation was broken off; the next one goes on from there
    OUTDATED = "outdated"  # works, but this version of Unflat wants other libraries
    BROKEN = "broken"
    READY = "ready"

    @property
    def is_usable(self) -> bool:
        """Whether a worker can run from it."""
        return self in (State.OUTDATED, State.READY)


@dataclass(frozen=True)
class Receipt:
    """What was installed.

    environment: name of its folder.  digest: of the pinned set.  python, torch: versions.
    device: what the self-test ran on, as its driver calls it.  size: bytes.  packages: how many.
    """

    environment: str
    accelerator: Accelerator
    digest: str
    python: str
    torch: str
    device: str
    size: int
    packages: int


def default_folder() -> Path:
    """What UNFLAT_ENGINE names, else beside the folder of weights."""
    if named := os.environ.get("UNFLAT_ENGINE"):
        return Path(named).expanduser().absolute()
    return weights.folder().parent / "engine"


def state(folder: Path) -> State:
    """The state as far as a few files tell; `check` looks at all of them."""
    noted = receipt(folder)
    if noted is None:
        if (folder / RECEIPT).exists():
            return State.BROKEN
        return State.INCOMPLETE if (folder / INCOMPLETE).exists() else State.MISSING
    home = folder / noted.environment
    if not interpreter(home).exists() or not _has_base(home) or (home / DAMAGED).exists():
        return State.BROKEN
    return State.READY if noted.digest == pins.wanted(noted.accelerator).digest else State.OUTDATED


def python(folder: Path) -> Path:
    """The interpreter of the engine. Raises InstallError where there is none."""
    noted = receipt(folder)
    if noted is None:
        raise InstallError(f"There is no engine in {folder}, install it first.")
    return interpreter(folder / noted.environment)


@contextmanager
def used(folder: Path) -> Iterator[Path]:
    """The interpreter, for as long as a worker runs from it: nobody removes it meanwhile.

    Raises InstallError where there is none.
    """
    program = python(folder)
    try:
        with usage.held(program.parents[1]):
            yield program
    except OSError as error:
        raise InstallError(
            f"The engine in {folder} is gone or being removed ({error.strerror}), install it again."
        ) from None


def interpreter(home: Path) -> Path:
    """Where an environment has its interpreter."""
    return home / ("Scripts/python.exe" if sys.platform == "win32" else "bin/python")


def log(folder: Path) -> Path:
    """The log of the last installation."""
    return folder / _LOG


def receipt(folder: Path) -> Receipt | None:
    """What was installed; None where nothing was, or where the receipt can't be read."""
    try:
        fields = json.loads((folder / RECEIPT).read_text(encoding="utf-8"))
        noted = Receipt(
            environment=str(fields["environment"]),
            accelerator=Accelerator(fields["accelerator"]),
            digest=str(fields["digest"]),
            python=str(fields["python"]),
            torch=str(fields["torch"]),
            device=str(fields["device"]),
            size=int(fields["size"]),
            packages=int(fields["packages"]),
        )
    except (OSError, ValueError, KeyError, TypeError):
        return None
    # A name, not a path: what is read here says which program will be run.
    return noted if _is_environment(noted.environment) else None


def write_receipt(folder: Path, noted: Receipt) -> None:
    """From here on, this environment is the engine."""
    fields = asdict(noted) | {"accelerator": noted.accelerator.value}
    part = folder / (RECEIPT + ".part")
    part.write_text(json.dumps(fields, indent=1), encoding="utf-8")
    part.replace(folder / RECEIPT)
    (folder / INCOMPLETE).unlink(missing_ok=True)


def claim(folder: Path) -> None:
    """Make the folder ready for an engine, if it may be.

    Raises InstallError where it holds other things, OutputError where it can't be written to.
    """
    if folder.is_dir() and any(folder.iterdir()) and not is_ours(folder):
        raise InstallError(f"There are other things in {folder}, choose an empty folder.")
    probe = folder / f"{_ENVIRONMENT}{uuid4().hex[:8]}"
    deep = probe / ("d" * 80) / ("f" * (_DEEPEST - 80 - 1))
    try:
        folder.mkdir(parents=True, exist_ok=True)
        try:
            deep.parent.mkdir(parents=True)
            deep.write_bytes(b"test")
        finally:
            shutil.rmtree(probe, ignore_errors=True)
    except OSError as error:
        if len(str(deep)) > 259 and sys.platform == "win32":
            raise InstallError(
                f"The path {folder} is too long for Windows, choose a folder nearer to the drive."
            ) from None
        raise OutputError(refusal(folder, error)) from None


@contextmanager
def sole(folder: Path, waiting: Callable[[], None]) -> Iterator[None]:
    """The folder for this process alone. Raises OutputError for what the file system refuses."""
    try:
        with filelock.held(folder / LOCK, waiting):
            yield
    except OSError as error:
        raise OutputError(refusal(folder, error)) from None


def fresh(folder: Path) -> Path:
    """Where a new environment may be made."""
    return folder / f"{_ENVIRONMENT}{uuid4().hex[:8]}"


def sweep(folder: Path) -> None:
    """Delete environments that do not count, unless one is in use."""
    noted = receipt(folder)
    for home in environments(folder):
        if (noted is None or home.name != noted.environment) and not usage.is_used(home):
            shutil.rmtree(home, ignore_errors=True)


def measure(path: Path) -> int:
    """Bytes of a file, or of all files below a folder; what vanishes meanwhile is 0."""
    try:
        if not path.is_dir() or path.is_symlink():
            return path.lstat().st_size
        with os.scandir(path) as entries:
            return sum(
                measure(Path(entry.path))
                if entry.is_dir(follow_symlinks=False)
                else entry.stat(follow_symlinks=False).st_size
                for entry in entries
            )
    except OSError:
        return 0


def libraries(home: Path) -> Path:
    """Where an environment has its libraries."""
    pattern = "Lib/site-packages" if sys.platform == "win32" else "lib/python*/site-packages"
    return next(home.glob(pattern), home / "lib")


def ours(folder: Path) -> Iterator[Path]:
    """All that belongs to the engine."""
    names = (RECEIPT, INCOMPLETE, CACHE, SCRATCH, _LOG, LOCK, RECEIPT + ".part")
    if folder.is_dir():
        for path in folder.iterdir():
            if path.name in names or (path.is_dir() and _is_environment(path.name)):
                yield path


def is_ours(folder: Path) -> bool:
    """Whether an installation was ever begun here."""
    return any((folder / name).is_file() for name in (RECEIPT, INCOMPLETE, LOCK, _LOG))


def environments(folder: Path) -> list[Path]:
    return [path for path in ours(folder) if _is_environment(path.name)]


def _is_environment(name: str) -> bool:
    start, rest = name[: len(_ENVIRONMENT)], name[len(_ENVIRONMENT) :]
    return start == _ENVIRONMENT and len(rest) == 8 and set(rest) <= set("0123456789abcdef")


def _has_base(home: Path) -> bool:
    """Whether the Python that an environment was made from is still there."""
    try:
        lines = (home / "pyvenv.cfg").read_text(encoding="utf-8").splitlines()
    except (OSError, ValueError):
        return False
    fields = dict(line.partition("=")[::2] for line in lines)
    base = next((value for key, value in fields.items() if key.strip() == "home"), "")
    return bool(base.strip()) and Path(base.strip()).is_dir()
