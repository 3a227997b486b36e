"""Stands between the bridge's client and a real worker, and spoils what passes when it is told to.

    python soak_relay.py CONTROL WORKER [ARGUMENT ...]

CONTROL: a file that appears with the name of a fault in it; it is removed when the fault begins.
"""

from __future__ import annotations

import os
import random
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

_LOOK = 0.01  # seconds
_FLOOD = 30_000_000  # bytes


class Relay:
    def __init__(self, control: Path, line: list[str]) -> None:
        self._control = control
        self._worker = subprocess.Popen(line, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        self._lock = threading.Lock()  # of our stdout
        self._slow = threading.Event()
        self._torn = threading.Event()

    def run(self) -> None:
        for target in (self._look, self._down):
            threading.Thread(target=target, daemon=True).start()
        self._up()

    def _down(self) -> None:
        """Client -> worker."""
        while data := os.read(0, self._most()):
            os.write(self._worker.stdin.fileno(), data)
        self._worker.stdin.close()

    def _up(self) -> None:
        """Worker -> client."""
        while data := os.read(self._worker.stdout.fileno(), self._most()):
            with self._lock:
                if self._torn.is_set():
                    os.write(1, data[: len(data) // 2])
                    os._exit(0)
                os.write(1, data)
        os._exit(self._worker.wait() & 0xFF)

    def _most(self) -> int:
        """How many bytes to take at once."""
        if not self._slow.is_set():
            return 65536
        time.sleep(0.002)
        return 3

    def _look(self) -> None:
        faults: dict[str, Callable[[], None]] = {
            "garbage": self._garbage,
            "flood": self._flood,
            "torn": self._torn.set,
            "slow": self._slow.set,
        }
        while True:
            time.sleep(_LOOK)
            with suppress(OSError, KeyError):
                fault = faults[self._control.read_text()]
                self._control.unlink()
                fault()

    def _garbage(self) -> None:
        with self._lock:
            os.write(1, random.randbytes(random.randint(1, 3000)))

    def _flood(self) -> None:
        line = b"A library warns you that it will change one day.\n"
        for _ in range(_FLOOD // len(line)):
            os.write(2, line)


if __name__ == "__main__":
    Relay(Path(sys.argv[1]), sys.argv[2:]).run()
