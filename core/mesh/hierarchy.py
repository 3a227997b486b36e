"""Which triangles of a right-triangulated hierarchy does a bound on the error ask for?

A grid of squares is split along alternating diagonals, and every triangle again and again through
the middle of its longest side, down to single pixels (Evans, Kirkpatrick, Townsend 2001). Inverse
depth is affine in pixel coordinates on planes, so errors are taken there. Each possible new vertex
carries the largest error of all triangles that are gone once it exists, and of all that it takes
to split them; so one number decides each split, and neighbours never disagree.

Squares of side s meet in a grid (h, w) of them. Each holds two triangles along its diagonal,
arrays (2, h, w), that split at its centre into four, arrays (4, h, w), N, E, S, W by the side that
they keep; these split at the middle of that side into the diagonal triangles of squares half as
large.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from ..arrays import AnyArray, BoolArray, FloatArray, IntArray
from . import wedges
from .samples import Samples
from .tiles import Tiles

_TINY = np.float32(1e-30)
_HALF_DIAGONAL = 0.5**0.5  # of a square of side 1

# The quarters (row, column, triangle along the diagonal there) that a triangle N, E, S, W becomes.
_QUARTERS = (
    ((0, 0, 0), (0, 1, 0)),
    ((0, 1, 1), (1, 1, 0)),
    ((1, 0, 1), (1, 1, 1)),
    ((0, 0, 1), (1, 0, 0)),
)
N, E, S, W = range(4)


@dataclass(frozen=True)
class _Level:
    """Squares of one side, and the errors that their vertices would end; see the module."""

    size: int  # 1 is never split: there the errors are 0 and what is of quarters is empty
    cut_halves: IntArray  # (2, h, w) uint16: how many links in a triangle are cut
    cut_quarters: IntArray  # (4, h, w) uint16
    solid: BoolArray  # (h, w): whether what is not cut is surface; else it is nothing
    at_centre: FloatArray  # (h, w)
    at_rows: FloatArray  # (h + 1, w), middles of horizontal sides
    at_columns: FloatArray  # (h, w + 1), of vertical ones


class Hierarchy:
    """All triangles over some samples, ready for any bound."""

    def __init__(self, samples: Samples, block: int, lossy: bool) -> None:
        """`lossy`: whether a few pixels may get lost at a cost; else each edge is drawn."""
        self._levels = [_units(samples)]
        error = np.zeros_like(self._levels[0].cut_halves, np.float32)
        while self._levels[-1].size < block:
            level, error = _coarser(samples, self._levels[-1], error, lossy)
            self._levels.append(level)

    def tiles(self, bound: float) -> list[Tiles]:
        """Triangles whose relative error in depth is at most `bound`, as few as these allow."""
        return [
            _collect(level.size, found & (level.solid | (cut > 0)), cut, diagonal)
            for level, found, cut, diagonal in self._leaves(bound)
        ]

    def count(self, bound: float) -> int:
        """About how many triangles are drawn for that bound, cut ones in three pieces."""
        return sum(
            np.count_nonzero(found & level.solid & (cut == 0)) + 3 * np.count_nonzero(cut[found])
            for level, found, cut, _ in self._leaves(bound)
        )

    def _leaves(self, bound: float) -> Iterator[tuple[_Level, BoolArray, IntArray, bool]]:
        """Level by level what is not split, how often it is cut, and if it is along a diagonal."""
        active = np.ones_like(self._levels[-1].cut_halves, bool)
        for level in reversed(self._levels):
            split = level.at_centre > bound
            yield level, active & ~split, level.cut_halves, True
            if level.size == 1:
                return
            active = _halved(active & split)
            split = np.stack(_sides(level.at_rows, level.at_columns)) > bound
            yield level, active & ~split, level.cut_quarters, False
            active = _quartered(active & split)


def _rising(shape: tuple[int, ...]) -> BoolArray:
    """Whether the diagonal of each square (h, w) rises to the right; they alternate."""
    odd = [np.arange(side) % 2 == 1 for side in shape[-2:]]
    return odd[0][:, None] ^ odd[1]


def _halved(halves: BoolArray) -> BoolArray:
    """For each of the triangles N, E, S, W (4, h, w) its value among those along the diagonal."""
    rising = _rising(halves.shape)
    upper, lower = halves
    return np.stack([upper, np.where(rising, lower, upper), lower, np.where(rising, upper, lower)])


def _quartered(quarters: BoolArray) -> BoolArray:
    """Triangles along the diagonals (2, 2h, 2w) of squares half as large, of these (4, h, w)."""
    _, h, w = quarters.shape
    halves = np.empty((2, 2 * h, 2 * w), quarters.dtype)
    for values, parts in zip(quarters, _QUARTERS, strict=True):
        for row, column, half in parts:
            halves[half, row::2, column::2] = values
    return halves


def _collect(size: int, chosen: BoolArray, cut: IntArray, diagonal: bool) -> Tiles:
    which, row, column = np.nonzero(chosen)
    kind = 4 + which + 2 * ((row + column) & 1) if diagonal else which
    return Tiles(size, diagonal, row * size, column * size, kind, cut[chosen])


def _units(samples: Samples) -> _Level:
    """The smallest squares."""
    right, down, falling, rising = samples.cut.view(np.uint8)
    top, bottom, left, far = right[:-1, :-1], right[1:, :-1], down[:-1, :-1], down[:-1, 1:]
    rises = _rising(top.shape)
    diagonal = np.where(rises, rising[:-1, 1:], falling[:-1, :-1])
    upper = top + diagonal + np.where(rises, left, far)
    lower = bottom + diagonal + np.where(rises, far, left)
    cut = np.stack([upper, lower]).astype(np.uint16)
    solid = np.where(rises, samples.valid[:-1, 1:], samples.valid[:-1, :-1])
    none = np.zeros((4, 0, 0), np.float32)
    zero = np.zeros(top.shape, np.float32)
    return _Level(1, cut, none.astype(np.uint16), solid, zero, none[0], none[0])


def _coarser(
    samples: Samples, fine: _Level, error: FloatArray, lossy: bool
) -> tuple[_Level, FloatArray]:
    """The level of squares twice as large, and how far (2, h, w) in 1/m its halves may be off.

    error: the same of the finer level.
    """
    size, cut, centres = 2 * fine.size, fine.cut_halves, fine.at_centre
    cut_quarters = _of_quarters(cut, np.add)
    cut_halves = _of_halves(cut_quarters, np.add)
    off_sides, off_centre = _new_vertices(samples.inverse, size)
    least_quarters, least_halves = _least(samples.inverse, size)
    # A triangle's error is at most the larger of its parts' and what is off at their new vertex.
    quarters = _of_quarters(error, np.maximum) + off_sides
    halves = _of_halves(quarters, np.maximum) + off_centre
    at_rows = np.zeros((cut.shape[1] // 2 + 1, cut.shape[2] // 2), np.float32)
    at_columns = np.zeros((cut.shape[1] // 2, cut.shape[2] // 2 + 1), np.float32)
    slip_quarters, slip_halves = _slips(samples, size)
    relative = np.maximum(quarters / least_quarters, slip_quarters)
    relative = _relative(samples, size, relative, cut_quarters, lossy, diagonal=False)
    sides = _sides(at_rows, at_columns)
    for side, own, parts in zip(sides, relative, _QUARTERS, strict=True):
        np.maximum(side, own, out=side)
        for row, column, _ in parts:
            np.maximum(side, centres[row::2, column::2], out=side)
    relative = np.maximum(halves / least_halves, slip_halves)
    relative = _relative(samples, size, relative, cut_halves, lossy, diagonal=True)
    at_centre = np.maximum(relative[0], relative[1])
    for side in sides:
        np.maximum(at_centre, side, out=at_centre)
    solid = samples.valid[size // 2 :: size, size // 2 :: size]
    level = _Level(size, cut_halves, cut_quarters, solid, at_centre, at_rows, at_columns)
    return level, halves


def _new_vertices(inverse: FloatArray, size: int) -> tuple[FloatArray, FloatArray]:
    """How far straight lines are off at the middles of sides (4, h, w) and at centres (h, w)."""
    half = size // 2
    corner, centre = inverse[::size, ::size], inverse[half::size, half::size]
    rows = np.abs(inverse[::size, half::size] - (corner[:, :-1] + corner[:, 1:]) / 2)
    columns = np.abs(inverse[half::size, ::size] - (corner[:-1] + corner[1:]) / 2)
    one, other, _, _ = _along_diagonal(corner)
    return np.stack(_sides(rows, columns)), np.abs(centre - (one + other) / 2)


def _least(inverse: FloatArray, size: int) -> tuple[FloatArray, FloatArray]:
    """The least inverse depth at the corners of quarters (4, h, w) and of halves (2, h, w)."""
    half = size // 2
    corner, centre = inverse[::size, ::size], inverse[half::size, half::size]
    rows = np.minimum(corner[:, :-1], corner[:, 1:])
    columns = np.minimum(corner[:-1], corner[1:])
    quarters = np.minimum(np.stack(_sides(rows, columns)), centre)
    one, other, upper, lower = _along_diagonal(corner)
    halves = np.minimum(np.stack([upper, lower]), np.minimum(one, other))
    return np.maximum(quarters, _TINY), np.maximum(halves, _TINY)


def _slips(samples: Samples, size: int) -> tuple[FloatArray, FloatArray]:
    """How much the photo slips on quarters (4, h, w) and on halves (2, h, w), as errors."""
    half = size // 2
    corner, centre = samples.inverse[::size, ::size], samples.inverse[half::size, half::size]
    rows = samples.slip(corner[:, :-1], corner[:, 1:], size)
    columns = samples.slip(corner[:-1], corner[1:], size)
    sides = np.stack(_sides(rows, columns))
    nw, ne, sw, se = (
        samples.slip(each, centre, size * _HALF_DIAGONAL)
        for each in (corner[:-1, :-1], corner[:-1, 1:], corner[1:, :-1], corner[1:, 1:])
    )
    inner = [np.maximum(a, b) for a, b in ((nw, ne), (ne, se), (se, sw), (sw, nw))]
    one, other, _, _ = _along_diagonal(corner)
    across = samples.slip(one, other, 2 * size * _HALF_DIAGONAL)
    return np.maximum(sides, inner), np.maximum(_of_halves(sides, np.maximum), across)


def _along_diagonal(corner: FloatArray) -> tuple[FloatArray, ...]:
    """Values (h, w) at the ends of each square's diagonal, above it and below it."""
    nw, ne, sw, se = corner[:-1, :-1], corner[:-1, 1:], corner[1:, :-1], corner[1:, 1:]
    rising = _rising(nw.shape)
    one, other = np.where(rising, ne, nw), np.where(rising, sw, se)
    return one, other, np.where(rising, nw, ne), np.where(rising, se, sw)


