"""Many jobs in a row while everything around the worker goes wrong. Linux.

    python benchmarks/bridge_soak.py [--jobs 200] [--seed 0]

Before each job one of the faults below is drawn; it strikes at a random moment of the job. Each job
must end in a result or in a clear error, and one without a fault after it must work. At the end no
process, thread, file or folder may be left, and memory must not have grown.

kill       SIGKILL for the worker            stop      SIGSTOP for it
flood      30 MB on stderr                   garbage   random bytes on the wire
torn       half a message, then the end      slow      a few bytes at a time
full       no space for arrays               folder    the session's folder is gone
cancel     the job is cancelled              none
"""

from __future__ import annotations

import argparse
import ctypes
import gc
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import numpy as np
from PIL import Image

from unflat.bridge import arrays
from unflat.bridge.client import Limits, command
from unflat.bridge.job import Job, JobState
from unflat.bridge.tasks import Generate
from unflat.bridge.worker_engine import WorkerEngine
from unflat.core.depthmap import DepthKind, DepthMap
from unflat.core.errors import UnflatError
from unflat.core.pipeline import Result
from unflat.core.settings import Settings

RELAY = Path(__file__).with_name("soak_relay.py")
LIMITS = Limits(silence=3, cancel=1, close=1)
PATIENCE = 60  # seconds for any job
SPACE = 64 << 20  # bytes for arrays
GROWTH = 40 << 20  # bytes that memory may grow from the first quarter to the end
FAULTS = "none", "kill", "stop", "flood", "garbage", "torn", "slow", "full", "folder", "cancel"


class SoakError(Exception):
    """Something that must never happen."""


class Soak:
    """Jobs for one engine, and the faults around them."""

    def __init__(self, place: Path, random_: random.Random, photo: Path) -> None:
        self._temporary = place / "temporary"
        self._control = place / "control"
        self._random = random_
        self._photo = photo
        line = [sys.executable, str(RELAY), str(self._control), *command(Path(sys.executable))]
        self._engine = WorkerEngine(line, limits=LIMITS)
        z = np.linspace(1, 3, 640 * 480, dtype=np.float32).reshape(480, 640)
        self._depth = DepthMap.from_array(z, DepthKind.METRES)

    def job(self, fault: str) -> str:
        """One job with a fault, and one without: how the first ended. Raises SoakError."""
        ended = self._ended(fault)
        self._control.unlink(missing_ok=True)
        healthy = self._submit()
        if not healthy.wait(PATIENCE) or healthy.state is not JobState.DONE:
            raise SoakError(f"after {fault} the next job {healthy.state}: {healthy.failure()}")
        return ended

    def close(self) -> None:
        self._engine.close()

    def _ended(self, fault: str) -> str:
        ballast = self._temporary / "ballast"
        job = self._submit()
        time.sleep(self._random.uniform(0, 0.7))
        with suppress(OSError, ProcessLookupError, IndexError):
            self._strike(fault, job, ballast)
        if not job.wait(PATIENCE):
            raise SoakError(f"{fault}: the job does not end")
        ballast.unlink(missing_ok=True)
        if job.state is not JobState.FAILED:
            return job.state.value
        try:
            job.result()
        except UnflatError as error:
            return f"told: {str(error)[:60]}"
        except Exception as error:
            raise SoakError(f"{fault}: no clear error but {error!r}") from error
        raise SoakError("a failed job has a result")

    def _submit(self) -> Job[Result]:
        """A photo with a depth of its own, or one whose depth must be estimated."""
        depth = self._depth if self._random.random() < 0.7 else None
        return self._engine.submit(Generate(self._photo, Settings(), depth=depth))

    def _strike(self, fault: str, job: Job[Result], ballast: Path) -> None:
        if fault in ("kill", "stop"):
            number = signal.SIGKILL if fault == "kill" else signal.SIGSTOP
            os.kill(self._random.choice(_descendants()), number)
        elif fault == "full":
            with ballast.open("wb") as file:
                while file.write(bytes(1 << 20)):
                    file.flush()
        elif fault == "folder":
            shutil.rmtree(next(self._temporary.glob("unflat-session-*")))
        elif fault == "cancel":
            job.cancel()
        elif fault != "none":
            beside = self._control.with_name("control.part")
            beside.write_text(fault)
            beside.replace(self._control)


