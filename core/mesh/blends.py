"""Flying pixels: depths that a soft edge blends from the surfaces on its two sides."""

from __future__ import annotations

import numpy as np

from ..arrays import FloatArray, IntArray

_REACH = 4  # pixels from a blended one to a surface that it is blended from
_LEVEL = 0.2  # of a ramp's steepest step: where a step is less, a surface begins
_BAND = 256  # rows at a time
_LEAST = 0.25  # of the edge ratio's logarithm: less of a step needs no second look


def unblended(inverse: FloatArray, edge_ratio: float) -> FloatArray:
    """Inverse depth (H, W) float32, 0 = invalid, in which each pixel is on one surface.

    A pixel half way up a ramp that is a few pixels wide, between two surfaces whose depths have a
    ratio above `edge_ratio`, goes to the one that is closer. What rises on is a slope, and stays.
    """
    inverse = inverse.copy()
    for rows in (inverse, inverse.T):
        for begin in range(0, len(rows), _BAND):
            band = rows[begin : begin + _BAND]
            flying, values = _flying(band, edge_ratio)
            band[flying] = values
    return inverse


def _flying(inverse: FloatArray, edge_ratio: float) -> tuple[tuple[IntArray, ...], FloatArray]:
    """Rows and columns of pixels that are blended along rows, and where they belong (N,)."""
    padded = np.pad(inverse, ((0, 0), (_REACH, _REACH)))
    before, here, after = padded[:, _REACH - 1 :], padded[:, _REACH:], padded[:, _REACH + 1 :]
    count = inverse.shape[1]
    before, here, after = before[:, :count], here[:, :count], after[:, :count]
    much = np.float32(edge_ratio**_LEAST)
    rises = (here > before * much) & (after > here * much) & (before > 0)
    falls = (before > here * much) & (here > after * much) & (after > 0)
    row, column = np.nonzero(rises | falls)
    way = np.where(rises[row, column], 1, -1)[:, None]
    window = padded[row[:, None], column[:, None] + np.arange(2 * _REACH + 1)]
    with np.errstate(divide="ignore", invalid="ignore"):
        height = np.log(window) * way  # rises to the right; -inf or inf where invalid
        steps = np.diff(height, axis=1)
    steps = np.where(np.isfinite(steps), steps, 0)  # beside a hole the surface ends
    level = steps < _LEVEL * steps.max(axis=1, keepdims=True)
    left = _REACH - level[:, :_REACH][:, ::-1].argmax(axis=1)
    right = _REACH + level[:, _REACH:].argmax(axis=1)
    ramp = level[:, :_REACH].any(axis=1) & level[:, _REACH:].any(axis=1)
    each = np.arange(len(row))
    low, high, own = height[each, left], height[each, right], height[:, _REACH]
    ramp &= (left < _REACH) & (right > _REACH) & (high - low > np.log(edge_ratio))
    nearest = np.where(own - low < high - own, left, right)
    return (row[ramp], column[ramp]), window[each, nearest][ramp]
