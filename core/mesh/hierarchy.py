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
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from ..arrays import AnyArray, BoolArray, FloatArray, IntArray
from . import wedges
from .samples import Samples, rising_squares
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
        cuts = _Cuts.all(self._levels[0].cut_halves, block)
        with ThreadPoolExecutor(2) as pool:  # NumPy lets threads work at the same time
            whole = pool.submit(_whole_errors, samples, block)
            _ = samples.crossings  # now, before several threads ask for it
            drawn = list(pool.map(lambda cut: cut.errors(samples, lossy), cuts))
        for cut, errors, of_cut in zip(cuts, whole.result(), drawn, strict=True):
            for error, found, own in zip(errors, (cut.quarters, cut.halves), of_cut, strict=True):
                error[found > 0] = own
            self._levels.append(_coarser(samples, self._levels[-1], cut, *errors))

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


def _halved(halves: BoolArray) -> BoolArray:
    """For each of the triangles N, E, S, W (4, h, w) its value among those along the diagonal."""
    rising = rising_squares(halves.shape)
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
    rises = rising_squares(top.shape)
    diagonal = np.where(rises, rising[:-1, 1:], falling[:-1, :-1])
    upper = top + diagonal + np.where(rises, left, far)
    lower = bottom + diagonal + np.where(rises, far, left)
    cut = np.stack([upper, lower]).astype(np.uint16)
    solid = np.where(rises, samples.valid[:-1, 1:], samples.valid[:-1, :-1])
    none = np.zeros((4, 0, 0), np.float32)
    zero = np.zeros(top.shape, np.float32)
    return _Level(1, cut, none.astype(np.uint16), solid, zero, none[0], none[0])


class _Cuts(NamedTuple):
    """How many links are cut in each triangle of a level."""

    size: int
    quarters: IntArray  # (4, h, w) uint16
    halves: IntArray  # (2, h, w) uint16

    @classmethod
    def all(cls, halves: IntArray, block: int) -> list[_Cuts]:
        """Of all levels above the smallest squares, whose cuts are given."""
        found: list[_Cuts] = []
        for size in _sizes(block):
            quarters = _of_quarters(halves, np.add)
            halves = _of_halves(quarters, np.add)
            found.append(cls(size, quarters, halves))
        return found

    def errors(
        self, samples: Samples, lossy: bool
    ) -> tuple[FloatArray | float, FloatArray | float]:
        """Relative errors of drawing cut quarters and halves (n,); infinite where they can't be."""
        if self.size > wedges.LARGEST:
            return np.inf, np.inf
        quarters, halves = (
            wedges.errors(samples, _collect(self.size, cut > 0, cut, diagonal), lossy)
            for cut, diagonal in ((self.quarters, False), (self.halves, True))
        )
        return quarters, halves


def _sizes(block: int) -> list[int]:
    """Of squares that are split."""
    return [2**power for power in range(1, block.bit_length())]


def _whole_errors(samples: Samples, block: int) -> list[tuple[FloatArray, FloatArray]]:
    """Level by level relative errors of quarters (4, h, w) and halves (2, h, w) without cuts."""
    error = np.zeros((2, *(side - 1 for side in samples.inverse.shape)), np.float32)
    found = []
    for size in _sizes(block):
        off_sides, off_centre = _new_vertices(samples.inverse, size)
        least_quarters, least_halves = _least(samples.inverse, size)
        # In 1/m: at most the larger of its parts' and what is off at their new vertex.
        quarters = _of_quarters(error, np.maximum) + off_sides
        error = _of_halves(quarters, np.maximum) + off_centre
        relative = quarters / least_quarters, error / least_halves
        if size >= wedges.SLIPS:
            for own, slip in zip(relative, _slips(samples, size), strict=True):
                np.maximum(own, slip, out=own)
        found.append(relative)
    return found


def _coarser(
    samples: Samples, fine: _Level, cut: _Cuts, quarters: FloatArray, halves: FloatArray
) -> _Level:
    """The level of squares twice as large, whose quarters and halves have these errors."""
    size, centres = cut.size, fine.at_centre
    _, height, width = halves.shape
    at_rows = np.zeros((height + 1, width), np.float32)
    at_columns = np.zeros((height, width + 1), np.float32)
    sides = _sides(at_rows, at_columns)
    for side, own, parts in zip(sides, quarters, _QUARTERS, strict=True):
        np.maximum(side, own, out=side)
        for row, column, _ in parts:
            np.maximum(side, centres[row::2, column::2], out=side)
    at_centre = np.maximum(halves[0], halves[1])
    for side in sides:
        np.maximum(at_centre, side, out=at_centre)
    solid = samples.valid[size // 2 :: size, size // 2 :: size]
    return _Level(size, cut.halves, cut.quarters, solid, at_centre, at_rows, at_columns)


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
    rising = rising_squares(nw.shape)
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
    rising = rising_squares(quarters.shape)
    upper = pick(quarters[N], np.where(rising, quarters[W], quarters[E]))
    return np.stack([upper, pick(quarters[S], np.where(rising, quarters[E], quarters[W]))])
