"""A child process that ends with everything it started, and with its parent at the latest.

POSIX: the child leads a session of its own, and signals go to all of it; on Linux the system kills
it when the thread that started it is gone (see `worker.boot`). Windows: it lives in a job object
that the system ends when this process is gone.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import IO, Any

_KILLING = 5  # seconds that the system may take for it

_WORDS = {
    "SIGKILL": "it was killed, most likely because memory ran out",
    "SIGTERM": "it was told to end",
    "SIGSEGV": "it crashed",
    "SIGABRT": "it gave up",
    "SIGBUS": "it lost a file that it was reading, the disk may be full",
    "SIGILL": "it crashed on an instruction that this processor does not have",
    "SIGFPE": "it crashed",
}
_WINDOWS_WORDS = {
    0xC0000005: "it crashed",
    0xC0000017: "memory ran out",
    0xC000001D: "it crashed on an instruction that this processor does not have",
    0xC0000135: "a library of the system is missing",
    0xC0000409: "it gave up",
}


class Child:
    """A process with pipes to its stdin, stdout and stderr."""

    def __init__(
        self, command: Sequence[str], environment: Mapping[str, str], *, talks: bool = True
    ) -> None:
        """Raises OSError where it can't be started.

        talks: if not, there is nothing for it to read, and stdout has all that it prints.
        """
        self._process = subprocess.Popen(
            command,
            env=dict(environment),
            stdin=subprocess.PIPE if talks else subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE if talks else subprocess.STDOUT,
            **_OPTIONS,
        )
        self.stdin: IO[bytes] = self._process.stdin  # type: ignore[assignment]  # as asked for
        self.stdout: IO[bytes] = self._process.stdout  # type: ignore[assignment]
        self.stderr: IO[bytes] = self._process.stderr  # type: ignore[assignment]
        self._group = _Group(self._process)

    def terminate(self) -> None:
        """Ask it to end."""
        self._group.terminate()

    def kill(self) -> None:
        """End it, and all that it started, and wait until it is gone."""
        self._group.kill()
        self.wait(_KILLING)

    def wait(self, seconds: float | None) -> bool:
        """Whether it has ended, after some seconds at most; with None it is waited for."""
        with suppress(subprocess.TimeoutExpired):
            self._process.wait(seconds)
        return self.code is not None

    @property
    def code(self) -> int | None:
        """Its return code, once it has ended."""
        return self._process.poll()


def describe(code: int | None) -> str:
    """How a process with this return code ended, in words that begin with "it" or the like."""
    if code is None:
        return "it does not end"
    if code < 0:
        with suppress(ValueError):
            name = signal.Signals(-code).name
            return f"{_WORDS.get(name, 'it ended')} ({name})"
    if words := _WINDOWS_WORDS.get(code & 0xFFFFFFFF):
        return f"{words} (0x{code & 0xFFFFFFFF:08X})"
    return f"it ended with exit code {code}"


if sys.platform == "win32":
    import ctypes
    from ctypes import wintypes

    _OPTIONS: dict[str, Any] = {"creationflags": subprocess.CREATE_NO_WINDOW}
    _KILL_ON_CLOSE = 0x2000  # JOB_OBJECT_LIMIT_KILL_ON_JOB_CLOSE
    _EXTENDED = 9  # JobObjectExtendedLimitInformation

    class _Limits(ctypes.Structure):
        """JOBOBJECT_EXTENDED_LIMIT_INFORMATION."""

        _fields_ = (
            ("PerProcessUserTimeLimit", wintypes.LARGE_INTEGER),
            ("PerJobUserTimeLimit", wintypes.LARGE_INTEGER),
            ("LimitFlags", wintypes.DWORD),
            ("MinimumWorkingSetSize", ctypes.c_size_t),
            ("MaximumWorkingSetSize", ctypes.c_size_t),
            ("ActiveProcessLimit", wintypes.DWORD),
            ("Affinity", ctypes.c_size_t),
            ("PriorityClass", wintypes.DWORD),
            ("SchedulingClass", wintypes.DWORD),
            ("IoInfo", ctypes.c_ulonglong * 6),
            ("Memory", ctypes.c_size_t * 4),
        )

    _kernel = ctypes.WinDLL("kernel32", use_last_error=True)
    _kernel.CreateJobObjectW.restype = wintypes.HANDLE
    _kernel.SetInformationJobObject.argtypes = (
        wintypes.HANDLE,
        ctypes.c_int,
        ctypes.c_void_p,
        wintypes.DWORD,
    )
    _kernel.AssignProcessToJobObject.argtypes = (wintypes.HANDLE, wintypes.HANDLE)
    _kernel.TerminateJobObject.argtypes = (wintypes.HANDLE, wintypes.UINT)
    _kernel.CloseHandle.argtypes = (wintypes.HANDLE,)

    class _Group:
        """A job object; where there can be none, the process alone."""

        def __init__(self, process: subprocess.Popen[bytes]) -> None:
            self._process = process
            self._job = _kernel.CreateJobObjectW(None, None)
            limits = _Limits(LimitFlags=_KILL_ON_CLOSE)
            _kernel.SetInformationJobObject(
                self._job, _EXTENDED, ctypes.byref(limits), ctypes.sizeof(limits)
            )
            _kernel.AssignProcessToJobObject(self._job, int(process._handle))

        def terminate(self) -> None:
            self._process.terminate()

        def kill(self) -> None:
            self._process.kill()
            if self._job is not None:
                _kernel.TerminateJobObject(self._job, 1)
                _kernel.CloseHandle(self._job)
                self._job = None

else:
    _OPTIONS: dict[str, Any] = {"start_new_session": True}

    class _Group:
        """A session, whose leader is the process."""

        def __init__(self, process: subprocess.Popen[bytes]) -> None:
            self._process = process

        def terminate(self) -> None:
            self._signal(signal.SIGTERM)

        def kill(self) -> None:
            self._signal(signal.SIGKILL)

        def _signal(self, number: int) -> None:
            # Also after its leader has ended: others of the group may be left, and while one is,
            # no other process gets the group's number.
            with suppress(ProcessLookupError, PermissionError):
                os.killpg(self._process.pid, number)
