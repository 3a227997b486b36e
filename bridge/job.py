"""Job: one task, seen from outside while it runs on another thread."""

from __future__ import annotations

import threading
from enum import Enum
from typing import Generic, TypeVar

from ..core.errors import CancelledError, explain

T = TypeVar("T")


class JobState(Enum):
    """Where a job stands."""

    QUEUED = "queued"
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"
    CANCELLED = "cancelled"

    @property
    def is_finished(self) -> bool:
        """Whether the state is final."""
        return self in (JobState.DONE, JobState.FAILED, JobState.CANCELLED)


class Job(Generic[T]):
    """One task, which makes a T. Every method may be called from any thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._finished = threading.Event()
        self._cancel = threading.Event()
        self._state = JobState.QUEUED
        self._stage, self._fraction = "queued", 0.0
        self._result: T | None = None
        self._error: BaseException | None = None

    # --- for the one who waits ---

    @property
    def state(self) -> JobState:
        with self._lock:
            return self._state

    @property
    def progress(self) -> tuple[str, float]:
        """(stage, fraction of the whole job); it moves only when the job does."""
        with self._lock:
            return self._stage, self._fraction

    def cancel(self) -> None:
        """Ask the job to stop; it does so at its next step. Without effect once it has finished."""
        with self._lock:
            if not self._state.is_finished:
                self._cancel.set()

    def wait(self, timeout: float | None = None) -> bool:
        """Whether the job has finished, after `timeout` seconds at most."""
        return self._finished.wait(timeout)

    def result(self) -> T:
        """Wait for the job and return what it made, or raise what it raised."""
        self._finished.wait()
        if self._error is not None:
            raise self._error
        return self._result  # type: ignore[return-value]  # None only if T is

    # --- for the engine that runs it ---

    def begin(self) -> bool:
        """Enter RUNNING; False if the job was cancelled while it was queued."""
        if self._cancel.is_set():
            self.finish(error=CancelledError())
            return False
        with self._lock:
            self._state = JobState.RUNNING
        return True

    def report(self, stage: str, fraction: float) -> None:
        with self._lock:
            self._stage, self._fraction = stage, fraction

    def is_cancelled(self) -> bool:
        return self._cancel.is_set()

    def finish(self, result: T | None = None, error: BaseException | None = None) -> None:
        """Enter the final state that fits; the first call counts. A cancel wins over a result."""
        with self._lock:
            if self._state.is_finished:
                return
            if error is None and self._cancel.is_set():
                result, error = None, CancelledError()
            self._result, self._error = result, error
            if error is None:
                self._state = JobState.DONE
            elif isinstance(error, CancelledError):
                self._state = JobState.CANCELLED
            else:
                self._state = JobState.FAILED
        self._finished.set()

    def failure(self) -> str | None:
        """One sentence for the user if the job failed, else None."""
        with self._lock:
            if self._state is not JobState.FAILED or self._error is None:
                return None
            return explain(self._error)
