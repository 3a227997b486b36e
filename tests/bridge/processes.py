"""Looking at worker processes from outside, as Linux shows them."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from pathlib import Path


def workers(parent: int | None = None) -> list[int]:
    """Process ids of the workers that a process (this one) has started and that live."""
    return [pid for pid in _children(parent or os.getpid()) if "boot.py" in _line(pid)]


def is_alive(pid: int) -> bool:
    try:
        return _status(pid)["State"][0] not in "ZX"
    except OSError:
        return False


def sockets(pid: int) -> list[str]:
    """What a process has open that the network can reach, or that reaches it."""
    found = []
    for file in Path(f"/proc/{pid}/fd").iterdir():
        target = str(file.readlink())
        if target.startswith("socket:"):
            found.append(target)
    return found


def memory(pid: int) -> int:
    """Bytes of RAM that a process holds."""
    return int(_status(pid)["VmRSS"].split()[0]) * 1024


def until(true: Callable[[], object], seconds: float = 10) -> bool:
    """Whether something became true in time."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if true():
            return True
        time.sleep(0.01)
    return False


def _children(parent: int) -> list[int]:
    found = []
    for place in Path("/proc").iterdir():
        if place.name.isdigit():
            try:
                if _status(int(place.name))["PPid"] == str(parent) and is_alive(int(place.name)):
                    found.append(int(place.name))
            except OSError:
                continue
    return found


def _status(pid: int) -> dict[str, str]:
    lines = Path(f"/proc/{pid}/status").read_text(encoding="utf-8").splitlines()
    return {name: value.strip() for name, _, value in (line.partition(":") for line in lines)}


def _line(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes().decode("utf-8", "replace")
    except OSError:
        return ""
