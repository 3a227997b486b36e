"""Specks: up to three pixels that hang together and with nothing else, as sensors leave them."""

from __future__ import annotations

import numpy as np

from ..arrays import BoolArray, FloatArray, IntArray
from .jumps import jumps

_LARGEST = 3  # pixels
_MOST = 0.02  # of the valid pixels; where specks are more, the depth is sparse and nothing but them
_NEIGHBOURS = [(-1, -1), (-1, 0), (-1, 1), (0, -1), (0, 1), (1, -1), (1, 0), (1, 1)]
_STRAIGHT = [1, 3, 4, 6]  # of them, above, left, right and below


def joined(inverse: FloatArray, edge_ratio: float) -> FloatArray:
    """Inverse depth (H, W) float32, 0 = invalid, without specks.

    They go to the surface beside them whose depth is closest, or are invalid if there is none. What
    hangs together at corners of pixels is a thin line and no speck.
    """
    padded = np.pad(inverse, 1)
    right, down = (jumps(padded, edge_ratio, axis).ravel() for axis in (1, 0))
    flat, width = padded.ravel(), padded.shape[1]
    pixels = _short_runs(flat, right)
    steps = np.array(_NEIGHBOURS) @ (width, 1)
    around, own = flat[pixels[:, None] + steps], flat[pixels][:, None]
    alike = (around <= own * np.float32(edge_ratio)) & (own <= around * np.float32(edge_ratio))
    cut = down[pixels - width], right[pixels - 1], right[pixels], down[pixels]
    alike[:, _STRAIGHT] |= ~np.stack(cut, axis=1)  # a steep surface runs on
    speck = _alone(padded.size, pixels, steps, alike)
    if np.count_nonzero(speck) > _MOST * np.count_nonzero(inverse):
        return inverse
    around[np.isin(pixels[:, None] + steps, pixels[speck])] = 0  # no speck goes to another
    with np.errstate(divide="ignore"):
        away = np.abs(np.log(around[speck]) - np.log(own[speck]))
    closest = np.take_along_axis(around[speck], away.argmin(axis=1)[:, None], axis=1)
    flat[pixels[speck]] = closest[:, 0]
    return padded[1:-1, 1:-1]


def _short_runs(flat: FloatArray, right: BoolArray) -> IntArray:
    """Flat indices (N,) of valid pixels in rows of no more than a speck's that hang together."""
    ends = np.flatnonzero(right)
    length = np.diff(ends)
    short = (length <= _LARGEST) & (flat[ends[1:]] > 0)
    begin, length = ends[:-1][short] + 1, length[short]
    return np.concatenate([begin[length > i] + i for i in range(_LARGEST)])


def _alone(size: int, pixels: IntArray, steps: IntArray, alike: BoolArray) -> BoolArray:
    """Which of these flat pixels (N,) are specks; `alike` (N, 8): which neighbours join them."""
    number = np.full(size, -1, np.int32)  # of other pixels
    number[pixels] = np.arange(len(pixels))
    beside = np.where(alike, number[pixels[:, None] + steps], np.arange(len(pixels))[:, None])
    large = (beside < 0).any(axis=1)
    label = np.arange(len(pixels))
    for _ in range(_LARGEST - 1):
        label = label[beside].min(axis=1, initial=len(pixels))
    large |= (label[beside] != label[:, None]).any(axis=1)
    count = np.bincount(label, minlength=len(pixels))
    spoilt = np.bincount(label, large, minlength=len(pixels)) > 0
    return np.asarray((count <= _LARGEST)[label] & ~spoilt[label])
