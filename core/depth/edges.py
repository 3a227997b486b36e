"""Tidies a network's output: edges become straight steps, and surfaces between them smooth."""

from __future__ import annotations

import numpy as np

from .. import windows
from ..arrays import FloatArray, IntArray

_CONTRAST = 0.06  # of the whole range: less is relief of one surface
_FOOT = 0.05  # of an edge's height: what is this close to either surface belongs to it, and stays
_ABRUPT = 0.55  # share of a three times wider window's range; a plain slope has a third

_STEP = 0.03  # of the whole range: neighbours that differ by more have a step between them
_GRAIN = 0.04  # of the whole range: height of what texture may have printed on a surface
_RADIUS = 3  # pixels asked to each side
_BAND = 32  # rows at a time: they stay in the processor's cache
_ALIKE = 0.4  # difference in sRGB that halves a pixel's say


def snap(inverse: FloatArray, reach: int) -> FloatArray:
    """Inverse depth (H, W) float32 with every edge made as sharp as a pixel.

    A pixel between two surfaces, both within `reach` pixels of it, moves to the one that it is
    closer to. Pixels that are close already stay: where a surface slopes beside its edge, taking
    its farthest value would dig a trench along the edge. What is an edge, and not a slope, shows
    in that most of the difference within a window of three times the reach happens within it.
    """
    low, high = windows.least(inverse, reach), windows.most(inverse, reach)
    wide_low, wide_high = windows.least(low, 2 * reach), windows.most(high, 2 * reach)
    difference = high - low
    edge = difference > _CONTRAST * np.ptp(inverse)
    edge &= difference > _ABRUPT * (wide_high - wide_low)
    foot = _FOOT * difference
    near_low = inverse - low < high - inverse
    snapped = np.where(near_low, np.minimum(inverse, low + foot), np.maximum(inverse, high - foot))
    return np.where(edge, snapped, inverse)


def straighten(inverse: FloatArray, rgb: FloatArray, spacing: int) -> FloatArray:
    """Inverse depth (H, W) float32 whose edges have no teeth: each pixel asks those around it.

    A pixel near a step that most of its surroundings, and of those most the pixels of a like
    colour, see on the other side of the step goes there. rgb is (H, W, 3) float32 sRGB in [0, 1];
    `spacing` is that of the pixels asked; for a second round it is half as large. Everything else
    stays what it was.
    """
    for apart in (spacing, max(1, spacing // 2)):
        zone = _beside_steps(inverse, _RADIUS * apart)
        inverse = inverse.copy()
        inverse.ravel()[zone] = _outvoted(inverse, rgb, zone, apart)
    return inverse


def _beside_steps(inverse: FloatArray, reach: int) -> IntArray:
    """Flat indices (N,) of pixels within `reach` of a step."""
    height = _STEP * np.ptp(inverse)
    step = np.zeros(inverse.shape, np.float32)
    for axis in (0, 1):
        jump = np.abs(np.diff(inverse, axis=axis)) > height
        before, after = np.moveaxis(step, axis, 0)[:-1], np.moveaxis(step, axis, 0)[1:]
        before[np.moveaxis(jump, axis, 0)] = after[np.moveaxis(jump, axis, 0)] = 1
    return np.flatnonzero(windows.most(step, reach))


def _outvoted(inverse: FloatArray, rgb: FloatArray, zone: IntArray, spacing: int) -> FloatArray:
    """New values (N,) of the pixels of a zone (N,)."""
    height, width = inverse.shape
    reach = _RADIUS * spacing
    low, high = (pick(inverse, reach).ravel()[zone] for pick in (windows.least, windows.most))
    middle = (low + high) / 2
    row, column = np.divmod(zone, width)
    flat, colours = inverse.ravel(), rgb.reshape(-1, 3)
    own, colour = flat[zone], colours[zone]
    weights, sums = np.zeros((2, 2, len(zone)), np.float32)  # of the far and of the near side
    offsets = range(-_RADIUS * spacing, _RADIUS * spacing + 1, spacing)
    for dy in offsets:
        rows = np.clip(row + dy, 0, height - 1) * width
        for dx in offsets:
            other = rows + np.clip(column + dx, 0, width - 1)
            difference = colours[other] - colour
            weight = 1 / (1 + np.einsum("ij,ij->i", difference, difference) / _ALIKE**2)
            value = flat[other]
            near = value > middle
            for side, counted in enumerate((~near, near)):
                weights[side] += weight * counted
                sums[side] += weight * value * counted
    wins = (weights[1] > weights[0]).astype(int)
    chosen = np.arange(len(zone))
    mean = sums[wins, chosen] / np.maximum(weights[wins, chosen], np.float32(1e-6))
    return np.where((own > middle) == (wins == 1), own, mean)


def smooth(inverse: FloatArray, spacing: int) -> FloatArray:
    """Inverse depth (H, W) float32 without the grain that a photo's texture leaves on surfaces.

    A bilateral filter on depth alone, along rows and then columns, first over neighbouring pixels
    and then over every `spacing`-th. Neighbours on opposite sides get the same weight, by the one
    that differs more, so planes stay what they are, and so do steps of more than a grain's height.
    """
    grain = np.float32(_GRAIN * np.ptp(inverse))
    for apart in sorted({1, spacing}) if grain > 0 else ():
        for axis in (0, 1):
            inverse = _smoothed(inverse, apart, axis, grain)
    return inverse


def _smoothed(inverse: FloatArray, apart: int, axis: int, grain: np.float32) -> FloatArray:
    height, width = inverse.shape
    reach = min(_RADIUS * apart, inverse.shape[axis] - 1)
    pad = [(reach, reach) if i == axis else (0, 0) for i in range(2)]
    padded = np.pad(inverse, pad, mode="reflect", reflect_type="odd")
    result = np.empty_like(inverse)
    for top in range(0, height, _BAND):
        rows = min(_BAND, height - top)

        def moved(by: int, top: int = top, rows: int = rows) -> FloatArray:
            """The band, seen from `by` pixels further along the axis."""
            down, right = (reach + by, 0) if axis == 0 else (0, reach + by)
            return padded[top + down : top + down + rows, right : right + width]

        here = moved(0)
        total, weights = np.zeros_like(here), np.ones_like(here)
        for step in range(apart, reach + 1, apart):
            before, after = moved(-step) - here, moved(step) - here
            off = np.maximum(np.abs(before), np.abs(after))
            off /= grain
            weight = np.maximum(0, 1 - off * off)
            before += after
            before *= weight
            total += before
            weights += 2 * weight
        result[top : top + rows] = here + total / weights
    return result
