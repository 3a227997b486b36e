"""Depth Anything 2 and 3: DINOv2 under the decoder of dense prediction transformers.

Imports torch. Yang et al., Depth Anything V2 (2024); Lin et al., Depth Anything 3 (2025).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import cast

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from ...arrays import ByteArray, FloatArray
from ...camera import choose
from ...depthmap import DepthKind, DepthMap
from ...images import Photo
from ..catalog import ModelCard
from ..prediction import Prediction, distance_map, inverse_map
from ..preprocess import IMAGENET, Fit, NetworkInput, normalised, resize_in_steps
from ..runtime import Network
from .checkpoint import Names
from .dinov2 import PATCH, WIDTHS, DinoV2, Size
from .dpt import Fusion, Head, Reassemble, decoder_names, enlarge

_SCALES = (4, 2, 1, 0.5)  # of the levels, from the grid of patches
_SKY = 0.3  # from this score on a pixel is sky
_FAR = 0.99  # the quantile of depth at which upstream puts the sky
_FEW = 10  # with no more pixels of sky, or of all else, upstream leaves the sky where it is
_CANONICAL = 300.0  # focal length, in the network's pixels, at which its output is metres


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
    *_, trained, size = card_id.split("_")
    return DepthAnything2(cast("Size", size[-1]), _FARTHEST.get(trained)).eval()


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

    any_size = True

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
        self.backbone.norm.eps = 1e-5  # upstream's last norm; those within the blocks have 1e-6
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


def pixels(rgb: ByteArray, card: ModelCard) -> FloatArray:
    """What the network sees (3, h, w) float32 of rgb (H, W, 3) uint8."""
    if card.id.startswith("da3"):
        return normalised(resize_in_steps(rgb, card.input_size, PATCH), IMAGENET)
    return NetworkInput(card.input_size, Fit.SHORT_SIDE, PATCH, IMAGENET).pixels(rgb)


def predict(
    network: Network, photo: Photo, card: ModelCard, device: str, focal: float | None
) -> Prediction:
    """What the card says that it predicts, enlarged bilinearly as upstream does."""
    seen = torch.from_numpy(pixels(photo.rgb, card))[None].to(device)
    with torch.inference_mode():
        if card.id.startswith("da3"):
            return Prediction(_depth3(network, seen, photo, card, focal), device)
        raw = enlarge(network(seen)[None], (photo.height, photo.width), align_corners=True)
    found = raw[0, 0].cpu().numpy()
    metres = card.predicts == "metres"
    return Prediction(
        distance_map(found, DepthKind.METRES) if metres else inverse_map(found), device
    )


def _depth3(
    network: Network, seen: Tensor, photo: Photo, card: ModelCard, focal: float | None
) -> DepthMap:
    """z-depth, invalid in the sky; in metres it takes a focal length, else a usual one."""
    found = network(seen[None])
    ground = is_ground(found["sky"])
    maps = torch.cat([ground * found["depth_raw"], ground, found["sky"]], dim=1)
    size = (photo.height, photo.width)
    z, share, sky = enlarge(maps, size, align_corners=False)[0].cpu().numpy()
    # Along the skyline only ground counts, or the sky would bend it away.
    valid = share > 0 if ground.all() else (share > 0) & (sky < _SKY)
    z = np.divide(z, share, out=np.zeros_like(z), where=valid)
    if card.predicts == "relative":
        return distance_map(z, DepthKind.RELATIVE, valid)
    camera = choose(photo.width, photo.height, exif_focal=focal)
    # Upstream takes the mean focal length of what the network sees, whose sides are rounded.
    stretch = (seen.shape[-1] / photo.width + seen.shape[-2] / photo.height) / 2
    scale = camera.fx * stretch / _CANONICAL
    return distance_map(z * np.float32(scale), DepthKind.METRES, valid)