def _sides(rows: AnyArray, columns: AnyArray) -> tuple[AnyArray, ...]:
    """Views (h, w) of what belongs to the sides N, E, S, W of squares.

    rows: (h + 1, w), of horizontal sides; columns: (h, w + 1), of vertical ones.
    """
    return rows[:-1], columns[:, 1:], rows[1:], columns[:, :-1]


def _of_quarters(halves: AnyArray, pick: np.ufunc) -> AnyArray:
    """For each triangle N, E, S, W (4, h, w) `pick` of its two parts (2, 2h, 2w)."""
    parts = [[halves[h, row::2, column::2] for row, column, h in pair] for pair in _QUARTERS]
    return np.stack([pick(one, other) for one, other in parts])


def _of_halves(quarters: AnyArray, pick: np.ufunc) -> AnyArray:
    """For each triangle along the diagonal (2, h, w) `pick` of its two parts (4, h, w)."""
    rising = _rising(quarters.shape)
    upper = pick(quarters[N], np.where(rising, quarters[W], quarters[E]))
    return np.stack([upper, pick(quarters[S], np.where(rising, quarters[E], quarters[W]))])


def _relative(
    samples: Samples, size: int, relative: FloatArray, cut: IntArray, lossy: bool, diagonal: bool
) -> FloatArray:
    """Relative errors, with those of cut triangles set: infinite where they can't be drawn."""
    found = cut > 0
    relative[found] = np.inf
    if size <= wedges.LARGEST:
        relative[found] = wedges.errors(samples, _collect(size, found, cut, diagonal), lossy)
    return relative
