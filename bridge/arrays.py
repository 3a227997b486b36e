"""Arrays between two processes: `.npy` files in a private folder, which the reader maps.

The client makes the folder, for itself and one worker, and removes it. Each side writes files of
its own names (c1.npy, c2.npy ... and w1.npy ...), whole before it names them in a message, and
never again. The other side maps them. The client alone deletes: everything in the folder when a
job has ended, as the system keeps what is mapped alive until the last array of it is gone; where
it does not let go of mapped files (Windows), they are deleted after a later job, or swept.

A folder whose client has died is swept by the next client that starts: its lock is free then.

A worker is trusted this far: what it writes is checked, but if it cut a file short afterwards, the
system would end whoever reads the map.
"""

from __future__ import annotations

import itertools
import math
import os
import re
import shutil
import stat
import tempfile
import time
import weakref
from contextlib import suppress
from pathlib import Path
from typing import IO, Any

import numpy as np

from ..core import filelock
from ..core.arrays import AnyArray
from ..core.errors import OutputError, WorkerError
from .messages import ProtocolError

MEMORY: Path | None = Path("/dev/shm")
"""Where Linux keeps files in memory; to a disk, writing may wait for what was written before."""

_ROOM = 2 << 30  # bytes that must be free there; in containers it is often small
_PREFIX = "unflat-session-"
_NAME = re.compile(r"[cw][0-9]{1,12}\.npy")
_LOCK = "lock"
_npy: Any = np.lib.format  # which has no types
_START = b"\x93NUMPY\x01\x00"
_HEADER = re.compile(
    rb"\{'descr': '([!-&(-~]+)', 'fortran_order': False, 'shape': \(([0-9, ]{0,99})\), \} *\n"
)
# Neither links nor pipes, at which opening would wait for ever.
_READ = os.O_RDONLY
for _flag in ("O_NOFOLLOW", "O_NONBLOCK", "O_BINARY"):
    _READ |= getattr(os, _flag, 0)
_YOUNG = 60  # seconds in which a new folder may not be locked yet
_OLD = 24 * 3600  # seconds after which one without a lock is nobody's


class ArrayFolder:
    """One side's view of the folder."""

    def __init__(self, path: Path, side: str) -> None:
        self.path = path
        self._names = (f"{side}{number}.npy" for number in itertools.count(1))

    def write(self, array: AnyArray) -> str:
        """Write an array of numbers and return the file's name.

        Raises WorkerError where the folder is gone, OutputError for whatever else is refused.
        """
        if array.dtype.hasobject:
            raise TypeError("an array of objects can't leave this process")
        name = next(self._names)
        try:
            self._write(self.path / name, array)
        except FileNotFoundError:
            raise self._gone() from None
        except OSError as error:
            raise OutputError(
                f"Temporary files can't be written to {self.path} ({error.strerror or error}), "
                "free some space and try again."
            ) from None
        return name

    def _write(self, path: Path, array: AnyArray) -> None:
        with path.open("xb") as file:
            plain = np.asarray(array, order="C")
            _npy.write_array_header_1_0(file, _npy.header_data_from_array_1_0(plain))
            file.write(plain.reshape(-1).view(np.uint8).data)  # tells why where that fails

    def _gone(self) -> WorkerError:
        return WorkerError(
            f"The folder for temporary files {self.path} was removed while Unflat used it, try "
            "again."
        )

    def remove(self) -> None:
        """Delete the arrays and the folder, if nothing else is in it."""
        with suppress(OSError):
            for file in self.path.iterdir():
                if _NAME.fullmatch(file.name) or file.name == _LOCK:
                    file.unlink()
            self.path.rmdir()

    def map(self, name: object, dtype: np.dtype[Any]) -> AnyArray:
        """The array in a file, mapped; writing to it changes neither the file nor other maps.

        Raises WorkerError where the file is gone, ProtocolError if it is not what it should be.
        """
        if not isinstance(name, str) or not _NAME.fullmatch(name):
            raise ProtocolError(f"no name of an array: {str(name)[:80]!r}")
        try:
            with os.fdopen(os.open(self.path / name, _READ), "rb") as file:
                shape, offset = _header(file, dtype)
                if 0 in shape:
                    return np.empty(shape, dtype)
                return np.memmap(file, dtype, "c", offset, shape).view(np.ndarray).reshape(shape)
        except FileNotFoundError:
            raise self._gone() from None
        except (OSError, ValueError) as error:
            raise ProtocolError(f"the array {name} can't be read ({error})") from None


def _header(file: IO[bytes], dtype: np.dtype[Any]) -> tuple[tuple[int, ...], int]:
    """(shape, bytes before the data) of an open `.npy` file that holds just what it says.

    Only what `write` writes: version 1.0, https://numpy.org/neps/nep-0001-npy-format.html. NumPy's
    own reader takes a header for Python, and meets strange errors where it is damaged.
    """
    status = os.fstat(file.fileno())
    if not stat.S_ISREG(status.st_mode):
        raise ValueError("it is no file")
    start = file.read(10)
    length = int.from_bytes(start[8:], "little")
    header = _HEADER.fullmatch(file.read(length)) if start[:8] == _START else None
    if header is None:
        raise ValueError("it has no header")
    descr, digits = header.group(1).decode("ascii"), header.group(2)
    if descr != dtype.str or dtype.hasobject:
        raise ValueError(f"{descr} in place of {dtype.str}")
    shape = tuple(int(number) for number in re.findall(rb"[0-9]+", digits))
    if status.st_size != len(start) + length + math.prod(shape) * dtype.itemsize:
        raise ValueError("its size is not what its header says")
    return shape, len(start) + length


class SessionFolder(ArrayFolder):
    """The client's, which makes and removes it."""

    def __init__(self) -> None:
        """Raises OSError where there is no place for temporary files."""
        sweep()
        place = tempfile.mkdtemp(prefix=_PREFIX, dir=_place())  # for this user alone: 0700
        super().__init__(Path(place), "c")
        self._lock = filelock.try_to_hold(self.path / _LOCK)
        self._end = weakref.finalize(self, shutil.rmtree, self.path, True)  # also at exit

    def clear(self) -> None:
        """Delete the arrays of the job that has ended."""
        for file in self.path.glob("*.npy"):
            with suppress(OSError):  # mapped, on Windows
                file.unlink()

    def close(self) -> None:
        if self._lock is not None:
            self._lock.release()
        self._end()


def _place() -> Path:
    """Where session folders are made."""
    usual = Path(tempfile.gettempdir())
    if MEMORY is None or not MEMORY.is_dir() or not os.access(MEMORY, os.W_OK):
        return usual
    return MEMORY if shutil.disk_usage(MEMORY).free > _ROOM else usual


def sweep() -> None:
    """Remove the folders of clients that were killed."""
    for place in {_place(), Path(tempfile.gettempdir())}:
        for left in place.glob(f"{_PREFIX}*"):
            with suppress(OSError):
                _sweep(left)


def _sweep(left: Path) -> None:
    status = left.lstat()
    ours = not hasattr(os, "getuid") or status.st_uid == os.getuid()
    age = time.time() - status.st_mtime
    enough = _YOUNG if (left / _LOCK).exists() else _OLD
    if not (ours and stat.S_ISDIR(status.st_mode)) or age < enough:
        return
    if (lock := filelock.try_to_hold(left / _LOCK)) is not None:
        lock.release()
        shutil.rmtree(left, ignore_errors=True)
