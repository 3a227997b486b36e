"""One process at a time: a lock on a file, which the system frees when its holder dies."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

_POLL = 0.1  # seconds


@dataclass(frozen=True)
class Lock:
    """A lock that this process holds."""

    path: Path
    file: BinaryIO

    def release(self) -> None:
        _release(self.file, self.path)


def try_to_hold(path: Path) -> Lock | None:
    """The lock on `path`, a file of its own; None while someone else holds it.

    Raises OSError where the file can't be made.
    """
    file = _try(path)
    return Lock(path, file) if file else None


@contextmanager
def held(path: Path, waiting: Callable[[], None]) -> Iterator[None]:
    """Hold the lock on `path`, a file of its own that exists only meanwhile.

    `waiting()` is called again and again while someone else holds it, and may raise to give up.
    Raises OSError where the file can't be made.
    """
    while (lock := try_to_hold(path)) is None:
        waiting()
        time.sleep(_POLL)
    try:
        yield
    finally:
        lock.release()


if sys.platform == "win32":
    import msvcrt

    def _try(path: Path) -> BinaryIO | None:
        path.parent.mkdir(parents=True, exist_ok=True)
        file = path.open("ab")
        try:
            msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)
        except OSError:
            file.close()
            return None
        return file

    def _release(file: BinaryIO, path: Path) -> None:
        file.close()
        with suppress(OSError):  # open elsewhere: it is theirs now
            path.unlink()

else:
    import fcntl

    def _try(path: Path) -> BinaryIO | None:
        path.parent.mkdir(parents=True, exist_ok=True)
        file = path.open("ab")
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            # The last holder may have removed the file after we opened it.
            if os.path.samestat(os.fstat(file.fileno()), path.stat()):
                return file
        except (BlockingIOError, FileNotFoundError):
            pass
        file.close()
        return None

    def _release(file: BinaryIO, path: Path) -> None:
        path.unlink(missing_ok=True)
        file.close()
