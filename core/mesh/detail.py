"""What a light mesh lacks of its depth, as pictures that lie on it as the photo does."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from .. import points, raster
from ..arrays import AnyArray, FloatArray
from ..camera import Pinhole
from ..depthmap import DepthMap
from . import fill
from .triangulate import TriangleMesh

_ROUNDING = 1e-5
"""Of the depth: what float32 makes of a mesh that has no error, many times over."""

_NEAREST = 0.1  # of the depth: a mesh that may be off by nearly all of it is still taken for it

_AHEAD = np.array((0, 0, -1), np.float32)  # towards the camera

ZERO, MOST = 32768, 32767
"""No displacement, and the largest one beside it, in 16 bits; so nothing is stored as nothing."""


@dataclass(frozen=True)
class Detail:
    """Displacement and normals for a mesh, in the pixels of its photo.

    displacement: (H, W) float32; a point of the mesh seen at a pixel lies at the depth once its
        distance from the photo's camera has grown by this share of itself. Smoothly carried on
        where the mesh or the depth has nothing, and where the two show different surfaces.
    limit: how large displacements may be at most.
    normals: (H, W, 3) float32, unit, camera frame, towards the camera; (0, 0, -1) where the depth
        is invalid.
    """

    displacement: FloatArray
    limit: float
    normals: FloatArray

    def displacement_levels(self) -> AnyArray:
        """The displacement (H, W) as uint16: ZERO + MOST * displacement / limit."""
        levels = np.rint(self.displacement * np.float32(MOST / self.limit)) + ZERO
        return levels.astype(np.uint16)

    def normal_colors(self) -> AnyArray:
        """The normals (H, W, 3) as uint8: red to the right, green up, blue towards the camera."""
        shades = (self.normals * np.array([1, -1, -1], np.float32) + 1) * np.float32(127.5)
        return np.rint(shades).astype(np.uint8)


def detail(
    surface: TriangleMesh, depth: DepthMap, camera: Pinhole, facing: FloatArray | None = None
) -> Detail:
    """What z-depth (H, W) knows more than `surface`, its mesh.

    facing: unit normals (H, W, 3), camera frame, of a model that knows them better than the depth.
    """
    hits = raster.rasterize(surface.vertices, surface.triangles, camera)
    z = np.zeros_like(depth.depth)
    z[hits.seen] = raster.interpolate(
        hits, surface.vertices, surface.triangles, surface.vertices[:, 2:]
    )[:, 0]
    both = hits.seen & depth.valid
    displacement = np.divide(depth.depth, z, out=np.ones_like(z), where=both) - np.float32(1)
    # The mesh is off by a share of the depth, which is displaced by a share of the mesh's.
    limit = surface.error / max(1 - surface.error, _NEAREST) + _ROUNDING
    # What is farther off than the mesh may be is seen past an edge, on another surface.
    known = both & (np.abs(displacement) <= limit)
    normals = points.normals(depth, camera) if facing is None else facing
    return Detail(
        displacement=fill.smoothly(displacement[..., None], known)[..., 0],
        limit=limit,
        normals=np.where(depth.valid[..., None], normals, _AHEAD),
    )
