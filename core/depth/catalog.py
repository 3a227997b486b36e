"""The models there are, and what a user must know of each. Standard library only."""

from __future__ import annotations

from dataclasses import dataclass

from ..errors import ModelError


@dataclass(frozen=True)
class ModelCard:
    """One model.

    predicts: "inverse" (1/z up to scale and shift), "relative" (z up to scale) or "metres".
    commercial: whether its licence allows commercial use.
    devices: what it can run on.
    """

    id: str
    title: str
    predicts: str
    licence: str
    commercial: bool
    source: str
    devices: tuple[str, ...]


MODELS = (
    ModelCard(
        id="builtin",
        title="Built-in",
        predicts="inverse",
        licence="MIT",
        commercial=True,
        source="comes with Unflat; trained only on scenes that Unflat makes itself",
        devices=("cpu",),
    ),
)


def find(model: str) -> ModelCard:
    """The card of the model with this id. Raises ModelError."""
    for card in MODELS:
        if card.id == model:
            return card
    known = ", ".join(card.id for card in MODELS)
    raise ModelError(f"There is no model '{model}', choose one of: {known}.")


def pick_device(card: ModelCard, device: str) -> str:
    """The device to run on: the user's, or for "auto" the model's first. Raises ModelError."""
    if device == "auto":
        return card.devices[0]
    if device not in card.devices:
        raise ModelError(
            f"The model '{card.id}' can't run on {device}, choose one of: "
            f"auto, {', '.join(card.devices)}."
        )
    return device
