"""What the artist already has stays as it is."""

from __future__ import annotations

import bpy
import pytest


def add_mesh(name: str) -> bpy.types.Object:
    thing = bpy.data.objects.new(name, bpy.data.meshes.new(name))
    bpy.context.scene.collection.objects.link(thing)
    return thing


def test_an_empty_scene_becomes_the_photo_s(files: dict[str, str]) -> None:
    bpy.ops.unflat.generate(**files, outputs={"MESH"})
    scene = bpy.context.scene
    assert scene.camera == bpy.data.objects["photo Camera"]
    assert (scene.render.resolution_x, scene.render.resolution_y) == (128, 96)
    assert scene.view_settings.view_transform == "Standard"


def test_the_startup_scene_becomes_the_photo_s(files: dict[str, str]) -> None:
    bpy.ops.wm.read_factory_settings()
    places = {thing.name: thing.matrix_world.copy() for thing in bpy.context.scene.objects}
    bpy.ops.unflat.generate(**files, outputs={"MESH"})
    assert bpy.context.scene.camera.name == "photo Camera"
    for name, place in places.items():
        assert bpy.data.objects[name].matrix_world == place


def test_a_second_photo_takes_over_a_scene_of_photos(files: dict[str, str]) -> None:
    bpy.ops.unflat.generate(**files, outputs={"MESH"})
    bpy.ops.unflat.generate(**files, outputs={"MESH"})
    assert bpy.context.scene.camera.name == "photo.001 Camera"


def test_a_scene_with_work_in_it_keeps_its_camera_and_render(files: dict[str, str]) -> None:
    scene = bpy.context.scene
    mine = bpy.data.objects.new("Mine", bpy.data.cameras.new("Mine"))
    scene.collection.objects.link(mine)
    scene.camera = mine
    lens = mine.data.lens
    size = (scene.render.resolution_x, scene.render.resolution_y)
    bpy.ops.unflat.generate(**files, outputs={"MESH"})
    assert scene.camera == mine
    assert mine.data.lens == lens
    assert (scene.render.resolution_x, scene.render.resolution_y) == size
    assert scene.view_settings.view_transform == "AgX"


def test_looking_through_when_asked(files: dict[str, str]) -> None:
    add_mesh("Mine")
    bpy.ops.unflat.generate(**files, outputs={"MESH"})
    assert bpy.context.scene.camera is None
    assert bpy.ops.unflat.look_through() == {"FINISHED"}
    assert bpy.context.scene.camera.name == "photo Camera"


@pytest.mark.parametrize(("choice", "fits"), [("ALWAYS", True), ("NEVER", False)])
def test_the_choice_of_looking_through(files: dict[str, str], choice: str, fits: bool) -> None:
    if fits:
        add_mesh("Mine")
    bpy.ops.unflat.generate(**files, outputs={"MESH"}, fit_render=choice)
    assert (bpy.context.scene.camera is not None) == fits


def test_selection_active_object_and_mode_stay(files: dict[str, str]) -> None:
    thing = add_mesh("Mine")
    thing.select_set(True)
    bpy.context.view_layer.objects.active = thing
    bpy.ops.object.mode_set(mode="EDIT")
    bpy.ops.unflat.generate(**files)
    assert bpy.context.view_layer.objects.active == thing
    assert bpy.context.selected_objects == [thing]
    assert bpy.context.mode == "EDIT_MESH"


def test_a_material_of_the_same_name_is_not_touched(files: dict[str, str]) -> None:
    mine = bpy.data.materials.new("photo")
    image = bpy.data.images.new("photo", 4, 4)
    bpy.ops.unflat.generate(**files)
    assert bpy.data.objects["photo Mesh"].data.materials[0] != mine
    assert tuple(image.size) == (4, 4)
