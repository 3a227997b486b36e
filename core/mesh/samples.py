"""Inverse depth on a grid, and the links between its samples that a depth edge cuts."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from ..arrays import BoolArray, ByteArray, FloatArray, IntArray
from ..depthmap import DepthMap
from . import blends, outlines, specks
from .jumps import jumps

STEPS = ((0, 1), (1, 0), (1, 1), (1, -1))
"""Rows and columns from one end of a link to the other: right, down, falling, rising."""

_SLIP = 600  # relative error in depth that counts as much as a slip by the photo's longer side
_UNSEEN = 1e-4  # of the photo's longer side: a slip by less is a fraction of a pixel
_TINY = np.float32(1e-30)
_SMALL = 1000  # pixels; smaller photos are treated alike, so that pixels are not split
_WEAK = 0.4  # power of the edge ratio that is enough to go on an edge
_LINKS = 100_000  # looked at in one go
_LONGEST_FADE = 32  # samples
_WINDOW = np.array([1, 4, 6, 4, 1], np.float32)  # binomial, one axis of the blur in `_crossing`


def rising_squares(shape: tuple[int, ...]) -> BoolArray:
    """Whether the diagonal of each square (h, w) rises to the right; they alternate."""
    odd = [np.arange(side) % 2 == 1 for side in shape[-2:]]
    return odd[0][:, None] ^ odd[1]


@dataclass(frozen=True)
class Samples:
    """Every `stride`-th pixel, with a rim of invalid samples that stands for the outside.

    inverse: (h, w) float32, 1/z; 0 where invalid and in the rim.
    u, v: (w,), (h,) float32, pixel positions of columns and rows. The picture's border lies half
        way between the rim and the outermost samples.
    cut: for each of STEPS (h, w) bool: whether the link that starts at a sample joins no surface,
        because the depth jumps or one end is invalid. Links that leave the grid are not cut, and of
        the two diagonals of a square only the one of `rising_squares` is.
    inner: rows and columns of samples within the rim.
    """

    inverse: FloatArray
    u: FloatArray
    v: FloatArray
    cut: BoolArray
    inner: tuple[int, int]

    @classmethod
    def of(
        cls, depth: DepthMap, edge_ratio: float, stride: int, block: int, rgb: ByteArray | None
    ) -> Samples:
        """Samples of z-depth on a grid of whole blocks, which share their outermost samples.

        Neighbours whose depths have a ratio above `edge_ratio` are apart; pixels that fly between
        two surfaces belong to one of them, edges follow those of the photo (H, W, 3), if given, and
        there are no specks.
        """
        whole = blends.unblended(depth.inverse(), edge_ratio)
        if rgb is not None:
            whole = outlines.followed(whole, rgb, edge_ratio)
        whole = specks.joined(whole, edge_ratio)
        inner = whole[::stride, ::stride]
        shape = tuple(-(-(n + 1) // block) * block + 1 for n in inner.shape)
        inverse = np.zeros(shape, np.float32)
        inverse[1 : inner.shape[0] + 1, 1 : inner.shape[1] + 1] = inner
        width, height = depth.size
        u = _positions(shape[1], inner.shape[1], width, stride)
        v = _positions(shape[0], inner.shape[0], height, stride)
        rows, columns = inner.shape
        return cls(inverse, u, v, _cuts(inverse, edge_ratio), (rows, columns))

    @property
    def valid(self) -> BoolArray:
        """(h, w) bool."""
        return self.inverse > 0

    def outside(self, row: IntArray, column: IntArray) -> BoolArray:
        """Which samples lie beyond the picture's border."""
        rows, columns = self.inner
        return (row < 1) | (row > rows) | (column < 1) | (column > columns)

    def slip(self, one: FloatArray, other: FloatArray, length: float | FloatArray) -> FloatArray:
        """How far the photo slips on edges between inverse depths, as an error in depth.

        Across a triangle texture coordinates run straight in space, but positions in the photo do
        not: half way in space between depths a and b, an edge of this length (in samples) is off by
        length (b - a) / (2 (a + b)). What is seen of that counts as _SLIP times as much of z.
        Both ends are on one surface, or both are 0.
        """
        off = np.abs(one - other) / np.maximum(2 * (one + other), _TINY)
        share = off * np.asarray(length / max(*self.inner, _SMALL), np.float32)
        return np.asarray(_SLIP * np.maximum(share - np.float32(_UNSEEN), 0), np.float32)

    @cached_property
    def crossings(self) -> Crossings:
        """Where the cut links are cut."""
        return Crossings.of(self)


@dataclass(frozen=True)
class Crossings:
    """Where cut links cross the edge that cuts them, and how deep its two surfaces are there.

    link: (K,) int64, ascending; the link from flat sample i along STEPS[k] is k * h * w + i.
    at: (K, 2) float32, row and column on the grid.
    inverse: (K, 2) float32, 1/z of the surface at the link's first and at its second end, carried
        on to the crossing; 0 where that end is invalid.
    """

    link: IntArray
    at: FloatArray
    inverse: FloatArray

    @classmethod
    def of(cls, samples: Samples) -> Crossings:
        link = np.flatnonzero(samples.cut)
        height, width = samples.inverse.shape
        direction, first = np.divmod(link, height * width)
        step = np.array(STEPS)[direction]
        stride = step @ (width, 1)
        t = _crossing(samples, first, first + stride)
        at = np.stack(np.divmod(first, width), axis=1) + t[:, None] * step
        a = _carried(samples, first, step * t[:, None])
        b = _carried(samples, first + stride, step * (t[:, None] - 1))
        return cls(link, at.astype(np.float32), np.stack([a, b], axis=1).astype(np.float32))

    def find(self, link: IntArray) -> IntArray:
        """Positions of these links, which must all be cut."""
        return np.searchsorted(self.link, link)


