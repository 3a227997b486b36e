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

from . import weights
from .catalog import ModelCard

MOST_BYTES = 4_000_000_000
"""On disk, of all models together; what was used last stays."""

_PREFIX = "converted-"
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
        file.touch()
    blob, check = content[:-_CHECK], content[-_CHECK:]
    return blob if check == _check(blob) else None


def write(file: Path, fill: Callable[[Path], None]) -> None:
    """Keep what `fill(path)` writes, and remove what was not used for longest.

    Where the disk is full or may not be written to, nothing is kept.
    """
    part = file.with_name(f"{file.name}-{os.getpid()}.part")
    with suppress(OSError):
        try:
            file.parent.mkdir(parents=True, exist_ok=True)
            fill(part)
            check = _check(mapped(part))
            with part.open("ab") as target:
                target.write(check)
            part.replace(file)
        finally:
            part.unlink(missing_ok=True)
        _sweep(file.parents[1])


def _check(blob: memoryview) -> bytes:
    return zlib.crc32(blob).to_bytes(_CHECK, "little")


def _sweep(folder: Path) -> None:
    """Also removes what a process left behind that was ended while it wrote."""
    files = [(file, file.stat()) for file in folder.glob(f"*/{_PREFIX}*")]
    total = 0
    for file, stat in sorted(files, key=lambda found: -found[1].st_mtime):
        total += stat.st_size
        if total > MOST_BYTES:
            file.unlink()
