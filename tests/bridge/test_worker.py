"""A real worker process: what it does, and what happens when it does not."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from unflat.bridge import arrays
from unflat.bridge.client import Limits, Worker, command, variables_for
from unflat.bridge.job import Job, JobState
from unflat.bridge.tasks import (
    Depth,
    Generate,
    ListModels,
    Mesh,
    Release,
    RemoveModel,
    unheard,
)
from unflat.bridge.worker_engine import WorkerEngine
from unflat.core import reconstruct
from unflat.core.errors import CancelledError, DepthError, ModelError, WeightsError, WorkerError
from unflat.core.settings import Settings

from . import processes

BROKEN = Path(__file__).parent / "broken_workers"
LINE = command(Path(sys.executable))

linux = pytest.mark.skipif(sys.platform != "linux", reason="looks at processes as Linux shows them")


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder for temporary files; sessions leave nothing in it."""
    folder = tmp_path / "temporary"
    folder.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    monkeypatch.setattr(arrays, "MEMORY", None)
    return folder


@pytest.fixture
def engine(place: Path) -> Iterator[WorkerEngine]:
    engine = WorkerEngine(LINE, limits=Limits(silence=5))
    yield engine
    engine.close()
    assert not list(place.iterdir())
    assert not [t for t in threading.enumerate() if t.name.startswith("unflat-")]
    if sys.platform == "linux":
        assert not processes.workers()


@pytest.fixture
def big_photo(tmp_path: Path) -> Path:
    """A photo that takes seconds."""
    rgb = np.random.default_rng(0).integers(0, 255, (1500, 2000, 3), np.uint8)
    Image.fromarray(rgb).save(tmp_path / "big.png")
    return tmp_path / "big.png"


def begun(engine: WorkerEngine, photo: Path, stage: str = "depth") -> Job:
    """A job that has come to a stage."""
    job = engine.submit(Generate(photo, Settings()))
    assert processes.until(lambda: job.progress[0] == stage or job.state.is_finished, 60)
    assert job.progress[0] == stage
    return job


def patched(statement: str, folder: Path) -> list[str]:
    """The command of a worker that also does something else before it serves."""
    boot = folder / "boot.py"
    source = Path(LINE[-1]).read_text(encoding="utf-8").replace("__file__", repr(LINE[-1]))
    marked = source.replace(
        "    find_package()\n    code", f"    find_package()\n    {statement}\n    code"
    )
    assert marked != source
    boot.write_text(marked, encoding="utf-8")
    return [*LINE[:-1], str(boot)]


def works(engine: WorkerEngine, photo: Path) -> bool:
    job = engine.submit(Generate(photo, Settings()))
    return job.wait(60) and job.state is JobState.DONE


def test_the_same_as_in_process(engine: WorkerEngine, photo_file: Path) -> None:
    settings = Settings(outputs=frozenset({"mesh", "points", "layers", "detail"}))
    ours = reconstruct(photo_file, settings)
    theirs = engine.submit(Generate(photo_file, settings)).result()
    np.testing.assert_array_equal(theirs.photo.rgb, ours.photo.rgb)
    np.testing.assert_allclose(theirs.depth.depth, ours.depth.depth, rtol=1e-6)
    np.testing.assert_array_equal(theirs.mesh.triangles, ours.mesh.triangles)
    np.testing.assert_allclose(theirs.points.positions, ours.points.positions, rtol=1e-5)
    assert theirs.camera == ours.camera
    assert theirs.settings == ours.settings
    assert (theirs.model, theirs.device, theirs.warnings) == (
        ours.model,
        ours.device,
        ours.warnings,
    )


def test_arrays_of_the_result_may_be_written_to(engine: WorkerEngine, photo_file: Path) -> None:
    result = engine.submit(Generate(photo_file, Settings())).result()
    result.depth.depth[:] = 1
    assert works(engine, photo_file)
    assert result.depth.depth.max() == 1


def test_photo_and_depth_from_memory(
    engine: WorkerEngine, photo_file: Path, tmp_path: Path
) -> None:
    first = engine.submit(Generate(photo_file, Settings())).result()
    photo_file.unlink()
    again = engine.submit(
        Generate(first.photo, Settings(), depth=first.depth, camera=first.camera)
    ).result()
    np.testing.assert_array_equal(again.mesh.triangles, first.mesh.triangles)


def test_depth_alone(engine: WorkerEngine, photo_file: Path) -> None:
    found = engine.submit(Depth(photo_file, Settings())).result()
    assert found.mesh is None
    assert found.points is None
    assert found.depth.valid.all()


def test_a_mesh_of_depth_that_is_known(engine: WorkerEngine, photo_file: Path) -> None:
    settings = Settings(outputs=frozenset({"mesh"}))
    with pytest.raises(DepthError, match="not known yet, estimate it first"):
        engine.submit(Mesh(photo_file, settings)).result()
    engine.submit(Depth(photo_file, settings)).result()
    made = engine.submit(Mesh(photo_file, settings)).result()
    assert len(made.mesh.triangles) > 0
    given = engine.submit(Mesh(photo_file, replace(settings, fov=30), depth=made.depth)).result()
    assert len(given.mesh.triangles) > 0


