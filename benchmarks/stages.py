"""Seconds per stage of `unflat PHOTO -o OUT`, in fresh processes, at several picture sizes.

    python benchmarks/stages.py [PHOTO] [--runs 5] [--size 640x427 --size 1920x1080] [--blend]

Prints the median over the runs, and the whole process beside the stages. Seconds differ between
machines; compare ratios.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from PIL import Image

SIZES = ("640x427", "1920x1080")


def sample_photo() -> Path:
    """A photo that scikit-image brings along."""
    import skimage

    return Path(skimage.__file__).parent / "data" / "coffee.png"


def measure(photo: Path, out: Path, blend: bool) -> dict[str, float]:
    """Seconds per stage of one run; "process" is the wall time of all."""
    command = [sys.executable, "-m", "unflat.core.cli", str(photo), "-o", str(out), "--json"]
    began = time.perf_counter()
    done = subprocess.run(
        command + ["--blend"] * blend, stdout=subprocess.PIPE, text=True, check=True
    )
    total = time.perf_counter() - began
    report = json.loads(done.stdout)
    return report["seconds"] | {"process": total}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("photo", nargs="?", type=Path)
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--size", action="append", help=f"default: {' and '.join(SIZES)}")
    parser.add_argument("--blend", action="store_true")
    options = parser.parse_args()
    photo = options.photo or sample_photo()
    with tempfile.TemporaryDirectory() as scratch:
        for size in options.size or SIZES:
            width, height = map(int, size.split("x"))
            file = Path(scratch) / f"{size}.jpg"
            with Image.open(photo) as picture:
                picture.convert("RGB").resize((width, height)).save(file, quality=92)
            runs = [measure(file, Path(scratch), options.blend) for _ in range(options.runs)]
            medians = {name: statistics.median(run[name] for run in runs) for name in runs[0]}
            stages = "  ".join(f"{name} {seconds:.2f}" for name, seconds in medians.items())
            print(f"{size:>10}  {stages}")


if __name__ == "__main__":
    main()
