"""Engine: where jobs run. One interface, so that callers need not know which engine it is."""

from __future__ import annotations

import queue
import threading
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from ..core.camera import Pinhole
from ..core.depthmap import DepthKind, DepthMap
from ..core.images import Photo
from ..core.pipeline import reconstruct
from ..core.settings import Settings
from .job import Job

_THREAD = "unflat-engine"


@dataclass(frozen=True)
class Request:
    """Everything one job needs; the fields are those of `core.pipeline.reconstruct`."""

    photo: Path | Photo
    settings: Settings
    depth: Path | DepthMap | None = None
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
        self._lock = threading.Lock()  # guards what follows
        self._jobs: set[Job] = set()  # that have not ended
        self._thread: threading.Thread | None = None
        self._closed = False

    def submit(self, request: Request) -> Job:
        job = Job()
        with self._lock:
            if self._closed:
                raise RuntimeError("the engine is closed")
            self._jobs.add(job)
            self._queue.put((job, request))
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

    def _run(self) -> None:
        while (item := self._queue.get()) is not None:
            job, request = item
            if job.begin():
                _run_job(job, request)
            with self._lock:
                self._jobs.discard(job)
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
