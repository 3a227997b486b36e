"""The operator that gives a photo's scene its true size."""

from __future__ import annotations

from pathlib import Path

import bpy
import numpy as np
import pytest
from mathutils import Vector

from unflat.blender_addon import scene as scenes
from unflat.blender_addon.scene import camera as cameras
from unflat.blender_addon.scene import collection as collections
from unflat.core.pipeline import Result

from .helpers import child, positions, seen_at
from .test_render import render


@pytest.fixture
def home(result: Result) -> bpy.types.Collection:
    bpy.context.scene.cursor.location = (3, -2, 1)
    home = scenes.build(bpy.context.scene, result)
    cameras.fit_render(bpy.context.scene, cameras.of(home))
    bpy.context.view_layer.update()
    return home


def edit(mesh: bpy.types.Object, *vertices: int) -> None:
    """Enter Edit Mode with these vertices selected."""
    bpy.context.view_layer.objects.active = mesh
    for kind in ("vertices", "edges", "polygons"):
        data = getattr(mesh.data, kind)
        data.foreach_set("select", np.zeros(len(data), bool))
    for vertex in vertices:
        mesh.data.vertices[vertex].select = True
    bpy.ops.object.mode_set(mode="EDIT")


def empty(name: str, place: tuple[float, float, float]) -> bpy.types.Object:
    thing = bpy.data.objects.new(name, None)
    bpy.context.scene.collection.objects.link(thing)
    thing.location = place
    return thing


def apart(mesh: bpy.types.Object, a: int, b: int) -> float:
    first, second = (mesh.matrix_world @ mesh.data.vertices[n].co for n in (a, b))
    return float((first - second).length)


def select(*things: bpy.types.Object) -> None:
    for other in bpy.context.view_layer.objects:
        other.select_set(other in things)
    bpy.context.view_layer.objects.active = things[-1]
    bpy.context.view_layer.update()


@pytest.mark.parametrize("distance", [0.05, 250.0])
def test_two_vertices(home: bpy.types.Collection, result: Result, distance: float) -> None:
    mesh, root = child(home, "Mesh"), collections.root_of(home)
    foot = root.matrix_world.translation.copy()
    edit(mesh, 0, 40)
    assert bpy.ops.unflat.set_scale(distance=distance) == {"FINISHED"}
    assert apart(mesh, 0, 40) == pytest.approx(distance, rel=1e-4)
    assert (root.matrix_world.translation - foot).length < 1e-6
    seen = seen_at(positions(mesh.data), mesh, bpy.context.scene)
    assert np.linalg.norm(seen - result.mesh.uv * (128, 96), axis=1).mean() < 0.01
    nearest, farthest = np.sort(result.mesh.vertices[:, 2])[[0, -1]] * root.scale.x
    lens = cameras.of(home).data
    assert 0 < lens.clip_start < nearest
    assert lens.clip_end > farthest


@pytest.mark.parametrize("distance", [0.005, 5000.0])
def test_the_render_stays_the_same(
    home: bpy.types.Collection, result: Result, distance: float, tmp_path: Path
) -> None:
    edit(child(home, "Mesh"), 0, 40)
    bpy.ops.unflat.set_scale(distance=distance)
    picture = render(home, "Mesh", tmp_path / "scaled.png")
    covered = picture[..., 3] == 255
    assert covered.mean() > 0.9
    difference = np.abs(picture[..., :3] - result.photo.rgb).max(axis=-1)
    assert np.percentile(difference[covered], 95) <= 4


def test_one_undo_takes_it_back(home: bpy.types.Collection) -> None:
    edit(child(home, "Mesh"), 0, 40)
    bpy.ops.ed.undo_push(message="before")
    bpy.ops.unflat.set_scale("EXEC_DEFAULT", True, distance=7.0)
    assert bpy.data.objects["photo"].scale.x != 1
    bpy.ops.ed.undo()
    assert tuple(bpy.data.objects["photo"].scale) == (1, 1, 1)
    assert bpy.context.mode == "EDIT_MESH"


def test_two_marks_of_the_artist_go_along(home: bpy.types.Collection) -> None:
    root = collections.root_of(home)
    marks = empty("A", (1, 0, 0)), empty("B", (1, 0, 2))
    kept = empty("C", (5, 5, 5))
    select(*marks)
    assert bpy.ops.unflat.set_scale(distance=5.0) == {"FINISHED"}
    assert root.scale.x == pytest.approx(2.5)
    center = Vector((3, -2, 1))
    first, second = (mark.matrix_world.translation for mark in marks)
    assert (first - second).length == pytest.approx(5)
    assert (first - (center + (Vector((1, 0, 0)) - center) * 2.5)).length < 1e-5
    assert tuple(kept.location) == (5, 5, 5)


def test_a_mark_that_hangs_on_the_photo_is_not_moved_twice(home: bpy.types.Collection) -> None:
    marks = empty("A", (0, 1, 0)), empty("B", (0, 3, 0))
    for mark in marks:
        mark.parent = child(home, "Mesh")
    select(*marks)
    bpy.ops.unflat.set_scale(distance=0.5)
    first, second = (mark.matrix_world.translation for mark in marks)
    assert (first - second).length == pytest.approx(0.5)


def test_what_can_not_be_measured(home: bpy.types.Collection) -> None:
    set_scale = bpy.ops.unflat.set_scale
    assert not set_scale.poll()
    edit(child(home, "Mesh"), 0, 1, 2)
    assert not set_scale.poll()
    bpy.ops.object.mode_set(mode="OBJECT")
    select(empty("A", (1, 2, 3)), empty("B", (1, 2, 3)))
    with pytest.raises(RuntimeError, match="same place"):
        set_scale(distance=2.0)
    assert collections.root_of(home).scale.x == 1
    bpy.data.objects.remove(collections.root_of(home))
    assert not set_scale.poll()
