"""PointCloud -> one surface through its points. Imports Open3D when it is used.

All is done in the space (x / z, y / z, log z), where distances are shares of the distance to the
camera: points are spread evenly there, so that one spacing serves what is near and what is far.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ..arrays import AnyArray, IntArray
from ..camera import Pinhole
from ..errors import GeometryError, needing
from ..points import PointCloud
from ..settings import SurfaceMethod
from .triangulate import TriangleMesh, compact

_MOST = {SurfaceMethod.POISSON: 150_000, SurfaceMethod.BALL: 200_000, SurfaceMethod.ALPHA: 70_000}
"""Points that are left of a larger cloud: a few seconds and 1 GB."""

_LEAST = 10  # points; of fewer Open3D can't make anything
_COARSER = 0.6  # power of the ratio of points by which cells must grow; 0.5 for a flat wall
_LOWEST = 5  # level of Poisson's octree, which is whole up to there
_NEIGHBOURS = 16
_FAR_OUT = 3.0  # standard deviations above the mean distance to the neighbours
_STRAY = 0.002  # of all triangles: a piece of fewer is stray
_SMOOTHINGS = 10  # of the border; more would round the photo's corners

# In spacings of the points:
_CELL = 1.5  # of Poisson's octree, at least; at most twice as much
_TRIMMED = 2.5  # from any point, Poisson's surface is made up
_BALLS = (1.0, 2.0, 4.0)  # radii
_ALPHA = 2.0  # radius
_JITTER = 1e-3


def library() -> Any:
    """The module open3d. Raises MissingLibraryError."""
    with needing("open3d", "Surfaces need"):
        import open3d
    return open3d


def from_points(
    cloud: PointCloud, camera: Pinhole, method: SurfaceMethod, max_faces: int | None = None
) -> TriangleMesh:
    """A surface through the points of one photo, seen by `camera`; only where there are points.

    Points far from their neighbours, as those that fly between two surfaces, are left out, and
    large clouds are thinned, evenly as the camera sees them. Tiny pieces go. Raises GeometryError
    if nothing is left, MissingLibraryError without Open3D.
    """
    o3d = library()
    points = _thinned(_warped(o3d, cloud), _MOST[method])
    points, _ = points.remove_statistical_outlier(_NEIGHBOURS, _FAR_OUT)
    if len(points.points) < _LEAST:
        raise GeometryError("There are too few points for a surface, give a denser depth map.")
    spacing = float(np.quantile(points.compute_nearest_neighbor_distance(), 0.75))
    points.scale(1 / spacing, np.zeros(3))
    with o3d.utility.VerbosityContextManager(o3d.utility.VerbosityLevel.Error):
        surface = _MAKERS[method](o3d, points)
        _remove_strays(surface)
        if max_faces is not None and len(surface.triangles) > max_faces:
            surface = surface.simplify_quadric_decimation(max_faces)
    if not surface.has_triangles():
        raise GeometryError("The points lie too far apart for a surface, give a denser depth map.")
    surface.scale(spacing, np.zeros(3))
    return _unwarped(surface, camera)


def _warped(o3d: Any, cloud: PointCloud) -> Any:
    """Points and normals in the space of the module."""
    x, y, z = cloud.positions.astype(np.float64).T
    at = np.stack([x / z, y / z, np.log(z)], axis=1)
    normals = cloud.normals.astype(np.float64)  # turn by the transposed Jacobian of the way back
    normals[:, 2] += at[:, 0] * normals[:, 0] + at[:, 1] * normals[:, 1]
    points = o3d.geometry.PointCloud(o3d.utility.Vector3dVector(at))
    points.normals = o3d.utility.Vector3dVector(normals)
    return points.normalize_normals()


def _thinned(points: Any, most: int) -> Any:
    """At most about `most` points, the mean of those in each cell of a grid."""
    width, height = points.get_axis_aligned_bounding_box().get_extent()[:2]
    cell = math.sqrt(max(width * height, 1e-12) / most)
    while len(points.points) > most:
        points = points.voxel_down_sample(cell)
        cell *= max(1.05, (len(points.points) / most) ** _COARSER)
    return points.normalize_normals()


def _poisson(o3d: Any, points: Any) -> Any:
    """Kazhdan and Hoppe's screened Poisson surface, but for where it is far from any point."""
    extent = points.get_max_bound() - points.get_min_bound()
    level = max(_LOWEST, int(math.log2(1.1 * extent.max() / _CELL)))
    surface, _ = o3d.geometry.TriangleMesh.create_from_point_cloud_poisson(points, depth=level)
    distance = o3d.geometry.PointCloud(surface.vertices).compute_point_cloud_distance(points)
    surface.remove_vertices_by_mask(np.asarray(distance) > _TRIMMED)
    return surface


