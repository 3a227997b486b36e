"""Sharper depth: the network looks at parts of the photo too, and what it says of them is merged.

A part fills the network's input, so it sees what is too small in the whole photo, but it no longer
knows how far away the part is as a whole. So the parts give the detail, and the whole photo gives
everything larger: each part's inverse depth is brought to the whole's by scale and shift, what then
still differs smoothly is the whole's, and neighbours fade into each other where they overlap.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace

import numpy as np

from ..arrays import AnyArray, FloatArray
from ..depthmap import DepthKind, DepthMap
from ..images import Photo
from .builtin.layers import resize_bilinear, shrink_area

Progress = Callable[[float], None]

_OVERLAP = 1 / 3  # of a tile, with the next
_SMALLEST = 64  # pixels of the photo's shorter side for each tile; fewer would show nothing more
_SAMPLES = 20_000  # of a tile's pixels, to fit it to the whole
_ROUNDS = 10  # of the fit
_GRID, _SIGMA = 64, 6  # cells along a tile's longer side, and the deviation of what is smooth


def refine(
    whole: DepthMap,
    photo: Photo,
    look: Callable[[Photo, Progress], DepthMap],
    count: int,
    progress: Progress,
) -> DepthMap:
    """`whole` with the detail that the network sees in count x count overlapping tiles.

    whole: of the photo, of any kind; the result has its kind, and is valid where it is.
    look: what the network says of a part of the photo. `progress` gets the finished share and may
    raise to cancel.
    """
    guide = whole.depth if whole.kind is DepthKind.INVERSE else whole.inverse()
    total, weights = np.zeros_like(guide), np.zeros_like(guide)
    count = max(1, min(count, min(photo.width, photo.height) // _SMALLEST))
    places = [(y, x) for y in _spans(photo.height, count) for x in _spans(photo.width, count)]
    for done, box in enumerate(places):

        def step(share: float, done: int = done) -> None:
            progress((done + share) / len(places))

        part = replace(photo, rgb=photo.rgb[box], alpha=None, path=None, original=None)
        seen = look(part, step)
        weight = _weight(box[0], photo.height)[:, None] * _weight(box[1], photo.width)
        total[box] += weight * _fitted(seen, guide[box], whole.valid[box])
        weights[box] += weight
    total /= weights
    if whole.kind is not DepthKind.INVERSE:
        # Nothing is farther than the farthest: near infinity little error would be much.
        total = 1 / np.maximum(total, guide[whole.valid].min())
    return replace(whole, depth=np.where(whole.valid, total, np.float32(0)))


def _spans(side: int, count: int) -> Iterator[slice]:
    """Where tiles lie along a side: equally long, the first and the last at its ends."""
    length = round(side / (count - (count - 1) * _OVERLAP))
    for number in range(count):
        start = round(number * (side - length) / max(1, count - 1))
        yield slice(start, start + length)


def _weight(span: slice, side: int) -> FloatArray:
    """How much a tile counts along one axis: less and less where another overlaps it."""
    length = span.stop - span.start
    place = (np.arange(length) + 0.5) / (_OVERLAP * length)
    rise = np.sin(np.pi / 2 * np.minimum(place, 1)) ** 2
    weight = np.ones(length)
    if span.start > 0:
        weight *= rise
    if span.stop < side:
        weight *= rise[::-1]
    return np.maximum(weight, 1e-6).astype(np.float32)


def _fitted(seen: DepthMap, guide: FloatArray, valid: AnyArray) -> FloatArray:
    """A tile's inverse depth (h, w) as the whole photo's; that itself where either has none."""
    inverse = seen.depth if seen.kind is DepthKind.INVERSE else seen.inverse()
    both = seen.valid & valid
    scale, shift = _line(inverse[both], guide[both])
    if scale <= 0:  # they say the opposite of each other, so there is nothing to add
        return guide
    detail = np.where(both, scale * inverse + shift, guide).astype(np.float32)
    return detail + _smooth(guide - detail)


def _line(given: FloatArray, wanted: FloatArray) -> tuple[float, float]:
    """Scale and shift that bring `given` (N,) to `wanted` with the least absolute error.

    By least squares that weigh each sample by its last error, so that outliers say little (e.g.
    Huber, Robust Statistics, 1981). The scale is 0 if there is nothing to fit.
    """
    step = max(1, given.size // _SAMPLES)
    x, y = given[::step].astype(float), wanted[::step].astype(float)
    if x.size == 0 or np.ptp(x) == 0 or np.ptp(y) == 0:
        return 0.0, 0.0
    weight, scale, shift = np.ones_like(x), 0.0, 0.0
    for _ in range(_ROUNDS):
        x0, y0 = np.average(x, weights=weight), np.average(y, weights=weight)
        scale = np.average((x - x0) * (y - y0), weights=weight)
        scale /= np.average((x - x0) ** 2, weights=weight)
        shift = y0 - scale * x0
        weight = 1 / np.maximum(np.abs(scale * x + shift - y), 0.01 * np.ptp(y))
    return float(scale), float(shift)


def _smooth(values: FloatArray) -> FloatArray:
    """What varies slowly (H, W): Gaussian means, taken on a coarse grid."""
    height, width = values.shape
    shrink = min(1, _GRID / max(height, width))
    small = shrink_area(
        values[..., None], max(1, round(shrink * height)), max(1, round(shrink * width))
    )[..., 0]
    reach = 3 * _SIGMA
    kernel = np.exp(-0.5 * (np.arange(-reach, reach + 1) / _SIGMA) ** 2)
    kernel /= kernel.sum()
    for axis in (0, 1):
        pad = [(reach, reach) if i == axis else (0, 0) for i in (0, 1)]
        windows = np.lib.stride_tricks.sliding_window_view(
            np.pad(small, pad, mode="edge"), kernel.size, axis
        )
        small = windows @ kernel
    return resize_bilinear(small[None].astype(np.float32), height, width)[0]
