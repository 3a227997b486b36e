"""What the artist already has stays as it is."""

from __future__ import annotations

from pathlib import Path

import bpy
import pytest

from unflat.blender_addon.scene import build
from unflat.core import reconstruct


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

    cube = bpy.data.objects["Cube"]
    assert cube.hide_render
    assert cube.hide_get()


@pytest.mark.parametrize(
    "touch", ["moved", "turned", "modelled", "shaped", "modified", "another lens", "another render"]
)
def test_a_startup_scene_with_work_in_it_is_the_artist_s(files: dict[str, str], touch: str) -> None:
    bpy.ops.wm.read_factory_settings()
    scene, cube = bpy.context.scene, bpy.data.objects["Cube"]
    if touch == "moved":
        bpy.data.objects["Camera"].location = (9, 9, 9)
    elif touch == "modelled":
        cube.data.vertices.add(100)
    elif touch == "turned":
        bpy.data.objects["Camera"].rotation_euler.z += 0.3
    elif touch == "shaped":
        cube.data.vertices[0].co.x *= 2
    elif touch == "another lens":
        bpy.data.cameras["Camera"].lens = 85
    elif touch == "another render":
        scene.render.resolution_x = 3840
    else:
        cube.modifiers.new("Bevel", "BEVEL")
    bpy.ops.unflat.generate(**files, outputs={"MESH"})
    assert scene.camera.name == "Camera"
    assert scene.view_settings.view_transform == "AgX"
    assert not cube.hide_render


def test_a_second_time_replaces_the_first_on_screen(files: dict[str, str]) -> None:
    bpy.ops.unflat.generate(**files, outputs={"MESH"})
    bpy.ops.unflat.generate(**files, outputs={"MESH"})
    assert bpy.context.scene.camera.name == "photo.001 Camera"
    first, second = bpy.data.objects["photo Mesh"], bpy.data.objects["photo.001 Mesh"]
    assert first.hide_render
    assert first.hide_get()
    assert not second.hide_render


def test_an_earlier_result_elsewhere_stays_in_sight(files: dict[str, str]) -> None:
    bpy.ops.unflat.generate(**files, outputs={"MESH"})
    bpy.context.scene.cursor.location = (10, 0, 0)
    bpy.ops.unflat.generate(**files, outputs={"MESH"})
    assert not bpy.data.objects["photo Mesh"].hide_render


def test_a_render_of_another_size_is_kept(files: dict[str, str]) -> None:
    bpy.ops.unflat.generate(**files, outputs={"MESH"})
    bpy.context.scene.render.resolution_x = 777
    bpy.ops.unflat.generate(**files, outputs={"MESH"})
    assert bpy.context.scene.render.resolution_x == 777
    assert bpy.context.scene.camera.name == "photo Camera"


def test_a_node_group_of_the_same_name_is_not_trusted(files: dict[str, str]) -> None:
    mine = bpy.data.node_groups.new("Unflat Photo", "ShaderNodeTree")
    assert bpy.ops.unflat.generate(**files, outputs={"MESH"}) == {"FINISHED"}
    assert not mine.nodes


@pytest.mark.parametrize("name", ["x" * 120, "\u3042" * 40, "caf\udce9"])
def test_any_name_of_a_file(files: dict[str, str], name: str) -> None:
    path = Path(files["filepath"])
    try:
        renamed = path.rename(path.with_name(f"{name}.jpg"))
    except OSError:
        pytest.skip("this file system has no such names")
    result = reconstruct(renamed, depth=files["depth_filepath"])
    home = build(bpy.context.scene, result)
    kinds = {thing.name.rpartition(" ")[2] for thing in home.objects if thing.type != "EMPTY"}
    assert kinds == {"Camera", "Mesh", "Points"}


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