def _ball(o3d: Any, points: Any) -> Any:
    radii = o3d.utility.DoubleVector(_BALLS)
    return o3d.geometry.TriangleMesh.create_from_point_cloud_ball_pivoting(points, radii)


def _alpha(o3d: Any, points: Any) -> Any:
    """The front of an alpha shape.

    Points of a sheet have no inside, so a second layer of them a spacing behind gives it one.
    """
    rng = np.random.default_rng(0)  # four points on one circle have no single Delaunay mesh
    at = np.asarray(points.points) + rng.normal(0, _JITTER, (len(points.points), 3))
    normals = np.asarray(points.normals)
    thick = o3d.geometry.PointCloud(o3d.utility.Vector3dVector(np.concatenate([at, at - normals])))
    thick.normals = o3d.utility.Vector3dVector(np.concatenate([normals, -normals]))
    surface = o3d.geometry.TriangleMesh.create_from_point_cloud_alpha_shape(thick, _ALPHA)
    corners = np.asarray(surface.triangles)
    behind = np.asarray(surface.vertex_normals)[:, 2] > 0
    surface.remove_triangles_by_mask(behind[corners].any(axis=1))
    return surface


_MAKERS = {
    SurfaceMethod.POISSON: _poisson,
    SurfaceMethod.BALL: _ball,
    SurfaceMethod.ALPHA: _alpha,
}


def _remove_strays(surface: Any) -> None:
    """Take tiny pieces out of an Open3D mesh, in place."""
    piece, count, _ = surface.cluster_connected_triangles()
    if len(piece):
        size = np.asarray(count)[np.asarray(piece)]
        surface.remove_triangles_by_mask(size < _STRAY * len(piece))


def _unwarped(surface: Any, camera: Pinhole) -> TriangleMesh:
    """An Open3D mesh back in the camera frame, with the photo on it."""
    used, triangles = compact(np.asarray(surface.triangles))
    across, down, log_z = _with_smooth_border(np.asarray(surface.vertices)[used], triangles).T
    z = np.exp(log_z)
    vertices = np.stack([across * z, down * z, z], axis=1).astype(np.float32)
    # Poisson's surface reaches a little beyond the photo, whose border goes on there.
    uv = (camera.project(vertices) / camera.size).clip(0, 1)
    return TriangleMesh(vertices, triangles, uv.astype(np.float32), math.inf)


def _with_smooth_border(vertices: AnyArray, triangles: IntArray) -> AnyArray:
    """Vertices (N, 3) without the teeth that whole triangles leave where the surface ends."""
    edges = np.sort(triangles[:, [0, 1, 1, 2, 2, 0]].reshape(-1, 2), axis=1)
    found, count = np.unique(edges, axis=0, return_counts=True)
    a, b = found[count == 1].T
    ends = np.bincount(np.concatenate([a, b]), minlength=len(vertices))
    line = ends == 2  # where two borders touch there is no one way along
    vertices = vertices.copy()
    for _ in range(_SMOOTHINGS):
        around = np.zeros_like(vertices)
        np.add.at(around, a, vertices[b])
        np.add.at(around, b, vertices[a])
        vertices[line] = (vertices[line] + around[line] / 2) / 2
    return vertices
