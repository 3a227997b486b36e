"""Losses on relative inverse depth. Arrays are (B, H, W).

Targets are inverse depths: 0 = infinitely far, below 0 = unknown: somewhere behind the rest.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F  # noqa: N812  (everybody's name for it)
from torch import Tensor

_PAIRS = 2048  # per photo
_SORTED = 8192  # pixels of a photo that its median is taken of
_RATIO = 1.1  # depths closer than this count as equal, as in the ordinal error


def normalised(depth: Tensor, known: Tensor) -> Tensor:
    """Median 0 and mean absolute deviation 1 over known pixels (Ranftl et al. 2020, eq. 5, 6)."""
    flat, mask = depth.flatten(1), known.flatten(1)
    # A photo without any known pixel counts for nothing, not for NaN.
    some = slice(None, None, max(1, flat.shape[1] // _SORTED))
    sample = flat[:, some].masked_fill(~mask[:, some], torch.nan)
    median = sample.nanmedian(dim=1, keepdim=True).values.nan_to_num(0)
    centred = flat - median
    spread = (centred.abs() * mask).sum(dim=1, keepdim=True) / mask.sum(
        dim=1, keepdim=True
    ).clamp_min(1)
    return (centred / spread.clamp_min(1e-4)).view_as(depth)


def depth_error(prediction: Tensor, target: Tensor, known: Tensor) -> Tensor:
    """Mean of residuals that count like their size while small and like its logarithm when large.

    So a thin thing that was missed does not outweigh the rest of the photo. A scalar.
    """
    residual = (prediction - target).abs()
    return (torch.log1p(residual) * known).sum() / known.sum().clamp_min(1)


def behind_error(prediction: Tensor, target: Tensor, known: Tensor) -> Tensor:
    """How far unknown pixels stand before the farthest known one: around a cut-out is background.

    Counts as `depth_error` does, over all pixels. A scalar.
    """
    farthest = target.masked_fill(~known, torch.inf).amin(dim=(1, 2), keepdim=True)
    excess = F.relu(prediction - farthest).masked_fill(known, 0.0)
    return torch.log1p(excess).mean()


def gradient_error(prediction: Tensor, target: Tensor, known: Tensor, scales: int = 4) -> Tensor:
    """Mean absolute slope of the residual at halved sizes: sharp edges where there are edges."""
    residual = (prediction - target).masked_fill(~known, 0.0)[:, None]
    mask = known[:, None].float()
    total = residual.new_zeros(())
    for scale in range(scales):
        if scale:
            residual, mask = F.avg_pool2d(residual, 2), F.avg_pool2d(mask, 2)
        whole = (mask > 0.999).float()
        across = (residual[..., 1:] - residual[..., :-1]).abs() * whole[..., 1:] * whole[..., :-1]
        down = residual[..., 1:, :] - residual[..., :-1, :]
        down = down.abs() * whole[..., 1:, :] * whole[..., :-1, :]
        total = total + across.mean() + down.mean()
    return total / scales


def ranking_error(prediction: Tensor, target: Tensor, inverse: Tensor) -> Tensor:
    """Logistic loss on random pairs whose depths differ clearly: which is nearer? A scalar.

    The residual loss hardly sees far things, whose inverse depths are all close to zero; this one
    asks for their order. `prediction` and `target` are normalised; pairs far apart weigh more.
    """
    batch, count = prediction.shape[0], prediction[0].numel()
    first = torch.randint(count, (batch, _PAIRS))
    second = torch.randint(count, (batch, _PAIRS))
    flat = inverse.flatten(1)
    a, b = flat.gather(1, first), flat.gather(1, second)
    sign = torch.where(a > b * _RATIO, 1.0, torch.where(b > a * _RATIO, -1.0, 0.0))
    sign = torch.where((a >= 0) & (b >= 0), sign, 0.0)
    guess, truth = prediction.flatten(1), target.flatten(1)
    gap = guess.gather(1, first) - guess.gather(1, second)
    true_gap = (truth.gather(1, first) - truth.gather(1, second)).abs()
    weight = sign.abs() * (0.3 + true_gap.clamp_max(1.0))
    return (weight * F.softplus(-4 * sign * gap)).sum() / weight.sum().clamp_min(1.0)


def loss(prediction: Tensor, inverse: Tensor) -> Tensor:
    """What training lowers: the same for any positive scale of either map, any shift of the first.

    (The ranking part sees ratios of true depths, so a shift of `inverse` is not neutral.)
    """
    known = inverse >= 0
    guess, target = normalised(prediction, known), normalised(inverse, known)
    return (
        depth_error(guess, target, known)
        + behind_error(guess, target, known)
        + 0.5 * gradient_error(guess, target, known)
        + ranking_error(guess, target, inverse)
    )
