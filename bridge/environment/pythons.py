"""Finds a Python that an environment can be made from. Blender's own is one."""

from __future__ import annotations

import json
import os
import platform
import shutil
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from ...core.errors import InstallError
from .program import told
from .sources import clean_environment

OLDEST, NEWEST = (3, 11), (3, 14)  # that all pinned libraries have wheels for
_PIP = (22, 3)  # the oldest that installs for another interpreter
_PROBE = """
import importlib.metadata, importlib.util, json, struct, sys, sysconfig
try:
    pip = importlib.metadata.version("pip")
except importlib.metadata.PackageNotFoundError:
    pip = "0.0"
print(json.dumps({
    "version": sys.version_info[:2],
    "bits": struct.calcsize("P") * 8,
    "locked": not sysconfig.get_config_var("Py_GIL_DISABLED"),
    "venv": importlib.util.find_spec("venv") is not None,
    "ensurepip": importlib.util.find_spec("ensurepip") is not None,
    "pip": [int(part) for part in pip.split(".")[:2]],
}))
"""


@dataclass(frozen=True)
class Python:
    """An interpreter that fits.

    has_venv: whether it can make environments itself.
    has_pip: one that can install into another environment.
    brings_pip: whether the environments that it makes can have their own.
    """

    path: Path
    has_venv: bool
    has_pip: bool
    brings_pip: bool


def find(chosen: Path | None, uv: Path | None) -> Iterator[Python]:
    """Interpreters that an environment can be made from, best first.

    chosen: the only one that may be taken. uv makes environments where a Python alone can't.
    Raises InstallError where there is none.
    """
    if sys.platform == "darwin" and platform.machine() == "x86_64":
        raise InstallError(
            "PyTorch is not made for Macs with Intel's processors any more, the built-in network "
            "works there."
        )
    found = False
    for path in [chosen] if chosen else _candidates():
        probed = _probe(path)
        if probed and (uv or (probed.has_venv and (probed.has_pip or probed.brings_pip))):
            found = True
            yield probed
    if found:
        return
    versions = f"{'.'.join(map(str, OLDEST))} to {'.'.join(map(str, NEWEST))}"
    if chosen:
        raise InstallError(f"{chosen} is no Python {versions} with venv and pip, choose another.")
    raise InstallError(
        f"No Python {versions} with venv and pip was found, install one and name it in the "
        "preferences."
    )


def _candidates() -> Iterator[Path]:
    """Interpreters that may fit; inside Blender, `sys.executable` is the one that it brings."""
    seen: set[Path] = set()
    for path in _named():
        if path not in seen and path.is_file():
            seen.add(path)
            yield path


def _named() -> Iterator[Path]:
    if sys.executable and Path(sys.executable).stem.lower().startswith("python"):
        yield Path(sys.executable)
    minors = range(NEWEST[1], OLDEST[1] - 1, -1)
    for name in [*(f"python3.{minor}" for minor in minors), "python3", "python"]:
        if path := shutil.which(name):
            yield Path(path)
    if launcher := shutil.which("py") if sys.platform == "win32" else None:
        for minor in minors:
            code = "import sys; print(sys.executable)"
            if path := _told([launcher, f"-3.{minor}", "-I", "-X", "utf8", "-c", code]):
                yield Path(path)


def _probe(path: Path) -> Python | None:
    """What an interpreter can do; None where it does not fit."""
    try:
        told = json.loads(_told([str(path), "-I", "-c", _PROBE]))
    except ValueError:
        return None
    fits = OLDEST <= tuple(told["version"]) <= NEWEST and told["bits"] == 64 and told["locked"]
    if not fits:
        return None
    has_pip, brings_pip = tuple(told["pip"]) >= _PIP, told["ensurepip"]
    return Python(path, told["venv"], has_pip, brings_pip)


def _told(command: list[str]) -> str:
    return told(command, clean_environment(os.environ))
