"""Fold batch normalisation into the convolutions and write the weights that Unflat ships.

    python -m training.export RUN/last.pt [core/depth/builtin/weights.npz] [--mix OLDER.npz]

`--mix` blends in the weights that the training went on from: halfway back on the way it took, a
network has forgotten less of what it knew and does better on photos (Wortsman et al. 2022).
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
import torch

from unflat.core.depth.builtin.network import WEIGHTS, BuiltinNetwork
from unflat.core.depth.builtin.plan import CONVOLUTIONS

from .network import TorchNetwork


def folded(network: TorchNetwork, dtype: type[np.floating] = np.float16) -> dict[str, np.ndarray]:
    """The tensors that BuiltinNetwork wants, by name."""
    tensors = {}
    for step in CONVOLUTIONS:
        weight, bias = network.layer(step).folded()
        tensors[f"{step.name}.weight"] = weight.numpy().astype(dtype)
        tensors[f"{step.name}.bias"] = bias.numpy().astype(np.float32)
    return tensors


def mixed(tensors: dict[str, np.ndarray], older: Path, share: float) -> dict[str, np.ndarray]:
    """`share` of the exported weights in `older`, the rest of `tensors`, name by name.

    Layers that the older network did not have stay as they are.
    """
    with np.load(older) as stored:
        known = {name: stored[name] for name in stored.files}
    return {
        name: (tensor * (1 - share) + known[name] * np.float32(share)).astype(tensor.dtype)
        if name in known
        else tensor
        for name, tensor in tensors.items()
    }


def export(checkpoint: Path, target: Path, older: Path | None = None, share: float = 0.25) -> None:
    """Write the averaged weights of a checkpoint, after checking that they can be loaded."""
    network = TorchNetwork()
    stored = torch.load(checkpoint, weights_only=True, map_location="cpu")
    network.load_state_dict(stored["average"])
    tensors = folded(network)
    if older:
        tensors = mixed(tensors, older, share)
    BuiltinNetwork(tensors)
    partial = target.with_suffix(".partial.npz")
    np.savez_compressed(partial, **tensors)
    partial.replace(target)
    print(f"{target}: {target.stat().st_size / 1e6:.1f} MB")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("checkpoint", type=Path)
    parser.add_argument("target", type=Path, nargs="?", default=WEIGHTS)
    parser.add_argument("--mix", type=Path, help="exported weights to blend in")
    parser.add_argument("--share", type=float, default=0.25, help="of those")
    options = parser.parse_args()
    export(options.checkpoint, options.target, options.mix, options.share)


if __name__ == "__main__":
    main()
