"""Measure the built-in network on real photos with measured depth, through the door that ships.

    python training/evaluate.py --frames FRAMES [--weights FILE] [--pictures FOLDER]
    python training/evaluate.py --photos PHOTOS --sheet SHEET.png
    python training/evaluate.py --scenes DATA/kept_back

UNFLAT_EVAL may name FRAMES. It holds one folder for each frame, named SOURCE_FRAME or
SOURCE-ANYTHING_FRAME, with image.jpg, depth.png (16 bit: millimetres, or disparity x 256; 0 = not
measured) and meta.json ("kind": "depth" or "disparity"). Each prediction is fitted to the truth in
inverse depth by scale and shift (least squares), then AbsRel, delta1 and the ordinal error are
averaged over frames of a source, and those over sources. Such photos are only ever measured on,
never trained on. PHOTOS is any folder of photos; they are shown beside their depth. Kept-back
shards of make_dataset are measured as the frames are. Needs Pillow.
"""

from __future__ import annotations

import argparse
import json
import os
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from unflat.core.depth.builtin.network import BuiltinNetwork
from unflat.core.depth.estimator import run_builtin

Predict = Callable[[np.ndarray], np.ndarray]
_PAIRS = 20000
_TELL_APART = 1.1  # pairs whose depths differ by less are not asked for
METRICS = ("AbsRel", "delta1", "ordinal")


@dataclass(frozen=True)
class Frame:
    """One photo (H, W, 3) float32 sRGB with inverse depth (H, W); 0 where not measured."""

    name: str
    source: str
    rgb: np.ndarray
    inverse: np.ndarray


def read_frames(folder: Path) -> Iterator[Frame]:
    """All frames in a folder, by name."""
    for place in sorted(path.parent for path in folder.glob("*/image.jpg")):
        kind = json.loads((place / "meta.json").read_text())["kind"]
        stored = np.asarray(Image.open(place / "depth.png")).astype(np.float64)
        with np.errstate(divide="ignore"):
            inverse = (
                stored / 256 if kind == "disparity" else np.where(stored > 0, 1000 / stored, 0)
            )
        rgb = np.asarray(Image.open(place / "image.jpg").convert("RGB"), np.float32) / 255
        source = place.name.rsplit("_", 1)[0].split("-")[0]
        yield Frame(place.name, source, rgb, inverse)


