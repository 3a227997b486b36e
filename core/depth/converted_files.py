"""What was converted, kept on disk beside the weights it is of. Standard library only.

A file's name tells all that it depends on, and its last bytes whether it is whole.
"""

from __future__ import annotations

import hashlib
import mmap
import os
import zlib
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from .. import filelock
from . import weights
from .catalog import ModelCard

MOST_BYTES = 4_000_000_000
"""On disk, of all models together; what was used last stays."""

_PREFIX = "converted-"
_LOCK = "converting"
_CHECK = 4  # bytes


def path(card: ModelCard, facts: object) -> Path:
    """Where something converted of a model lies. facts: all that it depends on; its repr counts."""
    digest = hashlib.sha256(repr(facts).encode()).hexdigest()[:16]
    return weights.folder() / card.id / f"{_PREFIX}{digest}.blob"


def mapped(file: Path) -> memoryview:
    """A file's content, which can be a gigabyte, without a copy; what is changed of it stays in
    memory. Raises OSError, or ValueError where it is empty.
    """
    with file.open("rb") as source:
        return memoryview(mmap.mmap(source.fileno(), 0, access=mmap.ACCESS_COPY))


def read(file: Path) -> memoryview | None:
    """What was written, mapped; None if nothing was, or it is damaged."""
    try:
        content = mapped(file)
    except (OSError, ValueError):
        return None
    with suppress(OSError):  # the folder may be read-only
        os.utime(file)
    blob, check = content[:-_CHECK], content[-_CHECK:]
    return blob if check == _check(blob) else None


def write(file: Path, fill: Callable[[Path], None]) -> None:
    """Keep what `fill(path)` writes, and remove what was not used for longest.

    Where another process does the same, it is waited for, and what it has written stays. Raises
    OSError where the disk is full or may not be written to; in the latter case nothing is filled.
    """
    with filelock.held(file.with_name(_LOCK), lambda: None):
        if read(file) is None:
            _write(file, fill)
    _sweep(file.parents[1])


def _write(file: Path, fill: Callable[[Path], None]) -> None:
    for left in file.parent.glob(f"{_PREFIX}*.part*"):  # by a process that was ended
        _remove(left)
    part = file.with_name(file.name + ".part")
    try:
        fill(part)
        check = _check(mapped(part))
        with part.open("ab") as target:
            target.write(check)
        part.replace(file)
    finally:
        _remove(part)


def _check(blob: memoryview) -> bytes:
    return zlib.crc32(blob).to_bytes(_CHECK, "little")


def _sweep(folder: Path) -> None:
    total = 0
    for file in sorted(folder.glob(f"*/{_PREFIX}*.blob"), key=_last_used, reverse=True):
        with suppress(OSError):  # another process may have removed it
            total += file.stat().st_size
        if total > MOST_BYTES:
            _remove(file)


def _last_used(file: Path) -> float:
    with suppress(OSError):
        return file.stat().st_mtime
    return 0.0


def _remove(file: Path) -> None:
    """If that can be: on Windows not while it is mapped."""
    with suppress(OSError):
        file.unlink()
