"""How far an installation is, seen from what lies on the disk: bytes, and libraries in place.

So it is true for every version of pip and uv; their words only say what is being done.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from .place import measure

_PAUSE = 0.5  # seconds between two looks, at least
_SHARE = 0.05  # of the time that looking may take
_SAID = re.compile(r"\s*(Downloading|Collecting|Preparing|Installing) (\S+)")
_VERSION = re.compile(r"(-\d[^-]*)?-(cp|py)\d.*|==.*|\.whl.*")


class Meter:
    """Watches folders grow to an expected size in bytes."""

    def __init__(
        self,
        folders: Sequence[Path],
        libraries: Path,
        expected: int,
        progress: Callable[[float, str], None],
    ) -> None:
        self._folders, self._libraries, self._progress = folders, libraries, progress
        self._expected = expected
        self._fraction, self._text, self._next = 0.0, "starting", 0.0

    def watch(self, line: str) -> bool:
        """Look, and report, if it is time again: whether it was.

        line: what the installer has printed meanwhile.
        """
        if match := _SAID.match(line):
            self._text = f"{match[1].lower()} {_VERSION.sub('', Path(match[2]).name)}"
            if match[1] == "Installing":  # "Installing collected packages: ..."
                self._text = f"installing {line.count(',') + 1} libraries"
        begin = time.monotonic()
        if begin < self._next:
            return False
        come = sum(map(measure, self._folders))
        if self._expected:
            self._fraction = max(self._fraction, min(1.0, come / self._expected))
        there = sum(1 for _ in self._libraries.glob("*.dist-info"))
        self._progress(self._fraction, f"{self._text} ({come / 1e6:,.0f} MB, {there} in place)")
        end = time.monotonic()
        self._next = end + max(_PAUSE, (end - begin) / _SHARE)
        return True
