"""unflat.rebuild: a photo's shapes change in place, with nothing but what the file holds."""

from __future__ import annotations

import json
from pathlib import Path

import bpy
import numpy as np
import pytest

from unflat.blender_addon import scene as scenes
from unflat.blender_addon import session
from unflat.blender_addon.scene import rebuild
from unflat.blender_addon.scene.nodes import get_input, set_input
from unflat.core import Settings, reconstruct
from unflat.core.errors import CancelledError
from unflat.core.images import from_array
from unflat.core.pipeline import Result
from unflat.core.settings import RANGES, Output

from .helpers import child, positions

ALL = {"MESH", "POINTS", "LAYERS", "RELIEF"}


def photo_collection() -> bpy.types.Collection:
    return bpy.context.scene.collection.children["photo"]


def made_again(home: bpy.types.Collection) -> Result:
    """What a job of `rebuild` makes."""
    return reconstruct(
        rebuild.photo_of(home),
        rebuild.settings_of(home),
        depth=rebuild.depth_of(home),
        camera=rebuild.camera_of(home),
    )


def test_objects_stay_and_show_another_mesh(files: dict[str, str]) -> None:
    bpy.ops.unflat.generate(**files, outputs=ALL)
    home = photo_collection()
    before = {thing.name: thing.matrix_world.copy() for thing in home.objects}
    data = {thing.name: thing.data.name for thing in home.objects if thing.data}
    mesh = child(home, "Mesh")
    material, count = mesh.data.materials[0], len(mesh.data.polygons)
    mesh.modifiers.new("Mine", "WAVE")
    datablocks = len(bpy.data.meshes), len(bpy.data.images), len(bpy.data.materials)
    Path(files["filepath"]).unlink()  # all that is needed is in the scene
    Path(files["depth_filepath"]).unlink()
    home.unflat.max_faces = 150
    assert bpy.ops.unflat.rebuild() == {"FINISHED"}
    assert {thing.name: thing.matrix_world for thing in home.objects} == before
    assert {thing.name: thing.data.name for thing in home.objects if thing.data} == data
    assert len(mesh.data.polygons) <= 150 < count
    assert mesh.data.materials[0] == material
    assert "Mine" in mesh.modifiers
    assert (len(bpy.data.meshes), len(bpy.data.images), len(bpy.data.materials)) == datablocks
    assert len(bpy.data.collections) == 1


def test_the_shapes_are_those_of_a_new_photo(files: dict[str, str]) -> None:
    bpy.ops.unflat.generate(**files, outputs=ALL)
    home = photo_collection()
    home.unflat.edge_ratio, home.unflat.max_error = 1.5, 0.01
    bpy.ops.unflat.rebuild(photo="photo")
    bpy.ops.unflat.generate(**files, outputs=ALL, edge_ratio=1.5, max_error=0.01)
    fresh = bpy.context.scene.collection.children["photo.001"]
    for kind in ("Mesh", "Background", "Points"):
        np.testing.assert_allclose(
            positions(child(home, kind).data),
            positions(child(fresh, kind).data),
            atol=1e-4,
            err_msg=kind,
        )


def test_the_near_far_ratio_reaches_all_that_depends_on_it(photo_file: Path) -> None:
    bpy.ops.unflat.generate(filepath=str(photo_file), outputs=ALL)
    home = photo_collection()
    before = positions(child(home, "Mesh").data)[:, 1].max()
    home.unflat.near_far_ratio = 400.0
    assert bpy.ops.unflat.rebuild() == {"FINISHED"}
    mesh, points = (positions(child(home, kind).data)[:, 1] for kind in ("Mesh", "Points"))
    assert [mesh.min(), points.min()] == [pytest.approx(1, rel=2e-2)] * 2
    assert points.max() == pytest.approx(400, rel=2e-2)
    # A few pixels are a speck to the mesh, and at the border it goes half a pixel beyond them.
    assert 1.2 * before < mesh.max() <= 2 * 400
    assert child(home, "Camera").data.clip_end >= 400
    mesh = child(home, "Mesh")
    trees = [mesh.modifiers[0].node_group]
    trees += [n.node_tree for n in mesh.data.materials[0].node_tree.nodes if n.type == "GROUP"]
    values = [tree.nodes["Far"].outputs[0].default_value for tree in trees if "Far" in tree.nodes]
    assert values == [pytest.approx(400)] * 2
    relief = child(home, "Relief").modifiers[0]
    assert get_input(relief, "Far") == pytest.approx(400)


def test_known_distances_stay(files: dict[str, str]) -> None:
    bpy.ops.unflat.generate(**files, outputs={"MESH"})
    home = photo_collection()
    home.unflat.near_far_ratio = 50.0
    bpy.ops.unflat.rebuild()
    y = positions(child(home, "Mesh").data)[:, 1]
    assert (y.min(), y.max()) == (pytest.approx(2, rel=1e-3), pytest.approx(4, rel=1e-3))


def test_after_saving_and_opening(files: dict[str, str], tmp_path: Path) -> None:
    bpy.ops.unflat.generate(**files, outputs={"MESH", "POINTS"})
    bpy.ops.wm.save_as_mainfile(filepath=str(tmp_path / "scene.blend"))
    bpy.ops.wm.open_mainfile(filepath=str(tmp_path / "scene.blend"))
    home = photo_collection()
    home.unflat.max_faces = 150
    assert bpy.ops.unflat.rebuild() == {"FINISHED"}
    assert len(child(home, "Mesh").data.polygons) <= 150


