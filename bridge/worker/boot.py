"""The first thing a worker runs: `python boot.py`. Keeps its pipes and its end safe, then serves.

Standard library only, as what may be broken is imported later, with stderr as it should be.
"""

from __future__ import annotations

import importlib
import os
import signal
import sys
from pathlib import Path
from types import ModuleType
from typing import BinaryIO

_PACKAGE = "unflat"


def claim_pipes() -> tuple[BinaryIO, BinaryIO]:
    """The wire's two ends, for us alone.

    What libraries print, in Python or in C, goes to stderr from now on; what they read is empty.
    """
    reader, writer = os.dup(0), os.dup(1)
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.close(nothing)
    os.dup2(2, 1)
    sys.stdout = sys.stderr
    if sys.platform == "win32":
        import msvcrt

        msvcrt.setmode(reader, os.O_BINARY)
        msvcrt.setmode(writer, os.O_BINARY)
    return os.fdopen(reader, "rb"), os.fdopen(writer, "wb")


def end_with_parent() -> None:
    """Have Linux kill us when the thread that started us is gone, even if we are stuck.

    Elsewhere the end of stdin tells us, and on Windows a job object ends us.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for whoever started us
    if sys.platform != "linux":
        return
    import ctypes

    set_death_signal = 1  # PR_SET_PDEATHSIG
    ctypes.CDLL(None).prctl(set_death_signal, signal.SIGKILL)
    try:  # where memory runs out, we are to go, not the program that the artist works in
        Path("/proc/self/oom_score_adj").write_text("800", encoding="ascii")
    except OSError:
        return


def find_package() -> None:
    """Make the rooms that this file lies in importable, under the name that they always have."""
    package = ModuleType(_PACKAGE)
    package.__path__ = [str(Path(__file__).resolve().parents[2])]
    sys.modules[_PACKAGE] = package


def main() -> int:
    end_with_parent()
    reader, writer = claim_pipes()
    find_package()
    code: int = importlib.import_module(f"{_PACKAGE}.bridge.worker.server").serve(reader, writer)
    return code


if __name__ == "__main__":
    ended_with = main()
    sys.stderr.flush()
    os._exit(ended_with)  # libraries' own threads must not hold us up
