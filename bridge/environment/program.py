"""A program with a log, which can be stopped at any moment with all that it has started."""

from __future__ import annotations

import queue
import subprocess
import threading
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from typing import IO, TextIO

from ...core.errors import CancelledError
from ..process import Child
from .sources import masked

_POLL = 0.1  # seconds: how fast a cancel is noticed
_TAIL = 200  # lines kept for the one who explains a failure
_LONGEST = 2000  # characters of a line in the log
_PATIENCE = 20  # seconds for a small program
_NO_WINDOW = getattr(subprocess, "CREATE_NO_WINDOW", 0)


def run(
    command: Sequence[str],
    environment: Mapping[str, str],
    log: TextIO,
    cancelled: Callable[[], bool],
    watch: Callable[[str], None] = lambda _line: None,
) -> tuple[int, list[str]]:
    """Run a program to its end: exit status, and the last lines of all that it printed.

    watch: called with each line as it comes, and about ten times a second with "".
    Raises CancelledError, or OSError where it can't be started; then none of it is left running.
    """
    print(masked(f"$ {subprocess.list2cmdline(command)}"), file=log, flush=True)
    child = Child(command, environment, talks=False)
    lines: queue.Queue[str | None] = queue.Queue()
    reader = threading.Thread(target=_read, args=(child.stdout, lines), daemon=True)
    reader.start()
    tail: deque[str] = deque(maxlen=_TAIL)
    try:
        while True:
            if cancelled():
                raise CancelledError
            try:
                line = lines.get(timeout=_POLL)
            except queue.Empty:
                watch("")
                continue
            if line is None:
                break
            tail.append(line)
            print(line, file=log, flush=True)
            watch(line)
    except BaseException:
        child.kill()
        raise
    finally:
        child.wait(None)
        reader.join()
    return child.code or 0, list(tail)


def _read(stream: IO[bytes], lines: queue.Queue[str | None]) -> None:
    """Until every process that may write to the stream has ended."""
    with stream:
        for line in stream:
            text = line[: 4 * _LONGEST].decode("utf-8", "replace").rstrip()
            if text:
                lines.put(masked(text[:_LONGEST]))
    lines.put(None)


def told(command: Sequence[str], environment: Mapping[str, str]) -> str:
    """What a small program prints; "" where it does not run, fails or takes too long."""
    try:
        done = subprocess.run(
            command,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=_PATIENCE,
            check=True,
            env=dict(environment),
            creationflags=_NO_WINDOW,
        )
    except (OSError, subprocess.SubprocessError):
        return ""
    return done.stdout.decode("utf-8", "replace").strip()
