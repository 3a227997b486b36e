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


_EVERY_DEVICE = ("cuda", "xpu", "mps", "cpu")
_NUMBERED = ("cuda", "xpu")

_BUILTIN = ModelCard(
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
)

_RANFTL_2020 = "Ranftl et al., Towards Robust Monocular Depth Estimation, 2020"
_RANFTL_2021 = "Ranftl et al., Vision Transformers for Dense Prediction, 2021"
_BIRKL_2023 = "Birkl et al., MiDaS v3.1: A Model Zoo for Robust Monocular Depth Estimation, 2023"


def _midas(
    model: str,
    title: str,
    release: str,
    parameters: int,
    memory: int,
    citation: str,
    licence: str = "MIT",
    commercial: bool = True,
) -> ModelCard:
    """A network of MiDaS's release page, whose id ends in its input size.

    The page tells no checksums and states no other licence for the files than the repository's.
    """
    url = f"https://github.com/isl-org/MiDaS/releases/download/{release}/{model}.pt"
    return ModelCard(
        id=model,
        title=title,
        family="midas",
        predicts="inverse",
        input_size=int(model.rsplit("_", 1)[1]),
        parameters=parameters,
        licence=licence,
        commercial=commercial,
        source="https://github.com/isl-org/MiDaS",
        citation=citation,
        file=WeightsFile(f"{model}.pt", url),
        devices=_EVERY_DEVICE,
        memory=memory,
    )


_MIDAS = (
    _midas("midas_v21_small_256", "MiDaS 2.1 Small", "v2_1", 21_320_545, MEM1, _RANFTL_2020),
    _midas(
        "midas_v21_384",
        "MiDaS 2.1 Large",
        "v2_1",
        105_362_945,
        MEM2,
        _RANFTL_2020,
        # Its training began with an encoder under this licence.
        licence="MIT, on weights under CC BY-NC 4.0",
        commercial=False,
    ),
    _midas("dpt_hybrid_384", "DPT-Hybrid", "v3", 123_146_985, MEM3, _RANFTL_2021),
    _midas("dpt_large_384", "DPT-Large", "v3", 344_055_465, MEM4, _RANFTL_2021),
    _midas("dpt_beit_large_512", "MiDaS 3.1 BEiT-L 512", "v3_1", 345_010_729, MEM5, _BIRKL_2023),
    _midas("dpt_beit_large_384", "MiDaS 3.1 BEiT-L 384", "v3_1", 344_334_889, MEM6, _BIRKL_2023),
    _midas("dpt_beit_base_384", "MiDaS 3.1 BEiT-B 384", "v3_1", 111_465_001, MEM7, _BIRKL_2023),
    _midas("dpt_swin2_large_384", "MiDaS 3.1 Swin2-L 384", "v3_1", 213_404_833, MEM8, _BIRKL_2023),
    _midas("dpt_swin2_base_384", "MiDaS 3.1 Swin2-B 384", "v3_1", 102_391_033, MEM9, _BIRKL_2023),
    _midas("dpt_swin2_tiny_256", "MiDaS 3.1 Swin2-T 256", "v3_1", 41_701_331, MEMA, _BIRKL_2023),
    _midas("dpt_swin_large_384", "MiDaS 3.1 Swin-L 384", "v3_1", 213_369_445, MEMB, _BIRKL_2023),
    _midas("dpt_levit_224", "MiDaS 3.1 LeViT 224", "v3_1", 50_630_837, MEMC, _BIRKL_2023),
    _midas("dpt_next_vit_large_384", "MiDaS 3.1 Next-ViT-L 384", "v3_1", 72_260_713, MEMD, _BIRKL_2023),
)  # fmt: skip

MODELS = (_BUILTIN, *_MIDAS)


def find(model: str) -> ModelCard:
    """The card of the model with this id. Raises ModelError."""
    for card in MODELS:
        if card.id == model:
            return card
    known = ", ".join(card.id for card in MODELS)
    raise ModelError(f"There is no model '{model}', choose one of: {known}.")


def check_device(card: ModelCard, device: str) -> None:
    """Raises ModelError unless `device` is "auto" or a device that the model can run on.

    It is a kind, or a kind and a number such as "cuda:1".
    """
    kind, colon, index = device.partition(":")
    numbered = index.isdecimal() and kind in _NUMBERED if colon else True
    if device != "auto" and not (kind in card.devices and numbered):
        raise ModelError(
            f"The model '{card.id}' can't run on {device}, choose one of: "
            f"auto, {', '.join(card.devices)}."
        )