def measure(prediction: np.ndarray, inverse: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """AbsRel, delta1 and ordinal error (3,) of one frame after the fit; see METRICS."""
    known = inverse > 0
    guess, truth = prediction[known].astype(np.float64), inverse[known]
    scale, shift = np.linalg.lstsq(np.stack([guess, np.ones_like(guess)], 1), truth, rcond=None)[0]
    # A fit may cross zero far away; half the smallest true value is as far as it may reach.
    fitted = np.maximum(guess * scale + shift, np.quantile(truth, 0.01) / 2)
    ratio = truth / fitted
    i, j = rng.integers(0, len(truth), (2, _PAIRS))
    clear = np.abs(np.log(truth[i] / truth[j])) > np.log(_TELL_APART)
    wrong = np.sign(guess[i] - guess[j]) != np.sign(truth[i] - truth[j])
    ordinal = wrong[clear].mean() if clear.any() else np.nan
    return np.array(
        [np.abs(ratio - 1).mean(), (np.maximum(ratio, 1 / ratio) < 1.25).mean(), ordinal]
    )


def lower_is_nearer(rgb: np.ndarray) -> np.ndarray:
    """The guess to beat: inverse depth grows down the photo."""
    return np.repeat(np.linspace(0, 1, rgb.shape[0])[:, None], rgb.shape[1], axis=1)


def built_in(weights: Path | None = None) -> Predict:
    """The network with all that Unflat does to its output."""
    network = BuiltinNetwork.load(weights)
    return lambda rgb: run_builtin(network, rgb)


def evaluate(predict: Predict, frames: Iterable[Frame]) -> dict[str, np.ndarray]:
    """Metrics (3,) for each source, and their mean as "all sources"."""
    rng = np.random.default_rng(0)
    rows: dict[str, list[np.ndarray]] = {}
    for frame in frames:
        values = measure(predict(frame.rgb), frame.inverse, rng)
        rows.setdefault(frame.source, []).append(values)
    if not rows:
        raise SystemExit("The folder holds nothing to measure on; see --help.")
    table = {source: np.nanmean(values, axis=0) for source, values in rows.items()}
    table["all sources"] = np.nanmean(list(table.values()), axis=0)
    return table


def read_scenes(folder: Path, each: int = 24) -> Iterator[Frame]:
    """The first photos of each shard in a folder; the size of the shard is the source."""
    for path in sorted(folder.glob("*_rgb.npy")):
        stem = path.name.removesuffix("_rgb.npy")
        photos = np.load(path, mmap_mode="r")
        depths = np.load(path.with_name(f"{stem}_inverse.npy"), mmap_mode="r")
        for k in range(min(each, len(photos))):
            inverse = np.asarray(depths[k], np.float64)
            if (inverse > 0).mean() > 0.05:
                rgb = np.asarray(photos[k], np.float32) / 255
                yield Frame(f"{stem}_{k}", stem.split("_")[1], rgb, inverse)


def side_by_side(rgb: np.ndarray, inverse: np.ndarray) -> Image.Image:
    """Photo (H, W, 3) and inverse depth (H, W), near = bright, as one picture."""
    low, high = np.quantile(inverse, (0.01, 0.99))
    grey = np.clip((inverse - low) / (high - low + 1e-9), 0, 1)[..., None].repeat(3, axis=2)
    both = np.concatenate([rgb, grey], axis=1)
    return Image.fromarray((both * 255).astype(np.uint8))


def _save_pictures(predict: Predict, folder: Path, target: Path) -> None:
    """Photo and prediction side by side, to look at."""
    target.mkdir(parents=True, exist_ok=True)
    for frame in read_frames(folder):
        side_by_side(frame.rgb, predict(frame.rgb)).save(target / f"{frame.name}.png")


def contact_sheet(
    predict: Predict, folder: Path, columns: int = 4, width: int = 480
) -> Image.Image:
    """All photos of a folder beside their depth on one sheet, `width` pixels for each pair."""
    cells = []
    for path in sorted(folder.iterdir()):
        if path.suffix.lower() in (".jpg", ".jpeg", ".png", ".webp"):
            image = Image.open(path).convert("RGB")
            image.thumbnail((1024, 1024))
            rgb = np.asarray(image, np.float32) / 255
            both = side_by_side(rgb, predict(rgb))
            both.thumbnail((width, width * 3 // 8))
            cells.append(both)
    rows = -(-len(cells) // columns)
    sheet = Image.new("RGB", (columns * width, max(1, rows) * width * 3 // 8))
    for k, cell in enumerate(cells):
        sheet.paste(cell, (k % columns * width, k // columns * width * 3 // 8))
    return sheet


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--frames", type=Path, default=os.environ.get("UNFLAT_EVAL"))
    parser.add_argument("--scenes", type=Path, help="kept-back shards to measure on")
    parser.add_argument("--photos", type=Path, help="photos for the contact sheet")
    parser.add_argument("--sheet", type=Path, default=Path("sheet.png"), help="contact sheet")
    parser.add_argument("--weights", type=Path, help="default: the ones that ship")
    parser.add_argument("--trivial", action="store_true", help='measure "lower is nearer" instead')
    parser.add_argument("--pictures", type=Path, help="also save frames and predictions here")
    options = parser.parse_args()
    if not (options.frames or options.scenes or options.photos):
        parser.error("name a folder: --frames, --scenes or --photos")
    predict = lower_is_nearer if options.trivial else built_in(options.weights)
    if options.photos:
        contact_sheet(predict, options.photos).save(options.sheet)
    if options.frames:
        _print_table(evaluate(predict, read_frames(Path(options.frames))))
    if options.scenes:
        _print_table(evaluate(predict, read_scenes(options.scenes)))
    if options.frames and options.pictures:
        _save_pictures(predict, Path(options.frames), options.pictures)


def _print_table(table: dict[str, np.ndarray]) -> None:
    print(f"{'':14s}" + "".join(f"{name:>9s}" for name in METRICS))
    for source, values in table.items():
        print(f"{source:14s}" + "".join(f"{value:9.3f}" for value in values))


if __name__ == "__main__":
    main()
