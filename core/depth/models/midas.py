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

from ...images import Photo
from ..catalog import ModelCard
from ..prediction import Prediction, inverse_map
from ..preprocess import HALF, IMAGENET, Fit, NetworkInput
from . import midas_pyramids as pyramids
from . import midas_tokens as tokens
from .checkpoint import Names
from .dpt import Fusion, Head, decoder_names


class Midas(nn.Module):
    """Encoder, decoder and a last ReLU."""

    def __init__(self, encoder: nn.Module, fusion: Fusion, head: nn.Module) -> None:
        super().__init__()
        self.encoder, self.fusion, self.head = encoder, fusion, head

    def forward(self, pixels: Tensor) -> Tensor:
        """(N, 3, h, w) normalised -> inverse depth (N, h, w), >= 0."""
        fused = self.fusion(self.encoder(pixels))
        size = pixels.shape[-2], pixels.shape[-1]
        return functional.relu(self.head(fused, size)).squeeze(1)


class _LevitHead(nn.Module):
    """LeViT's finest level is coarse, so its maps are enlarged fourfold before the last head."""

    def __init__(self) -> None:
        super().__init__()
        self.enlarge = nn.Sequential(*_twice_as_large(256, 128), *_twice_as_large(128, 64))
        self.head = Head(64, 32, last=8)

    def forward(self, fused: Tensor, size: tuple[int, int]) -> Tensor:
        return self.head(self.enlarge(fused), size)


def _twice_as_large(channels: int, fewer: int) -> tuple[nn.Module, ...]:
    convolution = nn.ConvTranspose2d(
        channels, fewer, 3, stride=2, padding=1, output_padding=1, bias=False
    )
    return convolution, nn.BatchNorm2d(fewer), nn.Hardswish()


_FUSION = partial(Fusion, features=256)
_HEAD = partial(Head, 256, 128)


@dataclass(frozen=True)
class _Variant:
    """One published network.

    channels: of the encoder's levels. prefixes: of the encoder, {official: ours}.
    """

    encoder: Callable[[], nn.Module]
    channels: tuple[int, ...]
    prefixes: Callable[[], dict[str, str]]
    view: NetworkInput
    fusion: Callable[[Sequence[int]], Fusion] = _FUSION
    head: Callable[[], nn.Module] = _HEAD


def _nearest(size: int) -> NetworkInput:
    return NetworkInput(size, Fit.NEAREST, 32, HALF)


def _square(size: int) -> NetworkInput:
    return NetworkInput(size, Fit.SQUARE, 32, HALF)


def _swin(model: str, first: int, size: int) -> _Variant:
    channels = (first, 2 * first, 4 * first, 8 * first)
    return _Variant(partial(pyramids.swin, model), channels, pyramids.swin_names, _square(size))


def _beit(
    encoder: Callable[[], nn.Module], channels: tuple[int, ...], blocks: int, size: int
) -> _Variant:
    names = partial(tokens.token_names, (1, 2, 3, 4), blocks)
    return _Variant(encoder, channels, names, _nearest(size))


_LARGE = (256, 512, 1024, 1024)
_VARIANTS = {
    "midas_v21_small_256": _Variant(
        pyramids.efficientnet,
        (32, 48, 136, 384),
        pyramids.layer_names,
        NetworkInput(256, Fit.LONG_SIDE, 32, IMAGENET),
        fusion=partial(Fusion, features=(64, 128, 256, 512)),
        head=partial(Head, 64, 32, align_corners=False),
    ),
    "midas_v21_384": _Variant(
        pyramids.resnext,
        (256, 512, 1024, 2048),
        pyramids.layer_names,
        NetworkInput(384, Fit.LONG_SIDE, 32, IMAGENET),
        fusion=partial(Fusion, features=256, project=False, rectified=True),
        head=partial(Head, 256, 128, align_corners=False),
    ),
    "dpt_hybrid_384": _Variant(
        tokens.vit_hybrid, (256, 512, 768, 768), partial(tokens.token_names, (3, 4)), _nearest(384)
    ),
    "dpt_large_384": _Variant(
        tokens.vit_large, _LARGE, partial(tokens.token_names, (1, 2, 3, 4)), _nearest(384)
    ),
    "dpt_beit_large_512": _beit(partial(tokens.beit_large, 512), _LARGE, 24, 512),
    "dpt_beit_large_384": _beit(partial(tokens.beit_large, 384), _LARGE, 24, 384),
    "dpt_beit_base_384": _beit(tokens.beit_base, (96, 192, 384, 768), 12, 384),
    "dpt_swin2_large_384": _swin("swinv2_large_window12to24_192to384", 192, 384),
    "dpt_swin2_base_384": _swin("swinv2_base_window12to24_192to384", 128, 384),
    "dpt_swin2_tiny_256": _swin("swinv2_tiny_window16_256", 96, 256),
    "dpt_swin_large_384": _swin("swin_large_patch4_window12_384", 192, 384),
    "dpt_levit_224": _Variant(
        pyramids.levit, (384, 512, 768), pyramids.levit_names, _square(224), head=_LevitHead
    ),
    "dpt_next_vit_large_384": _Variant(
        pyramids.next_vit, (96, 256, 512, 1024), pyramids.next_vit_names, _nearest(384)
    ),
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
    network = Midas(variant.encoder(), variant.fusion(variant.channels), variant.head())
    return network.eval()


def names(card_id: str) -> Names:
    """The names in its official checkpoint."""
    variant = _VARIANTS[card_id]
    levels = len(variant.channels)
    # The coarsest level has nothing to be added to, but the files have the module for it.
    coarsest = rf"|^scratch\.refinenet{levels}\.resConfUnit1\."
    own = variant.prefixes() | decoder_names("scratch.", levels) | _head_names(card_id)
    return Names(own, _UNUSED + coarsest)


def _head_names(card_id: str) -> dict[str, str]:
    official = {"first.": "0.", "second.": "2.", "third.": "4."}
    if card_id != "dpt_levit_224":
        return {
            f"scratch.output_conv.{theirs}": f"head.{ours}" for ours, theirs in official.items()
        }
    names = {
        f"scratch.output_conv.{theirs}": f"head.head.{ours}" for ours, theirs in official.items()
    }
    for theirs, ours in ((0, 0), (2, 3)):
        names[f"scratch.stem_transpose.{theirs}.c."] = f"head.enlarge.{ours}."
        names[f"scratch.stem_transpose.{theirs}.bn."] = f"head.enlarge.{ours + 1}."
    return names


def predict(
    network: nn.Module, photo: Photo, card: ModelCard, device: str, _focal: float | None
) -> Prediction:
    """Inverse depth of a photo, brought to its size bicubically as upstream does."""
    pixels = torch.from_numpy(_VARIANTS[card.id].view.pixels(photo.rgb))
    with torch.inference_mode():
        inverse = network(pixels[None].to(device))
        # On the CPU, because not every device enlarges bicubically, and so little is to be moved.
        full = functional.interpolate(
            inverse[None].cpu(), (photo.height, photo.width), mode="bicubic", align_corners=False
        )
    return Prediction(inverse_map(full[0, 0].numpy()), device)