def _descendants() -> list[int]:
    """The relay and its worker."""
    found, todo = [], [os.getpid()]
    while todo:
        pid = todo.pop()
        for task in Path(f"/proc/{pid}/task").glob("*/children"):
            with suppress(OSError):
                children = [int(child) for child in task.read_text().split()]
                found += children
                todo += children
    return found


def _memory() -> int:
    """Bytes of this process's own, not those of mapped files."""
    gc.collect()
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("RssAnon:"):
            return int(line.split()[1]) * 1024
    return 0


@contextmanager
def _small_disk(folder: Path) -> Iterator[bool]:
    """A disk of `SPACE` at a folder, where this user may mount one; whether it is there."""
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", f"size={SPACE}", "tmpfs", str(folder)]
    mounted = subprocess.run(mount, capture_output=True, check=False).returncode == 0
    try:
        yield mounted
    finally:
        if mounted:
            subprocess.run(["umount", "-l", str(folder)], check=True)


def soak(jobs: int, seed: int) -> Counter[tuple[str, str]]:
    """How the jobs ended, by fault. Raises SoakError."""
    random_ = random.Random(seed)
    ends: Counter[tuple[str, str]] = Counter()
    with tempfile.TemporaryDirectory() as name, _small_disk(Path(name, "temporary")) as is_small:
        place = Path(name)
        photo = place / "photo.png"
        noise = np.random.default_rng(seed).integers(0, 255, (480, 640, 3), np.uint8)
        Image.fromarray(noise).save(photo)
        faults = [fault for fault in FAULTS if is_small or fault != "full"]
        files = _open_files()
        usual, tempfile.tempdir = tempfile.tempdir, str(place / "temporary")
        arrays.MEMORY = None
        try:
            run = Soak(place, random_, photo)
            early = 0
            for number in range(jobs):
                fault = random_.choice(faults)
                ends[fault, run.job(fault)] += 1
                if number == jobs // 4:
                    early = _memory()
            grown = _memory() - early
            run.close()
            _nothing_left(place / "temporary", grown, files)
        finally:
            tempfile.tempdir = usual
    return ends


def _is_dead(pid: int) -> bool:
    """Whether nobody but us has yet to take notice of its end."""
    try:
        return "\nState:\tZ" in Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return True


def _open_files() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


def _nothing_left(temporary: Path, grown: int, files: int) -> None:
    left = [str(file) for file in temporary.iterdir()]
    left += [t.name for t in threading.enumerate() if t.name.startswith("unflat-")]
    left += [f"process {pid}" for pid in _descendants() if not _is_dead(pid)]
    left += [f"{count} files" for count in [_open_files() - files] if count > 0]
    if left:
        raise SoakError(f"left: {left}")
    if grown > GROWTH:
        raise SoakError(f"memory grew by {grown / 1e6:.0f} MB")
    print(f"memory grew by {grown / 1e6:.1f} MB")


def _adopt_orphans() -> None:
    """Processes whose parent has died become our children, so that they are found."""
    set_child_subreaper = 36  # PR_SET_CHILD_SUBREAPER
    ctypes.CDLL(None).prctl(set_child_subreaper, 1)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--jobs", type=int, default=200)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    began = time.monotonic()
    _adopt_orphans()
    try:
        ends = soak(options.jobs, options.seed)
    except SoakError as error:
        print(f"bridge_soak: {error}", file=sys.stderr)
        return 1
    for (fault, end), count in sorted(ends.items()):
        print(f"{count:4}  {fault:8}  {end}")
    print(f"{options.jobs} jobs in {time.monotonic() - began:.0f} s")
    return 0


if __name__ == "__main__":
    sys.exit(main())
