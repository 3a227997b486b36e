"""Make the built-in network anew: library, scenes, training, export. One command.

    python -m training.repeat WORK --minutes 90

WORK gets library/, data/, half/ and full/ (the two stretches of training) and weights.npz. What is
there already is kept, so that an interrupted run goes on (a library counts as made when it holds
any .npz: delete those of one that broke off). A graphics card is used where torch finds one, else
all processor cores. `--initial core/depth/builtin/weights.npz` improves the weights that ship
instead of starting from nothing.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
from pathlib import Path

import torch

_HALF = 0.45  # share of the training time at half size: quick steps first, details later


def _start(*words: object) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", *map(str, words)]
    return subprocess.Popen(command, env=os.environ | {"OMP_NUM_THREADS": "1"})


def _finish(*running: subprocess.Popen[bytes]) -> None:
    """Wait for all; ends the program where one failed."""
    codes = [process.wait() for process in running]
    if any(codes):
        raise SystemExit("A step failed; its message is above. Repeat the command to go on.")


def make_data(data: Path, shards: int, photos: int, library: Path | None, workers: int) -> None:
    """Render the shards, a part of them in each worker."""
    furnished = ["--library", library] if library else []
    each = -(-shards // workers)
    parts = [range(first, min(first + each, shards)) for first in range(0, shards, each)]
    common = ["training.make_dataset", data, "--photos", photos, *furnished]
    _finish(*(_start(*common, "--first", p.start, "--shards", len(p)) for p in parts))


def train(data: Path, run: Path, workers: int, batch: int, *options: object) -> None:
    """One stretch of training, shared by the workers where there is no graphics card."""
    command: list[object] = ["training.train", data, run, "--batch", batch, *options]
    if not torch.cuda.is_available() and workers > 1:
        command = ["torch.distributed.run", "--nproc-per-node", workers, "-m", *command]
    _finish(_start(*command))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("work", type=Path, help="folder for everything")
    parser.add_argument("--minutes", type=float, default=90, help="of training")
    parser.add_argument("--shards", type=int, default=150, help="of scenes")
    parser.add_argument("--photos", type=int, default=192, help="in each shard")
    parser.add_argument("--no-library", action="store_true", help="only shapes of our own")
    parser.add_argument("--initial", type=Path, help="weights (.npz) to start from")
    parser.add_argument("--workers", type=int, default=min(os.cpu_count() or 1, 16))
    options = parser.parse_args()
    library = None if options.no_library else options.work / "library"
    if library and not list(library.glob("*.npz")):
        _finish(_start("training.make_library", library))
    data, half, full = (options.work / name for name in ("data", "half", "full"))
    make_data(data, options.shards, options.photos, library, options.workers)
    start = ["--initial", options.initial] if options.initial else []
    clock = ("--steps", 1_000_000, "--minutes")
    first, second = options.minutes * _HALF, options.minutes * (1 - _HALF)
    batch = 64 if torch.cuda.is_available() else max(2, 16 // options.workers)
    train(data, half, options.workers, batch, *clock, first,
          "--scale", 0.5, 0.75, "--rate", 1e-3, *start)  # fmt: skip
    train(data, full, options.workers, batch, *clock, second,
          "--scale", 1.5, 1, 0.5, "--rate", 7e-4, "--initial", half / "last.pt")  # fmt: skip
    mix = ["--mix", options.initial] if options.initial else []
    _finish(_start("training.export", full / "last.pt", options.work / "weights.npz", *mix))


if __name__ == "__main__":
    main()
