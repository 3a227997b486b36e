"""Whether published networks compute what their reference does: golden weights in, its output out.

    python benchmarks/golden.py DIR [ID ...]

DIR holds a folder for each network with keys.json, meta.json and golden.npz; its README tells how
weights are drawn from the names of a checkpoint's entries, so none need to be downloaded. Prints a
line for each network: id, largest relative error, ok or not; ends with 1 if one is not. The error
is the largest difference over the largest value, the worst of all outputs.
"""

from __future__ import annotations

import argparse
import gc
import hashlib
import json
import math
import sys
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from unflat.core.depth import catalog, models

LIMIT = 2e-4
DEPTH_PRO_SIDE = 1536
SKY = 0.3

KEPT = {
    "num_batches_tracked", "relative_position_index", "relative_coords_table",
    "attention_bias_idxs", "attn_mask", "image_mean", "image_std", "periods",
}  # fmt: skip
TABLES = {
    "pos_embed", "cls_token", "dist_token", "mask_token", "register_tokens", "camera_token",
    "position_embeddings", "embeddings",
}  # fmt: skip


@dataclass(frozen=True)
class Golden:
    """One network's folder. arrays: of golden.npz, inputs and outputs."""

    folder: Path
    entries: list[tuple[str, list[int], str]]
    meta: dict[str, Any]
    arrays: dict[str, np.ndarray]

    @classmethod
    def read(cls, folder: Path) -> Golden:
        with np.load(folder / "golden.npz", allow_pickle=False) as arrays:
            return cls(
                folder,
                json.loads((folder / "keys.json").read_text(encoding="utf-8")),
                json.loads((folder / "meta.json").read_text(encoding="utf-8")),
                dict(arrays),
            )

    @property
    def model(self) -> str:
        """The network's id in our catalogue."""
        return self.meta["model_id"]

    def weights(self) -> dict[str, Tensor]:
        """{official name: float32}, without the entries that a network knows by itself.

        Raises ValueError if they are not those the reference ran with.
        """
        if self.meta["rule_version"] != 1:
            raise ValueError(f"{self.folder} has weights of another rule than 1")
        drawn = {}
        for name, shape, dtype in self.entries:
            if name.rsplit(".", 1)[-1] not in KEPT and dtype.startswith(("float", "bfloat")):
                drawn[name] = draw(self.meta["salt"] + name, name, tuple(shape))
        for change in self.meta["weight_overrides"]:
            old, by = drawn[change["name"]].astype(np.float64), change["value"]
            new = old + by if change["op"] == "add" else old * by
            drawn[change["name"]] = np.asarray(new, np.float32)
        if digest(drawn) != self.meta["weights_sha256"]:
            raise ValueError(f"{self.folder} was made with other weights than its rule gives here")
        return {name: torch.from_numpy(value) for name, value in drawn.items()}

    def errors(self, found: dict[str, Tensor]) -> Iterator[tuple[str, float]]:
        """(name, relative error) of each stored output."""
        step = self.meta.get("output_stride") or 1
        for name, expected in self.arrays.items():
            if name.startswith("input"):
                continue
            value = found[name].cpu().numpy()
            if step > 1 and value.ndim > 2 and min(value.shape[-2:]) > 1:
                value = value[..., ::step, ::step]
            if value.shape != expected.shape:
                raise ValueError(f"{name} is {value.shape} and not {expected.shape}")
            difference = np.abs(value.astype(np.float64) - expected)
            if name == "depth":  # it jumps where the score of the sky reaches this
                difference = difference[np.abs(self.arrays["sky"] - SKY) > 1e-3]
            if name == "normal":  # unit vectors jump where what is normalised is nearly zero
                yield name, float(np.sqrt((difference**2).mean()))
            else:
                yield name, float(difference.max() / np.abs(expected).max())


def draw(seed: str, name: str, shape: tuple[int, ...]) -> np.ndarray:
    """An entry's weights (float32): normal noise, scaled by what kind of entry it is."""
    noise = np.random.Generator(np.random.PCG64(zlib.crc32(seed.encode()))).standard_normal(shape)
    last = name.rsplit(".", 1)[-1]
    if last == "running_mean":
        value = 0.1 * noise
    elif last == "running_var":
        value = 1 + 0.2 * np.abs(noise)
    elif last == "logit_scale":
        value = math.log(10) + 0.1 * noise
    elif last in ("gamma", "gamma_1", "gamma_2", "lambda1"):
        value = 0.3 + 0.05 * noise
    elif last in TABLES:
        value = 0.1 * noise
    elif last in ("relative_position_bias_table", "attention_biases"):
        value = noise
    elif last == "bias" or last.endswith("_bias"):
        value = 0.05 * noise
    elif len(shape) < 2:
        value = 1 + 0.1 * noise
    else:
        gain = 1.2 if len(shape) >= 4 else 1.0
        value = noise * (gain / math.sqrt(math.prod(shape[1:])))
    return np.asarray(value, np.float32)


def digest(weights: dict[str, np.ndarray]) -> str:
    """SHA-256 over names and little-endian values, in the order of the names."""
    total = hashlib.sha256()
    for name in sorted(weights):
        total.update(name.encode() + b"\0")
        total.update(np.ascontiguousarray(weights[name], "<f4").data)
    return total.hexdigest()


def compare(folder: Path) -> dict[str, float]:
    """{output: relative error} of the network that a folder is of. Raises UnflatError."""
    golden = Golden.read(folder)
    network = models.load(catalog.find(golden.model), golden.weights())
    if "input" in golden.arrays:
        pixels = torch.from_numpy(golden.arrays["input"])
    else:  # Depth Pro's, stored small
        small = torch.from_numpy(golden.arrays["input_small"])
        pixels = small
        for axis in (2, 3):
            pixels = pixels.repeat_interleave(DEPTH_PRO_SIDE // small.shape[axis], dim=axis)
    more = [golden.meta["num_tokens"]] if "num_tokens" in golden.meta else []
    with torch.inference_mode():
        found = network(pixels, *more)
    return dict(golden.errors(found if isinstance(found, dict) else {"output": found}))


def folders(root: Path, ids: list[str]) -> list[Path]:
    """The networks' folders in `root` that are asked for, or all whose network we have."""
    if ids:
        return [root / name for name in ids]
    known = {card.id for card in catalog.MODELS}
    found = sorted(path.parent for path in root.glob("*/keys.json"))
    return [folder for folder in found if Golden.read(folder).model in known]


def main() -> int:
    parser = argparse.ArgumentParser(description="Compare networks with golden outputs.")
    parser.add_argument("root", type=Path, metavar="DIR")
    parser.add_argument("ids", nargs="*", metavar="ID")
    options = parser.parse_args()
    failed = False
    for folder in folders(options.root, options.ids):
        try:
            errors = compare(folder)
        except Exception as error:  # whatever it is, the others are still told
            failed = True
            print(f"{folder.name:<40} {'-':>8}  not ok: {error!r}", flush=True)
            continue
        worst = max(errors.values())
        ok = worst < LIMIT  # NaN is not
        failed |= not ok
        print(f"{folder.name:<40} {worst:8.1e}  {'ok' if ok else 'not ok'}", flush=True)
        gc.collect()  # the largest networks would not fit twice
    return int(failed)


if __name__ == "__main__":
    sys.exit(main())
