"""MiDaS 2.1, 3.0 and 3.1: thirteen encoders under one decoder. Imports torch.

Ranftl et al., Towards Robust Monocular Depth Estimation (2020) and Vision Transformers for Dense
Prediction (2021); Birkl et al., MiDaS v3.1 (2023).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

import torch
from torch import Tensor, nn
from torch.nn import functional

from ...arrays import ByteArray, FloatArray
from ...images import Photo
from ..catalog import ModelCard
from ..prediction import Prediction, inverse_map
from ..preprocess import HALF, IMAGENET, Fit, NetworkInput
from ..runtime import Network
from . import midas_pyramids as pyramids
from . import midas_tokens as tokens
from .checkpoint import Names
from .dpt import Fusion, Head, decoder_names


class Midas(nn.Module):
    """Encoder, decoder and a last ReLU.

    any_size: whether it takes more than the size that it was trained at.
    """

    def __init__(
        self, encoder: nn.Module, fusion: Fusion, head: nn.Module, *, any_size: bool
    ) -> None:
        super().__init__()
        self.encoder, self.fusion, self.head = encoder, fusion, head
        self.any_size = any_size

    def forward(self, pixels: Tensor) -> Tensor:
        """(N, 3, h, w) normalised -> inverse depth (N, h, w), >= 0."""
        return functional.relu(self.head(self.fusion(self.encoder(pixels)))).squeeze(1)


class _LevitHead(nn.Module):
    """LeViT's finest level is coarse, so its maps are enlarged fourfold before the last head."""

    def __init__(self) -> None:
        super().__init__()
        self.enlarge = nn.Sequential(*_twice_as_large(256, 128), *_twice_as_large(128, 64))
        self.head = Head(64, 32, last=8)

    def forward(self, fused: Tensor) -> Tensor:
        return self.head(self.enlarge(fused))


def _twice_as_large(channels: int, fewer: int) -> tuple[nn.Module, ...]:
    convolution = nn.ConvTranspose2d(
        channels, fewer, 3, stride=2, padding=1, output_padding=1, bias=False
    )
    return convolution, nn.BatchNorm2d(fewer), nn.Hardswish()


_Encoder = tokens.VisionTransformer | tokens.Beit | pyramids.Pyramid
_FUSION = partial(Fusion, features=256)
_HEAD = partial(Head, 256, 128)


@dataclass(frozen=True)
class _Variant:
    """One published network.

    encoder: gives maps of as many `levels`, and knows their `channels`.
    prefixes: of the encoder, {official: ours}. view: what it wants to see.
    """

    encoder: Callable[[], _Encoder]
    prefixes: Callable[[], dict[str, str]]
    view: NetworkInput
    levels: int = 4
    fusion: Callable[[Sequence[int]], Fusion] = _FUSION
    head: Callable[[], nn.Module] = _HEAD


def _nearest(size: int) -> NetworkInput:
    return NetworkInput(size, Fit.NEAREST, 32, HALF)


def _square(size: int) -> NetworkInput:
    return NetworkInput(size, Fit.SQUARE, 32, HALF)


def _swin(model: str, size: int) -> _Variant:
    return _Variant(partial(pyramids.swin, model), pyramids.swin_names, _square(size))


def _beit(encoder: Callable[[], _Encoder], blocks: int, size: int) -> _Variant:
    return _Variant(encoder, partial(tokens.token_names, _ALL, blocks), _nearest(size))


