"""Peak memory of published networks on the CPU, in fresh processes; not for Windows.

    python benchmarks/memory.py GOLDEN [ID ...] [--megapixels 24]

GOLDEN holds weights by the golden rule (see golden.py), so none need be downloaded. Prints for each
network, over the interpreter with torch loaded, in GB: the peak of depth at the first start, at the
second (when nothing is converted) and of mesh and points too; and what the catalogue says, which
counts the interpreter in. The photo of 3 : 2 is coarse noise.
"""

from __future__ import annotations

import argparse
import os
import resource
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import torch

USUAL = ("depth_anything_v2_vits",)


def peak() -> float:
    """The most bytes that this process has held at once."""
    unit = 1 if sys.platform == "darwin" else 1024
    return float(unit * resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)


def child(model: str, megapixels: float, outputs: str) -> None:
    """In a process of its own: print the bytes that one photo takes."""
    import timm  # noqa: F401 - counts as the interpreter's, as torch

    from unflat.core import Settings, images, reconstruct

    before = peak()
    height = round((megapixels * 1e6 / 1.5) ** 0.5)
    size = (height // 50 + 1, int(1.5 * height) // 50 + 1, 3)
    blocks = np.random.default_rng(0).integers(0, 255, size, np.uint8)
    rgb = blocks.repeat(50, axis=0).repeat(50, axis=1)[:height, : int(1.5 * height)]
    chosen = frozenset(outputs.split(",")) if outputs else frozenset[str]()
    reconstruct(images.from_array(rgb), Settings(model=model, device="cpu", outputs=chosen))
    print(peak() - before)


def measure(golden: Path, model: str, megapixels: float) -> str:
    """The line of one network."""
    from benchmarks.golden import Golden
    from unflat.core.depth import catalog

    card = catalog.find(model)
    assert card.file is not None
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch) / model
        folder.mkdir()
        torch.save(Golden.read(golden / model).weights(), folder / card.file.name)
        command = [sys.executable, __file__, "--child", model, str(megapixels)]
        taken = [
            subprocess.run(
                [*command, outputs],
                env=os.environ | {"UNFLAT_MODELS": scratch},
                stdout=subprocess.PIPE,
                text=True,
                check=True,
            ).stdout
            for outputs in ("", "", "mesh,points")
        ]
    first, second, whole = (float(bytes_) / 1e9 for bytes_ in taken)
    return (
        f"{model:<24} {megapixels:g} megapixels: depth {first:.2f} GB, again {second:.2f} GB, "
        f"with mesh and points {whole:.2f} GB; catalogue {card.memory / 1e9:.2f} GB"
    )


def main() -> None:
    if sys.argv[1:2] == ["--child"]:
        child(sys.argv[2], float(sys.argv[3]), sys.argv[4])
        return
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("golden", type=Path, metavar="GOLDEN")
    parser.add_argument("ids", nargs="*", default=USUAL, metavar="ID")
    parser.add_argument("--megapixels", type=float, default=24)
    options = parser.parse_args()
    for model in options.ids:
        print(measure(options.golden, model, options.megapixels), flush=True)


if __name__ == "__main__":
    main()
