"""The commands of training/README.md, as a newcomer types them."""

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
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_from_nothing_to_figures(tmp_path: Path) -> None:
    small = ("--no-library", "--shards", 26, "--photos", 1, "--workers", 2, "--minutes", 0.02)
    repeat = ("-m", "training.repeat", tmp_path, *small)
    assert run(*repeat).count("shard") == 26
    assert len(list((tmp_path / "data" / "kept_back").glob("*_rgb.npy"))) == 1
    assert "shard" not in run(*repeat)  # all that is kept
    assert (tmp_path / "full" / "curves.png").stat().st_size > 1000

    frames = tmp_path / "frames"
    for k in range(2):
        place = frames / f"made_{k}"
        place.mkdir(parents=True)
        inverse = np.linspace(0.2, 1, 96)[:, None].repeat(128, axis=1)
        Image.fromarray((1000 / inverse).astype(np.uint16)).save(place / "depth.png")
        Image.fromarray((255 * inverse).astype(np.uint8)).convert("RGB").save(place / "image.jpg")
        (place / "meta.json").write_text('{"kind": "depth"}')
    evaluate = ("training/evaluate.py", "--weights", tmp_path / "weights.npz", "--frames", frames)
    scenes = ("--scenes", tmp_path / "data" / "kept_back")
    assert run(*evaluate, *scenes, "--pictures", tmp_path / "pictures").count("all sources") == 2
    assert len(list((tmp_path / "pictures").iterdir())) == 2
    run("training/evaluate.py", "--photos", tmp_path / "pictures", "--sheet", tmp_path / "s.png")
    assert Image.open(tmp_path / "s.png").width == 4 * 480
    trivial = run("training/evaluate.py", "--trivial", "--frames", frames).splitlines()[-1]
    assert trivial.split()[-3:] == ["0.000", "1.000", "0.000"]


def test_training_goes_on(tmp_path: Path) -> None:
    shard = tmp_path / "00000_96x64"
    np.save(f"{shard}_rgb.npy", np.random.default_rng(0).integers(0, 256, (4, 64, 96, 3), np.uint8))
    np.save(f"{shard}_inverse.npy", np.ones((4, 64, 96), np.float16))
    train = ("-m", "training.train", tmp_path, tmp_path / "run", "--batch", 2)
    assert "'step': 2" in run(*train, "--steps", 2)
    assert "'step': 4" in run(*train, "--steps", 4)
    assert "step" not in run(*train, "--steps", 4)  # nothing left to do
    assert "step" not in run(*train, "--steps", 5000, "--minutes", 0.0001)  # its time is over
    run("-m", "training.export", tmp_path / "run" / "last.pt", tmp_path / "weights.npz")
    more = ("--initial", tmp_path / "weights.npz", "--steps", 1)
    assert "'step': 1" in run("-m", "training.train", tmp_path, tmp_path / "more", *more)
