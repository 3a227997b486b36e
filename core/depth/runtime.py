"""A network made ready for a device: what runs it, and how precisely. Imports torch.

On the CPU OpenVINO runs the networks that it was seen to make faster (`compiled`): of torch in
float32, in bfloat16 and compiled by its inductor, ONNX Runtime and OpenVINO it was the fastest.
Some large networks that it does not run have their transformer rounded in torch. Graphics cards
take half precision where it is safe. All else, and everything if asked to or if OpenVINO is
missing, runs as plain torch in float32.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Protocol

from . import compiled
from .catalog import ModelCard
from .compiled import Way

if TYPE_CHECKING:
    from torch import Tensor, nn

_COMPILED = {
    **dict.fromkeys(("midas_v21_small_256", "dpt_swin2_base_384", "dpt_levit_224"), Way.NOTHING),
    **dict.fromkeys(
        ("depth_anything_v2_vits", "depth_anything_v2_vitb", "depth_anything_v2_vitl",
         "depth_anything_v2_metric_hypersim_vits", "depth_anything_v2_metric_vkitti_vits"),
        Way.BLOCKS,
    ),
    **dict.fromkeys(
        ("midas_v21_384", "dpt_large_384", "dpt_beit_base_384", "dpt_swin2_tiny_256",
         "dpt_swin_large_384", "dpt_next_vit_large_384"),
        None,
    ),
}  # fmt: skip
"""The networks that OpenVINO runs by more than a quarter faster than torch, which is worth their
conversion and disk, and how within 0.5 % of float32; None where only in bfloat16. DPT-Hybrid is
none of them because OpenVINO 2026.4 dies while it compiles that."""

_ROUNDED = ("da3mono_large", "da3metric_large", "moge2_vitl", "moge2_vitl_normal")
"""The networks of which torch is faster with a transformer in bfloat16, and depth within 0.5 % of
float32's. Depth Pro, which has three, is off by 1 %; the smaller MoGe-2 gain nothing."""

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

    wanted: of `settings.PRECISIONS`.
    """
    kind = device.partition(":")[0]
    if wanted == "full":
        return _Plain(load(), device)
    if kind == "cuda" and _says_one_thing(card):
        return _Half(load(), device)
    if kind == "cpu" and compiled.is_here():
        way = _way(card, wanted)
        if way:
            return compiled.Compiled(load, card, modified, way, lambda: _Plain(load(), device))
        if card.id in _ROUNDED and compiled.knows_bfloat16():
            return _Rounded(load())
    return _Plain(load(), device)


def _way(card: ModelCard, wanted: str) -> Way | None:
    """How to compile a network for the CPU; None where torch shall run it."""
    if wanted == "fast" and card.id in _COMPILED and compiled.knows_bfloat16():
        return Way.ALL
    return _COMPILED.get(card.id)


def _says_one_thing(card: ModelCard) -> bool:
    """Whether all that the network gives is a map; Depth Anything 3, Depth Pro, MoGe give more."""
    return card.family == "midas" or card.id.startswith("depth_anything_v2")


class _Plain:
    """torch, float32."""

    precision = FULL

    def __init__(self, network: nn.Module, device: str) -> None:
        import torch

        self._network = network.to(device)
        if device == "cpu":  # a tenth less time; not every kind of device knows this layout well
            self._network.to(memory_format=torch.channels_last)

    def __call__(self, pixels: Tensor, *more: Any) -> Any:
        return self._network(pixels, *more)


class _Rounded(_Plain):
    """torch on the CPU, the linear layers of transformers in bfloat16."""

    precision = "float32, DINOv2's layers in bfloat16"

    def __init__(self, network: nn.Module) -> None:
        from .rounding import round_layers

        round_layers(network)
        super().__init__(network, "cpu")


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
