"""What the worker costs over running in-process, paired, and how fast it starts.

    python benchmarks/bridge.py [--runs N]

Prints: seconds from start to handshake; GB/s of arrays from being written to being read by the
other side; seconds for a 1920x1080 photo with depth, points and mesh in both engines, in turn, and
the overhead of the worker. Each run has a photo of its own, as depth is remembered.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
from PIL import Image

from unflat.bridge.arrays import ArrayFolder, SessionFolder
from unflat.bridge.client import Limits, Worker, command, variables_for
from unflat.bridge.engine import Engine, InProcessEngine
from unflat.bridge.tasks import Generate
from unflat.bridge.worker_engine import WorkerEngine
from unflat.core.settings import Settings

LINE = command(Path(sys.executable))


def seconds(action: Callable[[], object]) -> float:
    began = time.perf_counter()
    action()
    return time.perf_counter() - began


def starts(runs: int) -> None:
    def start() -> Worker:
        return Worker(LINE, variables_for({}), Limits(), lambda: False)

    taken = []
    for _ in range(runs + 1):
        began = time.perf_counter()
        worker = start()
        taken.append(time.perf_counter() - began)
        worker.close()
    print(f"start to handshake: {statistics.median(taken[1:]):.2f} s (first {taken[0]:.2f} s)")


def throughput(runs: int) -> None:
    array = np.random.default_rng(0).random((64, 1 << 20), np.float32)  # 256 MiB
    ours = SessionFolder()
    theirs = ArrayFolder(ours.path, "w")

    def move() -> None:
        theirs.map(ours.write(array), array.dtype)[:, ::1024].sum()  # a look at every page
        ours.clear()

    taken = [seconds(move) for _ in range(runs)]
    ours.close()
    print(f"arrays: {array.nbytes / statistics.median(taken) / 1e9:.2f} GB/s")


def overhead(runs: int) -> None:
    with tempfile.TemporaryDirectory() as place:
        engines: tuple[Engine, Engine] = (InProcessEngine(), WorkerEngine(LINE))
        taken: tuple[list[float], list[float]] = ([], [])
        for run in range(runs + 1):
            photo = _photo(Path(place, f"{run}.jpg"), run)
            for engine, times in zip(engines, taken, strict=True):
                job = Generate(photo, Settings())
                times.append(seconds(lambda e=engine, j=job: e.submit(j).result()))
        for engine in engines:
            engine.close()
    here, there = (times[1:] for times in taken)  # the first of each imports
    more = statistics.median(b - a for a, b in zip(here, there, strict=True))
    print(
        f"1920x1080, depth, points, mesh: in-process {statistics.median(here):.3f} s, worker "
        f"{statistics.median(there):.3f} s, overhead {1000 * more:.0f} ms, "
        f"{100 * more / statistics.median(here):.1f} %"
    )


def _photo(path: Path, seed: int) -> Path:
    """Smooth colours with edges, so that the mesh has something to do."""
    random = np.random.default_rng(seed)
    small = random.integers(0, 255, (9, 16, 3), np.uint8)
    Image.fromarray(small).resize((1920, 1080), Image.Resampling.BICUBIC).save(path, quality=95)
    return path


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--runs", type=int, default=7)
    runs = parser.parse_args().runs
    starts(runs)
    throughput(runs)
    overhead(runs)


if __name__ == "__main__":
    main()
