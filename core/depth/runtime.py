"""A network made ready for a device: what runs it, and how precisely. Imports torch.

On the CPU networks of one kind of input, MiDaS and Depth Anything 2, are compiled by OpenVINO
(`compiled`), because it was the fastest of what was tried: torch in bfloat16 and with channels
last came next, and took twice as long. Graphics cards take half precision where it is safe. All
else, and everything if asked to or if OpenVINO is missing, runs as plain torch in float32.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Protocol

from . import compiled
from .catalog import ModelCard

if TYPE_CHECKING:
    from torch import Tensor, nn

_CRASHES = ("dpt_hybrid_384",)
"""What OpenVINO 2026.4 dies of while it compiles, which no exception tells."""

FULL = "float32"
"""The precision of plain torch."""


class Network(Protocol):
    """What a family predicts with. precision: in words, of the last call."""

    precision: str

    def __call__(self, pixels: Tensor, *more: Any) -> Any:
        """What `forward` of the family's network gives."""


def prepare(
    load: Callable[[], nn.Module], card: ModelCard, device: str, wanted: str, modified: int
) -> Network:
    """The card's network for a device. `load` makes it, on the CPU; modified: of its weights, ns.

    wanted: "auto", or "full" for float32 everywhere.
    """
    kind = device.partition(":")[0]
    if wanted == "full" or not _is_one_kind(card) or kind not in ("cpu", "cuda"):
        return _Plain(load(), device)
    if kind == "cuda":
        return _Half(load(), device)
    if not compiled.is_here() or card.id in _CRASHES:
        return _Plain(load(), device)
    return compiled.Compiled(load, card, modified, lambda: _Plain(load(), device))


def _is_one_kind(card: ModelCard) -> bool:
    """Whether all that the network sees is one picture of a size that many photos share.

    MoGe takes photos as they are, Depth Anything 3 decides pixel by pixel what is sky, and twice
    the memory of Depth Pro is more than many computers have.
    """
    return card.family == "midas" or card.id.startswith("depth_anything_v2")


class _Plain:
    """torch, float32."""

    precision = FULL

    def __init__(self, network: nn.Module, device: str) -> None:
        self._network = network.to(device)

    def __call__(self, pixels: Tensor, *more: Any) -> Any:
        return self._network(pixels, *more)


class _Half:
    """torch with convolutions and products in float16, sums and norms in float32.

    What float16 can't hold comes out as no number, and then float32 says it.
    """

    def __init__(self, network: nn.Module, device: str) -> None:
        import torch

        self._network = network.to(device).to(memory_format=torch.channels_last)
        self.precision = FULL

    def __call__(self, pixels: Tensor, *more: Any) -> Any:
        import torch

        pixels = pixels.contiguous(memory_format=torch.channels_last)
        with torch.autocast(pixels.device.type, torch.float16):
            found = self._network(pixels, *more).float()
        if found.isfinite().all():
            self.precision = "float16 and float32"
            return found
        self.precision = FULL
        return self._network(pixels, *more)
