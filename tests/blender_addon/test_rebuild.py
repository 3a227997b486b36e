"""unflat.rebuild: a photo's shapes change in place, with nothing but what the file holds."""

from __future__ import annotations

from pathlib import Path

import bpy
import numpy as np
import pytest

from unflat.blender_addon import session

from .helpers import child, positions

ALL = {"MESH", "POINTS", "LAYERS", "RELIEF"}


def photo_collection() -> bpy.types.Collection:
    return bpy.context.scene.collection.children["photo"]


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
    home.unflat.near_far_ratio = 400.0
    assert bpy.ops.unflat.rebuild() == {"FINISHED"}
    for kind in ("Mesh", "Points"):
        y = positions(child(home, kind).data)[:, 1]
        assert y.min() == pytest.approx(1, rel=2e-2)
        assert y.max() == pytest.approx(400, rel=2e-2)
    assert child(home, "Camera").data.clip_end >= 400
    mesh = child(home, "Mesh")
    trees = [mesh.modifiers[0].node_group]
    trees += [n.node_tree for n in mesh.data.materials[0].node_tree.nodes if n.type == "GROUP"]
    values = [tree.nodes["Far"].outputs[0].default_value for tree in trees if "Far" in tree.nodes]
    assert values == [pytest.approx(400)] * 2
    relief = child(home, "Relief").modifiers[0]
    far = relief.node_group.interface.items_tree["Far"].identifier
    assert relief[far] == pytest.approx(400)


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
