"""A grid of triangles over the photo, cut where the depth jumps."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..arrays import AnyArray, BoolArray, FloatArray, IntArray
from ..camera import Pinhole
from ..depthmap import DepthMap
from ..errors import GeometryError
from . import seams

BEND = 2.0
"""A jump is an edge only if it is this many times steeper than the surface on one of its sides."""


@dataclass(frozen=True)
class TriangleMesh:
    """A textured surface; every vertex belongs to a triangle.

    vertices: (N, 3) float32, camera frame, metres.
    triangles: (M, 3) int32, counter-clockwise seen from the camera.
    uv: (N, 2) float32, the pixel position of each vertex over the photo's size: u to the right,
        v down from the top edge, as glTF has it.
    """

    vertices: FloatArray
    triangles: IntArray
    uv: FloatArray


def from_depth(
    depth: DepthMap, camera: Pinhole, *, edge_ratio: float = 1.1, max_faces: int | None = None
) -> TriangleMesh:
    """Triangulate z-depth (H, W) on a regular grid of pixels.

    Two neighbours with depths of a ratio above `edge_ratio` are not joined, unless the surface
    runs on as steeply on both sides, as a floor does towards the horizon; the cell between them
    goes to the farther surface. Invalid pixels get no vertex. The grid is as fine as `max_faces`
    allows. Raises GeometryError if no triangle is left.
    """
    height, width = depth.depth.shape
    rows, columns = _grid(width, height, max_faces)
    inverse = depth.inverse()[np.ix_(rows, columns)]
    valid = depth.valid[np.ix_(rows, columns)]
    kept, cut = _triangles(inverse, valid, edge_ratio)
    _reach_border(inverse, valid, rows, edge_ratio)
    _reach_border(inverse.T, valid.T, columns, edge_ratio)
    if not len(kept):
        raise GeometryError(
            "No surface is left: the depth is too sparse, or every edge is cut, so give a denser "
            "depth map or raise the edge ratio."
        )
    rays, beyond, closed = seams.close(cut, inverse.ravel(), edge_ratio)
    inverses = np.concatenate([inverse.ravel(), beyond])
    used, triangles = _compact(np.concatenate([kept, closed]), len(inverses))
    sample = np.concatenate([np.arange(inverse.size, dtype=np.int32), rays])[used]
    row, column = np.divmod(sample, len(columns))
    u, v = _positions(columns, width)[column], _positions(rows, height)[row]
    return TriangleMesh(
        vertices=camera.unproject(u, v, np.reciprocal(inverses[used])),
        triangles=triangles,
        uv=np.stack([u / width, v / height], axis=1).astype(np.float32),
    )


def _grid(width: int, height: int, max_faces: int | None) -> tuple[IntArray, IntArray]:
    """Rows and columns of the finest even grid, first and last pixel included."""
    long, short = max(width, height) - 1, min(width, height) - 1
    most = long * short if max_faces is None else max_faces // 2
    shrink = min(1.0, (most / (long * short)) ** 0.5)
    few = max(1, int(short * shrink))  # cells across; then as many along as are left
    many = max(1, min(long, most // few))

    def pick(last: int, cells: int) -> IntArray:
        return np.rint(np.linspace(0, last, cells + 1)).astype(np.int32)

    rows, columns = (few, many) if width >= height else (many, few)
    return pick(height - 1, rows), pick(width - 1, columns)


def _positions(index: IntArray, size: int) -> FloatArray:
    """Pixel centres, but the picture's own border for the outermost, so that no rim is lost."""
    at = index.astype(np.float32) + np.float32(0.5)
    at[0], at[-1] = 0, size
    return at


def _reach_border(
    inverse: FloatArray, valid: BoolArray, index: IntArray, edge_ratio: float
) -> None:
    """Carry the first and last row on to the picture's border, half a pixel out, in place.

    Inverse depth runs straight on, as it does on a plane; beside an edge it stays what it is.
    """
    for rim, next_to in ((0, 1), (-1, -2)):
        step = inverse[rim] - inverse[next_to]
        near = np.maximum(inverse[rim], inverse[next_to])
        far = np.minimum(inverse[rim], inverse[next_to])
        smooth = valid[rim] & valid[next_to] & (near <= far * np.float32(edge_ratio))
        beyond = inverse[rim] + step * np.float32(0.5 / abs(int(index[rim] - index[next_to])))
        inverse[rim] = np.where(smooth & (beyond > 0), beyond, inverse[rim])


