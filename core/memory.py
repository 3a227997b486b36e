"""How much memory this computer has, and whether a network fits. Standard library only."""

from __future__ import annotations

import ctypes
import math
import re
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from .errors import ModelError

_CONTAINER = Path("/sys/fs/cgroup/memory.max")  # what a container of Linux may take, in bytes


@dataclass(frozen=True)
class Memory:
    """In bytes.

    free: what programs can take now without others being moved to disk.
    total: what they can take at all, with the disk's help where there is swap.
    """

    free: float
    total: float


def shortage(what: str, needed: int, memory: Memory | None = None) -> str:
    """What to tell a user before `what` takes `needed` bytes; "" if they are free, or unknown.

    Raises ModelError if this computer has not so many at all.
    """
    memory = memory or measure()
    takes = f"{what} takes about {needed / 1e9:.1f} GB of memory"
    if needed > memory.total:
        raise ModelError(
            f"{takes} and this computer has {memory.total / 1e9:.1f} GB, choose a smaller model."
        )
    if needed > memory.free:
        return (
            f"{takes} and {memory.free / 1e9:.1f} GB are free, so it may be slow: close other "
            "programs or choose a smaller model."
        )
    return ""


def measure() -> Memory:
    """The memory of this computer; without end where its system does not tell."""
    try:
        if sys.platform == "win32":
            return _windows()
        if sys.platform == "darwin":
            return _macos(subprocess.run(["/usr/bin/vm_stat"], capture_output=True, text=True,
                                         timeout=5, check=True).stdout)  # fmt: skip
        return _linux(Path("/proc/meminfo").read_text(encoding="ascii"))
    except (OSError, ValueError, KeyError, subprocess.SubprocessError):
        return Memory(math.inf, math.inf)


def _linux(meminfo: str) -> Memory:
    """Of /proc/meminfo, within the bounds of the container if there is one."""
    kilobytes = {name: int(value) for name, value in re.findall(r"(\w+): +(\d+) kB", meminfo)}
    try:
        most = int(_CONTAINER.read_text(encoding="ascii"))
    except (OSError, ValueError):  # no bounds, or "max"
        most = sys.maxsize
    swap = kilobytes["SwapTotal"]
    return Memory(
        free=min(1024 * kilobytes["MemAvailable"], most),
        total=min(1024 * (kilobytes["MemTotal"] + swap), most),
    )


def _macos(vm_stat: str) -> Memory:
    """Of the command vm_stat. There is no total, since swap grows there as it is needed."""
    page = int(re.findall(r"page size of (\d+)", vm_stat)[0])
    pages = {name: int(count) for name, count in re.findall(r"Pages (\w+): +(\d+)", vm_stat)}
    return Memory(page * (pages["free"] + pages["inactive"] + pages["speculative"]), math.inf)


def _windows() -> Memory:
    class Status(ctypes.Structure):
        """MEMORYSTATUSEX of the Windows API."""

        _fields_ = [
            ("length", ctypes.c_ulong),
            ("load", ctypes.c_ulong),
            *(
                (name, ctypes.c_ulonglong)
                for name in ("total", "free", "total_swapped", "free_swapped",
                             "total_virtual", "free_virtual", "free_extended")
            ),
        ]  # fmt: skip

    status = Status(length=ctypes.sizeof(Status))
    if not ctypes.windll.kernel32.GlobalMemoryStatusEx(ctypes.byref(status)):  # type: ignore[attr-defined]
        raise OSError
    return Memory(status.free, status.total_swapped)