def test_models(engine: WorkerEngine) -> None:
    listed = engine.submit(ListModels()).result()
    assert "midas_v21_small_256" in [state.id for state in listed]
    with pytest.raises(ModelError):
        engine.submit(RemoveModel("no such")).result()
    with pytest.raises(WeightsError):
        engine.submit(RemoveModel("builtin")).result()
    assert engine.submit(Release()).result() is None


def test_names_with_anything_in_them(engine: WorkerEngine, photo_file: Path) -> None:
    strange = photo_file.with_name('Ünïcode "photo" \n 猫.jpg')
    if sys.platform == "win32":
        strange = photo_file.with_name("Ünïcode photo 猫.jpg")
    photo_file.rename(strange)
    assert engine.submit(Generate(strange, Settings())).result().photo.path == strange


# --- cancel ---


def test_a_cancelled_job_stops_and_the_worker_stays(engine: WorkerEngine, big_photo: Path) -> None:
    job = begun(engine, big_photo)
    before = processes.workers() if sys.platform == "linux" else []
    job.cancel()
    assert job.wait(3)
    assert job.state is JobState.CANCELLED
    assert works(engine, big_photo)
    assert before == (processes.workers() if sys.platform == "linux" else [])


@linux
def test_a_cancel_and_a_lost_worker_are_a_cancel(engine: WorkerEngine, big_photo: Path) -> None:
    job = begun(engine, big_photo)
    os.kill(processes.workers()[0], signal.SIGSTOP)
    job.cancel()
    os.kill(processes.workers()[0], signal.SIGKILL)
    assert job.wait(5)
    assert job.state is JobState.CANCELLED


@linux
def test_a_worker_that_does_not_stop_is_killed(engine: WorkerEngine, big_photo: Path) -> None:
    job = begun(engine, big_photo)
    (pid,) = processes.workers()
    os.kill(pid, signal.SIGSTOP)
    job.cancel()
    assert job.wait(5)
    assert job.state is JobState.CANCELLED
    assert not processes.is_alive(pid)
    assert works(engine, big_photo)


def test_a_cancel_before_the_worker_is_up(engine: WorkerEngine, photo_file: Path) -> None:
    job = engine.submit(Generate(photo_file, Settings()))
    processes.until(lambda: job.state is JobState.RUNNING)
    job.cancel()
    assert job.wait(5)
    assert job.state is JobState.CANCELLED
    assert works(engine, photo_file)


# --- crashes ---


@linux
def test_a_lost_job_is_tried_again_once(engine: WorkerEngine, big_photo: Path) -> None:
    job = begun(engine, big_photo)
    os.kill(processes.workers()[0], signal.SIGKILL)
    assert processes.until(lambda: job.progress[0] != "depth")
    assert job.wait(60)
    assert job.state is JobState.DONE


@linux
def test_a_job_that_kills_is_not_tried_for_ever(engine: WorkerEngine, big_photo: Path) -> None:
    job = begun(engine, big_photo)
    first = processes.workers()[0]
    os.kill(first, signal.SIGKILL)
    assert processes.until(lambda: processes.workers() not in ([], [first]))
    assert processes.until(lambda: job.progress[0] == "depth")
    os.kill(processes.workers()[0], signal.SIGKILL)
    assert job.wait(10)
    assert job.state is JobState.FAILED
    assert "memory ran out (SIGKILL)" in (job.failure() or "")
    assert works(engine, big_photo)


@linux
def test_a_silent_worker_is_replaced(place: Path, big_photo: Path) -> None:
    engine = WorkerEngine(LINE, limits=Limits(silence=2))
    job = begun(engine, big_photo)
    os.kill(processes.workers()[0], signal.SIGSTOP)
    assert job.wait(60)
    assert job.state is JobState.DONE
    engine.close()
    assert not processes.workers()


@linux
def test_a_worker_that_died_while_idle_is_replaced(engine: WorkerEngine, photo_file: Path) -> None:
    assert works(engine, photo_file)
    os.kill(processes.workers()[0], signal.SIGKILL)
    assert works(engine, photo_file)


@pytest.mark.skipif(sys.platform == "win32", reason="folders in use stay on Windows")
def test_without_its_folder_another_is_started(
    engine: WorkerEngine, photo_file: Path, place: Path
) -> None:
    assert works(engine, photo_file)
    (session,) = place.iterdir()
    (session / "lock").unlink()
    session.rmdir()
    assert works(engine, photo_file)


