"""A progress bar on stderr; silent where stderr is not a terminal."""

from __future__ import annotations

import shutil
import sys

_WIDTH = 30


class ProgressBar:
    """One line for one job, redrawn in place."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._shown = sys.stderr.isatty()
        self._last = ""

    def update(self, stage: str, fraction: float) -> None:
        """Show the stage and the fraction in [0, 1] of the whole job."""
        done = round(_WIDTH * fraction)
        bar = "#" * done + "-" * (_WIDTH - done)
        line = f"{self._name} [{bar}] {100 * fraction:3.0f}% {stage}"
        line = line[: shutil.get_terminal_size().columns - 1]
        if self._shown and line != self._last:
            sys.stderr.write("\r" + line.ljust(len(self._last)))
            sys.stderr.flush()
            self._last = line

    def clear(self) -> None:
        """Wipe the line, so that what is printed next stands alone."""
        if self._last:
            sys.stderr.write("\r" + " " * len(self._last) + "\r")
            sys.stderr.flush()
            self._last = ""
