"""A small rasteriser in numpy, for previews and tests: which triangle does each pixel see?"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from .arrays import AnyArray, BoolArray, FloatArray, IntArray
from .camera import Pinhole

_BATCH = 200_000  # pairs of triangle and pixel at a time: what fits a processor's cache
_MOST = 60_000_000  # pairs in all, or
_MOST_PER_PIXEL = 8
_TOLERANCE = np.float32(1e-5)  # of the weights, so that no crack opens between triangles


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
    low, extent = _boxes(at, triangles, camera)
    planes = _planes(at, triangles, low)
    inverse = np.einsum("nij,ni->nj", planes, 1 / vertices[:, 2][triangles])
    count = extent[:, 0] * extent[:, 1]
    nearest = np.zeros(camera.height * camera.width, np.float32)  # 1/z of what is seen so far
    owner = np.full(nearest.size, -1, np.int32)
    for part in _batches(count, max(_MOST, _MOST_PER_PIXEL * nearest.size)):
        number, offset, pixel = _pairs(part, low, extent, camera.width)
        first, second = (_at(planes[:, corner], number, offset) for corner in (0, 1))
        depth = _at(inverse, number, offset)
        hit = (np.minimum(first, second) >= -_TOLERANCE) & (first + second <= 1 + _TOLERANCE)
        hit &= depth > nearest[pixel]
        number, pixel, depth = number[hit], pixel[hit], depth[hit]
        order = np.argsort(depth, kind="stable")  # of equal pixels the last, the nearest, stays
        nearest[pixel[order]] = depth[order]
        owner[pixel[order]] = number[order]
    shown = np.flatnonzero(owner >= 0)
    weights = np.empty((len(shown), 3), np.float32)
    for begin in range(0, len(shown), _BATCH):
        some = slice(begin, begin + _BATCH)
        number = owner[shown[some]]
        row, column = np.divmod(shown[some], camera.width)
        offset = np.stack([column, row], axis=1) - low[number]
        weights[some] = np.stack([_at(planes[:, i], number, offset) for i in range(3)], axis=1)
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
    first = np.clip(np.ceil(low - np.float32(0.5)), 0, limit).astype(np.int32)
    last = np.clip(np.floor(high - np.float32(0.5)), -1, limit - 1).astype(np.int32)
    return first, np.maximum(last - first + 1, 0)


def _planes(at: FloatArray, triangles: IntArray, low: AnyArray) -> FloatArray:
    """Barycentric weights on the picture (M, 3, 3) float32, for each corner as a plane.

    A plane is its value at the centre of the first pixel of the bounding box, and its steps to the
    next pixel right and down; from there on offsets are small, so that float32 is exact enough.
    Those of edge-on triangles are not finite.
    """
    corners = at[triangles].astype(np.float64) - (low + 0.5)[:, None]
    x, y = corners[..., 0], corners[..., 1]
    x2, y2 = np.roll(x, -1, axis=1), np.roll(y, -1, axis=1)
    x3, y3 = np.roll(x, -2, axis=1), np.roll(y, -2, axis=1)
    planes = np.stack([x2 * y3 - y2 * x3, y2 - y3, x3 - x2], axis=2)
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.asarray(planes / planes[..., 0].sum(axis=1)[:, None, None], np.float32)


def _batches(count: AnyArray, most: int) -> Iterator[IntArray]:
    """Triangles that cover pixels, about `_BATCH` pairs at a time and not over `most` in all."""
    drawn = np.flatnonzero(count).astype(np.int32)
    if count.sum(dtype=np.int64) > most:
        drawn = drawn[np.argsort(count[drawn], kind="stable")]
        drawn = drawn[np.cumsum(count[drawn], dtype=np.int64) <= most]
    ends = np.cumsum(count[drawn], dtype=np.int64)
    cuts = np.searchsorted(ends, np.arange(_BATCH, ends[-1] if len(ends) else 0, _BATCH))
    yield from np.split(drawn, np.unique(cuts))


def _pairs(
    part: AnyArray, low: AnyArray, extent: AnyArray, width: int
) -> tuple[AnyArray, AnyArray, AnyArray]:
    """Every (triangle, (x, y) in its bounding box, flat pixel index) of these triangles."""
    count = extent[part, 0] * extent[part, 1]
    number = np.repeat(part, count)
    nth = np.arange(len(number), dtype=np.int32)
    nth -= np.repeat((np.cumsum(count) - count).astype(np.int32), count)
    row, column = np.divmod(nth, np.repeat(extent[part, 0], count))
    first = low[part, 1] * width + low[part, 0]
    return number, np.stack([column, row], axis=1), np.repeat(first, count) + row * width + column


def _at(planes: FloatArray, number: IntArray, offset: AnyArray) -> FloatArray:
    """The values (N,) of planes (M, 3) with these numbers, `offset` (N, 2) pixels on."""
    plane = planes[number]
    x, y = offset.astype(np.float32).T
    with np.errstate(invalid="ignore"):  # edge-on triangles; what is not a number hits nothing
        return np.asarray(plane[:, 0] + plane[:, 1] * x + plane[:, 2] * y)
