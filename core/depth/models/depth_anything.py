"""Depth Anything 2 and 3: DINOv2 under the decoder of dense prediction transformers.

Imports torch and timm. Yang et al., Depth Anything V2 (2024); Lin et al., Depth Anything 3 (2025).
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional

from .checkpoint import Names
from .dinov2 import PATCH, WIDTHS, DinoV2, Size
from .dpt import Fusion, Head, Reassemble, decoder_names

_SCALES = (4, 2, 1, 0.5)  # of the levels, from the grid of patches
_SKY = 0.3  # from this score on a pixel is sky
_FAR = 0.99  # the quantile of depth at which upstream puts the sky
_FEW = 10  # with no more pixels of sky, or of all else, upstream leaves the sky where it is


@dataclass(frozen=True)
class _Plan:
    """What tells the sizes apart.

    blocks: of the backbone, from 0, that are read. channels: of the levels made of them.
    features: inside the decoder.
    """

    blocks: tuple[int, int, int, int]
    channels: tuple[int, int, int, int]
    features: int


_PLANS: dict[Size, _Plan] = {
    "s": _Plan((2, 5, 8, 11), (48, 96, 192, 384), 64),
    "b": _Plan((2, 5, 8, 11), (96, 192, 384, 768), 128),
    "l": _Plan((4, 11, 17, 23), (256, 512, 1024, 1024), 256),
}

_FARTHEST = {"hypersim": 20.0, "vkitti": 80.0}
"""Metres at which metric networks end, by what they were trained on."""


def build(card_id: str) -> nn.Module:
    """The network of this id; see the package."""
    if card_id.startswith("da3"):
        return DepthAnything3().eval()
    size: Size = card_id[-1]  # type: ignore[assignment]
    trained = card_id.split("_")[-2]
    return DepthAnything2(size, _FARTHEST.get(trained)).eval()


def names(card_id: str) -> Names:
    """The names in its official checkpoint."""
    new = card_id.startswith("da3")
    backbone, head = ("model.backbone.", "model.head.") if new else ("", "depth_head.")
    prefixes = {
        f"{backbone}pretrained.": "backbone.",
        f"{head}scratch.output_conv1.": "head.first.",
        f"{head}scratch.output_conv2.0.": "head.second.",
        f"{head}scratch.output_conv2.2.": "head.third.",
        f"{head}scratch.sky_output_conv2.": "sky.",
        **decoder_names(f"{head}scratch."),
    }
    for level in range(len(_SCALES)):
        prefixes[f"{head}projects.{level}."] = f"levels.{level}.project."
        prefixes[f"{head}resize_layers.{level}."] = f"levels.{level}.resize."
    # The mask token was for training. The coarsest level has nothing to be added to.
    return Names(prefixes, r"\.mask_token$|\.refinenet4\.resConfUnit1\.")


class _DepthAnything(nn.Module):
    """Backbone and decoder."""

    def __init__(self, size: Size) -> None:
        super().__init__()
        plan = _PLANS[size]
        self.blocks = plan.blocks
        self.backbone = DinoV2(size)
        self.levels = nn.ModuleList(
            Reassemble(WIDTHS[size], channels, scale, readout=False)
            for channels, scale in zip(plan.channels, _SCALES, strict=True)
        )
        self.fusion = Fusion(plan.channels, plan.features)
        self.head = Head(plan.features, plan.features // 2)

    def decoded(self, pixels: Tensor) -> Tensor:
        """(N, 3, h, w) normalised -> (N, channels, h, w), from which the last layers decide."""
        height, width = pixels.shape[-2:]
        grid = (height // PATCH, width // PATCH)
        found = self.backbone.features(pixels, self.blocks)
        levels = [
            level(patches, whole, grid)
            for level, (patches, whole) in zip(self.levels, found, strict=True)
        ]
        return self.head.large(self.fusion(levels), (height, width))


class DepthAnything2(_DepthAnything):
    """Inverse depth (N, h, w) >= 0, or with `farthest` metres, of pixels (N, 3, h, w)."""

    def __init__(self, size: Size, farthest: float | None) -> None:
        super().__init__(size)
        self.farthest = farthest

    def forward(self, pixels: Tensor) -> Tensor:
        raw = self.head.decide(self.decoded(pixels)).squeeze(1)
        return functional.relu(raw) if self.farthest is None else self.farthest * raw.sigmoid()


class DepthAnything3(_DepthAnything):
    """forward(pixels (N, views, 3, h, w)) -> a dict of

    depth_raw (N, views, h, w): z up to a scale that only the metric network settles.
    sky (N, views, h, w): a score >= 0.
    depth (N, views, h, w): the same as depth_raw, but far away where there is sky.
    """

    def __init__(self) -> None:
        super().__init__("l")
        self.sky = nn.Sequential(
            nn.Conv2d(self.head.first.out_channels, 32, 3, padding=1),
            nn.ReLU(),
            nn.Conv2d(32, 1, 1),
        )

    def forward(self, pixels: Tensor) -> dict[str, Tensor]:
        shape = (*pixels.shape[:2], *pixels.shape[-2:])
        large = self.decoded(pixels.flatten(0, 1))
        depth = self.head.decide(large).exp().reshape(shape)
        sky = self.sky(large).relu().reshape(shape)
        ground = is_ground(sky)
        far = torch.nanquantile(torch.where(ground, depth, torch.nan), _FAR)
        return {"depth": torch.where(ground, depth, far), "depth_raw": depth, "sky": sky}


def is_ground(sky: Tensor) -> Tensor:
    """Whether a score (...) is not that of sky; true everywhere if all or nothing is sky."""
    ground = sky < _SKY
    both = torch.minimum(ground.sum(), (~ground).sum()) > _FEW
    return ground | ~both
