"""Which device a network runs on. Imports torch, in `pick` alone."""

from __future__ import annotations

import gc
import sys
from typing import TYPE_CHECKING

from ..errors import ModelError
from .catalog import ModelCard, check_device

if TYPE_CHECKING:
    from types import ModuleType


def pick(card: ModelCard, device: str) -> str:
    """The device to run on: the user's if it is here, or for "auto" the card's first that is.

    Raises ModelError.
    """
    check_device(card, device)
    if card.file is None:  # the built-in network needs no torch
        return card.devices[0]
    import torch

    kind, _, index = device.partition(":")
    if kind == "auto":
        return next(kind for kind in card.devices if _count(torch, kind))
    if int(index or 0) >= _count(torch, kind):
        raise ModelError(f"There is no device {device} on this computer, choose auto or cpu.")
    return device


def release() -> None:
    """Give back the memory of graphics cards that torch keeps for later, if torch is here."""
    torch = sys.modules.get("torch")
    if torch is None:
        return
    gc.collect()  # networks that are referred to in circles
    for kind in ("cuda", "xpu", "mps"):
        if _count(torch, kind):
            getattr(torch, kind).empty_cache()


def _count(torch: ModuleType, kind: str) -> int:
    """How many devices of a kind torch can use here."""
    if kind == "cpu":
        return 1
    if kind == "mps":
        return int(torch.backends.mps.is_available())
    module = getattr(torch, kind)
    return module.device_count() if module.is_available() else 0
