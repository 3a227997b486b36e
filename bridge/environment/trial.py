"""The test that a new environment has to pass, run by its own interpreter. Imports torch.

A tiny network on the chosen device must agree with the processor, every family of networks that
`core` knows must import, and so must what reads pictures and weights.
"""

from __future__ import annotations

import importlib
import json
import platform
from pathlib import Path

from ...core.depth import catalog, models

# Makes this package importable from where it lies, under its usual name: in Blender it has
# another one, and it is installed nowhere.
_START = """
import sys, types
package = types.ModuleType("unflat")
package.__path__ = [sys.argv[1]]
sys.modules["unflat"] = package
from unflat.bridge.environment import trial
trial.main(sys.argv[2])
"""
_LIBRARIES = ("numpy", "PIL", "OpenEXR", "safetensors", "huggingface_hub")
_TOLERANCE = 1e-2  # of the largest value; some devices multiply with fewer digits


def arguments(device: str) -> list[str]:
    """What an interpreter is called with to run the test."""
    return ["-I", "-X", "utf8", "-c", _START, str(Path(__file__).parents[2]), device]


def main(device: str) -> None:
    """Run the test on a kind of device, and print what there is as JSON, last of all."""
    import torch

    _compare(device)
    for name in _LIBRARIES:
        importlib.import_module(name)
    for card in {card.family: card for card in catalog.MODELS if card.file}.values():
        models.family(card)
    known = {"python": platform.python_version(), "torch": torch.__version__}
    print(json.dumps(known | {"device": _name(device)}))


def _compare(device: str) -> None:
    """Raises RuntimeError where the device is missing or computes something else."""
    import torch

    torch.manual_seed(0)
    network = torch.nn.Sequential(
        torch.nn.Conv2d(3, 8, 3, padding=1), torch.nn.GELU(), torch.nn.Conv2d(8, 1, 3)
    )
    picture = torch.rand(1, 3, 32, 32)
    with torch.inference_mode():
        expected = network(picture)
        found = network.to(device)(picture.to(device)).cpu()
    if not torch.allclose(found, expected, atol=_TOLERANCE * float(expected.abs().max())):
        raise RuntimeError(f"a network on {device} gives other values than on the processor")


def _name(device: str) -> str:
    """What a device's driver calls it."""
    import torch

    if device in ("cuda", "xpu"):
        return str(getattr(torch, device).get_device_name(0))
    return {"cpu": "the processor", "mps": "Apple's graphics"}[device]
