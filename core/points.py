"""DepthMap + Pinhole -> PointCloud."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from .arrays import AnyArray, ByteArray, FloatArray
from .camera import Pinhole
from .depthmap import DepthMap


@dataclass(frozen=True)
class PointCloud:
    """One point per valid pixel, in reading order.

    positions: (N, 3) float32, camera frame, metres.
    colors: (N, 3) uint8, sRGB.
    normals: (N, 3) float32, camera frame, unit length, towards the camera.
    """

    positions: FloatArray
    colors: ByteArray
    normals: FloatArray

    def __len__(self) -> int:
        return len(self.positions)


def pixel_centers(width: int, height: int) -> tuple[FloatArray, FloatArray]:
    """Pixel positions u (1, W) and v (H, 1) float32 of the pixel centres."""
    u = np.arange(width, dtype=np.float32) + np.float32(0.5)
    v = np.arange(height, dtype=np.float32) + np.float32(0.5)
    return u[None, :], v[:, None]


def unproject(depth: DepthMap, camera: Pinhole) -> FloatArray:
    """Points (H, W, 3) float32 in the camera frame; the origin where invalid."""
    u, v = np.broadcast_arrays(*pixel_centers(*depth.size))
    return camera.unproject(u, v, depth.depth)


def normals(depth: DepthMap, camera: Pinhole) -> FloatArray:
    """Unit surface normals (H, W, 3) float32 of z-depth, camera frame, towards the camera.

    On a plane n.p = d inverse depth is affine in pixel coordinates with gradient n_x / (d f) and
    n_y / (d f), so differences of inverse depth are exact there. Each uses the neighbour that is
    closer in inverse depth, so that normals do not smear over depth edges. Where no neighbour is
    valid, and where invalid, the normal faces along the view axis: (0, 0, -1).
    """
    inverse = depth.inverse()
    gu = _one_sided(inverse, depth.valid, axis=1)
    gv = _one_sided(inverse, depth.valid, axis=0)
    u, v = pixel_centers(*depth.size)
    n = np.empty((*inverse.shape, 3), np.float32)
    n[..., 0] = -gu * camera.fx
    n[..., 1] = -gv * camera.fy
    n[..., 2] = -(inverse - gu * (u - camera.cx) - gv * (v - camera.cy))
    length = np.sqrt(np.einsum("ijk,ijk->ij", n, n))
    flat = ~depth.valid | (length <= 0)
    n /= np.where(flat, 1, length)[..., None]
    n[flat] = (0, 0, -1)
    return n


def _one_sided(inverse: FloatArray, valid: AnyArray, axis: int) -> FloatArray:
    """Differences (H, W) along `axis` to the neighbour closer in value; 0 without one."""
    step = np.diff(inverse, axis=axis)
    a, b = (slice(None),) * axis + (slice(1, None),), (slice(None),) * axis + (slice(None, -1),)
    step = np.where(valid[a] & valid[b], step, np.inf)
    edge = np.full_like(inverse.take([0], axis=axis), np.inf)
    after = np.concatenate([step, edge], axis=axis)
    before = np.concatenate([edge, step], axis=axis)
    closer = np.where(np.abs(after) <= np.abs(before), after, before)
    return np.where(np.isfinite(closer), closer, 0).astype(np.float32)


def from_depth(
    depth: DepthMap, camera: Pinhole, rgb: ByteArray, facing: FloatArray | None = None
) -> PointCloud:
    """Every valid pixel of z-depth as a point with the photo's colour; rgb is (H, W, 3) uint8.

    facing: unit normals (H, W, 3), camera frame, of a model that knows them better than the depth.
    """
    seen = depth.valid
    return PointCloud(
        positions=unproject(depth, camera)[seen],
        colors=rgb[seen],
        normals=(normals(depth, camera) if facing is None else facing)[seen],
    )
