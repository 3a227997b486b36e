"""Published depth networks, on torch and timm: one file per family, imported when needed.

A family's file offers

    build(card_id)                 the network, float32, in evaluation mode; made inside
                                   `checkpoint.Unfilled()`, so it has no weights yet
    names(card_id)                 how its official checkpoint's entries are called (`Names`)
    predict(network, photo, card, device, focal)
                                   Photo -> Prediction of its size, on the device of the network;
                                   focal is in pixels if it is known, which settles metres

and `forward(pixels)` of its network is what upstream calls the network: normalised pixels
(N, 3, h, w) in, the raw output out. One that can be compiled also says whether it takes `any_size`,
or only that which it was trained at.

    dinov2, dpt  the backbone and the decoder that several families share
    checkpoint   official names, checked and strict
"""

from __future__ import annotations

from importlib import import_module
from types import ModuleType
from typing import TYPE_CHECKING

from ...errors import needing
from ..catalog import ModelCard

if TYPE_CHECKING:
    from collections.abc import Mapping

    from torch import Tensor, nn


def family(card: ModelCard) -> ModuleType:
    """The file of the card's family. Raises MissingLibraryError without torch or timm."""
    purpose = f"The model '{card.id}' needs"
    with needing("torch", purpose):
        import torch  # noqa: F401
    with needing("timm", purpose):
        _settle_torchvision()
        import timm  # noqa: F401
    return import_module(f".{card.family}", __name__)


def _settle_torchvision() -> None:
    """Let timm have torchvision also where that was built for another torch than is here.

    Package indexes mix them: a torch for processors beside a torchvision for CUDA. Then its
    compiled operators don't load, and it stops at declaring what two of them give; timm needs
    none of them, only its Python half.
    """
    import torch

    try:
        import torchvision  # noqa: F401
    except RuntimeError:
        for name in ("torchvision::nms", "torchvision::qnms"):
            torch.library.define(
                name, "(Tensor dets, Tensor scores, float iou_threshold) -> Tensor"
            )


def load(card: ModelCard, state: Mapping[str, Tensor]) -> nn.Module:
    """The network of a card with the weights of its official checkpoint, on the CPU.

    Raises WeightsError if they don't fit, or MissingLibraryError.
    """
    module = family(card)
    from .checkpoint import Unfilled
    from .checkpoint import load as fill

    with Unfilled():
        network: nn.Module = module.build(card.id)
    fill(network, state, module.names(card.id))
    return network
