"""Triangles that a depth edge cuts in two, so that a silhouette is a line and not a stair."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from ..arrays import BoolArray, FloatArray, IntArray
from .samples import STEPS, Samples
from .tiles import Tiles, cross, inside, sides

LARGEST = 16
"""Side of the largest squares whose triangles may be cut in two."""

SLIPS = 8
"""Side of the smallest squares on which the photo may slip by more than a fraction of a pixel."""

LOSS_COST = 0.005
"""Relative depth error that counts as much as a cut link of a triangle not drawn as it is cut."""

_STRAY = 0.5  # samples this close to the line that cuts a triangle may lie on the wrong side
_FARTHEST_STRAY = 2.0
_STRAY_COST = 0.005  # relative depth error that counts as much as a stray sample one farther off

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


class Sides(NamedTuple):
    """How the sides of triangles are cut, the same for both triangles that share a side.

    cut: (n, 3) bool, whether the ends of a side lie on two surfaces.
    links: (n, 3) int64, the link where these part.
    exact: (n,) bool, whether no side is cut twice; else something thin is left out.
    """

    cut: BoolArray
    links: IntArray
    exact: BoolArray

    def lone(self) -> IntArray:
        """The corner (n,) that cuts through two sides set apart; -1 where there are not two."""
        return np.where(self.cut.sum(axis=1) == 2, (self.cut.argmin(axis=1) + 2) % 3, -1)


def cut_sides(samples: Samples, tiles: Tiles) -> Sides:
    """Where the sides of cut triangles are cut."""
    base, flags = tiles.first() @ (samples.inverse.shape[1], 1), samples.cut.ravel()
    cut, links, exact = [], [], np.ones(len(tiles), bool)
    for direction, start in sides(tiles.size, tiles.diagonal):
        offset = direction * samples.inverse.size + start @ (samples.inverse.shape[1], 1)
        link = base[:, None] + offset[tiles.kind]
        here = flags[link]
        parted, chosen = here.any(axis=1), here.argmax(axis=1)
        several = np.flatnonzero(here.sum(axis=1) > 1)
        parted[several], chosen[several] = _parting(samples, link[several], here[several])
        exact[several] = False
        cut.append(parted)
        links.append(np.take_along_axis(link, chosen[:, None], axis=1)[:, 0])
    return Sides(np.stack(cut, axis=1), np.stack(links, axis=1), exact)


def _parting(samples: Samples, links: IntArray, cut: BoolArray) -> tuple[BoolArray, IntArray]:
    """Whether sides (n,) that are cut several times end on two surfaces, and the widest jump."""
    direction, first = np.divmod(links, samples.inverse.size)
    second = first + (np.array(STEPS) @ (samples.inverse.shape[1], 1))[direction]
    with np.errstate(divide="ignore", invalid="ignore"):
        near, far = (np.log(samples.inverse.ravel()[ends]) for ends in (first, second))
        jump = np.where(cut, np.abs(far - near), 0)  # infinite beside an invalid sample
        between = np.abs(far[:, -1] - near[:, 0])
    widest = np.minimum(jump.max(axis=1, initial=0), 1)
    return between > widest / 2, jump.argmax(axis=1)


def errors(samples: Samples, tiles: Tiles, lossy: bool) -> FloatArray:
    """Relative depth error (n,) of drawing each cut triangle as pieces along its cut sides.

    It is right if two sides are cut, and the samples on the two sides of the line between are
    those that the cut links tell apart. Samples close to the line may stray, at a cost where they
    are farther off than half. If `lossy`, what is cut otherwise loses what is thin in it, at a cost
    for each cut link; else, and at the picture's border, its error is infinite.
    """
    first, inner = tiles.first(), np.array(samples.inner)
    at_border = ((first < 1) | (first + tiles.size > inner)).any(axis=1)  # nothing gets lost there
    result = np.where(at_border | (not lossy), np.inf, LOSS_COST * tiles.cut).astype(np.float32)
    found = cut_sides(samples, tiles)
    lone = found.lone()
    drawn = found.exact & (lone >= 0)
    each = max(1, 2 * _BATCH // tiles.size**2)
    for kind in range(8):
        chosen = np.flatnonzero(drawn & (tiles.kind == kind))
        for begin in range(0, len(chosen), each):
            part = chosen[begin : begin + each]
            some = tiles.only(part)
            pieces = Wedges.of(samples, some.corners(), lone[part], found.links[part])
            result[part] = np.minimum(result[part], _misfit(samples, pieces, some, kind))
    return result


def _misfit(samples: Samples, pieces: Wedges, tiles: Tiles, kind: int) -> FloatArray:
    """What `errors` says (n,), of triangles of one kind that a line might cut."""
    height, width = samples.inverse.shape
    spots, steps, ends = (table[kind] for table in inside(tiles.size, tiles.diagonal))
    index = (tiles.first() @ (width, 1))[:, None] + spots @ (width, 1)  # (n, k)
    origin = tiles.first().astype(np.float32)
    values = pieces.values(samples)
    side, guess = _drawn(pieces, values, origin, spots)
    start, end = (np.abs(side[:, ends[:, i]]) for i in (0, 1))
    apart = (side > 0)[:, ends[:, 0]] != (side > 0)[:, ends[:, 1]]
    link = steps * (height * width) + index[:, ends[:, 0]]
    wrong = apart != samples.cut.ravel()[link]
    stray = np.where(wrong, np.minimum(start, end), 0).max(axis=1)
    a, b = (samples.outside(*pieces.corners[:, i].T) for i in (0, 1))
    border = a != b
    over_corner = border & (pieces.at[:, 0] != pieces.at[:, 1]).all(axis=1)
    stray[over_corner] = np.inf  # the line cuts off a corner of the picture
    truth = samples.inverse.ravel()[index]
    error = np.abs(truth - guess) / np.maximum(guess, np.float32(1e-30))
    # Close to the line either surface may be meant, but not at the picture's border.
    counts = (np.abs(side) > np.where(border, 0, 1)[:, None]) & (truth > 0)
    worst = np.maximum(np.where(counts, error, 0).max(axis=1), _STRAY_COST * (stray - _STRAY))
    if tiles.size >= SLIPS:
        worst = np.maximum(worst, _slip(samples, pieces, values))
    return np.where(stray <= _FARTHEST_STRAY, worst, np.inf).astype(np.float32)


def _slip(samples: Samples, pieces: Wedges, values: tuple[FloatArray, ...]) -> FloatArray:
    """How much the photo slips on the pieces (n,), as an error; values as of `Wedges.values`."""
    a, b, c = np.moveaxis(pieces.corners, 1, 0)
    p, q = np.moveaxis(pieces.at, 1, 0)
    (fa, fb, fc), (pa, qa), (pb, qb) = (each.T for each in values)
    edges = ((a, fa, p, pa), (a, fa, q, qa), (b, fb, c, fc), (b, fb, p, pb), (c, fc, q, qb))
    slips = [
        samples.slip(one, other, np.sqrt(((here - there) ** 2).sum(axis=1)))
        for here, one, there, other in edges
    ]
    return np.asarray(np.max(slips, axis=0), np.float32)


def _drawn(
    pieces: Wedges, values: tuple[FloatArray, ...], origin: FloatArray, spots: IntArray
) -> tuple[FloatArray, FloatArray]:
    """How far samples are from the line p q, above 0 on the side of A, and 1/z of the pieces there.

    (n, k) each, of samples at `spots` (k, 2) from each triangle's origin (n, 2).
    """
    p, q = np.moveaxis(pieces.at - origin[:, None], 1, 0)
    a, b, c = np.moveaxis(pieces.corners - origin[:, None], 1, 0)
    (fa, fb, fc), (pa, qa), (pb, qb) = (each.T for each in values)
    line = _line(p, q, a)
    line /= np.sqrt(((q - p) ** 2).sum(axis=1))[:, None]
    table = np.concatenate([spots, np.ones((len(spots), 1))], axis=1).T.astype(np.float32)
    side = line @ table
    with_b = _line(p, c, b) @ table > 0
    there = np.where(
        with_b, _plane((b, c, p), (fb, fc, pb)) @ table, _plane((c, q, p), (fc, qb, pb)) @ table
    )
    return side, np.where(side > 0, _plane((a, p, q), (fa, pa, qa)) @ table, there)


def _line(start: FloatArray, end: FloatArray, above: FloatArray) -> FloatArray:
    """Factors (n, 3) of row, column and 1 of what is 0 on lines and positive on one side (n, 2)."""
    along = end - start
    sign = np.sign(cross(along, above - start))
    return np.stack([along[:, 1], -along[:, 0], -cross(along, start)], axis=1) * sign[:, None]


def _plane(corners: tuple[FloatArray, ...], values: tuple[FloatArray, ...]) -> FloatArray:
    """Factors (n, 3) of row, column and 1 of planes through corners (n, 2) with values (n,)."""
    o, e, g = corners[0], corners[1] - corners[0], corners[2] - corners[0]
    area = cross(g, e)
    area = np.where(np.abs(area) > 1e-6, area, np.float32(np.inf))
    de, dg = ((values[i] - values[0]) / area for i in (1, 2))
    down, right = g[:, 1] * de - e[:, 1] * dg, e[:, 0] * dg - g[:, 0] * de
    return np.stack([down, right, values[0] - down * o[:, 0] - right * o[:, 1]], axis=1)
