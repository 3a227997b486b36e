"""The commands of training/README.md, one after the other, as a newcomer types them."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
from PIL import Image

ROOT = Path(__file__).parents[2]


def run(*words: object) -> str:
    """What a command prints; it is run from the repository root and has to succeed."""
    command = [sys.executable, *map(str, words)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_from_scenes_to_figures(tmp_path: Path) -> None:
    data, weights, frames = tmp_path / "data", tmp_path / "weights.npz", tmp_path / "frames"
    make = ("-m", "training.make_dataset", data, "--photos", 12)
    run(*make, "--first", 23, "--shards", 2)
    assert len(list(data.glob("kept_back/*_rgb.npy"))) == 1
    assert "shard" not in run(*make, "--first", 23, "--shards", 2)  # both are there

    train = ("-m", "training.train", data, tmp_path / "run", "--batch", 4, "--scale", 0.5)
    assert "'step': 3" in run(*train, "--steps", 3)
    assert "'step': 5" in run(*train, "--steps", 5)  # goes on
    assert "step" not in run(*train, "--steps", 5000, "--minutes", 0.0001)  # its time is over
    run("-m", "training.export", tmp_path / "run" / "last.pt", weights)
    more = ("--initial", weights, "--steps", 1)
    run("-m", "training.train", data, tmp_path / "more", "--batch", 2, *more)
    assert (tmp_path / "more" / "curves.png").stat().st_size > 1000

    for k in range(2):
        place = frames / f"made_{k}"
        place.mkdir(parents=True)
        inverse = np.linspace(0.2, 1, 96)[:, None].repeat(128, axis=1)
        Image.fromarray((1000 / inverse).astype(np.uint16)).save(place / "depth.png")
        Image.fromarray((255 * inverse).astype(np.uint8)).convert("RGB").save(place / "image.jpg")
        (place / "meta.json").write_text('{"kind": "depth"}')
    evaluate = ("training/evaluate.py", "--weights", weights, "--frames", frames)
    told = run(*evaluate, "--scenes", data / "kept_back", "--pictures", tmp_path / "pictures")
    assert told.count("all sources") == 2
    assert len(list((tmp_path / "pictures").iterdir())) == 2
    run("training/evaluate.py", "--photos", tmp_path / "pictures", "--sheet", tmp_path / "s.png")
    assert Image.open(tmp_path / "s.png").width == 4 * 480
    trivial = run("training/evaluate.py", "--trivial", "--frames", frames).splitlines()[-1]
    assert trivial.split()[-3:] == ["0.000", "1.000", "0.000"]
