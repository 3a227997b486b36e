"""Brings inverse depth to the size of the photo, along the photo's colour edges.

Imports nothing but numpy.

A joint bilateral upsampling (Kopf et al. 2007) in two stages: first at the small size, to turn the
network's soft ramps into steps where the colours step; then each pixel of the photo takes the mean
of its four small neighbours, weighed by distance and by colour. Plain weighing would print texture
on slopes, since neighbours of like colour lie to one side; so each neighbour is first moved along
the local slope to the pixel in question, which leaves planes exactly as they are.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from .layers import Array, shrink_area

_COLOUR = 0.07  # difference in sRGB, 0 to 1, that clearly means another surface
# Radius and spacing of the neighbours, in small pixels, for each pass at the small size: the first
# one reaches across the network's ramps, the others clean up.
_PASSES = ((9, 3), (6, 3), (3, 1))
_LEAST = 1e-3  # weight of a neighbour of any colour: where all differ, distance alone decides
_BAND = 32  # rows of the photo at a time: they stay in the processor's cache


def upsample_guided(
    inverse: Array, rgb: Array, progress: Callable[[float], None] | None = None
) -> Array:
    """Inverse depth (H, W) float32 of the photo's size, within the range of the input.

    inverse is (h, w) float32, finite; rgb is (H, W, 3) float32 sRGB in [0, 1]. `progress` gets the
    finished share and may raise to cancel.
    """
    height, width = rgb.shape[:2]
    inverse = np.asarray(inverse, np.float32)
    low, high = float(inverse.min()), float(inverse.max())
    if low == high:
        return np.full((height, width), low, np.float32)
    small = np.moveaxis(shrink_area(np.asarray(rgb, np.float32), *inverse.shape), -1, 0)
    for radius, spacing in _PASSES:
        inverse = _sharpened(inverse, small, radius, spacing)
    slope_y, slope_x = _slopes(inverse)
    stack = np.concatenate([small, inverse[None], slope_y[None], slope_x[None]])
    result = np.empty((height, width), np.float32)
    for top in range(0, height, _BAND):
        rows = slice(top, min(top + _BAND, height))
        result[rows] = _enlarged(stack, rgb[rows], rows, height)
        if progress is not None:
            progress(rows.stop / height)
    return np.clip(result, low, high, out=result)


def _slopes(inverse: Array) -> tuple[Array, Array]:
    """Slopes (h, w) per pixel down and to the right, where both sides agree; 0 at steps and peaks.

    The smaller of the two one-sided slopes (minmod) survives on planes and vanishes beside a step;
    slopes that cross the whole range in less than a quarter of the picture are steps.
    """
    most = 4.0 * float(np.ptp(inverse)) / max(inverse.shape)
    slopes = []
    for axis in (0, 1):
        reach = min(3, inverse.shape[axis] - 1)
        margins = [(reach, reach) if i == axis else (0, 0) for i in (0, 1)]
        padded = np.pad(inverse, margins, "reflect", reflect_type="odd")
        count = inverse.shape[axis]
        before = inverse - padded.take(range(count), axis)
        after = padded.take(range(2 * reach, 2 * reach + count), axis) - inverse
        least = np.where(np.abs(before) < np.abs(after), before, after) / max(reach, 1)
        least = np.where(before * after > 0, least, 0)
        slopes.append(np.where(np.abs(least) < most, least, 0).astype(np.float32))
    return slopes[0], slopes[1]


def _sharpened(inverse: Array, colours: Array, radius: int, spacing: int) -> Array:
    """One bilateral pass over (h, w) with colours (3, h, w) of the same size."""
    height, width = inverse.shape
    slope_y, slope_x = _slopes(inverse)
    values = np.pad(inverse, radius)
    guide = np.pad(colours, ((0, 0), (radius, radius), (radius, radius)))
    inside = np.pad(np.ones_like(inverse), radius)
    total, weights = inverse.copy(), np.ones_like(inverse)
    for dy in range(-radius, radius + 1, spacing):
        for dx in range(-radius, radius + 1, spacing):
            if dy == dx == 0:
                continue
            window = np.s_[radius + dy : radius + dy + height, radius + dx : radius + dx + width]
            difference = guide[:, window[0], window[1]] - colours
            exponent = np.einsum("chw,chw->hw", difference, difference)
            exponent *= -1 / (2 * _COLOUR**2)
            exponent -= (dy * dy + dx * dx) / (2 * (radius / 1.5) ** 2)
            weight = np.exp(exponent, out=exponent)
            weight *= inside[window]
            weights += weight
            total += weight * (values[window] - dy * slope_y - dx * slope_x)
    return np.asarray(total / weights, np.float32)


def _enlarged(stack: Array, rgb: Array, rows: slice, height: int) -> Array:
    """The band `rows` of the result: (6, h, w) colours, value and slopes; rgb (rows, W, 3)."""
    _, small_height, small_width = stack.shape
    width = rgb.shape[1]
    y = (np.arange(rows.start, rows.stop, dtype=np.float32) + 0.5) * (small_height / height) - 0.5
    x = (np.arange(width, dtype=np.float32) + 0.5) * (small_width / width) - 0.5
    top, left = np.floor(y).astype(np.intp), np.floor(x).astype(np.intp)
    first, last = max(int(top[0]), 0), min(int(top[-1]) + 2, small_height)
    guide = np.ascontiguousarray(np.moveaxis(rgb, -1, 0))
    total = np.zeros((len(y), width), np.float32)
    weights = np.zeros_like(total)
    scale = np.float32(-1 / (2 * _COLOUR**2))
    for j in (0, 1):
        column = np.clip(left + j, 0, small_width - 1)
        across = x - column.astype(np.float32)
        share_x = np.abs(np.float32(1 - j) - (x - np.floor(x)))
        # Few small rows feed a band: enlarging them along x first leaves whole rows to be copied.
        tall = np.take(stack[:, first:last], column, axis=2)
        for i in (0, 1):
            row = np.clip(top + i, 0, small_height - 1)
            # np.take, unlike an index, lays its result out in order, which exp and others need.
            taken = np.take(tall, row - first, axis=1)
            taken[:3] -= guide
            np.square(taken[:3], out=taken[:3])
            weight = taken[0]
            weight += taken[1]
            weight += taken[2]
            weight *= scale
            np.exp(weight, out=weight)
            weight += np.float32(_LEAST)
            weight *= share_x
            weight *= np.abs(np.float32(1 - i) - (y - np.floor(y)))[:, None]
            value, slope_y, slope_x = taken[3:]
            slope_y *= (y - row.astype(np.float32))[:, None]
            slope_x *= across
            value += slope_y
            value += slope_x
            value *= weight
            weights += weight
            total += value
    total /= weights
    return total
