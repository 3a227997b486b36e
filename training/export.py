"""Fold batch normalisation into the convolutions and write the weights that Unflat ships.

python -m training.export RUN/last.pt [core/depth/builtin/weights.npz]
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


def export(checkpoint: Path, target: Path) -> None:
    """Write the averaged weights of a checkpoint, after checking that they can be loaded."""
    network = TorchNetwork()
    network.load_state_dict(
        torch.load(checkpoint, weights_only=True, map_location="cpu")["average"]
    )
    tensors = folded(network)
    BuiltinNetwork(tensors)
    np.savez_compressed(target, **tensors)
    print(f"{target}: {target.stat().st_size / 1e6:.1f} MB")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("checkpoint", type=Path)
    parser.add_argument("target", type=Path, nargs="?", default=WEIGHTS)
    options = parser.parse_args()
    export(options.checkpoint, options.target)


if __name__ == "__main__":
    main()