def test_a_lost_depth_image_is_said_and_changes_nothing(files: dict[str, str]) -> None:
    bpy.ops.unflat.generate(**files, outputs={"MESH"})
    home = photo_collection()
    count = len(child(home, "Mesh").data.polygons)
    bpy.data.images.remove(home["unflat_depth_image"])
    home.unflat.max_faces = 150
    with pytest.raises(RuntimeError, match="The depth image of this photo is gone"):
        bpy.ops.unflat.rebuild()
    assert len(child(home, "Mesh").data.polygons) == count
    assert session.current().running is None


def test_without_a_photo(files: dict[str, str]) -> None:
    with pytest.raises(RuntimeError, match="no such photo"):
        bpy.ops.unflat.rebuild()


def test_what_the_artist_added_stays_the_artists(files: dict[str, str]) -> None:
    bpy.ops.unflat.generate(**files, outputs=ALL)
    home = photo_collection()
    tree = child(home, "Background").data.materials[0].node_tree
    own = tree.nodes.new("ShaderNodeTexImage")
    own.image = bpy.data.images.new("my dirt", 8, 8)
    relief = child(home, "Relief")
    relief.modifiers.new("Empty", "NODES")
    set_input(relief.modifiers[0], "Near", 1.5)
    copy = child(home, "Mesh").copy()
    copy.data = copy.data.copy()
    home.objects.link(copy)
    count = len(copy.data.polygons)
    home.unflat.max_faces, home.unflat.edge_ratio = 150, 1.3
    bpy.ops.unflat.rebuild()
    assert own.image == bpy.data.images["my dirt"]
    assert tuple(own.image.size) == (8, 8)
    assert get_input(relief.modifiers[0], "Near") == pytest.approx(1.5)
    assert get_input(relief.modifiers[0], "Edge Cut") == pytest.approx(1.3)
    assert len(copy.data.polygons) == count
    assert len(child(home, "Mesh").data.polygons) <= 150


def test_linked_copies_change_along(files: dict[str, str]) -> None:
    bpy.ops.unflat.generate(**files, outputs={"MESH"})
    home = photo_collection()
    twin = child(home, "Mesh").copy()
    bpy.context.scene.collection.objects.link(twin)
    home.unflat.max_faces = 150
    bpy.ops.unflat.rebuild()
    assert twin.data == child(home, "Mesh").data
    assert len(twin.data.polygons) <= 150


@pytest.mark.parametrize("end", [0, 1])
def test_every_slider_may_stand_at_its_end(files: dict[str, str], end: int) -> None:
    bpy.ops.unflat.generate(**files, outputs={"MESH"})
    home = photo_collection()
    for name in ("near_far_ratio", "edge_ratio", "max_error"):
        setattr(home.unflat, name, RANGES[name][end])
    assert bpy.ops.unflat.rebuild() == {"FINISHED"}
    ends = {name: RANGES[name][end] for name in ("near_far_ratio", "edge_ratio", "max_error")}
    assert bpy.ops.unflat.generate(**files, outputs={"MESH"}, **ends) == {"FINISHED"}


@pytest.mark.parametrize("copied", [False, True])
def test_while_it_is_edited_a_mesh_stays(files: dict[str, str], copied: bool) -> None:
    bpy.ops.unflat.generate(**files, outputs={"MESH"})
    home = photo_collection()
    mesh = child(home, "Mesh")
    made = made_again(home)
    if copied:  # with Alt+D: both share the mesh
        mesh = mesh.copy()
        bpy.context.scene.collection.objects.link(mesh)
    bpy.context.view_layer.objects.active = mesh
    bpy.ops.object.mode_set(mode="EDIT")
    before = set(bpy.data.meshes)
    with pytest.raises(CancelledError, match="being edited"):
        rebuild.exchange(home, made, scenes.prepare_shapes(made))
    assert set(bpy.data.meshes) == before
    bpy.ops.object.mode_set(mode="OBJECT")


def test_what_the_photo_was_made_with_stays_known(files: dict[str, str]) -> None:
    bpy.ops.unflat.generate(**files, outputs={"MESH", "POINTS"}, level=True)
    home = photo_collection()
    before = json.loads(home["unflat_settings"])
    home.unflat.max_faces = 150
    bpy.ops.unflat.rebuild()
    assert json.loads(home["unflat_settings"]) == before | {"max_faces": 150}


def test_what_is_chosen_meanwhile_is_not_forgotten(files: dict[str, str]) -> None:
    bpy.ops.unflat.generate(**files, outputs={"MESH"})
    home = photo_collection()
    home.unflat.max_faces = 300
    made = made_again(home)
    home.unflat.max_faces = 150  # while the job ran
    rebuild.exchange(home, made, scenes.prepare_shapes(made))
    assert home.unflat.max_faces == 150
    assert rebuild.is_changed(home)


def test_a_cut_out_gets_no_sky(rgb: np.ndarray, slope: np.ndarray) -> None:
    alpha = np.full((96, 128, 1), 255, np.uint8)
    alpha[:20] = 0
    photo = from_array(np.concatenate([rgb, alpha], axis=2), name="photo")
    made = reconstruct(photo, Settings(outputs=frozenset({Output.LAYERS})), depth=slope)
    home = scenes.build(bpy.context.scene, made)
    far = positions(child(home, "Background").data)[:, 1].max()
    home.unflat.max_error = 0.002
    bpy.ops.unflat.rebuild()
    assert positions(child(home, "Background").data)[:, 1].max() == pytest.approx(far, rel=0.05)
