"""Seconds that it takes to put a photo into the scene, and to change it there.

    python benchmarks/scene_import.py [PHOTO] [--runs 5] [--size 640x427 --size 1920x1080]

Needs the bpy module. "prepare" runs on another thread in a window; "build" is the one step that
blocks. "rebuild" is all that lies between a changed setting of a photo in the scene and its new
mesh. Prints medians for mesh and points, and for all outputs.
"""

from __future__ import annotations

import argparse
import statistics
import time
from pathlib import Path

import bpy
import numpy as np
from PIL import Image
from stages import SIZES, sample_photo

import unflat.blender_addon as addon
from unflat.blender_addon import scene
from unflat.core import Settings, reconstruct
from unflat.core.pipeline import Result


def measure(result: Result) -> tuple[float, float]:
    """Seconds of (prepare, build) in an empty file."""
    bpy.ops.wm.read_factory_settings(use_empty=True)
    began = time.perf_counter()
    arrays = scene.prepare(result)
    prepared = time.perf_counter()
    scene.build(bpy.context.scene, result, arrays)
    return prepared - began, time.perf_counter() - prepared


def rebuild(changes: list[dict[str, float]]) -> list[float]:
    """Seconds of changing settings of the photo in the open file, one after the other."""
    home, seconds = bpy.context.scene.collection.children[-1], []
    for change in changes:
        for name, value in change.items():
            setattr(home.unflat, name, value)
        began = time.perf_counter()
        bpy.ops.unflat.rebuild(photo=home.name)
        seconds.append(time.perf_counter() - began)
    return seconds


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("photo", nargs="?", type=Path)
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--size", action="append", help=f"default: {' and '.join(SIZES)}")
    options = parser.parse_args()
    addon.register()
    with Image.open(options.photo or sample_photo()) as picture:
        photo = picture.convert("RGB")
    for size in options.size or SIZES:
        width, height = map(int, size.split("x"))
        rgb = np.asarray(photo.resize((width, height)))
        for outputs in ({"mesh", "points"}, {"mesh", "points", "relief"}):
            result = reconstruct(rgb, Settings(outputs=frozenset(outputs)))
            runs = [measure(result) for _ in range(options.runs)]
            prepare, build = (statistics.median(column) for column in zip(*runs, strict=True))
            names = " ".join(sorted(outputs))
            print(f"{size:>10}  {names:<20}  prepare {prepare:.2f}  build {build:.2f}")
        for name, values in (
            ("max_error", (0.002, 0.003, 0.004, 0.005)),
            ("max_faces", (40_000, 30_000, 20_000)),
            ("edge_ratio", (1.2, 1.3, 1.4)),
            ("near_far_ratio", (6.0, 7.0, 8.0)),
        ):
            first, *others = rebuild([{name: value} for value in values])
            print(f"{size:>10}  rebuild by {name:<14}  {statistics.median(others):.2f}"
                  f"  (the first time {first:.2f})")  # fmt: skip


if __name__ == "__main__":
    main()
