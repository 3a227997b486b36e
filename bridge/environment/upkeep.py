"""Looking after an engine that is there: its size, a thorough check, and its removal."""

from __future__ import annotations

import csv
import os
import shutil
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from ...core.errors import InstallError
from . import place, usage
from .place import State
from .program import told
from .sources import clean_environment


def check(folder: Path) -> State:
    """The state after a look at every file that was installed; takes seconds.

    Damage is remembered: `state` says BROKEN from then on, until a new environment is made.
    """
    noted = place.receipt(folder)
    found = place.state(folder)
    if noted is None or not found.is_usable:
        return found
    home = folder / noted.environment
    if _starts(home, noted.python) and not any(_damaged(home)):
        return found
    with suppress(OSError):
        (home / place.DAMAGED).touch()
    return State.BROKEN


def size(folder: Path) -> int:
    """Bytes that the engine takes on the disk, all in all; takes up to a second."""
    return sum(place.measure(path) for path in place.ours(folder))


def remove(folder: Path) -> int:
    """Remove the engine, and nothing else that is in the folder; the bytes this freed.

    Raises InstallError where the folder holds no engine, or one that is in use.
    """
    folder = folder.absolute()
    if not place.is_ours(folder):
        raise InstallError(f"There is no engine in {folder}, so nothing was removed.")

    def busy() -> None:
        raise InstallError("Another Blender is installing the engine, wait until it has finished.")

    with place.sole(folder, busy):
        freed = size(folder)
        for home in place.environments(folder):
            if usage.is_used(home):
                raise InstallError(
                    "The engine is in use, close other Blenders or wait for their jobs, then "
                    "remove it again."
                )
        (folder / place.INCOMPLETE).touch()  # first, so that half an engine is never taken for one
        (folder / place.RECEIPT).unlink(missing_ok=True)
        for path in place.ours(folder):
            if path.name not in (place.INCOMPLETE, place.LOCK):
                _delete(path)
        (folder / place.INCOMPLETE).unlink()
    with suppress(OSError):  # something else is in it
        folder.rmdir()
    return freed


def _starts(home: Path, version: str) -> bool:
    """Whether the interpreter runs, and still is of the version that the libraries are for."""
    code = "import sys; print(*sys.version_info[:2], sep='.')"
    command = [str(place.interpreter(home)), "-I", "-c", code]
    started = told(command, clean_environment(os.environ))
    return bool(started) and version.startswith(f"{started}.")


def _damaged(home: Path) -> Iterator[Path]:
    """Installed files that are gone, or have another size."""
    root = place.libraries(home)
    records = list(root.glob("*.dist-info/RECORD"))
    if not records:
        yield root
    for record in records:
        with record.open(encoding="utf-8", newline="") as file:
            for row in csv.reader(file):
                path = root / row[0] if row else record
                if len(row) == 3 and row[2] and _differs(path, row[2]):
                    yield path


def _differs(path: Path, expected: str) -> bool:
    try:
        return path.stat().st_size != int(expected)
    except (OSError, ValueError):
        return True


def _delete(path: Path) -> None:
    try:
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        else:
            path.unlink()
    except PermissionError as error:
        raise InstallError(
            f"{error.filename or path} is in use or protected, close other programs and remove "
            "the engine again."
        ) from None
