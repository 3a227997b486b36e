"""What a camera, its owner and a file format do to a photo, in torch, on whole batches.

Geometry is only touched as a photographer could: mirror, a tighter crop, a slight turn. Each result
is a full picture again, so that low in the picture keeps meaning near.
"""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F  # noqa: N812  (everybody's name for it)
from torch import Tensor


def _some(count: int, share: float) -> Tensor:
    """(B, 1, 1, 1) float: 1 for a random `share` of the batch."""
    return (torch.rand(count, 1, 1, 1) < share).float()


def _uniform(count: int, low: float, high: float) -> Tensor:
    return torch.rand(count, 1, 1, 1) * (high - low) + low


def reframe(photo: Tensor, inverse: Tensor, height: int, width: int) -> tuple[Tensor, Tensor]:
    """Mirror, crop, turn and resample (B, 3, H, W) and (B, H, W) to the given size.

    Inverse depth below 0 is unknown, before and after.
    """
    count, _, rows, columns = photo.shape
    zoom = torch.where(torch.rand(count) < 0.5, torch.rand(count) * 0.4 + 0.6, torch.ones(count))
    angle = torch.randn(count) * math.radians(1.5)
    mirror = torch.where(torch.rand(count) < 0.5, -1.0, 1.0)
    shift = (torch.rand(count, 2) * 2 - 1) * (1 - zoom)[:, None]
    aspect = columns / rows
    cosine, sine = torch.cos(angle), torch.sin(angle)
    grid = torch.zeros(count, 2, 3)
    grid[:, 0, 0], grid[:, 0, 1], grid[:, 0, 2] = (
        zoom * mirror * cosine,
        zoom * sine / aspect,
        shift[:, 0],
    )
    grid[:, 1, 0], grid[:, 1, 1], grid[:, 1, 2] = (
        -zoom * mirror * sine * aspect,
        zoom * cosine,
        shift[:, 1],
    )
    known = (inverse >= 0).float()
    layers = torch.cat([photo, (inverse * known)[:, None], known[:, None]], dim=1)
    where = F.affine_grid(grid, [count, 5, height, width], align_corners=False)
    layers = F.grid_sample(
        layers, where, mode="bilinear", padding_mode="reflection", align_corners=False
    )
    known = layers[:, 4]
    # A pixel that is half unknown keeps the depth of its known half.
    inverse = torch.where(known > 0.5, layers[:, 3] / known.clamp_min(0.5), -1.0)
    return layers[:, :3], inverse


def _blurred(photo: Tensor, times: int) -> Tensor:
    for _ in range(times):
        photo = F.avg_pool2d(photo, 3, 1, 1, count_include_pad=False)
    return photo


def _surfaces(photo: Tensor) -> Tensor:
    """Lay traces of other photos over some, and patches over a few: texture is not geometry."""
    count = len(photo)
    other = photo.roll(1, 0)
    photo = photo + _some(count, 0.12) * _uniform(count, 0, 0.4) * (other - photo)
    height, width = photo.shape[2:]
    part = max(1, count // 8)
    other = photo[-part:]
    coarse = F.interpolate(F.avg_pool2d(other, 4), (height, width), mode="bilinear")
    photo = torch.cat([photo[:part] + _uniform(part, 0, 0.9) * (other - coarse), photo[part:]])
    y, x = torch.arange(height).view(1, 1, -1, 1), torch.arange(width).view(1, 1, 1, -1)
    patch = ((x - _uniform(count, 0, width)).abs() < _uniform(count, 0.02, 0.15) * width) & (
        (y - _uniform(count, 0, height)).abs() < _uniform(count, 0.02, 0.15) * height
    )
    return torch.where(patch & (_some(count, 0.08) > 0), torch.rand(count, 3, 1, 1), photo)


def _colours(photo: Tensor) -> Tensor:
    """Exposure, contrast, white balance, saturation, hue swaps, black and white."""
    count = len(photo)
    if torch.rand(()) < 0.15:
        photo = photo[:, torch.randperm(3)]
    grey = photo.mean(dim=1, keepdim=True)
    saturation = torch.where(
        _some(count, 0.12) > 0, torch.zeros(count, 1, 1, 1), _uniform(count, 0.4, 1.5)
    )
    photo = grey + (photo - grey) * saturation
    photo = photo.clamp(0, 1) ** torch.exp(torch.randn(count, 1, 1, 1) * 0.3)
    photo = photo * torch.exp(torch.randn(count, 3, 1, 1) * 0.12)
    middle = photo.mean(dim=(1, 2, 3), keepdim=True)
    return (
        (photo - middle) * _uniform(count, 0.6, 1.4) + middle + torch.randn(count, 1, 1, 1) * 0.08
    )


def _optics(photo: Tensor) -> Tensor:
    """Vignetting, blur, sensor noise (coarse and fine), clipping."""
    count, _, height, width = photo.shape
    y = torch.linspace(-1, 1, height).view(1, 1, -1, 1)
    x = torch.linspace(-1, 1, width).view(1, 1, 1, -1)
    photo = photo * (1 - _some(count, 0.3) * _uniform(count, 0, 0.35) * (x * x + y * y))
    # Groups by place in the batch: the order there is random anyway.
    third, ninth = count // 3, count // 9
    photo = torch.cat([_blurred(photo[:ninth], 2), _blurred(photo[ninth:third], 1), photo[third:]])
    noisy = count // 2
    noise = torch.randn_like(photo[:noisy])
    noise[: noisy // 3] = F.avg_pool2d(noise[: noisy // 3], 3, 1, 1) * 2
    noise *= _uniform(noisy, 0, 0.07)
    order = torch.randperm(count)
    return (photo[order].index_add(0, torch.arange(noisy), noise)).clamp(0, 1)[order.argsort()]


def _mounted(photo: Tensor) -> Tensor:
    """A white or black rim on a few, as scans and slides have: no edge of anything in the scene."""
    count, _, height, width = photo.shape
    y = torch.linspace(-1, 1, height).abs().view(1, 1, -1, 1)
    x = torch.linspace(-1, 1, width).abs().view(1, 1, 1, -1)
    inside = 1 - torch.rand(count, 2, 1, 1) * 0.1
    rim = (y > inside[:, :1]) | (x > inside[:, 1:])
    return torch.where(rim & (_some(count, 0.06) > 0), torch.rand(count, 1, 1, 1).round(), photo)


def augment(photo: Tensor, inverse: Tensor, height: int, width: int) -> tuple[Tensor, Tensor]:
    """sRGB (B, 3, H, W) in [0, 1] and inverse depth (B, H, W), both at the new size."""
    photo, inverse = reframe(photo, inverse, height, width)
    return _mounted(_optics(_colours(_surfaces(photo)))), inverse
