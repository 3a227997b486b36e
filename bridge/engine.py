"""Engine: where jobs run. One interface, so that callers need not know which engine it is."""

from __future__ import annotations

import queue
import threading
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from ..core.camera import Pinhole
from ..core.depthmap import DepthKind
from ..core.images import Photo
from ..core.pipeline import reconstruct
from ..core.settings import Settings
from .job import Job


@dataclass(frozen=True)
class Request:
    """Everything one job needs; the fields are those of `core.pipeline.reconstruct`."""

    photo: Path | Photo
    settings: Settings
    depth: Path | None = None
    depth_kind: DepthKind | None = None
    camera: Path | Pinhole | None = None


class Engine(Protocol):
    """Runs requests one after the other, in the order of their coming."""

    def submit(self, request: Request) -> Job:
        """Queue a request and return at once."""
        ...

    def close(self) -> None:
        """Cancel all jobs and wait for the one that runs to stop."""
        ...


class InProcessEngine:
    """Runs `core` on one thread of this interpreter, started with the first job."""

    def __init__(self) -> None:
        self._queue: queue.SimpleQueue[tuple[Job, Request] | None] = queue.SimpleQueue()
        self._jobs: list[Job] = []
        self._thread: threading.Thread | None = None
        self._closed = False

    def submit(self, request: Request) -> Job:
        if self._closed:
            raise RuntimeError("the engine is closed")
        job = Job()
        self._jobs = [j for j in self._jobs if not j.state.is_finished] + [job]
        self._queue.put((job, request))
        if self._thread is None:
            # A daemon: quitting the program must not wait for a job that nobody will see.
            self._thread = threading.Thread(target=self._run, name="unflat-engine", daemon=True)
            self._thread.start()
        return job

    def close(self) -> None:
        self._closed = True
        for job in self._jobs:
            job.cancel()
        if self._thread is not None:
            self._queue.put(None)
            self._thread.join()
            self._thread = None

    def _run(self) -> None:
        while (item := self._queue.get()) is not None:
            job, request = item
            if job.begin():
                _run_job(job, request)
            del item, job, request  # a finished job's arrays must not live until the next one


def _run_job(job: Job, request: Request) -> None:
    try:
        result = reconstruct(
            request.photo,
            request.settings,
            depth=request.depth,
            depth_kind=request.depth_kind,
            camera=request.camera,
            progress=job.report,
            cancelled=job.is_cancelled,
        )
    except BaseException as error:  # a job's failure must reach its owner, whatever it is
        job.finish(error=error)
    else:
        job.finish(result)