def _triangles(
    inverse: FloatArray, valid: BoolArray, edge_ratio: float
) -> tuple[IntArray, IntArray]:
    """Triangles (M, 3) int32 of grid indices, whole and cut ones, for inverse depth (h, w)."""
    h, w = inverse.shape
    index = np.arange(h * w, dtype=np.int32).reshape(h, w)
    a, b, c, d = index[:-1, :-1], index[:-1, 1:], index[1:, :-1], index[1:, 1:]
    right = _joined(inverse, valid, (0, 1), edge_ratio)
    down = _joined(inverse, valid, (1, 0), edge_ratio)
    falling = _joined(inverse, valid, (1, 1), edge_ratio)  # a to d
    rising = _joined(inverse[:, ::-1], valid[:, ::-1], (1, 1), edge_ratio)[:, ::-1]  # b to c
    top, bottom, left, far = right[:-1], right[1:], down[:, :-1], down[:, 1:]
    # Split each cell along the diagonal that keeps more, and of two such the flatter one.
    z = inverse
    flatter = np.abs(z[:-1, :-1] - z[1:, 1:]) <= np.abs(z[:-1, 1:] - z[1:, :-1])
    kept_falling = falling * (left & bottom).astype(np.int8) + falling * (top & far)
    kept_rising = rising * (top & left).astype(np.int8) + rising * (bottom & far)
    use = (kept_falling > kept_rising) | ((kept_falling == kept_rising) & flatter)
    halves = (
        ((a, c, d), use, falling & left & bottom),
        ((a, d, b), use, falling & top & far),
        ((a, c, b), ~use, rising & top & left),
        ((b, c, d), ~use, rising & bottom & far),
    )
    known = valid.ravel()
    kept, cut = [], []
    for corners, chosen, whole in halves:
        kept.append(np.stack([i[chosen & whole] for i in corners], axis=1))
        rest = np.stack([i[chosen & ~whole] for i in corners], axis=1)
        cut.append(rest[known[rest].all(axis=1)])
    return np.concatenate(kept), np.concatenate(cut)


def _joined(
    inverse: FloatArray, valid: BoolArray, step: tuple[int, int], edge_ratio: float
) -> BoolArray:
    """Whether each sample and the one `step` (rows, columns) after it lie on one surface."""
    dy, dx = step
    padded = np.pad(inverse, ((dy, dy), (dx, dx)), mode="edge")
    known = np.pad(valid, ((dy, dy), (dx, dx)))
    h, w = inverse.shape

    def shifted(array: AnyArray, n: int) -> AnyArray:
        """The n-th sample of the row o, p, q, r of which p and q are the pair in question."""
        return array[n * dy : n * dy + h - dy, n * dx : n * dx + w - dx]

    o, p, q, r = (shifted(padded, n) for n in range(4))
    before = np.where(shifted(known, 0), np.abs(p - o), np.inf)
    after = np.where(shifted(known, 3), np.abs(r - q), np.inf)
    slope = np.minimum(before, after)  # of the flatter side that is known
    slope = np.where(np.isfinite(slope), slope, 0)
    jump = np.abs(q - p)
    near, far = np.maximum(p, q), np.minimum(p, q)
    cut = (near > far * np.float32(edge_ratio)) & (jump > BEND * slope)
    return shifted(known, 1) & shifted(known, 2) & ~cut


def _compact(triangles: IntArray, count: int) -> tuple[IntArray, IntArray]:
    """The vertices in use (N,), and the triangles (M, 3) numbered among them."""
    in_use = np.zeros(count, bool)
    in_use[triangles.ravel()] = True
    number = np.cumsum(in_use, dtype=np.int32) - 1
    return np.flatnonzero(in_use).astype(np.int32), number[triangles]
