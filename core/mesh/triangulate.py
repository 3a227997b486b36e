"""z-depth -> a light mesh: large triangles where the surface is flat, cut where the depth jumps."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from hashlib import blake2b

import numpy as np

from ..arrays import ByteArray, FloatArray, IntArray
from ..camera import Pinhole
from ..depthmap import DepthMap
from ..errors import GeometryError
from . import wedges
from .hierarchy import Hierarchy
from .samples import Samples
from .tiles import Tiles

_LARGEST_BLOCK = 64
_TRIES = 5  # drawings, until the number of triangles fits; their count is a guess
_SEARCHES = 16  # at most, for the bound that gives the number of triangles
_NEARLY = 0.97  # of the number allowed is enough
_LARGEST_KEPT = 4_000_000  # pixels; larger photos would keep too much memory
_COARSEST = 10.0  # relative error; no surface needs more


@dataclass(frozen=True)
class TriangleMesh:
    """A textured surface; every vertex belongs to a triangle.

    vertices: (N, 3) float32, camera frame, metres.
    triangles: (M, 3) int32, counter-clockwise seen from the camera.
    uv: (N, 2) float32, the pixel position of each vertex over the photo's size: u to the right,
        v down from the top edge, as glTF has it.
    error: how far z may be off the depth that the mesh was made from, away from cuts, as a share;
        infinite if nothing limits it.
    """

    vertices: FloatArray
    triangles: IntArray
    uv: FloatArray
    error: float


def from_depth(
    depth: DepthMap,
    camera: Pinhole,
    *,
    rgb: ByteArray | None = None,
    edge_ratio: float = 1.1,
    max_error: float = 0.001,
    max_faces: int | None = None,
    keep: bool = True,
) -> TriangleMesh:
    """Triangulate z-depth (H, W).

    Neighbours with depths of a ratio above `edge_ratio` are not joined, unless the surface runs on
    as steeply on both sides, as a floor does towards the horizon; a ramp of a few pixels between
    two surfaces that would be cut is one. Specks of up to three pixels join a surface beside them,
    or go where there is none. Away from such cuts the mesh differs from the depth by at most
    `max_error` of it, and triangles are small enough for the photo not to slip on them. Where
    `max_faces` asks for fewer triangles the error is larger, things and holes of a few pixels get
    lost, and at last every second, fourth, ... pixel is left out. Invalid pixels are not covered.
    With `rgb`, the photo (H, W, 3) uint8 sRGB, depth edges move by up to 3 pixels onto the photo's.
    `keep`: whether to keep, until the next depth, what another mesh of this one would need again.
    Raises GeometryError if `max_faces` is too few for any mesh, DepthError if the sizes differ.
    """
    most = np.inf if max_faces is None else max_faces
    depth.check_size(*camera.size)
    if rgb is not None:
        depth.check_size(rgb.shape[1], rgb.shape[0])
    stride = 1
    while True:
        ready = _Ready.of(depth, rgb, edge_ratio, stride, keep)
        found = _triangulate(ready, max_error, most)
        if 0 < len(found.triangles) <= most:
            return found.mesh(camera)
        stride *= 2
        if stride >= max(depth.size):
            raise GeometryError(
                f"No mesh of only {max_faces} triangles can be made of this depth, so allow more "
                "of them or give a denser depth map."
            )


@dataclass(frozen=True)
class _Drawing:
    """Triangles over samples: their corners may lie on samples or at crossings."""

    samples: Samples
    triangles: IntArray  # (M, 3) int64 keys: samples, then two for each crossing, then centres
    centres: FloatArray  # (K, 3): row, column, 1/z
    bound: float

    def mesh(self, camera: Pinhole) -> TriangleMesh:
        samples = self.samples
        used, triangles = compact(self.triangles)
        row, column, inverse = self._vertices(used)
        u = _between(samples.u, column)
        v = _between(samples.v, row)
        corners = np.stack([u, v], axis=1)[triangles]
        area = _doubled_area(corners)
        triangles[area > 0] = triangles[area > 0][:, ::-1]
        width, height = camera.size
        return TriangleMesh(
            vertices=camera.unproject(u, v, np.reciprocal(inverse)),
            triangles=triangles,
            uv=np.stack([u / width, v / height], axis=1).astype(np.float32),
            error=self.bound,
        )

    def _vertices(self, keys: IntArray) -> tuple[FloatArray, FloatArray, FloatArray]:
        """Row, column and 1/z (N,) float32 of ascending keys."""
        inverse, crossings = self.samples.inverse, self.samples.crossings
        ends = np.searchsorted(keys, (inverse.size, inverse.size + 2 * len(crossings.link)))
        on_grid, on_links, at_centres = np.split(keys, ends)
        row, column = np.divmod(on_grid, inverse.shape[1])
        link, side = np.divmod(on_links - inverse.size, 2)
        centre = self.centres[at_centres - inverse.size - 2 * len(crossings.link)]
        parts = (
            (row, column, inverse.ravel()[on_grid]),
            (*crossings.at[link].T, crossings.inverse[link, side]),
            centre.T,
        )
        return tuple(np.concatenate(part).astype(np.float32) for part in zip(*parts, strict=True))


@dataclass(frozen=True)
class _Ready:
    """What all meshes of one depth have in common, whatever their errors and numbers of faces.

    Those of the last depth are kept, so that an artist who tries other numbers waits a fraction of
    the time.
    """

    samples: Samples
    block: int

    @classmethod
    def of(
        cls, depth: DepthMap, rgb: ByteArray | None, edge_ratio: float, stride: int, keep: bool
    ) -> _Ready:
        global _kept
        if not keep or depth.depth.size > _LARGEST_KEPT:
            return cls._made(depth, rgb, edge_ratio, stride)
        digest = blake2b(np.ascontiguousarray(depth.depth).data)
        if rgb is not None:
            digest.update(np.ascontiguousarray(rgb).data)
        key = (digest.digest(), depth.size, edge_ratio)
        known = _kept  # one look at it: other threads may exchange it meanwhile
        by_stride = known[1] if known[0] == key else {}
        if stride not in by_stride:
            if not by_stride:
                _kept = (None, {})  # first: two of them need twice the memory
            by_stride = by_stride | {stride: cls._made(depth, rgb, edge_ratio, stride)}
            _kept = (key, by_stride)
        return by_stride[stride]

    @classmethod
    def _made(
        cls, depth: DepthMap, rgb: ByteArray | None, edge_ratio: float, stride: int
    ) -> _Ready:
        block = 1
        while block < min(_LARGEST_BLOCK, max(depth.size) / stride + 1):
            block *= 2
        return cls(Samples.of(depth, edge_ratio, stride, block, rgb), block)

    def exact(self, bound: float) -> Hierarchy:
        """The one in which nothing gets lost up to this error."""
        return self.lossy if bound < wedges.LOSS_COST else self._exact

    @cached_property
    def lossy(self) -> Hierarchy:
        return Hierarchy(self.samples, self.block, lossy=True)

    @cached_property
    def _exact(self) -> Hierarchy:
        return Hierarchy(self.samples, self.block, lossy=False)


_kept: tuple[tuple[bytes, tuple[int, int], float] | None, dict[int, _Ready]] = (None, {})
"""What the last depth and edge ratio were, and what is ready of them by stride."""


def _triangulate(ready: _Ready, max_error: float, max_faces: float) -> _Drawing:
    """The best drawing of what is ready; it may still have too many triangles."""
    exact = ready.exact(max_error)
    if exact.count(max_error) <= max_faces / _NEARLY:
        drawing = _draw(ready.samples, exact.tiles(max_error), max_error)
        if len(drawing.triangles) <= max_faces:
            return drawing
    best, target = None, max_faces
    for _ in range(_TRIES):
        bound = _bound(ready.lossy, max_error, target)
        drawing = _draw(ready.samples, ready.lossy.tiles(bound), bound)
        count = len(drawing.triangles)
        if count <= max_faces and (best is None or count > len(best.triangles)):
            best = drawing
        if _NEARLY * max_faces <= count <= max_faces or (count > max_faces and bound == _COARSEST):
            break
        target *= (1 + _NEARLY) / 2 * max_faces / max(count, 1)
    return best or drawing


def _bound(hierarchy: Hierarchy, max_error: float, target: float) -> float:
    """The least bound, `max_error` or more, that asks for about `target` triangles or fewer."""
    low, high = max_error, _COARSEST
    if hierarchy.count(high) > target:
        return high
    for _ in range(_SEARCHES):
        middle = (low * high) ** 0.5
        count = hierarchy.count(middle)
        low, high = (low, middle) if count <= target else (middle, high)
        if _NEARLY * target <= count <= target:
            break
    return high


def _draw(samples: Samples, found: list[Tiles], bound: float) -> _Drawing:
    """The triangles themselves, in pieces where they are cut."""
    valid, width = samples.inverse.ravel() > 0, samples.inverse.shape[1]
    drawn, centres = [], np.zeros((0, 3), np.float32)
    for tiles in found:
        keys = tiles.corners() @ (width, 1)
        drawn.append(keys[(tiles.cut == 0) & valid[keys[:, 0]]])
        cut = tiles.only(tiles.cut > 0)
        sides = wedges.cut_sides(samples, cut)
        kept = keys[tiles.cut > 0][~sides.cut.any(axis=1)]  # only something thin lies in it
        drawn.append(kept[valid[kept].all(axis=1)])
        drawn.append(_torn(samples, keys[tiles.cut > 0], sides))
        lone = sides.lone()
        two, three = lone >= 0, sides.cut.all(axis=1)
        corners = cut.corners()
        pieces = wedges.Wedges.of(samples, corners[two], lone[two], sides.links[two])
        drawn.append(_halves(pieces, samples))
        meeting = _meeting(samples, keys[tiles.cut > 0][three], sides.links[three])
        for corner in range(3):  # three surfaces meet: each gets the part around its corner
            lone = np.full(len(meeting), corner)
            pieces = wedges.Wedges.of(samples, corners[three], lone, sides.links[three])
            triangles, middle = _kites(pieces, samples, meeting, len(centres))
            drawn.append(triangles)
            centres = np.concatenate([centres, middle])
    return _Drawing(samples, np.concatenate(drawn), centres, bound)


def _torn(samples: Samples, keys: IntArray, sides: wedges.Sides) -> IntArray:
    """Triangles in which an edge ends, cut from the crossing on to the corner opposite."""
    one = np.flatnonzero(sides.cut.sum(axis=1) == 1)
    side = sides.cut[one].argmax(axis=1)
    turned = (side[:, None] + np.arange(3)) % 3
    a, b, c = np.take_along_axis(keys[one], turned, axis=1).T
    crossing = samples.crossings.find(sides.links[one, side])
    second = a > b  # a link begins at the lower of its ends
    p, q = samples.inverse.size + 2 * crossing + (second, ~second)
    valid = samples.inverse.ravel() > 0
    known = valid[a] & valid[b] & valid[c] & (samples.crossings.inverse[crossing] > 0).all(axis=1)
    return np.concatenate([np.stack([a, p, c], axis=1), np.stack([q, b, c], axis=1)])[
        np.tile(known, 2)
    ]


def _halves(pieces: wedges.Wedges, samples: Samples) -> IntArray:
    """The triangle at each lone corner, and the two that are left; those of valid surfaces."""
    a, b, c = pieces.keys.T
    p, q = (samples.inverse.size + 2 * pieces.crossing + pieces.mine).T
    r, s = (samples.inverse.size + 2 * pieces.crossing + 1 - pieces.mine).T
    known = [(values > 0).all(axis=1) for values in pieces.values(samples)[1:]]
    valid = samples.inverse.ravel() > 0
    here, there = known[0] & valid[a], known[1] & valid[b] & valid[c]
    parts = (
        np.stack([a, p, q], axis=1)[here],
        np.stack([b, c, r], axis=1)[there],
        np.stack([c, s, r], axis=1)[there],
    )
    return np.concatenate(parts)


def _meeting(samples: Samples, keys: IntArray, links: IntArray) -> FloatArray:
    """Row and column (n, 2) where three surfaces meet that are cut at links (n, 3).

    In the middle of the crossings; of two of them, if only the surfaces there end in nothing, so
    that the picture's border stays straight.
    """
    nothing = samples.inverse.ravel()[keys] <= 0
    border = nothing | np.roll(nothing, -1, axis=1)  # sides at such a corner
    use = np.where(border.any(axis=1, keepdims=True), border, True)[..., None]
    at = samples.crossings.at[samples.crossings.find(links)]
    return np.asarray((at * use).sum(axis=1) / use.sum(axis=1), np.float32)


def _kites(
    pieces: wedges.Wedges, samples: Samples, meeting: FloatArray, known: int
) -> tuple[IntArray, FloatArray]:
    """Two triangles at each lone corner up to where three surfaces meet (n, 2), a new vertex."""
    _, values, _ = pieces.values(samples)
    here = (samples.inverse.ravel()[pieces.keys[:, 0]] > 0) & (values > 0).all(axis=1)
    centres = np.concatenate([meeting, values.mean(axis=1, keepdims=True)], axis=1)[here]
    first = samples.inverse.size + 2 * len(samples.crossings.link) + known
    m = first + np.arange(len(centres))
    a = pieces.keys[here, 0]
    p, q = (samples.inverse.size + 2 * pieces.crossing + pieces.mine)[here].T
    return np.concatenate([np.stack([a, p, m], axis=1), np.stack([a, m, q], axis=1)]), centres


def _between(positions: FloatArray, index: FloatArray) -> FloatArray:
    """Positions (N,) at fractional indices."""
    low = np.minimum(index.astype(np.int64), len(positions) - 2)
    share = index - low
    return (positions[low] * (1 - share) + positions[low + 1] * share).astype(np.float32)


def _doubled_area(corners: FloatArray) -> FloatArray:
    """Twice the signed area (M,) of triangles (M, 3, 2)."""
    e, f = corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0]
    return e[:, 0] * f[:, 1] - e[:, 1] * f[:, 0]


def compact(triangles: IntArray) -> tuple[IntArray, IntArray]:
    """The keys in use (N,), ascending, and the triangles (M, 3) int32 numbered among them."""
    in_use = np.zeros(int(triangles.max(initial=-1)) + 1, bool)
    in_use[triangles.ravel()] = True
    number = np.cumsum(in_use, dtype=np.int32) - 1
    return np.flatnonzero(in_use), number[triangles]
