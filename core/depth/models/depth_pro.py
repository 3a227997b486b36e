"""Depth Pro (Bochkovskii et al. 2024): sharp metric depth and the field of view.

Imports torch and timm.
"""

from __future__ import annotations

import math
from typing import cast

import numpy as np
import torch
from timm.models.vision_transformer import VisionTransformer
from torch import Tensor, nn
from torch.nn import functional

from ...arrays import ByteArray, FloatArray
from ...depthmap import DepthKind
from ...images import Photo
from ..catalog import ModelCard
from ..prediction import Prediction, distance_map
from ..preprocess import HALF, normalised
from ..runtime import Network
from .checkpoint import Names
from .dpt import ResidualUnit, enlarge

_SIDE = 1536  # of the network's square input, in pixels
_NEAREST, _FARTHEST = 1e-4, 1e4  # metres
_CROP, _PATCH = 384, 16  # what one transformer sees, and the patches in it
_WIDTH, _FEATURES = 1024, 256  # channels of the transformers and of the decoder
_EARLY = (5, 11)  # blocks whose tokens carry the finest details
_LEVELS = 5


def build(card_id: str) -> nn.Module:
    """The network; see the package."""
    return DepthPro().eval()


def names(card_id: str) -> Names:
    """Official names are ours, but for the residual units that the decoder shares with others."""
    return Names(
        {
            f"decoder.fusions.{level}.resnet{unit}.residual.{place}.": (
                f"decoder.fusions.{level}.resnet{unit}.conv{number}."
            )
            for level in range(_LEVELS)
            for unit in (1, 2)
            for number, place in ((1, 1), (2, 3))
        }
    )


class DepthPro(nn.Module):
    """forward(pixels (N, 3, 1536, 1536) in [-1, 1]) -> a dict of

    canonical_inverse_depth (N, 1, 1536, 1536): 1/z in 1/m, times focal length over width.
    fov_deg (N, 1, 1, 1): horizontal, in degrees.
    """

    def __init__(self) -> None:
        super().__init__()
        half = _FEATURES // 2
        self.encoder = _Encoder()
        self.decoder = _Decoder()
        self.head = nn.Sequential(
            nn.Conv2d(_FEATURES, half, 3, padding=1),
            nn.ConvTranspose2d(half, half, 2, 2),
            nn.Conv2d(half, 32, 3, padding=1),
            nn.ReLU(),
            nn.Conv2d(32, 1, 1),
            nn.ReLU(),
        )
        self.fov = _FieldOfView()

    def forward(self, pixels: Tensor) -> dict[str, Tensor]:
        whole = functional.interpolate(pixels, scale_factor=0.25, mode="bilinear")
        features, coarsest = self.decoder(self.encoder(pixels, whole))
        return {
            "canonical_inverse_depth": self.head(features),
            "fov_deg": self.fov(whole, coarsest),
        }


class _Encoder(nn.Module):
    """Maps of five levels, fine to coarse, from crops at three scales and the whole picture."""

    def __init__(self) -> None:
        super().__init__()
        self.patch_encoder = _transformer()
        self.image_encoder = _transformer()
        self.upsample_latent0 = _upsampler(256, 3)
        self.upsample_latent1 = _upsampler(256, 2)
        self.upsample0 = _upsampler(512, 1)
        self.upsample1 = _upsampler(1024, 1)
        self.upsample2 = _upsampler(1024, 1)
        self.upsample_lowres = nn.ConvTranspose2d(_WIDTH, 1024, 2, 2)
        self.fuse_lowres = nn.Conv2d(2 * 1024, 1024, 1)

    def forward(self, pixels: Tensor, whole: Tensor) -> list[Tensor]:
        middle = functional.interpolate(pixels, scale_factor=0.5, mode="bilinear")
        fine, coarse = _crops(pixels, steps=5), _crops(middle, steps=3)
        counts = [len(fine), len(coarse), len(whole)]
        found = self.patch_encoder.forward_intermediates(
            torch.cat([fine, coarse, whole]), indices=list(_EARLY)
        )
        tokens, early = cast("tuple[Tensor, list[Tensor]]", found)
        first, second = (_joined(level[: len(fine)], steps=5) for level in early)
        at_fine, at_coarse, at_whole = torch.split(_grid(tokens), counts)
        seen = self.upsample_lowres(_grid(self.image_encoder.forward_features(whole)))
        return [
            self.upsample_latent0(first),
            self.upsample_latent1(second),
            self.upsample0(_joined(at_fine, steps=5)),
            self.upsample1(_joined(at_coarse, steps=3)),
            self.fuse_lowres(torch.cat([self.upsample2(at_whole), seen], dim=1)),
        ]


def _transformer() -> VisionTransformer:
    return VisionTransformer(
        img_size=_CROP,
        patch_size=_PATCH,
        embed_dim=_WIDTH,
        depth=24,
        num_heads=16,
        init_values=1.0,  # there are layer scales; the checkpoint has their values
        num_classes=0,
        weight_init="skip",
    )


def _upsampler(width: int, doublings: int) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(_WIDTH, width, 1, bias=False),
        *(nn.ConvTranspose2d(width, width, 2, 2, bias=False) for _ in range(doublings)),
    )


