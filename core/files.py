"""Writing files so that nothing half-written is ever seen: beside, then renamed."""

from __future__ import annotations

import errno
import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from .errors import OutputError

_PREFIX = ".unflat-"
_STALE = 24 * 3600  # seconds


@contextmanager
def staged_folder(target: Path) -> Iterator[Path]:
    """A new folder beside `target`; on success its files move into `target`, replacing old ones.

    On failure nothing of it stays and `target` is as it was. Raises OutputError for whatever the
    file system refuses.
    """
    fresh: list[Path] = []
    stage: Path | None = None
    try:
        for folder in (target, *target.parents):
            if folder.exists():
                break
            fresh.append(folder)
        target.mkdir(parents=True, exist_ok=True)
        _sweep(target)
        stage = Path(tempfile.mkdtemp(prefix=_PREFIX, dir=target))
        yield stage
        for file in sorted(stage.iterdir()):
            file.replace(target / file.name)
        fresh.clear()
    except OSError as error:
        raise OutputError(_reason(target, error)) from None
    finally:
        if stage is not None:
            shutil.rmtree(stage, ignore_errors=True)
        for folder in fresh:  # innermost first; one that is in use by now is not empty and stays
            _remove_if_empty(folder)


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


def _reason(target: Path, error: OSError) -> str:
    if error.errno == errno.ENOSPC:
        return f"The disk is full, free some space and write to {target} again."
    if isinstance(error, PermissionError) or error.errno == errno.EROFS:
        return f"There is no permission to write to {target}, choose another folder."
    if isinstance(error, FileExistsError | NotADirectoryError):
        return f"{target} can't be a folder because a file is in the way, choose another."
    return f"{target} can't be written to ({error.strerror or error}), choose another folder."
