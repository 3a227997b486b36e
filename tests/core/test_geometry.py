"""Points, normals, mesh and rasteriser, on scenes whose truth is known."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from unflat.core import frames, mesh, points, raster
from unflat.core.camera import Pinhole
from unflat.core.depthmap import DepthKind, DepthMap
from unflat.core.errors import GeometryError

normal_parts = st.floats(-0.8, 0.8)


def plane_depth(camera: Pinhole, normal: np.ndarray, distance: float) -> DepthMap:
    """z where the rays of `camera` meet the plane normal . p = -distance."""
    u, v = points.pixel_centers(*camera.size)
    x, y = (u - camera.cx) / camera.fx, (v - camera.cy) / camera.fy
    z = -distance / (normal[0] * x + normal[1] * y + normal[2])
    return DepthMap.from_array(z, DepthKind.METRES)


def face_normals(surface: mesh.TriangleMesh) -> np.ndarray:
    a, b, c = (surface.vertices[surface.triangles[:, i]] for i in range(3))
    return np.cross(b - a, c - a)


@given(normal_parts, normal_parts, st.floats(0.2, 50))
def test_normals_of_a_plane_are_exact(a: float, b: float, distance: float) -> None:
    normal = np.array([a, b, -1.0]) / np.sqrt(a * a + b * b + 1)
    camera = Pinhole(60, 50, 20, 11, 40, 30)
    depth = plane_depth(camera, normal, distance)
    if not depth.valid.all():
        return
    found = points.normals(depth, camera)
    np.testing.assert_allclose(found, np.broadcast_to(normal, found.shape), atol=2e-2)
    np.testing.assert_allclose(np.linalg.norm(found, axis=-1), 1, atol=1e-5)


@given(normal_parts, normal_parts, st.floats(0.2, 50))
def test_a_plane_is_never_cut(a: float, b: float, distance: float) -> None:
    camera = Pinhole(60, 50, 20, 11, 40, 30)
    depth = plane_depth(camera, np.array([a, b, -1.0]), distance)
    if depth.valid.all():
        surface = mesh.from_depth(depth, camera, edge_ratio=1.01)
        assert len(surface.triangles) == 2 * 39 * 29


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


def test_mesh_is_cut_at_edges_and_holes(box_depth: DepthMap, camera: Pinhole) -> None:
    surface = mesh.from_depth(box_depth, camera)
    z = surface.vertices[:, 2][surface.triangles]
    assert (np.ptp(z, axis=1) == 0).all()  # nothing between the box and the wall
    assert (face_normals(surface)[:, 2] < 0).all()  # towards the camera
    assert set(surface.triangles.ravel()) == set(range(len(surface.vertices)))
    at = surface.uv * camera.size
    assert not ((at[:, 0] < 10) & (at[:, 1] < 10)).any()
    box_faces = (z == 2).all(axis=1).sum()
    assert box_faces == 2 * 49 * 39


def test_vertices_project_where_their_texture_is(box_depth: DepthMap, camera: Pinhole) -> None:
    surface = mesh.from_depth(box_depth, camera)
    at = camera.project(surface.vertices)
    np.testing.assert_allclose(at, surface.uv * camera.size, atol=1e-3)


def test_mesh_reaches_the_border_of_the_photo(camera: Pinhole) -> None:
    depth = DepthMap.from_array(np.full((96, 128), 3.0), DepthKind.METRES)
    uv = mesh.from_depth(depth, camera).uv
    np.testing.assert_array_equal(uv.min(axis=0), [0, 0])
    np.testing.assert_array_equal(uv.max(axis=0), [1, 1])


@given(st.integers(2, 30_000), st.integers(2, 300), st.integers(2, 300))
@settings(max_examples=60)
def test_max_faces_is_kept_and_used(limit: int, width: int, height: int) -> None:
    camera = Pinhole.from_focal(300, width, height)
    depth = DepthMap.from_array(np.full((height, width), 3.0), DepthKind.METRES)
    count = len(mesh.from_depth(depth, camera, max_faces=limit).triangles)
    assert count <= limit
    assert count >= min(limit, 2 * (width - 1) * (height - 1)) * 0.4


def test_the_border_lies_on_the_plane_too() -> None:
    camera = Pinhole(60, 50, 20, 11, 40, 30)
    normal = np.array([0.1, -0.5, -0.8])
    surface = mesh.from_depth(plane_depth(camera, normal, 3), camera)
    np.testing.assert_allclose(surface.vertices @ normal, -3, rtol=1e-4)


def test_two_steps_in_one_cell(camera: Pinhole) -> None:
    """A thin pole, one pixel wide, makes no rubber sheet to either side."""
    z = np.full((96, 128), 5.0)
    z[:, 64] = 2.0
    surface = mesh.from_depth(DepthMap.from_array(z, DepthKind.METRES), camera)
    assert (np.ptp(surface.vertices[:, 2][surface.triangles], axis=1) == 0).all()


def test_nothing_left(camera: Pinhole) -> None:
    z = np.zeros((96, 128))
    z[5, 5] = 1
    with pytest.raises(GeometryError):
        mesh.from_depth(DepthMap.from_array(z, DepthKind.METRES), camera)


@given(st.floats(0.5, 4), st.floats(1, 3))
@settings(max_examples=25)
def test_rasterised_mesh_gives_the_depth_back(near: float, factor: float) -> None:
    camera = Pinhole(60, 50, 20, 11, 40, 30)
    z = np.full((30, 40), near * factor)
    z[8:20, 10:25] = near
    depth = DepthMap.from_array(z, DepthKind.METRES)
    surface = mesh.from_depth(depth, camera, edge_ratio=1.001)
    between = camera.resized(80, 60)  # rays through vertices may slip past all triangles
    hits = raster.rasterize(surface.vertices, surface.triangles, between)
    assert hits.seen.all()  # no crack between box and wall
    back = raster.interpolate(hits, surface.vertices, surface.triangles, surface.vertices)[:, 2]
    near_or_far = np.isclose(back, near, rtol=1e-4) | np.isclose(back, near * factor, rtol=1e-4)
    assert near_or_far.all()  # no rubber sheet
    truth = np.kron(z, np.ones((2, 2)))[hits.seen]
    assert np.isclose(back, truth, rtol=1e-4).mean() > 0.94  # the box ends at pixel centres


def test_cut_cells_belong_to_the_surface_behind() -> None:
    camera = Pinhole.from_focal(10, 4, 2)
    z = np.array([[2.0, 2.0, 4.0, 4.0]] * 2)
    surface = mesh.from_depth(DepthMap.from_array(z, DepthKind.METRES), camera)
    assert len(surface.triangles) == 6
    depths = surface.vertices[:, 2][surface.triangles]
    assert sorted(depths.mean(axis=1)) == [2, 2, 4, 4, 4, 4]
    doubled = surface.vertices[np.isclose(surface.uv[:, 0], 1.5 / 4)]
    assert set(doubled[:, 2]) == {2, 4}


def test_the_nearer_triangle_is_seen() -> None:
    camera = Pinhole.from_focal(10, 20, 20)
    big = np.array([[-9, -9, 3], [9, -9, 3], [0, 9, 3]], np.float32)
    vertices = np.concatenate([big, big * np.float32(0.5)])
    triangles = np.array([[0, 1, 2], [3, 4, 5]], np.int32)
    for order in (triangles, triangles[::-1]):
        hits = raster.rasterize(vertices, order, camera)
        assert hits.seen[10, 10]
        assert (order[hits.triangle] >= 3).all()


def test_frames_are_rotations() -> None:
    axes = np.eye(3, dtype=np.float32)
    for turned in (frames.to_gltf(axes), frames.to_blender(axes)):
        assert np.linalg.det(turned) == pytest.approx(1)
    right, down, forward = frames.to_blender(axes)
    np.testing.assert_array_equal(right, [1, 0, 0])
    np.testing.assert_array_equal(down, [0, 0, -1])
    np.testing.assert_array_equal(forward, [0, 1, 0])
    np.testing.assert_array_equal(frames.to_gltf(axes)[2], [0, 0, -1])
