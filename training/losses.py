"""Losses on relative inverse depth. Arrays are (B, H, W); targets are >= 0, 0 = infinitely far."""

from __future__ import annotations

import torch
import torch.nn.functional as F  # noqa: N812  (everybody's name for it)
from torch import Tensor

_TRIMMED = 0.1  # share of the largest residuals that is left out
_PAIRS = 2048  # per photo
_RATIO = 1.1  # depths closer than this count as equal, as in the ordinal error


def normalised(depth: Tensor) -> Tensor:
    """Median 0 and mean absolute deviation 1, per photo (MiDaS, Ranftl et al. 2020, eq. 5 and 6)."""
    flat = depth.flatten(1)
    centred = flat - flat.median(dim=1, keepdim=True).values
    spread = centred.abs().mean(dim=1, keepdim=True).clamp_min(1e-4)
    return (centred / spread).view_as(depth)


def trimmed_error(prediction: Tensor, target: Tensor) -> Tensor:
    """Mean absolute residual of normalised maps without the largest ones; a scalar."""
    residual = (prediction - target).abs().flatten(1)
    keep = int(residual.shape[1] * (1 - _TRIMMED))
    limit = residual.detach().kthvalue(keep, dim=1, keepdim=True).values
    return (residual * (residual <= limit)).sum() / (keep * len(residual))


def gradient_error(prediction: Tensor, target: Tensor, scales: int = 4) -> Tensor:
    """Mean absolute slope of the residual at halved sizes: sharp edges where there are edges."""
    residual = (prediction - target)[:, None]
    total = residual.new_zeros(())
    for scale in range(scales):
        if scale:
            residual = F.avg_pool2d(residual, 2)
        total = total + (residual[..., 1:] - residual[..., :-1]).abs().mean()
        total = total + (residual[..., 1:, :] - residual[..., :-1, :]).abs().mean()
    return total / scales


def ranking_error(prediction: Tensor, target: Tensor, true_inverse: Tensor) -> Tensor:
    """Logistic loss on random pairs whose depths differ clearly: which is nearer? A scalar.

    The residual loss hardly sees far things, whose inverse depths are all close to zero; this one
    asks for their order. `target` (normalised) weighs down pairs that can't be told apart.
    """
    batch, count = prediction.shape[0], prediction[0].numel()
    first = torch.randint(count, (batch, _PAIRS))
    second = torch.randint(count, (batch, _PAIRS))
    inverse = true_inverse.flatten(1)
    a, b = inverse.gather(1, first), inverse.gather(1, second)
    sign = torch.where(a > b * _RATIO, 1.0, torch.where(b > a * _RATIO, -1.0, 0.0))
    flat, truth = prediction.flatten(1), target.flatten(1)
    gap = flat.gather(1, first) - flat.gather(1, second)
    true_gap = (truth.gather(1, first) - truth.gather(1, second)).abs()
    weight = sign.abs() * (0.3 + true_gap.clamp_max(1.0))
    return (weight * F.softplus(-4 * sign * gap)).sum() / weight.sum().clamp_min(1.0)


def loss(prediction: Tensor, inverse: Tensor) -> Tensor:
    """What training lowers; does not change with the scale and shift of either argument's map.

    (The ranking part sees the ratio of true depths, so a shift of `inverse` is not neutral there.)
    """
    guess, target = normalised(prediction), normalised(inverse)
    return (
        trimmed_error(guess, target)
        + 0.5 * gradient_error(guess, target)
        + 0.25 * ranking_error(guess, target, inverse)
    )
