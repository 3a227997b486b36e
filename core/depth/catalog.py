"""The models there are, and what a user must know of each. Standard library only."""

from __future__ import annotations

from dataclasses import dataclass

from ..errors import ModelError


@dataclass(frozen=True)
class WeightsFile:
    """Where a checkpoint is published.

    name: of the file on disk. url: the official address.
    size: bytes, and sha256: hex digest or its first digits; None where upstream does not say.
    width: bytes of each number, which tell about how large it is where no size is published.
    repository, revision: of Hugging Face, where the file comes from there; else None.
    """

    name: str
    url: str
    size: int | None = None
    width: int = 4
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
    memory: bytes that the first run on the CPU takes, estimated.
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

    @property
    def download_size(self) -> int:
        """Bytes to download, about; 0 for what comes along."""
        if self.file is None:
            return 0
        return self.file.size or self.file.width * self.parameters

    @property
    def terms(self) -> str:
        """The licence, and a warning unless it clearly allows commercial use."""
        return (
            self.licence if self.commercial else f"{self.licence}, not cleared for commercial use"
        )


_EVERY_DEVICE = ("cuda", "xpu", "mps", "cpu")
_NUMBERED = ("cuda", "xpu")

_BUILTIN = ModelCard(
    id="builtin",
    title="Built-in",
    family="builtin",
    predicts="inverse",
    input_size=256,
    parameters=8_950_273,
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
    megabytes: int,
    citation: str,
    licence: str = "MIT",
    commercial: bool = True,
) -> ModelCard:
    """A network of MiDaS's release page, whose id ends in its input size.

    The page tells no checksums and states no other licence for the files than the repository's.
    megabytes: of memory with the interpreter's, measured on a photo of 4 : 3, and while the
    network is converted if it is by default.
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
        memory=megabytes * 1_000_000,
    )


_MIDAS = (
    _midas("midas_v21_small_256", "MiDaS 2.1 Small", "v2_1", 21_320_545, 1_300, _RANFTL_2020),
    _midas(
        "midas_v21_384",
        "MiDaS 2.1 Large",
        "v2_1",
        105_362_945,
        1_500,
        _RANFTL_2020,
        # Its training began with an encoder under this licence.
        licence="MIT, on weights under CC BY-NC 4.0",
        commercial=False,
    ),
    _midas("dpt_hybrid_384", "DPT-Hybrid", "v3", 123_146_985, 1_700, _RANFTL_2021),
    _midas("dpt_large_384", "DPT-Large", "v3", 344_055_465, 2_600, _RANFTL_2021),
    _midas("dpt_beit_large_512", "MiDaS 3.1 BEiT-L 512", "v3_1", 345_014_441, 2_800, _BIRKL_2023),
    _midas("dpt_beit_large_384", "MiDaS 3.1 BEiT-L 384", "v3_1", 344_338_601, 2_600, _BIRKL_2023),
    _midas("dpt_beit_base_384", "MiDaS 3.1 BEiT-B 384", "v3_1", 111_531_689, 1_700, _BIRKL_2023),
    _midas("dpt_swin2_large_384", "MiDaS 3.1 Swin2-L 384", "v3_1", 213_411_869, 2_400, _BIRKL_2023),
    _midas("dpt_swin2_base_384", "MiDaS 3.1 Swin2-B 384", "v3_1", 102_378_913, 2_700, _BIRKL_2023),
    _midas("dpt_swin2_tiny_256", "MiDaS 3.1 Swin2-T 256", "v3_1", 41_701_331, 1_100, _BIRKL_2023),
    _midas("dpt_swin_large_384", "MiDaS 3.1 Swin-L 384", "v3_1", 213_407_453, 2_400, _BIRKL_2023),
    _midas("dpt_levit_224", "MiDaS 3.1 LeViT 224", "v3_1", 50_630_837, 1_400, _BIRKL_2023),
    _midas("dpt_next_vit_large_384", "MiDaS 3.1 Next-ViT", "v3_1", 72_260_713, 1_500, _BIRKL_2023),
)  # fmt: skip


def _hugging_face(repository: str, name: str) -> WeightsFile:
    url = f"https://huggingface.co/{repository}/resolve/main/{name}"
    return WeightsFile(name, url, repository=repository)


def _depth_anything_2(kind: str, size: str, parameters: int, megabytes: int) -> ModelCard:
    """kind: "", or what a metric network was trained on: "Hypersim" indoors, "VKITTI" outdoors.

    Upstream states licences of the relative networks; which hold for the metric ones is not clear.
    """
    metric = f"metric_{kind.lower()}_" if kind else ""
    model = f"depth_anything_v2_{metric}vit{size[0].lower()}"
    place = {"": "", "Hypersim": " Indoors", "VKITTI": " Outdoors"}[kind]
    licence = "Apache-2.0" if size == "Small" else "CC BY-NC 4.0"
    repository = f"Depth-Anything-V2-{f'Metric-{kind}-' if kind else ''}{size}"
    return ModelCard(
        id=model,
        title=f"Depth Anything 2 {size}{place}",
        family="depth_anything",
        predicts="metres" if kind else "inverse",
        input_size=518,
        parameters=parameters,
        licence=f"{licence} for the relative network" if kind else licence,
        commercial=licence == "Apache-2.0" and not kind,
        source="https://github.com/DepthAnything/Depth-Anything-V2",
        citation="Yang et al., Depth Anything V2, 2024",
        file=_hugging_face(f"depth-anything/{repository}", f"{model}.pth"),
        devices=_EVERY_DEVICE,
        memory=megabytes * 1_000_000,
    )


def _depth_anything_3(kind: str, predicts: str) -> ModelCard:
    """kind: "Mono" or "Metric"."""
    return ModelCard(
        id=f"da3{kind.lower()}_large",
        title=f"Depth Anything 3 {kind} Large",
        family="depth_anything",
        predicts=predicts,
        input_size=504,
        parameters=334_171_394,
        licence="Apache-2.0",
        commercial=True,
        source="https://github.com/ByteDance-Seed/Depth-Anything-3",
        citation="Lin et al., Depth Anything 3, 2025",
        file=_hugging_face(f"depth-anything/DA3{kind.upper()}-LARGE", "model.safetensors"),
        devices=_EVERY_DEVICE,
        memory=2_600 * 1_000_000,
    )


_DEPTH_PRO = ModelCard(
    id="depth_pro",
    title="Depth Pro",
    family="depth_pro",
    predicts="metres",
    input_size=1536,
    parameters=951_991_330,
    licence="Apple's own, in the repository's LICENSE",
    commercial=False,
    source="https://github.com/apple/ml-depth-pro",
    citation="Bochkovskii et al., Depth Pro, 2024",
    file=WeightsFile(
        "depth_pro.pt", "https://ml-site.cdn-apple.com/models/depth-pro/depth_pro.pt", width=2
    ),
    devices=_EVERY_DEVICE,
    memory=9_400 * 1_000_000,
)


def _moge_2(model: str, title: str, parameters: int, megabytes: int) -> ModelCard:
    """Its input has the photo's shape and as many patches as this square."""
    return ModelCard(
        id=f"moge2_{model.replace('-', '_')}",
        title=f"MoGe-2 {title}",
        family="moge",
        predicts="points",
        input_size=840,
        parameters=parameters,
        licence="MIT by its page, unconfirmed for the weights",
        commercial=False,
        source="https://github.com/microsoft/MoGe",
        citation="Wang et al., MoGe-2, 2025",
        file=_hugging_face(f"Ruicheng/moge-2-{model}", "model.pt"),
        devices=_EVERY_DEVICE,
        memory=megabytes * 1_000_000,
    )


_SIZES = (("Small", 24_785_089, 1_500), ("Base", 97_470_785, 2_100), ("Large", 335_315_649, 4_000))

_OTHERS = (
    *(_depth_anything_2(kind, *size) for kind in ("", "Hypersim", "VKITTI") for size in _SIZES),
    _depth_anything_3("Mono", "relative"),
    _depth_anything_3("Metric", "metres"),
    _DEPTH_PRO,
    _moge_2("vits-normal", "Small", 35_103_656, 2_500),
    _moge_2("vitb-normal", "Base", 104_743_592, 2_900),
    _moge_2("vitl-normal", "Large", 330_901_544, 3_800),
    _moge_2("vitl", "Large without normals", 326_209_221, 3_700),
)

MODELS = (_BUILTIN, *_MIDAS, *_OTHERS)


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
