"""z-depth -> a bas-relief for 3D printing: one closed body with a flat bottom, in millimetres."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from .. import frames, windows
from ..arrays import AnyArray, FloatArray, IntArray
from ..depthmap import DepthMap
from . import fill, tiles
from .hierarchy import Hierarchy
from .samples import STEPS, Samples
from .triangulate import compact

_ERROR = 0.02  # mm between the top and its heights; the layers of a print are thicker
_FINEST = 2048  # squares along the longer side at most: each 0.05 mm of 100 mm
_LARGEST_BLOCK = 64
_GAP = 0.05  # of the longer side: where nothing is seen and that is narrower, it is filled
_LIFT = 1000  # see `_top`


@dataclass(frozen=True)
class Solid:
    """A closed body: each edge joins two triangles.

    vertices: (N, 3) float32, millimetres: x along the photo's lower edge, y up its left edge, z up
        from the printer's bed, on which the body lies in the corner x = y = 0.
    triangles: (M, 3) int32, counter-clockwise seen from outside.
    """

    vertices: FloatArray
    triangles: IntArray


def from_depth(
    depth: DepthMap, width: float, height: float, base: float, max_faces: int | None = None
) -> Solid:
    """A plate `width` mm wide and `base` mm thick with a relief of `height` mm on it.

    Heights are inverse depth (H, W), evenly from the farthest on the plate to the nearest on top;
    so nothing hangs over. Narrow holes are filled smoothly, where wide ones are the plate is bare.
    Needles and pits of one or two pixels go: they would take the height from all else. Where
    `max_faces`, 14 or more, asks for fewer triangles, the heights are sampled half as often until
    there are.
    """
    squares = min(max(depth.size), _FINEST)
    while True:
        heights, block = _heights(depth, squares)
        top = _top(heights, block, _ERROR / height)
        extent = np.array([width, width * depth.size[1] / depth.size[0]])
        solid = _closed(top, base + height * heights, extent)
        if max_faces is None or len(solid.triangles) <= max_faces:
            return solid
        squares //= 2


def _heights(depth: DepthMap, squares: int) -> tuple[FloatArray, int]:
    """Heights (h, w) in [0, 1] on a grid of that many squares along the photo's longer side.

    Its outermost samples lie on the photo's border; squares are whole blocks, of the second number.
    """
    height, width = depth.valid.shape
    counts = [max(1, round(side * squares / max(depth.size))) for side in (height, width)]
    block = 1
    while 2 * block <= min(_LARGEST_BLOCK, *counts):
        block *= 2
    rows, columns = (-(-count // block) * block for count in counts)
    values = np.stack([depth.normalized(), depth.valid], axis=2)
    values = _averaged(_averaged(values, rows).swapaxes(0, 1), columns).swapaxes(0, 1)
    total, weight = values[..., 0], values[..., 1]
    seen = weight > 1e-6
    nearness = np.divide(total, weight, out=np.zeros_like(total), where=seen)
    reach = round(_GAP / 2 * max(rows, columns))
    hole = windows.least(windows.most(seen.astype(np.float32), reach), reach) > 0
    found = fill.smoothly(nearness[..., None], seen | ~hole)[..., 0]
    found = windows.most(windows.least(found, 1), 1)
    found = windows.least(windows.most(found, 1), 1)
    low, high = found.min(), found.max()
    return ((found - low) / (high - low) if high > low else np.ones_like(found)), block


def _averaged(values: FloatArray, count: int) -> FloatArray:
    """Means (count + 1, W, C) of rows (H, W, C) around evenly spaced places from border to border.

    Over the distance of two places, or over one row where these are closer.
    """
    size = len(values)
    reach = max(1, size / count) / 2
    at = np.linspace(0, size, count + 1)
    sums = np.concatenate([np.zeros_like(values[:1], np.float64), values.cumsum(0, np.float64)])

    def sum_to(end: AnyArray) -> AnyArray:
        row = np.minimum(end.astype(int), size - 1)
        share = (end - row)[:, None, None]
        return sums[row] * (1 - share) + sums[row + 1] * share

    first, last = (at - reach).clip(0, size), (at + reach).clip(0, size)
    means = (sum_to(last) - sum_to(first)) / (last - first)[:, None, None]
    return means.astype(np.float32)


def _top(heights: FloatArray, block: int, error: float) -> IntArray:
    """Triangles (M, 3) of flat indices into heights (h, w), at most `error` off any of them."""
    # The hierarchy's errors are shares of the value; far up these are as good as absolute.
    samples = Samples(
        inverse=heights + np.float32(_LIFT),
        u=np.arange(heights.shape[1], dtype=np.float32),
        v=np.arange(heights.shape[0], dtype=np.float32),
        cut=np.zeros((len(STEPS), *heights.shape), bool),
        inner=(heights.shape[0], heights.shape[1]),
    )
    found = Hierarchy(samples, block, lossy=False).tiles(error / (_LIFT + 1))
    corners = np.concatenate([each.corners() for each in found])
    a, b, c = np.moveaxis(corners, 1, 0)
    turned = tiles.cross(b - a, c - a) > 0  # rows count downwards
    corners[turned] = corners[turned][:, ::-1]
    return corners @ (heights.shape[1], 1)


def _closed(top: IntArray, heights: FloatArray, extent: AnyArray) -> Solid:
    """The body of `extent` (2,) mm under triangles over heights (h, w) in mm."""
    rows, columns = (count - 1 for count in heights.shape)
    used, triangles = compact(top)
    row, column = np.divmod(used, columns + 1)
    across = frames.uv_to_blender(np.stack([column / columns, row / rows], axis=1)) * extent
    ring = _ring(row, column, rows, columns)
    middle = np.append(extent / 2, 0)
    vertices = np.concatenate(
        [
            np.column_stack([across, heights.ravel()[used]]),
            np.column_stack([across[ring], np.zeros(len(ring))]),
            middle[None],
        ]
    )
    a, b = ring, np.roll(ring, -1)
    below = len(used) + np.arange(len(ring), dtype=np.int32)
    beside = np.roll(below, -1)
    centre = np.full_like(below, len(vertices) - 1)
    sides = [(below, beside, b), (below, b, a), (centre, beside, below)]
    parts = [triangles, *(np.stack(side, axis=1) for side in sides)]
    return Solid(vertices.astype(np.float32), np.concatenate(parts).astype(np.int32))


def _ring(row: IntArray, column: IntArray, rows: int, columns: int) -> IntArray:
    """Vertices on the border (R,), counter-clockwise seen from above; all are given by place."""
    lower, right, upper, left = row == rows, column == columns, row == 0, column == 0
    sides = (
        (lower & ~right, column),
        (right & ~upper, -row),
        (upper & ~left, -column),
        (left & ~lower, row),
    )
    chosen = [np.flatnonzero(side) for side, _ in sides]
    return np.concatenate(
        [c[np.argsort(order[c])] for c, (_, order) in zip(chosen, sides, strict=True)]
    )