_ALL = (1, 2, 3, 4)
_VARIANTS = {
    "midas_v21_small_256": _Variant(
        pyramids.efficientnet,
        pyramids.layer_names,
        NetworkInput(256, Fit.LONG_SIDE, 32, IMAGENET),
        fusion=partial(Fusion, features=(64, 128, 256, 512)),
        head=partial(Head, 64, 32, align_corners=False),
    ),
    "midas_v21_384": _Variant(
        pyramids.resnext,
        pyramids.layer_names,
        NetworkInput(384, Fit.LONG_SIDE, 32, IMAGENET),
        fusion=partial(Fusion, features=256, project=False, rectified=True),
        head=partial(Head, 256, 128, align_corners=False),
    ),
    "dpt_hybrid_384": _Variant(
        tokens.vit_hybrid, partial(tokens.token_names, (3, 4)), _nearest(384)
    ),
    "dpt_large_384": _Variant(tokens.vit_large, partial(tokens.token_names, _ALL), _nearest(384)),
    "dpt_beit_large_512": _beit(partial(tokens.beit_large, 512), 24, 512),
    "dpt_beit_large_384": _beit(partial(tokens.beit_large, 384), 24, 384),
    "dpt_beit_base_384": _beit(tokens.beit_base, 12, 384),
    "dpt_swin2_large_384": _swin("swinv2_large_window12to24_192to384", 384),
    "dpt_swin2_base_384": _swin("swinv2_base_window12to24_192to384", 384),
    "dpt_swin2_tiny_256": _swin("swinv2_tiny_window16_256", 256),
    "dpt_swin_large_384": _swin("swin_large_patch4_window12_384", 384),
    "dpt_levit_224": _Variant(
        pyramids.levit, pyramids.levit_names, _square(224), levels=3, head=_LevitHead
    ),
    "dpt_next_vit_large_384": _Variant(pyramids.next_vit, pyramids.next_vit_names, _nearest(384)),
}

# What the files hold and no output depends on: classifiers, final norms, the blocks of LeViT after
# the last one read, tables of indices and masks that timm computes itself.
_UNUSED = (
    r"^pretrained\.model\.(norm|fc_norm|head|head_dist|proj_head)\."
    r"|^pretrained\.model\.blocks\.2[2-7]\.m\."
    r"|\.(relative_position_index|relative_coords_table|attn_mask|attention_bias_idxs)$"
)


def build(card_id: str) -> Midas:
    """The network of a card, without weights."""
    variant = _VARIANTS[card_id]
    encoder = variant.encoder()
    any_size = variant.view.fit is not Fit.SQUARE
    fusion = variant.fusion(encoder.channels)
    return Midas(encoder, fusion, variant.head(), any_size=any_size).eval()


def names(card_id: str) -> Names:
    """The names in its official checkpoint."""
    variant = _VARIANTS[card_id]
    # The coarsest level has nothing to be added to, but the files have the module for it.
    coarsest = rf"|^scratch\.refinenet{variant.levels}\.resConfUnit1\."
    own = variant.prefixes() | decoder_names("scratch.", variant.levels)
    return Names(own | _head_names(variant.head is _LevitHead), _UNUSED + coarsest)


def _head_names(levit: bool) -> dict[str, str]:
    official, ours = "scratch.output_conv.", "head.head." if levit else "head."
    names = {
        f"{official}0.": f"{ours}first.",
        f"{official}2.": f"{ours}second.",
        f"{official}4.": f"{ours}third.",
    }
    if levit:
        for theirs, first in ((0, 0), (2, 3)):
            names[f"scratch.stem_transpose.{theirs}.c."] = f"head.enlarge.{first}."
            names[f"scratch.stem_transpose.{theirs}.bn."] = f"head.enlarge.{first + 1}."
    return names


def pixels(rgb: ByteArray, card: ModelCard) -> FloatArray:
    """What the network sees (3, h, w) float32 of rgb (H, W, 3) uint8."""
    return _VARIANTS[card.id].view.pixels(rgb)


def predict(
    network: Network, photo: Photo, card: ModelCard, device: str, _focal: float | None
) -> Prediction:
    """Inverse depth of a photo, brought to its size bicubically as upstream does."""
    seen = torch.from_numpy(pixels(photo.rgb, card))[None].to(device)
    with torch.inference_mode():
        inverse = network(seen)
        # On the CPU, because not every device enlarges bicubically, and so little is to be moved.
        full = functional.interpolate(
            inverse[None].cpu(), (photo.height, photo.width), mode="bicubic", align_corners=False
        )
    return Prediction(inverse_map(full[0, 0].numpy()), device)
