"""Who runs from an environment: a shared lock on a file in it, which ends with its holder.

Where the system keeps open files from being deleted (Windows), having it open is lock enough.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

_NAME = "in-use"


def prepare(home: Path) -> None:
    """Put the file into a new environment, so that those who may only read it can use it too."""
    (home / _NAME).touch()


@contextmanager
def held(home: Path) -> Iterator[None]:
    """Use an environment. Raises OSError where it is gone or just being removed."""
    with suppress(OSError):  # read-only: then it came with the environment
        prepare(home)
    descriptor = os.open(home / _NAME, os.O_RDONLY)
    try:
        _share(descriptor)
        yield
    finally:
        os.close(descriptor)


if sys.platform == "win32":

    def _share(descriptor: int) -> None:
        """Nothing more to do."""

    def is_used(home: Path) -> bool:
        """Whether anybody runs from an environment."""
        name, other = home / _NAME, home / f"{_NAME}-not"
        try:
            name.rename(other)
            other.rename(name)
        except FileNotFoundError:
            return False
        except OSError:
            return True
        return False

else:
    import fcntl

    def _share(descriptor: int) -> None:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)

    def is_used(home: Path) -> bool:
        """Whether anybody runs from an environment."""
        try:
            descriptor = os.open(home / _NAME, os.O_RDWR)
        except OSError:
            return False
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
        finally:
            os.close(descriptor)
        return False
