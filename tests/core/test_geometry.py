"""Points, normals, frames and rasteriser, on scenes whose truth is known."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from unflat.core import frames, points, raster
from unflat.core.camera import Pinhole
from unflat.core.depthmap import DepthMap

normal_parts = st.floats(-0.8, 0.8)


@given(normal_parts, normal_parts, st.floats(0.2, 50))
def test_normals_of_a_plane_are_exact(
    plane_depth: Callable[[Pinhole, np.ndarray, float], DepthMap],
    a: float,
    b: float,
    distance: float,
) -> None:
    normal = np.array([a, b, -1.0]) / np.sqrt(a * a + b * b + 1)
    camera = Pinhole(60, 50, 20, 11, 40, 30)
    depth = plane_depth(camera, normal, distance)
    if not depth.valid.all():
        return
    found = points.normals(depth, camera)
    np.testing.assert_allclose(found, np.broadcast_to(normal, found.shape), atol=2e-2)
    np.testing.assert_allclose(np.linalg.norm(found, axis=-1), 1, atol=1e-5)


def test_points_keep_colour_and_place(
    box_depth: DepthMap, camera: Pinhole, rgb: np.ndarray
) -> None:
    cloud = points.from_depth(box_depth, camera, rgb)
    assert len(cloud) == box_depth.valid.sum()
    at = camera.project(cloud.positions)
    column, row = np.floor(at).astype(int).T
    np.testing.assert_allclose(at, np.stack([column, row], axis=1) + 0.5, atol=1e-3)
    np.testing.assert_array_equal(cloud.colors, rgb[row, column])
    np.testing.assert_allclose(cloud.positions[:, 2], box_depth.depth[row, column])


def test_the_nearer_triangle_is_seen() -> None:
    camera = Pinhole.from_focal(10, 20, 20)
    big = np.array([[-9, -9, 3], [9, -9, 3], [0, 9, 3]], np.float32)
    vertices = np.concatenate([big, big * np.float32(0.5)])
    triangles = np.array([[0, 1, 2], [3, 4, 5]], np.int32)
    for order in (triangles, triangles[::-1]):
        hits = raster.rasterize(vertices, order, camera)
        assert hits.seen[10, 10]
        assert (order[hits.triangle] >= 3).all()


@pytest.mark.filterwarnings("error")
def test_a_triangle_seen_edge_on_covers_nothing() -> None:
    camera = Pinhole.from_focal(20, 20, 20)
    vertices = np.array([[-1, -1, 3], [0, 0, 4], [2, 2, 5]], np.float32)
    assert not raster.rasterize(vertices, np.array([[0, 1, 2]]), camera).seen.any()


def test_frames_are_rotations() -> None:
    axes = np.eye(3, dtype=np.float32)
    for turned in (frames.to_gltf(axes), frames.to_blender(axes)):
        assert np.linalg.det(turned) == pytest.approx(1)
    right, down, forward = frames.to_blender(axes)
    np.testing.assert_array_equal(right, [1, 0, 0])
    np.testing.assert_array_equal(down, [0, 0, -1])
    np.testing.assert_array_equal(forward, [0, 1, 0])
    np.testing.assert_array_equal(frames.to_gltf(axes)[2], [0, 0, -1])
