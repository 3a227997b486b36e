"""Where things are: the matched camera, the mesh, the relief, the points."""

from __future__ import annotations

import bpy
import numpy as np
import pytest

from unflat.blender_addon import scene as scenes
from unflat.blender_addon.scene import camera as cameras
from unflat.core import frames
from unflat.core.camera import Pinhole
from unflat.core.images import from_array
from unflat.core.pipeline import Result, reconstruct
from unflat.core.settings import Output, Settings

from .helpers import child, depth_pixels, evaluated_mesh, positions, seen_at

REPROJECTION = 0.01
"""Pixels: how far from its own pixel a vertex may be seen on average."""


def build(result: Result) -> bpy.types.Collection:
    home = scenes.build(bpy.context.scene, result)
    cameras.fit_render(bpy.context.scene, cameras.of(home))
    bpy.context.view_layer.update()
    return home


@pytest.fixture(params=["result", "portrait"])
def any_result(request: pytest.FixtureRequest) -> Result:
    return request.getfixturevalue(request.param)


def test_vertices_are_seen_at_their_pixels(any_result: Result) -> None:
    mesh = child(build(any_result), "Mesh")
    seen = seen_at(positions(mesh.data), mesh, bpy.context.scene)
    expected = any_result.mesh.uv * any_result.camera.size
    error = np.linalg.norm(seen - expected, axis=1)
    assert error.mean() <= REPROJECTION
    assert error.max() <= 10 * REPROJECTION


def test_moving_the_root_moves_camera_and_mesh_together(result: Result) -> None:
    home = build(result)
    root, mesh = home.objects["photo"], child(home, "Mesh")
    root.location, root.rotation_euler = (4, -2, 7), (0.3, 0.5, 1.2)
    root.scale = (2.5, 2.5, 2.5)
    bpy.context.view_layer.update()
    seen = seen_at(positions(mesh.data), mesh, bpy.context.scene)
    error = np.linalg.norm(seen - result.mesh.uv * result.camera.size, axis=1)
    assert error.mean() <= REPROJECTION


@pytest.mark.parametrize("kind", ["Mesh", "Points", "Relief"])
def test_a_levelled_floor_lies_on_the_ground(levelled: Result, kind: str) -> None:
    bpy.context.scene.cursor.location = (4, 5, 6)
    assert levelled.pose is not None
    assert levelled.pose.height == pytest.approx(1.5, rel=1e-3)
    home = build(levelled)
    thing = child(home, kind)
    data = thing.data if kind == "Points" else evaluated_mesh(thing)
    at, place = positions(data), np.array(thing.matrix_world)
    seen = seen_at(at, thing, bpy.context.scene)
    expected = levelled.camera.project(np.stack([at[:, 0], -at[:, 2], at[:, 1]], axis=1))
    assert np.abs(seen - expected).max() <= 10 * REPROJECTION
    heights = at @ place[2, :3] + place[2, 3]
    floor = seen[:, 1] > 70  # below the box
    assert floor.sum() > 10
    np.testing.assert_allclose(heights[floor], 6, atol=0.02)
    eye = cameras.of(home).matrix_world
    assert eye.translation.z == pytest.approx(7.5, rel=1e-3)
    assert tuple(eye.translation)[:2] == pytest.approx((4, 5))


def test_far_from_square_pixels(rgb: np.ndarray, slope: np.ndarray) -> None:
    lens = Pinhole(fx=90.0, fy=140.0, cx=70.0, cy=40.0, width=128, height=96)
    result = reconstruct(from_array(rgb), depth=slope, camera=lens)
    mesh = child(build(result), "Mesh")
    seen = seen_at(positions(mesh.data), mesh, bpy.context.scene)
    assert np.linalg.norm(seen - result.mesh.uv * (128, 96), axis=1).mean() <= REPROJECTION


def test_up_in_the_photo_is_up_in_the_world(result: Result) -> None:
    mesh = child(build(result), "Mesh")
    at = positions(mesh.data)
    top = result.mesh.uv[:, 1] < 0.2
    assert at[top, 2].min() > at[~top & (result.mesh.uv[:, 1] > 0.8), 2].max()
    right = result.mesh.uv[:, 0] > 0.8
    assert (at[right, 0] > 0).all()
    np.testing.assert_allclose(at[:, 1], result.mesh.vertices[:, 2])  # distance is along +y


def test_the_mesh_is_sound(any_result: Result) -> None:
    mesh = child(build(any_result), "Mesh").data
    assert not mesh.validate(verbose=True)  # True would mean that something was mended
    edges = len(mesh.edges)
    mesh.update(calc_edges=True)
    assert len(mesh.edges) == edges
    assert mesh.polygons[0].use_smooth
    assert mesh.uv_layers.active.name == "UVMap"


