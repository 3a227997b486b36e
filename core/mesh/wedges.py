"""Triangles that a depth edge cuts in two, so that a silhouette is a line and not a stair."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..arrays import FloatArray, IntArray
from .samples import STEPS, Samples
from .tiles import Tiles, cross, inside, sides

LARGEST = 32
"""Side of the largest squares whose triangles may be cut in two."""

_STRAY = 0.5  # samples this close to the line that cuts a triangle may lie on the wrong side
_FARTHEST_STRAY = 2.0
_STRAY_COST = 0.02  # relative depth error that counts as much as a stray sample one farther off

_BATCH = 200_000  # samples looked at in one go: what fits a processor's cache


@dataclass(frozen=True)
class Wedges:
    """Cut triangles with corners A, B, C of which A stands alone, and crossings p on AB, q on CA.

    corners: (n, 3, 2) int, row and column of A, B, C.
    keys: (n, 3) int64, their flat indices.
    at: (n, 2, 2) float32, row and column of p and q.
    crossing: (n, 2) int64, p and q among `Samples.crossings`.
    mine: (n, 2) int64, which end of the link at p and at q is on the side of A: 0 or 1.
    """

    corners: IntArray
    keys: IntArray
    at: FloatArray
    crossing: IntArray
    mine: IntArray

    @classmethod
    def of(cls, samples: Samples, corners: IntArray, lone: IntArray, links: IntArray) -> Wedges:
        """corners: (n, 3, 2) in any order; lone: (n,) which stands alone; links: (n, 3) by side."""
        turned = (lone[:, None] + np.arange(3)) % 3
        corners = np.take_along_axis(corners, turned[..., None], axis=1)
        link = np.take_along_axis(links, turned[:, [0, 2]], axis=1)
        height, width = samples.inverse.shape
        crossing = samples.crossings.find(link)
        step = np.array(STEPS)[link // (height * width)]
        outward = corners[:, 1:] - corners[:, :1]  # A to B, A to C
        mine = ((step * outward).sum(axis=-1) < 0).astype(np.int64)
        keys = corners[..., 0] * width + corners[..., 1]
        return cls(corners, keys, samples.crossings.at[crossing], crossing, mine)

    def values(self, samples: Samples) -> tuple[FloatArray, FloatArray, FloatArray]:
        """1/z of A, B, C (n, 3); of p and q on the side of A (n, 2); on the other side (n, 2)."""
        inverse = samples.crossings.inverse[self.crossing]
        mine = self.mine[..., None]
        ours = np.take_along_axis(inverse, mine, axis=-1)[..., 0]
        theirs = np.take_along_axis(inverse, 1 - mine, axis=-1)[..., 0]
        return samples.inverse.ravel()[self.keys], ours, theirs


def crossed(samples: Samples, tiles: Tiles) -> tuple[IntArray, IntArray]:
    """How often each side of the triangles is cut (n, 3), and one link (n, 3) that is."""
    height, width = samples.inverse.shape
    base, flags = tiles.first() @ (width, 1), samples.cut.ravel()
    counts, links = [], []
    for direction, start in sides(tiles.size, tiles.diagonal):
        offset = direction * (height * width) + start @ (width, 1)
        link = base[:, None] + offset[tiles.kind]
        cut = flags[link]
        counts.append(cut.sum(axis=1))
        links.append(np.take_along_axis(link, cut.argmax(axis=1)[:, None], axis=1)[:, 0])
    return np.stack(counts, axis=1), np.stack(links, axis=1)


def lone_corner(counts: IntArray) -> IntArray:
    """The corner (n,) that a single cut through two sides (n, 3) sets apart; -1 where none does."""
    clean = ((counts == 1).sum(axis=1) == 2) & ((counts == 0).sum(axis=1) == 1)
    return np.where(clean, (counts.argmin(axis=1) + 2) % 3, -1)


def errors(samples: Samples, tiles: Tiles) -> FloatArray:
    """Relative depth error (n,) of drawing each cut triangle as two pieces; inf where it is wrong.

    It is wrong unless the samples on the two sides of the line are those that the cut links tell
    apart. Samples close to the line may stray, at a cost where they are farther off than half.
    """
    result = np.full(len(tiles), np.inf, np.float32)
    counts, links = crossed(samples, tiles)
    lone = lone_corner(counts)
    chosen = np.flatnonzero(lone >= 0)
    each = max(1, 2 * _BATCH // tiles.size**2)
    for begin in range(0, len(chosen), each):
        part = chosen[begin : begin + each]
        some = tiles.only(part)
        pieces = Wedges.of(samples, some.corners(), lone[part], links[part])
        result[part] = _misfit(samples, pieces, some)
    return result


def _misfit(samples: Samples, pieces: Wedges, tiles: Tiles) -> FloatArray:
    """What `errors` says (n,), of triangles that a line might cut."""
    height, width = samples.inverse.shape
    spots, steps, ends = (table[tiles.kind] for table in inside(tiles.size, tiles.diagonal))
    spots = spots + tiles.first()[:, None]  # (n, k, 2)
    index = spots @ (width, 1)
    side = _beside(pieces, spots.astype(np.float32))
    start, end = (np.take_along_axis(side, ends[..., i], axis=1) for i in (0, 1))
    link = steps * (height * width) + np.take_along_axis(index, ends[..., 0], axis=1)
    wrong = ((start > 0) != (end > 0)) != samples.cut.ravel()[link]
    stray = np.where(wrong, np.minimum(np.abs(start), np.abs(end)), 0).max(axis=1)
    a, b = (samples.outside(*pieces.corners[:, i].T) for i in (0, 1))
    border = a != b
    over_corner = border & (pieces.at[:, 0] != pieces.at[:, 1]).all(axis=1)
    stray[over_corner] = np.inf  # the line cuts off a corner of the picture
    truth = samples.inverse.ravel()[index]
    guess = _guess(samples, pieces, spots.astype(np.float32), side)
    error = np.abs(truth - guess) / np.maximum(guess, np.float32(1e-30))
    # Close to the line either surface may be meant, but not at the picture's border.
    counts = (np.abs(side) > np.where(border, 0, 1)[:, None]) & (truth > 0)
    worst = np.maximum(np.where(counts, error, 0).max(axis=1), _STRAY_COST * (stray - _STRAY))
    return np.where(stray <= _FARTHEST_STRAY, worst, np.inf).astype(np.float32)


def _beside(pieces: Wedges, spots: FloatArray) -> FloatArray:
    """Distances (n, k) of spots (n, k, 2) from the line p q, above 0 on the side of A."""
    p, q = pieces.at[:, 0], pieces.at[:, 1]
    along = q - p
    length = np.sqrt((along**2).sum(axis=1)) * np.sign(cross(along, pieces.corners[:, 0] - p))
    return np.asarray(cross(along[:, None], spots - p[:, None]) / length[:, None], np.float32)


def _guess(samples: Samples, pieces: Wedges, spots: FloatArray, side: FloatArray) -> FloatArray:
    """Inverse depth (n, k) of the pieces at spots (n, k, 2)."""
    p, q = pieces.at[:, 0], pieces.at[:, 1]
    a, b, c = np.moveaxis(pieces.corners.astype(np.float32), 1, 0)
    (fa, fb, fc), (pa, qa), (pb, qb) = (values.T for values in pieces.values(samples))
    with_b = cross((c - p)[:, None], spots - p[:, None]) * cross(c - p, b - p)[:, None] > 0
    there = np.where(
        with_b, _plane(spots, (b, c, p), (fb, fc, pb)), _plane(spots, (c, q, p), (fc, qb, pb))
    )
    return np.where(side > 0, _plane(spots, (a, p, q), (fa, pa, qa)), there)


def _plane(
    spot: FloatArray, corners: tuple[FloatArray, ...], values: tuple[FloatArray, ...]
) -> FloatArray:
    """Values at spots (n, k, 2) of the planes through three corners (n, 2) with values (n,)."""
    o, e, g = corners[0], corners[1] - corners[0], corners[2] - corners[0]
    area = cross(g, e)
    area = np.where(np.abs(area) > 1e-6, area, np.float32(np.inf))
    de, dg = ((values[i] - values[0]) / area for i in (1, 2))
    slope = np.stack([g[:, 1] * de - e[:, 1] * dg, e[:, 0] * dg - g[:, 0] * de], axis=1)
    return values[0][:, None] + np.einsum("nkj,nj->nk", spot - o[:, None], slope)
