"""Writing files so that nothing half-written is ever seen: beside, then renamed."""

from __future__ import annotations

import errno
import os
import shutil
import time
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from pathlib import Path
from uuid import uuid4

from .errors import OutputError

_PREFIX = ".unflat-"
_STALE = 24 * 3600  # seconds


@contextmanager
def staged_folder(target: Path, ours: Collection[str]) -> Iterator[Path]:
    """A new folder inside `target`; on success its files take their place in `target`.

    Files there with names among `ours` are from an earlier time and go, replaced or not; others
    stay. On failure nothing of the new folder stays and `target` is as it was. Raises OutputError
    for whatever the file system refuses.
    """
    fresh = [f for f in (target, *target.parents) if not os.path.lexists(f)]
    # Named before it is made, so that a signal in between leaves nothing unknown behind.
    stage = target / f"{_PREFIX}{uuid4().hex}"
    new, old = stage / "new", stage / "old"
    try:
        target.mkdir(parents=True, exist_ok=True)
        _sweep(target)
        stage.mkdir(mode=0o700)
        new.mkdir()
        old.mkdir()
        yield new
        _swap(new, old, target, ours)
        fresh.clear()
    except OSError as error:
        raise OutputError(refusal(target, error)) from None
    finally:
        shutil.rmtree(stage, ignore_errors=True)
        for folder in fresh:  # innermost first; one that is in use by now is not empty and stays
            _remove_if_empty(folder)


def _swap(new: Path, old: Path, target: Path, ours: Collection[str]) -> None:
    """Move all of `new` to `target`, and what is there of those names and of `ours` to `old`.

    All or nothing, also if a signal comes in between.
    """
    moved: list[tuple[Path, Path]] = []
    coming = sorted(new.iterdir())
    names = sorted({*ours, *(file.name for file in coming)})
    pairs = [(target / name, old / name) for name in names if (target / name).is_file()]
    pairs += [(file, target / file.name) for file in coming]
    try:
        for source, destination in pairs:
            source.replace(destination)
            moved.append((source, destination))
    except BaseException:
        for source, destination in reversed(moved):
            destination.replace(source)
        raise


def _sweep(target: Path) -> None:
    """Remove what a killed process left; younger folders may belong to one that is alive."""
    for left in target.glob(f"{_PREFIX}*"):
        if time.time() - left.stat().st_mtime > _STALE:
            shutil.rmtree(left, ignore_errors=True)


def _remove_if_empty(folder: Path) -> None:
    try:
        folder.rmdir()
    except OSError:
        return


def refusal(target: Path, error: OSError) -> str:
    """The sentence for what the file system refused at `target`."""
    if error.errno == errno.ENOSPC:
        return f"The disk is full, free some space and write to {target} again."
    if isinstance(error, PermissionError) or error.errno == errno.EROFS:
        return f"There is no permission to write to {target}, choose another folder."
    if isinstance(error, FileExistsError | NotADirectoryError | IsADirectoryError):
        return f"In {target} a file or folder is in the way, move it or choose another folder."
    return f"{target} can't be written to ({error.strerror or error}), choose another folder."
