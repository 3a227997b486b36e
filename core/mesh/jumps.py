"""Where inverse depth jumps: one surface ends there, and another one begins."""

from __future__ import annotations

import numpy as np

from ..arrays import BoolArray, FloatArray

BEND = 2.0
"""A jump is an edge only if it is this many times steeper than the surface on one of its sides."""

_BAND = 64  # rows at a time: they stay in the processor's cache


def jumps(inverse: FloatArray, edge_ratio: float, axis: int) -> BoolArray:
    """Whether each sample and the next one down (axis 0) or to the right (1) are apart.

    (h, w) bool, false in the last row or column; where one of both is invalid (0) they are.
    """
    height, width = inverse.shape
    down, right = (1, 0) if axis == 0 else (0, 1)
    apart, ratio = np.zeros((height, width), bool), np.float32(edge_ratio)
    for top in range(0, height - down, _BAND):
        bottom = min(top + _BAND, height - down)
        p = inverse[top:bottom, : width - right]
        q = inverse[top + down : bottom + down, right:]
        apart[top:bottom, : width - right] = (p > q * ratio) | (q > p * ratio)
    first, step, flat = np.flatnonzero(apart), width if down else 1, inverse.ravel()
    first = first[(flat[first] > 0) & (flat[first + step] > 0)]
    place, size = (first // width, height) if down else (first % width, width)
    o, p = flat[first - step * (place > 0)], flat[first]
    q, r = flat[first + step], flat[first + step + step * (place + 2 < size)]
    way = np.sign(q - p)
    before = np.where(o > 0, way * (p - o), np.inf)
    after = np.where(r > 0, way * (r - q), np.inf)
    slope = np.minimum(before, after)  # of the flatter side that is known; a zigzag has none
    steeper = np.abs(q - p) > BEND * np.where(np.isfinite(slope), slope, 0)
    apart.ravel()[first] = steeper
    return apart
