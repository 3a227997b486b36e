"""Published networks as they run by default, beside plain torch in float32: seconds and depth.

    python benchmarks/networks.py GOLDEN PHOTOS [ID ...] [--runs 5] [--precision fast]

GOLDEN holds weights by the golden rule (see golden.py), so none need be downloaded. PHOTOS is a
folder of pictures; time is taken on the first, at 4:3 (518x686 for Depth Anything 2), both ways in
turn. Prints for each network: medians of seconds as torch runs it in float32, left as it is, and by
default (or in `--precision`), and of their ratio; of the photos the largest mean difference of
depth over mean depth, and the worst pixel's over the largest depth, of what the network itself
says, every second photo upright; seconds that the first start takes (which converts what OpenVINO
runs), the second, and another size of photo. A start is until the network has spoken once, less
what that takes, with its weights read before. Seconds say little where other work is done
meanwhile.
"""

from __future__ import annotations

import argparse
import os
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image
from torch import Tensor, nn

from benchmarks.golden import Golden
from unflat.core import images
from unflat.core.depth import catalog, models, runtime
from unflat.core.depth.runtime import Network
from unflat.core.images import Photo
from unflat.core.settings import PRECISIONS

USUAL = ("depth_anything_v2_vits", "dpt_large_384", "midas_v21_small_256")


def seconds(work: Callable[[], Any]) -> float:
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


class Listener:
    """A network, how many seconds it took for the last photo and what depth it said."""

    precision = runtime.FULL

    def __init__(self, network: Network | nn.Module) -> None:
        self.network = network

    def __call__(self, *given: Any) -> Any:
        began = time.perf_counter()
        found = self.network(*given)
        self.seconds = time.perf_counter() - began
        self.depth = _depth(found)
        return found


def _depth(found: Tensor | dict[str, Tensor]) -> Tensor:
    """What a network says of depth, before anything is made of it."""
    if not isinstance(found, dict):
        return found
    if "points" in found:
        return found["points"][..., 2]
    return found["depth_raw" if "depth_raw" in found else "canonical_inverse_depth"]


def opened(path: Path, size: tuple[int, int]) -> Photo:
    """A photo, brought to a size first."""
    return images.from_array(np.asarray(Image.open(path).convert("RGB").resize(size)))


def measure(folder: Path, photos: list[Path], runs: int, precision: str) -> str:
    """The line of one network."""
    golden = Golden.read(folder)
    card = catalog.find(golden.model)
    family, weights = models.family(card), golden.weights()

    def load() -> nn.Module:
        return models.load(card, weights)

    def start() -> Network:
        network = runtime.prepare(load, card, "cpu", precision, 0)
        see(Listener(network), pictures[0])
        return network

    def see(listener: Listener, photo: Photo) -> Listener:
        family.predict(listener, photo, card, "cpu", None)
        return listener

    size = (686, 518) if card.family == "depth_anything" else (640, 480)
    pictures = [opened(path, size if n % 2 == 0 else size[::-1]) for n, path in enumerate(photos)]
    first, second = seconds(start), seconds(start)
    network = start()
    plain, default = Listener(load()), Listener(network)
    pairs = [
        (see(plain, pictures[0]).seconds, see(default, pictures[0]).seconds)
        for _ in range(runs + 1)
    ][1:]
    upright = opened(photos[0], size[::-1])
    other = see(default, upright).seconds - see(default, upright).seconds
    off = [difference(see(default, p).depth, see(plain, p).depth) for p in pictures]
    mean, worst = (max(values) for values in zip(*off, strict=True))
    full, fast = (statistics.median(times) for times in zip(*pairs, strict=True))
    starts = ", ".join(f"{max(0, s):.1f} s" for s in (first - fast, second - fast, other))
    ratio = statistics.median(a / b for a, b in pairs)
    return (
        f"{folder.name:<24} float32 {full:6.2f} s  default {fast:6.2f} s  {ratio:5.2f} x  "
        f"mean {mean:.2%}  worst {worst:.2%}  starts {starts}  "
        f"({network.precision})"
    )


def difference(found: Tensor, expected: Tensor) -> tuple[float, float]:
    """(mean over mean, largest over largest) of absolute difference and depth."""
    off = (found - expected).abs()
    return float(off.mean() / expected.mean()), float(off.max() / expected.max())


def main() -> None:
    parser = argparse.ArgumentParser(description="Time published networks.")
    parser.add_argument("golden", type=Path, metavar="GOLDEN")
    parser.add_argument("photos", type=Path, metavar="PHOTOS")
    parser.add_argument("ids", nargs="*", default=USUAL, metavar="ID")
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--precision", choices=PRECISIONS, default="auto")
    options = parser.parse_args()
    photos = sorted(options.photos.glob("*.jpg"))[:4]
    for name in options.ids:
        with tempfile.TemporaryDirectory() as kept:
            os.environ["UNFLAT_MODELS"] = kept  # nothing was converted before
            print(
                measure(options.golden / name, photos, options.runs, options.precision), flush=True
            )


if __name__ == "__main__":
    main()
