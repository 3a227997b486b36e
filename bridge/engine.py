"""Engine: where tasks run. One interface, so that callers need not know which engine it is."""

from __future__ import annotations

import queue
import threading
from typing import Any, Protocol, TypeVar

from .job import Job
from .tasks import Task

T = TypeVar("T")

_THREAD = "unflat-engine"


class Engine(Protocol):
    """Runs tasks one after the other, in the order of their coming."""

    def submit(self, task: Task[T]) -> Job[T]:
        """Queue a task and return at once."""
        ...

    def close(self) -> None:
        """Cancel all jobs and wait for the one that runs to stop."""
        ...


class QueuedEngine:
    """The queue and the thread that every engine has; `perform` is its own part."""

    rest: float | None = None
    """After how many seconds without a task `unload` is called, once."""

    def __init__(self) -> None:
        self._queue: queue.SimpleQueue[tuple[Job[Any], Task[Any]] | None] = queue.SimpleQueue()
        self._lock = threading.Lock()  # guards what follows
        self._jobs: set[Job[Any]] = set()  # that have not ended
        self._thread: threading.Thread | None = None
        self._closed = False

    def submit(self, task: Task[T]) -> Job[T]:
        job: Job[T] = Job()
        with self._lock:
            if self._closed:
                raise RuntimeError("the engine is closed")
            self._jobs.add(job)
            self._queue.put((job, task))
            if self._thread is None:
                # A daemon: a program that ends without `close` must not hang on a job.
                self._thread = threading.Thread(target=self._run, name=_THREAD, daemon=True)
                self._thread.start()
        return job

    def close(self) -> None:
        with self._lock:
            self._closed = True
            for job in self._jobs:
                job.cancel()
            self._queue.put(None)
            thread = self._thread
        if thread is not None:
            thread.join()

    def perform(self, task: Task[T], job: Job[T]) -> T:
        """Run a task on the engine's thread, and watch for the job's cancel."""
        raise NotImplementedError

    def unload(self) -> None:
        """Give back memory, on the engine's thread."""

    def end(self) -> None:
        """The last thing that happens on the engine's thread."""

    def _run(self) -> None:
        try:
            while (item := self._next()) is not None:
                job, task = item
                if job.begin():
                    self._run_job(job, task)
                with self._lock:
                    self._jobs.discard(job)
                del item, job, task  # a finished job's arrays must not live until the next one
        finally:
            self.end()

    def _next(self) -> tuple[Job[Any], Task[Any]] | None:
        try:
            return self._queue.get(timeout=self.rest)
        except queue.Empty:
            self.unload()
            return self._queue.get()

    def _run_job(self, job: Job[Any], task: Task[Any]) -> None:
        try:
            result = self.perform(task, job)
        except BaseException as error:  # a job's failure must reach its owner, whatever it is
            job.finish(error=error)
        else:
            job.finish(result)


class InProcessEngine(QueuedEngine):
    """Runs tasks in this interpreter."""

    def perform(self, task: Task[T], job: Job[T]) -> T:
        return task.run(job.report, job.is_cancelled)
