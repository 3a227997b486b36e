"""Jobs on both engines, with the real core behind them."""

from __future__ import annotations

import gc
import sys
import threading
import weakref
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest

from unflat.bridge.client import command
from unflat.bridge.engine import Engine, InProcessEngine
from unflat.bridge.job import Job, JobState
from unflat.bridge.tasks import Generate
from unflat.bridge.worker_engine import WorkerEngine
from unflat.core.errors import CancelledError, ImageError
from unflat.core.settings import Settings

ENGINES: dict[str, Callable[[], Engine]] = {
    "in-process": InProcessEngine,
    "worker": lambda: WorkerEngine(command(Path(sys.executable))),
}


@pytest.fixture(params=ENGINES)
def engine(request: pytest.FixtureRequest) -> Iterator[Engine]:
    engine = ENGINES[request.param]()
    yield engine
    engine.close()
    assert not [t for t in threading.enumerate() if t.name.startswith("unflat-")]


def test_a_job_from_start_to_end(engine: Engine, photo_file: Path) -> None:
    job = engine.submit(Generate(photo_file, Settings()))
    assert job.wait(60)
    assert job.state is JobState.DONE
    assert job.progress[1] == 1.0
    assert job.result().mesh is not None
    assert job.failure() is None


def test_submitting_does_not_wait(engine: Engine, photo_file: Path) -> None:
    jobs = [engine.submit(Generate(photo_file, Settings())) for _ in range(2)]
    assert jobs[1].state is JobState.QUEUED
    assert not jobs[1].wait(0)


def test_a_cancel_after_the_end_changes_nothing(engine: Engine, photo_file: Path) -> None:
    job = engine.submit(Generate(photo_file, Settings()))
    assert job.wait(60)
    job.cancel()
    assert not job.is_cancelled()
    assert job.result().mesh is not None


def test_a_cancel_in_the_last_moment_wins() -> None:
    job = Job()
    job.begin()
    job.cancel()
    job.finish(result=object())  # type: ignore[arg-type]
    assert job.state is JobState.CANCELLED


def test_a_finished_result_is_not_kept(engine: Engine, photo_file: Path) -> None:
    job = engine.submit(Generate(photo_file, Settings()))
    kept = weakref.ref(job.result())
    follower = engine.submit(Generate(photo_file.with_name("none"), Settings()))
    assert follower.wait(60)  # by now the engine has let go of the first
    del job
    gc.collect()
    assert kept() is None


def test_jobs_run_in_order(engine: Engine, photo_file: Path) -> None:
    jobs = [engine.submit(Generate(photo_file, Settings(outputs=frozenset()))) for _ in range(3)]
    assert jobs[2].wait(60)
    assert [job.state for job in jobs] == [JobState.DONE] * 3


def test_a_failure_is_one_sentence(engine: Engine, tmp_path: Path) -> None:
    job = engine.submit(Generate(tmp_path / "none.jpg", Settings()))
    assert job.wait(60)
    assert job.state is JobState.FAILED
    assert "no file" in (job.failure() or "")
    with pytest.raises(ImageError):
        job.result()


def test_a_bug_is_reported_not_lost(engine: Engine, photo_file: Path) -> None:
    broken = engine.submit(Generate(photo_file, "no settings"))  # type: ignore[arg-type]
    assert broken.wait(60)
    assert broken.state is JobState.FAILED
    assert "please report" in (broken.failure() or "")
    healthy = engine.submit(Generate(photo_file, Settings()))
    assert healthy.wait(60)
    assert healthy.state is JobState.DONE


def test_cancel_while_running_and_while_queued(engine: Engine, tmp_path: Path) -> None:
    from PIL import Image

    big = np.random.default_rng(0).integers(0, 255, (1500, 2000, 3), np.uint8)
    Image.fromarray(big).save(tmp_path / "big.png")
    running = engine.submit(Generate(tmp_path / "big.png", Settings()))
    queued = engine.submit(Generate(tmp_path / "big.png", Settings()))
    running.cancel()
    queued.cancel()
    assert queued.wait(60)
    assert (running.state, queued.state) == (JobState.CANCELLED, JobState.CANCELLED)
    with pytest.raises(CancelledError):
        queued.result()


def test_closing_ends_what_runs(engine: Engine, photo_file: Path) -> None:
    jobs = [engine.submit(Generate(photo_file, Settings())) for _ in range(3)]
    engine.close()
    assert all(job.state.is_finished for job in jobs)
    with pytest.raises(RuntimeError):
        engine.submit(Generate(photo_file, Settings()))
