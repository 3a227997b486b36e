"""The add-on's one engine, the one job that runs on it, and how the last one ended.

Everything here is called on Blender's main thread.
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass

from ..bridge.engine import Engine
from ..bridge.job import Job, JobState
from ..bridge.tasks import Generate
from ..core.errors import CancelledError
from ..core.pipeline import Result
from . import engines
from .engines import Place
from .scene import SceneArrays, prepare

_JOB_SHARE = 0.9
"""Of the progress bar; the rest is what `scene.prepare` does with the result."""


Prepare = Callable[[Result], SceneArrays]
"""`scene.prepare`, or another that leaves out what is not needed."""


@dataclass(frozen=True)
class Outcome:
    """How the last job ended: what to tell the artist."""

    good: bool
    lines: tuple[str, ...]


class Running:
    """A job and, after it, the preparation of its result for the scene; both off this thread."""

    def __init__(self, job: Job[Result], prepare: Prepare, helper: ThreadPoolExecutor) -> None:
        self._job, self._prepare, self._helper = job, prepare, helper
        self._arrays: Future[SceneArrays] | None = None
        self._cancelled = False

    @property
    def progress(self) -> tuple[str, float]:
        """(stage, fraction of the whole)."""
        stage, fraction = ("scene", 1.0) if self._arrays is not None else self._job.progress
        return "cancelling" if self._cancelled else stage, fraction * _JOB_SHARE

    def step(self, timeout: float = 0.0) -> bool:
        """Move on from job to preparation, waiting `timeout` seconds at most. True at the end."""
        if self._arrays is not None:
            return self._arrays.done()
        if not self._job.wait(timeout):
            return False
        if self._job.state is not JobState.DONE or self._cancelled:
            return True
        self._arrays = self._helper.submit(self._prepare, self._job.result())
        return False

    def outcome(self) -> tuple[Result, SceneArrays]:
        """What was made, once `step` said True. Raises what the job raised."""
        result = self._job.result()
        if self._arrays is None or self._cancelled:  # too late for the job to notice
            raise CancelledError
        return result, self._arrays.result()

    def cancel(self) -> None:
        """Ask for the end; `outcome` raises CancelledError from now on, or what the job raised."""
        self._cancelled = True
        self._job.cancel()


class Session:
    """Lives from `register` to `unregister`."""

    def __init__(self) -> None:
        self._engine: Engine | None = None
        self._place: Place | None = None
        self._helper = ThreadPoolExecutor(max_workers=1, thread_name_prefix="unflat-scene")
        self._release: Callable[[], None] | None = None
        self.running: Running | None = None
        self.outcome: Outcome | None = None

    def start(self, task: Generate, prepare: Prepare = prepare) -> Running:
        """Run a task; the caller has seen that nothing runs. Raises InstallError."""
        assert self.running is None
        self.outcome = None
        self.running = Running(self._fitting_engine().submit(task), prepare, self._helper)
        return self.running

    def release(self) -> None:
        """End the engine; another is made for the next job. Nothing runs."""
        if self._engine is not None:
            self._engine.close()
        self._engine = self._place = None

    def hold(self, release: Callable[[], None]) -> None:
        """Have `release` called when the running job ends, however it does."""
        self._release = release

    def finish(self, outcome: Outcome | None) -> None:
        """Forget the running job, keep how it ended."""
        self.running, self.outcome = None, outcome
        release, self._release = self._release, None
        if release is not None:
            release()

    def abandon(self) -> None:
        """Cancel the running job, if any; nobody will look at it again."""
        if self.running is not None:
            self.running.cancel()
            self.finish(None)

    def close(self) -> None:
        self.abandon()
        self.release()
        self._helper.shutdown()

    def _fitting_engine(self) -> Engine:
        """What fits the preferences now. Raises InstallError."""
        place = engines.place()
        if self._engine is None or place != self._place:
            self.release()
            self._engine, self._place = place.make(), place
        return self._engine


_session: Session | None = None


def current() -> Session:
    """The session of the registered add-on."""
    assert _session is not None
    return _session


def open_session() -> None:
    global _session
    _session = Session()


def close_session() -> None:
    global _session
    current().close()
    _session = None
