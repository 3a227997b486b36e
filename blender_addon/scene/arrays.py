"""Result -> the flat arrays that Blender takes in bulk. No Blender here: runs on any thread."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from ...core import frames
from ...core.arrays import ByteArray, FloatArray, IntArray
from ...core.camera import Pinhole
from ...core.depthmap import DepthMap
from ...core.images import Photo
from ...core.mesh import TriangleMesh
from ...core.pipeline import Result
from ...core.points import PointCloud

_COVER = 0.71
"""Radius of a point over the distance to the next pixel: half a pixel's diagonal, so no gap."""

_STEEPEST = 0.5
"""Cosine of view and normal down to which points grow on surfaces seen at a slant."""


@dataclass(frozen=True)
class MeshArrays:
    """A triangle mesh, all arrays flat and contiguous.

    positions: (3 N,) float32, Blender's frame, metres, the photo's camera at the origin.
    corners: (3 M,) int32, vertex of each corner.
    corner_edges: (3 M,) int32, edge from each corner to the next.
    edges: (2 E,) int32, the two vertices of each edge.
    uv: (6 M,) float32, texture coordinates of each corner, v up.
    """

    positions: FloatArray
    corners: IntArray
    corner_edges: IntArray
    edges: IntArray
    uv: FloatArray


_NO_INDEX, _NO_NUMBER = np.empty(0, np.int32), np.empty(0, np.float32)
NOTHING = MeshArrays(_NO_NUMBER, _NO_INDEX, _NO_INDEX, _NO_INDEX, _NO_NUMBER)
"""A mesh without anything in it."""


@dataclass(frozen=True)
class PointArrays:
    """A point cloud, all arrays flat and contiguous.

    positions, normals: (3 N,) float32, Blender's frame, metres, the camera at the origin.
    colors: (4 N,) float32, linear RGB and 1.
    radii: (N,) float32, metres; neighbours touch.
    """

    positions: FloatArray
    normals: FloatArray
    colors: FloatArray
    radii: FloatArray


@dataclass(frozen=True)
class SceneArrays:
    """All that `build` writes.

    mesh, background, points: None unless the result has them.
    depth_pixels: (4 H W,) float32, bottom row first: nearness three times (0 = farthest, 1 =
        nearest, affine in 1/z), then 1 where the depth is valid, else 0; None if not needed.
    photo_pixels: (4 H W,) float32 sRGB with straight alpha, bottom row first; None if the photo's
        own file can serve as texture, or if not needed.
    background_pixels: the same of the background's picture.
    span: (nearest, farthest) valid z-depth.
    """

    mesh: MeshArrays | None
    background: MeshArrays | None
    points: PointArrays | None
    depth_pixels: FloatArray | None
    photo_pixels: FloatArray | None
    background_pixels: FloatArray | None
    span: tuple[float, float]


def prepare(result: Result) -> SceneArrays:
    """Everything for a new scene that can be worked out without Blender."""
    own = result.photo.original is not None
    return replace(
        prepare_shapes(result),
        depth_pixels=_depth_pixels(result.depth),
        photo_pixels=None if own else _photo_pixels(result.photo),
    )


def prepare_shapes(result: Result) -> SceneArrays:
    """The same without the pictures of the photo and its depth, which the scene has already."""
    seen, behind = result.depth.depth[result.depth.valid], result.background
    return SceneArrays(
        mesh=None if result.mesh is None else _mesh(result.mesh),
        background=None if behind is None else _mesh(behind.mesh),
        points=None if result.points is None else _points(result.points, result.camera),
        depth_pixels=None,
        photo_pixels=None,
        background_pixels=None if behind is None else _photo_pixels(behind.photo),
        span=(float(seen.min()), float(seen.max())),
    )


def _mesh(mesh: TriangleMesh) -> MeshArrays:
    edges, corner_edges = _edges(mesh.triangles)
    uv = frames.uv_to_blender(mesh.uv)
    return MeshArrays(
        positions=_flat(frames.to_blender(mesh.vertices)),
        corners=mesh.triangles.ravel(),
        corner_edges=corner_edges,
        edges=edges.ravel(),
        uv=np.take(uv, mesh.triangles.ravel(), axis=0).ravel(),
    )


def _edges(triangles: IntArray) -> tuple[IntArray, IntArray]:
    """Edges (E, 2) of triangles (M, 3), and the edge (3 M,) after each corner.

    Ten times faster than letting Blender search for them, and off its main thread.
    """
    start = triangles.ravel()
    end = np.roll(triangles, -1, axis=1).ravel()
    low, high = np.minimum(start, end), np.maximum(start, end)
    key = low.astype(np.int64) << 32 | high
    order = np.argsort(key, kind="stable")  # triangles come in rows, which it merges 10 x faster
    ordered = key[order]
    first = np.ones(len(key), bool)
    first[1:] = ordered[1:] != ordered[:-1]
    number = np.cumsum(first, dtype=np.int32) - 1
    corner_edges = np.empty(len(key), np.int32)
    corner_edges[order] = number
    unique = ordered[first]
    edges = np.stack([unique >> 32, unique & 0xFFFFFFFF], axis=1).astype(np.int32)
    return edges, corner_edges


def _points(cloud: PointCloud, camera: Pinhole) -> PointArrays:
    spacing = cloud.positions[:, 2] / np.float32((camera.fx * camera.fy) ** 0.5)
    away = np.einsum("ij,ij->i", cloud.positions, cloud.positions) ** 0.5
    facing = -np.einsum("ij,ij->i", cloud.positions, cloud.normals) / away
    colors = np.ones((len(cloud), 4), np.float32)
    colors[:, :3] = _linear(cloud.colors)
    return PointArrays(
        positions=_flat(frames.to_blender(cloud.positions)),
        normals=_flat(frames.to_blender(cloud.normals)),
        colors=colors.ravel(),
        radii=np.float32(_COVER) * spacing / np.maximum(facing, np.float32(_STEEPEST)),
    )


def _linear(srgb: ByteArray) -> FloatArray:
    """sRGB uint8 -> linear float32 in [0, 1], same shape (IEC 61966-2-1)."""
    value = np.arange(256) / 255
    table = np.where(value <= 0.04045, value / 12.92, ((value + 0.055) / 1.055) ** 2.4)
    return table.astype(np.float32)[srgb]


def _depth_pixels(depth: DepthMap) -> FloatArray:
    height, width = depth.depth.shape
    pixels = np.empty((height, width, 4), np.float32)
    pixels[..., :3] = depth.normalized()[::-1, :, None]
    pixels[..., 3] = depth.valid[::-1]
    return pixels.ravel()


def _photo_pixels(photo: Photo) -> FloatArray:
    pixels = np.ones((photo.height, photo.width, 4), np.float32)
    pixels[..., :3] = photo.rgb_float()[::-1]
    if photo.alpha is not None:
        pixels[..., 3] = photo.alpha[::-1] * np.float32(1 / 255)
    return pixels.ravel()


def _flat(array: FloatArray) -> FloatArray:
    return np.ascontiguousarray(array, np.float32).ravel()
