"""Seconds that the built-in network takes by itself, and with all that makes it full size.

    python benchmarks/network.py [--runs 5]

Medians, after one run that nobody counts. The photo is noise: its content does not change the time
of the network, and that of tidying edges a little. Seconds differ between machines.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable

import numpy as np

from unflat.core.depth.builtin.network import BuiltinNetwork
from unflat.core.depth.estimator import run_builtin

SIZES = ((1024, 768), (768, 1024), (1920, 1080), (4000, 3000))


def median_seconds(work: Callable[[], object], runs: int) -> float:
    """Of `runs` runs after the first."""
    seconds = []
    for _ in range(runs + 1):
        began = time.perf_counter()
        work()
        seconds.append(time.perf_counter() - began)
    return statistics.median(seconds[1:])


def photo(width: int, height: int) -> np.ndarray:
    """Coarse noise (height, width, 3) float32."""
    blocks = np.random.default_rng(0).random((height // 40 + 1, width // 40 + 1, 3), np.float32)
    return np.kron(blocks, np.ones((40, 40, 1), np.float32))[:height, :width]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--runs", type=int, default=5)
    options = parser.parse_args()
    network = BuiltinNetwork.load()
    for width, height in SIZES:
        rgb = photo(width, height)
        alone = median_seconds(lambda rgb=rgb: network.predict(rgb), options.runs)
        whole = median_seconds(lambda rgb=rgb: run_builtin(network, rgb), options.runs)
        print(f"{width}x{height}: network {alone:.2f} s, with upsampling and edges {whole:.2f} s")


if __name__ == "__main__":
    main()