@linux
def test_idle_workers_give_memory_back(place: Path, photo_file: Path) -> None:
    engine = WorkerEngine(LINE, limits=Limits(rest=0.2))
    seconds = []
    for pause in (0, 0, 0.6):
        time.sleep(pause)
        job = engine.submit(Generate(photo_file, Settings()))
        seconds.append(job.result().seconds["depth"])
    engine.close()
    assert seconds[1] < seconds[2] / 3  # remembered, then forgotten


@linux
def test_an_idle_worker_that_hangs_does_not_hold_up(place: Path, photo_file: Path) -> None:
    engine = WorkerEngine(LINE, limits=Limits(rest=0.2))
    assert works(engine, photo_file)
    os.kill(processes.workers()[0], signal.SIGSTOP)
    time.sleep(0.5)  # by now it has been told to give memory back
    start = time.monotonic()
    assert works(engine, photo_file)
    os.kill(processes.workers()[0], signal.SIGSTOP)
    time.sleep(0.5)
    engine.close()
    assert time.monotonic() - start < 15
    assert not processes.workers()


# --- broken workers ---


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("other_version", "for Unflat 0.0.1 and this is"),
        ("rubbish", "no message.*Welcome"),
        ("silent", "did not answer"),
        ("dies_in_import", "exit code 1.*a_library_that_was_removed"),
        ("huge_length", "no message.*4294967296"),
    ],
)
def test_broken_workers(name: str, says: str, place: Path, photo_file: Path) -> None:
    engine = WorkerEngine([sys.executable, str(BROKEN / f"{name}.py")], limits=Limits(start=1))
    job = engine.submit(Generate(photo_file, Settings()))
    with pytest.raises(WorkerError) as caught:
        job.result()
    assert re.search(says, f"{caught.value} {caught.value.details}", re.DOTALL)
    assert "\n" not in str(caught.value)
    engine.close()
    assert not list(place.iterdir())


def test_no_python(place: Path, photo_file: Path) -> None:
    engine = WorkerEngine(command(photo_file.with_name("no python")))
    with pytest.raises(WorkerError, match="can't be started"):
        engine.submit(Generate(photo_file, Settings())).result()
    engine.close()


# --- nothing leaks ---


@linux
def test_what_a_worker_has_started_goes_with_it(place: Path, tmp_path: Path) -> None:
    """A library's helper process, which does not look after its parent."""
    worker = Worker(
        patched("import subprocess; subprocess.Popen(['sleep', '600'])", tmp_path),
        variables_for({}),
        Limits(),
        lambda: False,
    )
    (pid,) = processes.workers()
    (helper,) = processes.children(pid)
    worker.close()
    assert processes.until(lambda: not processes.is_alive(helper), 2)


@linux
def test_no_port_is_open(engine: WorkerEngine, big_photo: Path) -> None:
    begun(engine, big_photo)
    assert processes.sockets(processes.workers()[0]) == []


PARENT = """
import sys, time
from pathlib import Path
from unflat.bridge import arrays
from unflat.bridge.client import command
from unflat.bridge.tasks import Generate
from unflat.bridge.worker_engine import WorkerEngine
from unflat.core.settings import Settings
arrays.MEMORY = None
engine = WorkerEngine(command(Path(sys.executable)))
job = engine.submit(Generate(Path(sys.argv[1]), Settings()))
while job.progress[0] != "depth":
    time.sleep(0.01)
if sys.argv[2] == "idle":
    job.result()
print("ready", flush=True)
time.sleep(600)
"""


@linux
@pytest.mark.parametrize("when", ["busy", "idle"])
def test_no_worker_outlives_its_killed_parent(when: str, big_photo: Path, tmp_path: Path) -> None:
    variables = os.environ | {"TMPDIR": str(tmp_path)}
    line = [sys.executable, "-c", PARENT, str(big_photo), when]
    with subprocess.Popen(line, env=variables, stdout=subprocess.PIPE) as parent:
        assert parent.stdout.readline() == b"ready\n"
        (worker,) = processes.workers(parent.pid)
        parent.kill()
        assert processes.until(lambda: not processes.is_alive(worker), 2)


def test_the_end_of_stdin_ends_a_worker(tmp_path: Path) -> None:
    with subprocess.Popen(
        LINE, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
    ) as process:
        process.stdin.close()
        assert process.wait(10) == 0


def test_prints_of_libraries_do_not_reach_the_wire(place: Path, tmp_path: Path) -> None:
    """A network that greets on stdout, in Python and in C."""
    greet = "import os; print('hello'); os.system('echo hello'); os.write(1, b'hello')"
    worker = Worker(patched(greet, tmp_path), variables_for({}), Limits(), lambda: False)
    assert len(worker.run(ListModels(), unheard, lambda: False)) > 20
    worker.close()


def test_cancelled_before_it_began(place: Path) -> None:
    with pytest.raises(CancelledError):
        Worker(
            [sys.executable, str(BROKEN / "silent.py")], variables_for({}), Limits(), lambda: True
        )
    assert not list(place.iterdir())
