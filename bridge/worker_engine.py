"""An engine whose tasks run in a worker process, which is started with the first of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import TypeVar

from ..core.errors import CancelledError, InstallError, MissingLibraryError, WorkerError
from . import environment
from .client import Limits, Worker, WorkerLostError, command, variables_for
from .engine import QueuedEngine
from .environment import State
from .job import Job
from .tasks import Release, Task, unheard

T = TypeVar("T")


class WorkerEngine(QueuedEngine):
    """Keeps one worker warm, and starts another where that is lost."""

    def __init__(
        self,
        line: Sequence[str],
        variables: Mapping[str, str] | None = None,
        limits: Limits | None = None,
    ) -> None:
        """line: the worker's command, see `client.command`. variables: more for its environment."""
        super().__init__()
        self._line, self._variables = list(line), dict(variables or {})
        self._limits = limits or Limits()
        self.rest = self._limits.rest
        self._worker: Worker | None = None

    def perform(self, task: Task[T], job: Job[T]) -> T:
        """A job whose worker was lost is tried once more, unless its result was half written."""
        for is_last in (False, True):
            try:
                return self._try(task, job)
            except WorkerLostError as lost:
                if job.is_cancelled():
                    raise CancelledError from None
                if is_last or not lost.retry:
                    raise lost.error from None
        raise AssertionError("the last try returns or raises")

    def unload(self) -> None:
        if self._worker is not None and self._worker.is_usable:
            with suppress(Exception):  # another is started when there is something to do
                self._worker.run(Release(), unheard, self.is_wanted, self._limits.unload)

    def end(self) -> None:
        if self._worker is not None:
            self._worker.close()
            self._worker = None

    def _try(self, task: Task[T], job: Job[T]) -> T:
        if self._worker is not None and not self._worker.is_usable:
            self.end()
        if self._worker is None:
            job.report("worker", 0.0)
            variables = variables_for(self._variables)
            self._worker = Worker(self._line, variables, self._limits, job.is_cancelled)
        return self._worker.run(task, job.report, job.is_cancelled)


class EnvironmentEngine(WorkerEngine):
    """A worker in an environment, which nobody removes meanwhile."""

    def __init__(
        self,
        folder: Path,
        variables: Mapping[str, str] | None = None,
        limits: Limits | None = None,
    ) -> None:
        """folder: see `environment`. Raises InstallError where there is none."""
        self._folder = folder
        with ExitStack() as stack:
            python = stack.enter_context(environment.used(folder))
            super().__init__(command(python), variables, limits)
            self._usage = stack.pop_all()

    def perform(self, task: Task[T], job: Job[T]) -> T:
        try:
            return super().perform(task, job)
        except (WorkerError, MissingLibraryError):
            if environment.check(self._folder) is not State.BROKEN:
                raise
        raise InstallError("The engine is damaged, repair it in Unflat's preferences.")

    def close(self) -> None:
        super().close()
        self._usage.close()
