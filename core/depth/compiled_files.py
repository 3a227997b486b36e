"""What was compiled, kept on disk beside the weights it is of. Standard library only.

A file's name tells all that it depends on, and its last bytes whether it is whole.
"""

from __future__ import annotations

import hashlib
import mmap
import os
import zlib
from contextlib import suppress
from pathlib import Path

from . import weights
from .catalog import ModelCard

MOST_BYTES = 4_000_000_000
"""On disk, of all models together; what was used last stays."""

_PREFIX = "compiled-"
_CHECK = 4  # bytes


def path(card: ModelCard, facts: object) -> Path:
    """Where something compiled for a model lies. facts: all that it depends on; its repr counts."""
    digest = hashlib.sha256(repr(facts).encode()).hexdigest()[:16]
    return weights.folder() / card.id / f"{_PREFIX}{digest}.blob"


def read(file: Path) -> memoryview | None:
    """What was written; None if nothing was, or it is damaged.

    Mapped, not copied, as it can be a gigabyte; what is changed of it stays in memory.
    """
    try:
        with file.open("rb") as source:
            content = memoryview(mmap.mmap(source.fileno(), 0, access=mmap.ACCESS_COPY))
    except (OSError, ValueError):  # there is none, or nothing in it
        return None
    with suppress(OSError):  # the folder may be read-only
        file.touch()
    blob, check = content[:-_CHECK], content[-_CHECK:]
    return blob if check == _check(blob) else None


def write(file: Path, blob: bytes | memoryview) -> None:
    """Keep for the next time, and remove what was not used for longest.

    Where the disk is full or may not be written to, nothing is kept: it is compiled again then.
    """
    part = file.with_name(f"{file.name}-{os.getpid()}.part")
    with suppress(OSError):
        try:
            file.parent.mkdir(parents=True, exist_ok=True)
            with part.open("wb") as target:
                target.write(blob)
                target.write(_check(blob))
            part.replace(file)
        finally:
            part.unlink(missing_ok=True)
        _sweep(file.parents[1])


def _check(blob: bytes | memoryview) -> bytes:
    return zlib.crc32(blob).to_bytes(_CHECK, "little")


def _sweep(folder: Path) -> None:
    """Also removes what a process left behind that was ended while it wrote."""
    files = [(file, file.stat()) for file in folder.glob(f"*/{_PREFIX}*")]
    total = 0
    for file, stat in sorted(files, key=lambda found: -found[1].st_mtime):
        total += stat.st_size
        if total > MOST_BYTES:
            file.unlink()