def _carried(samples: Samples, index: IntArray, offset: FloatArray) -> FloatArray:
    """Inverse depth (K,) of surfaces at samples, run on to an offset (K, 2) in rows and columns."""
    value = samples.inverse.ravel()[index]
    slopes = np.stack([_slope(samples, index, axis) for axis in (0, 1)], axis=1)
    beyond = value + (slopes * offset).sum(axis=1)
    return np.asarray(np.clip(beyond, value / 2, value * 2), np.float32)


def _slope(samples: Samples, index: IntArray, axis: int) -> FloatArray:
    """Slope (K,) of inverse depth at samples, down (axis 0) or to the right (1).

    The least of the differences to both sides, up to two samples away on the same surface; 0 where
    they disagree in sign, so that noise is not carried on.
    """
    values, cut = samples.inverse.ravel(), samples.cut[1 - axis].ravel()
    step = samples.inverse.shape[1] if axis == 0 else 1
    least, sign = np.full(len(index), np.inf, np.float32), np.zeros((2, len(index)), bool)
    for side in (-1, 1):
        here, joined = index, np.ones(len(index), bool)
        for _ in range(2):
            there = np.clip(here + side * step, 0, values.size - 1)
            joined &= (values[there] > 0) & ~cut[np.minimum(here, there)]  # the first one's link
            rise = side * (values[there] - values[here])
            least = np.where(joined, np.minimum(least, np.abs(rise)), least)
            sign |= joined & np.stack([rise < 0, rise > 0])
            here = there
    return np.where(sign[0] ^ sign[1], np.where(sign[1], least, -least), 0)


def _positions(count: int, inner: int, size: int, stride: int) -> FloatArray:
    """Pixel positions of `count` rows or columns of samples, the first of them the rim."""
    at = (np.arange(count, dtype=np.float32) - 1) * stride + np.float32(0.5)
    at[0] = -at[1]
    at[inner + 1 :] = 2 * size - at[inner]
    return at


def _cuts(inverse: FloatArray, edge_ratio: float) -> BoolArray:
    cut = np.zeros((len(STEPS), *inverse.shape), bool)
    right, down, falling, rising = cut
    right[:], down[:] = jumps(inverse, edge_ratio, 1), jumps(inverse, edge_ratio, 0)
    _go_on(right, down, inverse, edge_ratio**_WEAK)
    # A diagonal is cut if both ways around it are, so that what is joined stays joined.
    a, b = right[:-1, :-1], right[1:, :-1]
    c, d = down[:-1, :-1], down[:-1, 1:]
    rises = rising_squares(a.shape)
    falling[:-1, :-1] = (a | d) & (c | b) & ~rises
    rising[:-1, 1:] = (a | c) & (d | b) & rises
    return cut


def _go_on(right: BoolArray, down: BoolArray, inverse: FloatArray, weak_ratio: float) -> None:
    """Follow edges on where they fade, in place: weaker jumps are cut too if they go on one.

    (Hysteresis; Canny 1986.) A cut link is a piece of edge between two corners of pixels, and
    pieces that share a corner belong together. The corner below and to the right of a sample has
    the sample's index; the one at the other end of the piece comes `back` samples earlier.
    """
    corner = right | down
    corner[:-1] |= right[1:]
    corner[:, :-1] |= down[:, 1:]
    touched = corner.ravel()
    pieces = []
    for cut, back, axis in ((right, inverse.shape[1], 1), (down, 1, 0)):
        weak = jumps(inverse, weak_ratio, axis)
        pieces.append((cut.reshape(-1), back, np.flatnonzero(weak & ~cut)))
    for _ in range(_LONGEST_FADE):
        left = []
        for flat, back, links in pieces:
            goes_on = touched[links] | touched[links - back]
            more = links[goes_on]
            flat[more] = touched[more] = touched[more - back] = True
            left.append((flat, back, links[~goes_on]))
        if all(len(a[2]) == len(b[2]) for a, b in zip(pieces, left, strict=True)):
            break
        pieces = left


def _crossing(samples: Samples, first: IntArray, second: IntArray) -> FloatArray:
    """How far along each cut link (K,) the edge crosses it, 0.1 to 0.9.

    Around both ends samples are told apart by the depth half way between them; the share of near
    ones, blurred, is a half where a smooth edge runs. The picture's border is half way.
    """
    width = samples.inverse.shape[1]
    flat = samples.inverse.ravel()
    middle = np.sqrt(flat[first] * flat[second])
    weights = np.outer(_WINDOW, _WINDOW).ravel() / _WINDOW.sum() ** 2

    def nearness(index: IntArray) -> FloatArray:
        found = np.empty(len(index), np.float32)
        for begin in range(0, len(index), _LINKS):
            part = slice(begin, begin + _LINKS)
            row, column = (
                np.clip(place[:, None] + np.arange(-2, 3), 0, size - 1)
                for place, size in zip(
                    np.divmod(index[part], width), samples.inverse.shape, strict=True
                )
            )
            window = samples.inverse[row[:, :, None], column[:, None, :]]
            near = window.reshape(-1, weights.size) > middle[part, None]
            found[part] = near @ weights - np.float32(0.5)
        return found

    ours, theirs = nearness(first), nearness(second)
    clear = (ours > 0) == (flat[first] > flat[second])
    clear &= (ours > 0) != (theirs > 0)
    clear &= ~samples.outside(*np.divmod(first, width))
    clear &= ~samples.outside(*np.divmod(second, width))
    share = ours / np.where(clear, ours - theirs, 1)
    return np.where(clear, share.clip(0.1, 0.9), 0.5).astype(np.float32)