def test_faces_look_at_the_camera(result: Result) -> None:
    mesh = child(build(result), "Mesh").data
    normals = np.empty(3 * len(mesh.polygons), np.float32)
    centers = np.empty_like(normals)
    mesh.polygons.foreach_get("normal", normals)
    mesh.polygons.foreach_get("center", centers)
    facing = np.einsum("ij,ij->i", normals.reshape(-1, 3), centers.reshape(-1, 3))
    assert (facing < 0).all()


def test_uv_has_its_origin_at_the_bottom_left(result: Result) -> None:
    mesh = child(build(result), "Mesh").data
    flat = np.empty(2 * len(mesh.loops), np.float32)
    mesh.uv_layers["UVMap"].uv.foreach_get("vector", flat)
    corners = result.mesh.triangles.ravel()
    np.testing.assert_allclose(flat.reshape(-1, 2), frames.uv_to_blender(result.mesh.uv)[corners])


def test_the_background_lies_behind_the_mesh(result: Result) -> None:
    home = build(result)
    assert result.background is not None
    behind, mesh = child(home, "Background"), child(home, "Mesh")
    assert not behind.hide_render
    np.testing.assert_allclose(
        positions(behind.data)[:, 1], result.background.mesh.vertices[:, 2], rtol=1e-6
    )
    texture = next(n for n in behind.data.materials[0].node_tree.nodes if n.type == "TEX_IMAGE")
    assert tuple(texture.image.size) == result.camera.size
    assert texture.image.packed_file
    assert behind.data.materials[0] != mesh.data.materials[0]


def test_the_relief_lies_on_the_depth(any_result: Result) -> None:
    at = positions(evaluated_mesh(child(build(any_result), "Relief")))
    assert len(at) > 0.9 * any_result.depth.valid.sum()  # at this size, a vertex on every pixel
    np.testing.assert_allclose(at[:, 1], depth_pixels(at, any_result), rtol=5e-3)


def test_the_relief_is_torn_at_depth_edges(result: Result) -> None:
    mesh = evaluated_mesh(child(build(result), "Relief"))
    at = positions(mesh)
    for face in list(mesh.polygons)[::7]:
        depths = at[list(face.vertices), 1]
        assert depths.max() / depths.min() < 1.2
    full = (result.camera.width - 1) * (result.camera.height - 1)
    assert 0.9 * full < len(mesh.polygons) < full


def test_the_relief_shows_the_photo_at_any_depth_scale(result: Result) -> None:
    relief = child(build(result), "Relief")
    tree = relief.modifiers[0].node_group
    socket = next(s for s in tree.interface.items_tree if s.name == "Depth Scale")
    relief.modifiers.clear()
    socket.default_value = 0.0
    relief.modifiers.new("Relief", "NODES").node_group = tree
    at = positions(evaluated_mesh(relief))
    near = result.depth.depth.min()
    np.testing.assert_allclose(at[:, 1], near, rtol=1e-5)
    seen = seen_at(at, relief, bpy.context.scene)
    assert seen.min() > -0.01
    assert abs(seen[:, 0].max() - 128) < 0.01
    assert abs(seen[:, 1].max() - 96) < 0.01


def test_unknown_depth_leaves_a_hole(rgb: np.ndarray, slope: np.ndarray) -> None:
    slope[:20, :20] = 0
    settings = Settings(outputs=frozenset({Output.RELIEF}))
    result = reconstruct(from_array(rgb), settings, depth=slope)
    home = build(result)
    at = positions(evaluated_mesh(child(home, "Relief")))
    assert (depth_pixels(at, result) > 0).all()
    assert not child(home, "Relief").hide_get()


def test_points_have_their_place_and_colour(any_result: Result) -> None:
    points = child(build(any_result), "Points").data
    np.testing.assert_allclose(
        positions(points), frames.to_blender(any_result.points.positions), rtol=1e-6
    )
    srgb = np.empty(4 * len(any_result.points), np.float32)
    points.attributes["Color"].data.foreach_get("color_srgb", srgb)
    np.testing.assert_allclose(srgb.reshape(-1, 4)[:, :3] * 255, any_result.points.colors, atol=0.1)
    radii = np.empty(len(any_result.points), np.float32)
    points.attributes["radius"].data.foreach_get("value", radii)
    pixel = any_result.points.positions[:, 2] / any_result.camera.fx
    assert (radii > 0.69 * pixel).all()
    assert (radii < 1.5 * pixel).all()


def test_the_depth_image_keeps_full_precision(result: Result) -> None:
    build(result)
    image = bpy.data.images["photo Depth"]
    assert image.is_float
    assert image.colorspace_settings.name == "Non-Color"
    pixels = np.empty(4 * 128 * 96, np.float32)
    image.pixels.foreach_get(pixels)
    nearness = pixels.reshape(96, 128, 4)[::-1]
    np.testing.assert_array_equal(nearness[..., 0], result.depth.normalized())
    np.testing.assert_array_equal(nearness[..., 3], result.depth.valid)