def _grid(tokens: Tensor) -> Tensor:
    """Tokens (N, 1 + 24 * 24, C) without the class token as a map (N, C, 24, 24)."""
    side = _CROP // _PATCH
    return tokens[:, 1:].transpose(1, 2).reshape(len(tokens), -1, side, side)


def _crops(pixels: Tensor, steps: int) -> Tensor:
    """(N, 3, side, side) -> overlapping squares (N * steps * steps, 3, 384, 384) by rows."""
    stride = (pixels.shape[-1] - _CROP) // (steps - 1)
    squares = pixels.unfold(2, _CROP, stride).unfold(3, _CROP, stride)
    return squares.permute(0, 2, 3, 1, 4, 5).flatten(0, 2)


def _joined(crops: Tensor, steps: int) -> Tensor:
    """The inverse of `_crops` for features (N * steps * steps, C, 24, 24).

    Of what two neighbours share, each gives the half that lies farther from its border.
    """
    grid = crops.reshape(-1, steps, steps, *crops.shape[1:])
    side = crops.shape[-1]
    trim = 3 if steps == 5 else 6  # half of what neighbours share, in patches

    def kept(step: int) -> slice:
        return slice(trim if step > 0 else 0, side - trim if step < steps - 1 else side)

    rows = [
        torch.cat([grid[:, y, x, :, kept(y), kept(x)] for x in range(steps)], dim=-1)
        for y in range(steps)
    ]
    return torch.cat(rows, dim=-2)


class _Decoder(nn.Module):
    """Five levels, fine to coarse -> (the fused map, the coarsest level narrowed)."""

    def __init__(self) -> None:
        super().__init__()
        wide = (
            nn.Conv2d(width, _FEATURES, 3, padding=1, bias=False)
            for width in (256, 512, 1024, 1024)
        )
        self.convs = nn.ModuleList([nn.Identity(), *wide])
        self.fusions = nn.ModuleList(_Fusion(doubles=level > 0) for level in range(_LEVELS))

    def forward(self, levels: list[Tensor]) -> tuple[Tensor, Tensor]:
        narrowed = [conv(level) for conv, level in zip(self.convs, levels, strict=True)]
        coarsest = fused = narrowed.pop()
        fused = self.fusions[-1](fused, None)
        for fusion, level in zip(reversed(self.fusions[:-1]), reversed(narrowed), strict=True):
            fused = fusion(fused, level)
        return fused, coarsest


class _Fusion(nn.Module):
    """Adds a level to what comes from the coarser ones, and doubles the sum but for the finest.

    The coarsest has a `resnet1` too, as in the checkpoint, but no level to use it on.
    """

    def __init__(self, doubles: bool) -> None:
        super().__init__()
        self.resnet1 = ResidualUnit(_FEATURES)
        self.resnet2 = ResidualUnit(_FEATURES)
        self.deconv = (
            nn.ConvTranspose2d(_FEATURES, _FEATURES, 2, 2, bias=False) if doubles else nn.Identity()
        )
        self.out_conv = nn.Conv2d(_FEATURES, _FEATURES, 1)

    def forward(self, coarser: Tensor, level: Tensor | None) -> Tensor:
        total = coarser if level is None else coarser + self.resnet1(level)
        return self.out_conv(self.deconv(self.resnet2(total)))


class _FieldOfView(nn.Module):
    """Degrees (N, 1, 1, 1) from the small picture and the decoder's coarsest level."""

    def __init__(self) -> None:
        super().__init__()
        self.encoder = nn.Sequential(_transformer(), nn.Linear(_WIDTH, 128))
        self.downsample = nn.Sequential(_halver(_FEATURES, 128), nn.ReLU())
        self.head = nn.Sequential(
            _halver(128, 64), nn.ReLU(), _halver(64, 32), nn.ReLU(), nn.Conv2d(32, 1, 6)
        )

    def forward(self, whole: Tensor, coarsest: Tensor) -> Tensor:
        transformer = cast("VisionTransformer", self.encoder[0])
        seen = _grid(self.encoder[1](transformer.forward_features(whole)))
        return self.head(seen + self.downsample(coarsest))


def _halver(given: int, width: int) -> nn.Conv2d:
    return nn.Conv2d(given, width, 3, stride=2, padding=1)


def pixels(rgb: ByteArray) -> FloatArray:
    """What the network sees (3, 1536, 1536) float32 of rgb (H, W, 3) uint8."""
    large = torch.tensor(rgb).movedim(-1, 0)[None].float()
    seen = functional.interpolate(large, (_SIDE, _SIDE), mode="bilinear")
    return normalised(seen[0].movedim(0, -1).numpy(), HALF)


def predict(
    network: Network, photo: Photo, card: ModelCard, device: str, focal: float | None
) -> Prediction:
    """Metres, by the focal length given, else by the network's own."""
    with torch.inference_mode():
        found = network(torch.from_numpy(pixels(photo.rgb))[None].to(device))
        size = (photo.height, photo.width)
        canonical = enlarge(found["canonical_inverse_depth"], size, align_corners=False)
    fov = math.radians(found["fov_deg"].item())
    focal = focal or photo.width / 2 / math.tan(fov / 2)
    inverse = canonical[0, 0].cpu().numpy() * np.float32(photo.width / focal)
    z = 1 / inverse.clip(1 / _FARTHEST, 1 / _NEAREST)
    return Prediction(distance_map(z, DepthKind.METRES), device, focal)
