"""The models there are, and what a user must know of each. Standard library only."""

from __future__ import annotations

from dataclasses import dataclass

from ..errors import ModelError


@dataclass(frozen=True)
class WeightsFile:
    """Where a checkpoint is published.

    name: of the file on disk. url: the official address.
    size: bytes, and sha256: hex digest or its first digits; None where upstream does not say.
    repository, revision: of Hugging Face, where the file comes from there; else None.
    """

    name: str
    url: str
    size: int | None = None
    sha256: str | None = None
    repository: str | None = None
    revision: str | None = None


@dataclass(frozen=True)
class ModelCard:
    """One model.

    predicts: "inverse" (1/z up to scale and shift), "relative" (z up to scale), "metres" or
        "points" (in metres).
    input_size: the side of its input in pixels, long or short as its resize rule says.
    parameters: how many numbers its weights hold.
    commercial: whether its licence clearly allows commercial use.
    source: its official page. citation: authors, title, year.
    file: None for the network that comes with Unflat.
    devices: kinds of device it can run on, the preferred first.
    memory: bytes that a run on the CPU takes, estimated.
    """

    id: str
    title: str
    family: str
    predicts: str
    input_size: int
    parameters: int
    licence: str
    commercial: bool
    source: str
    citation: str
    file: WeightsFile | None
    devices: tuple[str, ...]
    memory: int


MODELS = (
    ModelCard(
        id="builtin",
        title="Built-in",
        family="builtin",
        predicts="inverse",
        input_size=256,
        parameters=7_013_441,
        licence="MIT",
        commercial=True,
        source="comes with Unflat; trained only on scenes that Unflat makes itself",
        citation="Unflat",
        file=None,
        devices=("cpu",),
        memory=500_000_000,
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
