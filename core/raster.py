"""A small rasteriser in numpy, for previews and tests: which triangle does each pixel see?"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from .arrays import AnyArray, BoolArray, FloatArray, IntArray
from .camera import Pinhole

_BATCH = 2_000_000  # pairs of triangle and pixel at a time: about 150 MB
_MOST = 60_000_000  # pairs in all


@dataclass(frozen=True)
class Hits:
    """What the pixels of a picture see, in reading order of those that see anything.

    seen: (H, W) bool.
    triangle: (N,) int32, the triangle seen.
    weights: (N, 3) float32, barycentric on the picture.
    """

    seen: BoolArray
    triangle: IntArray
    weights: FloatArray


def rasterize(vertices: FloatArray, triangles: IntArray, camera: Pinhole) -> Hits:
    """Cast the pixel centres of `camera` at triangles (M, 3) of vertices (N, 3) float32.

    Vertices are in the camera frame; every z that a triangle uses must be positive. Both sides of
    a triangle are seen. Of a heap of huge triangles, which would take for ever, the largest are
    left out.
    """
    at = camera.project(vertices)
    inverse = 1 / vertices[:, 2]  # affine over a triangle on the picture
    low, extent = _boxes(at, triangles, camera)
    count = extent[:, 0] * extent[:, 1]
    best = np.zeros(camera.height * camera.width, np.float32)  # 1/z of what is seen so far
    owner = np.full(best.size, -1, np.int32)
    drawn = np.flatnonzero(count)
    if count.sum() > _MOST:
        drawn = drawn[np.argsort(count[drawn], kind="stable")]
        drawn = drawn[np.cumsum(count[drawn]) <= _MOST]
    ends = np.cumsum(count[drawn])
    cuts = np.searchsorted(ends, np.arange(_BATCH, ends[-1] if len(ends) else 0, _BATCH))
    for part in np.split(drawn, np.unique(cuts)):
        number, pixel = _pairs(part, low, extent, camera.width)
        weights = _weights(at, triangles[number], pixel, camera.width)
        depth = np.einsum("ij,ij->i", weights, inverse[triangles[number]])
        hit = (weights >= -1e-5).all(axis=1) & (depth > best[pixel])
        number, pixel, depth = number[hit], pixel[hit], depth[hit]
        order = np.argsort(depth, kind="stable")  # of equal pixels the last, the nearest, stays
        best[pixel[order]] = depth[order]
        owner[pixel[order]] = number[order]
    shown = np.flatnonzero(owner >= 0)
    weights = _weights(at, triangles[owner[shown]], shown, camera.width)
    seen = (owner >= 0).reshape(camera.height, camera.width)
    return Hits(seen, owner[shown], weights)


def interpolate(
    hits: Hits, vertices: FloatArray, triangles: IntArray, values: FloatArray
) -> FloatArray:
    """Values (N, K) of vertices at the hits, in perspective: (hits, K) float32."""
    corners = triangles[hits.triangle]
    weights = hits.weights / vertices[:, 2][corners]
    weights /= weights.sum(axis=1, keepdims=True)
    return np.einsum("ij,ijk->ik", weights, values[corners]).astype(np.float32)


def _boxes(at: FloatArray, triangles: IntArray, camera: Pinhole) -> tuple[AnyArray, AnyArray]:
    """First pixel (M, 2) and extent (M, 2), as (x, y), of the pixels in each bounding box."""
    a, b, c = (at[triangles[:, i]] for i in range(3))
    limit = np.array(camera.size)
    low = np.minimum(np.minimum(a, b), c)
    high = np.maximum(np.maximum(a, b), c)
    first = np.clip(np.ceil(low - np.float32(0.5)), 0, limit).astype(np.int64)
    last = np.clip(np.floor(high - np.float32(0.5)), -1, limit - 1).astype(np.int64)
    return first, np.maximum(last - first + 1, 0)


def _pairs(
    part: AnyArray, low: AnyArray, extent: AnyArray, width: int
) -> tuple[AnyArray, AnyArray]:
    """Every (triangle, flat pixel index) whose pixel lies in the triangle's bounding box."""
    count = extent[part, 0] * extent[part, 1]
    number = np.repeat(part, count)
    nth = np.arange(len(number)) - np.repeat(np.cumsum(count) - count, count)
    row, column = np.divmod(nth, extent[number, 0])
    return number, (low[number, 1] + row) * width + low[number, 0] + column


def _weights(at: FloatArray, triangles: IntArray, pixel: AnyArray, width: int) -> FloatArray:
    """Barycentric coordinates (N, 3) of pixel centres, each in its triangle (N, 3) of `at`."""
    row, column = np.divmod(pixel, width)
    x, y = (axis.astype(np.float32) + np.float32(0.5) for axis in (column, row))
    ax, ay, bx, by, cx, cy = (
        at[triangles[:, corner], axis] - (x, y)[axis] for corner in range(3) for axis in (0, 1)
    )
    areas = np.stack([bx * cy - by * cx, cx * ay - cy * ax, ax * by - ay * bx], axis=1)
    total = areas[:, 0] + areas[:, 1] + areas[:, 2]
    with np.errstate(divide="ignore", invalid="ignore"):  # edge-on triangles: NaN is not inside
        return np.asarray(areas / total[:, None], np.float32)
