"""Depth edges of a network's output: soft ramps become steps, so that no pixel flies in between."""

from __future__ import annotations

import numpy as np

from ..arrays import FloatArray

_CONTRAST = 0.06  # of the whole range: less is relief of one surface
_FOOT = 0.05  # of an edge's height: what is this close to either surface belongs to it, and stays
_ABRUPT = 0.55  # share of a three times wider window's range; a plain slope has a third


def snap(inverse: FloatArray, reach: int) -> FloatArray:
    """Inverse depth (H, W) float32 with every edge made as sharp as a pixel.

    A pixel between two surfaces, both within `reach` pixels of it, moves to the one that it is
    closer to. Pixels that are close already stay: where a surface slopes beside its edge, taking
    its farthest value would dig a trench along the edge. What is an edge, and not a slope, shows
    in that most of the difference within a window of three times the reach happens within it.
    """
    low, high = _extremes(inverse, reach)
    wide_low, wide_high = _extremes(low, 2 * reach)[0], _extremes(high, 2 * reach)[1]
    difference = high - low
    edge = difference > _CONTRAST * np.ptp(inverse)
    edge &= difference > _ABRUPT * (wide_high - wide_low)
    foot = _FOOT * difference
    near_low = inverse - low < high - inverse
    snapped = np.where(near_low, np.minimum(inverse, low + foot), np.maximum(inverse, high - foot))
    return np.where(edge, snapped, inverse)


def _extremes(values: FloatArray, reach: int) -> tuple[FloatArray, FloatArray]:
    """The least and the largest value (H, W) within `reach` pixels along both axes."""
    low, high = values, values
    for axis in (0, 1):
        low = _running(low, reach, axis, np.minimum)
        high = _running(high, reach, axis, np.maximum)
    return low, high


def _running(values: FloatArray, reach: int, axis: int, pick: np.ufunc) -> FloatArray:
    """`pick` over windows of 2 reach + 1 samples; windows double until they cover that."""
    count, size = values.shape[axis], 2 * reach + 1
    pad = [(reach, reach) if i == axis else (0, 0) for i in range(2)]
    result = np.moveaxis(np.pad(values, pad, mode="edge"), axis, 0)
    covered = 1
    while covered < size:
        step = min(covered, size - covered)
        result = pick(result[:-step], result[step:])
        covered += step
    return np.moveaxis(result[:count], 0, axis)
