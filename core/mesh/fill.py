"""Smooth values for what is not known, from what is known around it."""

from __future__ import annotations

import numpy as np

from ..arrays import BoolArray, FloatArray

_LARGE = 1_000_000  # pixels; beyond, an enlarged solution is smooth enough
_SWEEPS = 2  # at each size: each replaces what is unknown by the mean of its four neighbours


def smoothly(values: FloatArray, known: BoolArray) -> FloatArray:
    """Values (H, W, C) float32 with those that are not `known` (H, W) filled in.

    Nearly harmonic: the solution of half the size, enlarged and relaxed, which is found the same
    way (pull-push, Gortler et al. 1996, with the sweeps of a multigrid solver). 0 if none is known.
    """
    if known.all() or not known.any():
        return np.where(known[..., None], values, np.float32(0))
    height, width = known.shape
    half = smoothly(*_halved(values, known))
    guess = np.where(known[..., None], values, _doubled(half, height, width))
    for _ in range(_SWEEPS if known.size <= _LARGE else 0):
        around = np.pad(guess, ((1, 1), (1, 1), (0, 0)), mode="edge")
        mean = (around[:-2, 1:-1] + around[2:, 1:-1] + around[1:-1, :-2] + around[1:-1, 2:]) / 4
        guess = np.where(known[..., None], values, mean)
    return np.asarray(guess, np.float32)


def _halved(values: FloatArray, known: BoolArray) -> tuple[FloatArray, BoolArray]:
    """Means of what is known in each square of four, and where anything is."""
    odd = [(0, side % 2) for side in known.shape]
    weight = np.pad(known, odd).astype(np.float32)
    total = np.pad(values, [*odd, (0, 0)]) * weight[..., None]
    count, mean = (
        a[::2, ::2] + a[1::2, ::2] + a[::2, 1::2] + a[1::2, 1::2] for a in (weight, total)
    )
    return mean / np.maximum(count, 1)[..., None], count > 0


def _doubled(half: FloatArray, height: int, width: int) -> FloatArray:
    """Bilinear enlargement to (height, width, C)."""
    for axis, size in ((0, height), (1, width)):
        at = (np.arange(size) + 0.5) / 2 - 0.5
        low = np.clip(np.floor(at), 0, half.shape[axis] - 1).astype(int)
        high = np.minimum(low + 1, half.shape[axis] - 1)
        share = np.clip(at - low, 0, 1).astype(np.float32)
        share = share[:, None, None] if axis == 0 else share[None, :, None]
        half = half.take(low, axis) * (1 - share) + half.take(high, axis) * share
    return half
