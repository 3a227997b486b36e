"""Write shards of photos with their inverse depth.

    nice -n 19 python -m training.make_dataset DATA --first 0 --shards 60

A shard holds photos of one size, in two files that can be memory-mapped:
    00017_256x192_rgb.npy      (N, height, width, 3) uint8, sRGB
    00017_256x192_inverse.npy  (N, height, width) float16, inverse z-depth in 1/m; 0 = sky,
                               below 0 = unknown
Each 25th shard goes to DATA/kept_back: it is for validation, not for training.
The number of a shard fixes its scenes and its size; shards that exist are skipped, so that several
runs with different `--first` can share the work and an interrupted run can be repeated.
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path

import numpy as np

from . import library
from .scenes import PLACES, photos
from .textures import PatternBank

PHOTOS = 192  # per shard
KEPT_BACK = "kept_back"
KEPT_BACK_EVERY = 25  # each shard with number 24, 49, ...
SCENES = 1000  # seeds set aside for a shard
# (width, height): share of photos. All have about the area of 256 x 192 and sides that the network
# can halve five times.
SIZES = {(256, 192): 0.42, (288, 160): 0.14, (192, 256): 0.12, (224, 224): 0.10,
         (288, 192): 0.10, (384, 128): 0.08, (160, 288): 0.04}  # fmt: skip


def size_of(shard: int) -> tuple[int, int]:
    """Width and height of the photos in a shard; golden-ratio steps keep every run's mix right."""
    draw = (shard * 0.6180339887 + 0.2) % 1.0
    for size, until in zip(SIZES, np.cumsum(list(SIZES.values())), strict=True):
        if draw < until:
            return size
    return next(iter(SIZES))


def write_shard(path: Path, shard: int, bank: PatternBank, photos_: int, place: str | None) -> None:
    """Render one shard, of one kind of place or of all, to PATH_rgb.npy and PATH_inverse.npy.

    The files get their names when they are complete.
    """
    width, height = size_of(shard)
    rgb = np.empty((photos_, height, width, 3), np.uint8)
    inverse = np.empty((photos_, height, width), np.float16)
    done, seed = 0, shard * SCENES
    while done < photos_:
        for photo, depth in photos(seed, bank, width, height, place=place):
            if done < photos_:
                rgb[done], inverse[done] = photo, depth
                done += 1
        seed += 1
    for name, array in (("inverse", inverse), ("rgb", rgb)):
        partial = path.with_name(f"{path.name}_{name}.partial")
        with partial.open("wb") as stream:
            np.save(stream, array)
        partial.replace(partial.with_suffix(".npy"))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("folder", type=Path, help="where the shards go")
    parser.add_argument("--first", type=int, default=0, help="number of the first shard")
    parser.add_argument("--shards", type=int, default=60, help="how many shards")
    parser.add_argument("--photos", type=int, default=PHOTOS, help="photos per shard")
    parser.add_argument("--library", type=Path, help="folder that make_library made")
    parser.add_argument("--place", choices=list(PLACES), help="only this kind of place")
    options = parser.parse_args()
    (options.folder / KEPT_BACK).mkdir(parents=True, exist_ok=True)
    if options.library and not list(options.library.glob("*.npz")):
        parser.error(f"{options.library} holds no library; make one with training.make_library")
    library.use(options.library)
    bank = PatternBank()
    for shard in range(options.first, options.first + options.shards):
        width, height = size_of(shard)
        folder = options.folder
        if shard % KEPT_BACK_EVERY == KEPT_BACK_EVERY - 1:
            folder = folder / KEPT_BACK
        path = folder / f"{shard:05d}_{width}x{height}"
        if path.with_name(f"{path.name}_rgb.npy").exists():
            continue
        start = time.perf_counter()
        write_shard(path, shard, bank, options.photos, options.place)
        each = (time.perf_counter() - start) / options.photos
        print(f"shard {shard} {width}x{height}: {1000 * each:.0f} ms per photo", flush=True)


if __name__ == "__main__":
    main()
