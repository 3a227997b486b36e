"""unflat.generate as scripts call it."""

from __future__ import annotations

import json
from pathlib import Path

import bpy
import numpy as np
import pytest
from PIL import Image

from unflat.blender_addon import session
from unflat.core import __version__, images

from .helpers import child, positions


def photo_collection() -> bpy.types.Collection:
    return bpy.context.scene.collection.children["photo"]


def test_one_collection_with_all_outputs(files: dict[str, str]) -> None:
    done = bpy.ops.unflat.generate(**files, outputs={"MESH", "POINTS", "RELIEF"})
    assert done == {"FINISHED"}
    home = photo_collection()
    assert [thing.name for thing in home.objects] == [
        "photo", "photo Camera", "photo Mesh", "photo Relief", "photo Points",
    ]  # fmt: skip
    root = home.objects["photo"]
    assert all(thing.parent == root for thing in home.objects if thing != root)
    assert [thing.name for thing in home.objects if thing.hide_get()] == [
        "photo Relief", "photo Points",
    ]  # fmt: skip


def test_tiles_are_for_the_model(tmp_path: Path) -> None:
    """Of a photo that has more pixels than the network looks at."""
    noise = np.random.default_rng(0).integers(0, 255, (30, 40, 3), np.uint8)
    path = tmp_path / "photo.png"
    Image.fromarray(noise).resize((800, 600)).save(path)
    found = []
    for tiles in (1, 2):
        bpy.ops.unflat.generate(filepath=str(path), outputs={"MESH"}, tiles=tiles)
        newest = max(bpy.context.scene.collection.children, key=lambda home: home.session_uid)
        found.append(positions(child(newest, "Mesh").data))
    assert found[0].shape != found[1].shape


def test_the_built_in_model(photo_file: Path) -> None:
    bpy.ops.unflat.generate(filepath=str(photo_file), model="builtin", outputs={"MESH", "POINTS"})
    home = photo_collection()
    assert len(child(home, "Mesh").data.polygons) > 1000
    assert home["unflat_model"] == "builtin"
    assert home["unflat_licence"] == "MIT"
    assert home["unflat_depth_kind"] == "relative"


def test_provenance(files: dict[str, str]) -> None:
    bpy.ops.unflat.generate(**files, outputs={"MESH"}, max_faces=500)
    home = photo_collection()
    assert home["unflat_version"] == __version__
    assert home["unflat_model"] == "user"
    assert home["unflat_photo"] == files["filepath"]
    assert home["unflat_focal_source"] == "user"  # as the camera.json says
    settings = json.loads(home["unflat_settings"])
    assert settings["max_faces"] == 500
    assert settings["outputs"] == ["mesh"]
    assert len(child(home, "Mesh").data.polygons) <= 500


def test_what_is_not_given_comes_from_the_scene(files: dict[str, str]) -> None:
    settings = bpy.context.scene.unflat
    settings.photo = files["filepath"]
    settings.depth_filepath = files["depth_filepath"]
    settings.outputs = {"MESH"}
    settings.max_faces = 300
    settings.use_fov, settings.fov = True, 70.0
    bpy.ops.unflat.generate()
    told = json.loads(photo_collection()["unflat_settings"])
    assert told["max_faces"] == 300
    assert told["fov"] == 70.0
    assert told["outputs"] == ["mesh"]


def test_the_field_of_view_is_only_used_when_wanted(files: dict[str, str]) -> None:
    bpy.context.scene.unflat.fov = 70.0
    bpy.ops.unflat.generate(filepath=files["filepath"], depth_filepath=files["depth_filepath"])
    assert json.loads(photo_collection()["unflat_settings"])["fov"] is None


def test_levelling_when_asked(files: dict[str, str]) -> None:
    """The wall of this photo has no floor before it, which the artist is told."""
    bpy.ops.unflat.generate(**files, outputs={"MESH"}, level=True)
    assert json.loads(photo_collection()["unflat_settings"])["level"] is True
    assert "No floor was found" in photo_collection()["unflat_warnings"]
    bpy.context.scene.unflat.level = True
    bpy.ops.unflat.generate(**files, outputs={"MESH"}, level=False)
    home = bpy.context.scene.collection.children["photo.001"]
    assert "No floor" not in home["unflat_warnings"]


def test_a_second_photo_of_the_same_name(files: dict[str, str]) -> None:
    for _ in range(2):
        bpy.ops.unflat.generate(**files, outputs={"MESH"})
    assert {"photo", "photo.001"} <= set(bpy.context.scene.collection.children.keys())
    assert "photo.001 Mesh" in bpy.data.objects


def test_the_root_stands_at_the_cursor(files: dict[str, str]) -> None:
    bpy.context.scene.cursor.location = (1, 2, 3)
    bpy.ops.unflat.generate(**files, outputs={"MESH"})
    assert tuple(bpy.data.objects["photo"].matrix_world.translation) == (1, 2, 3)
    camera, mesh = bpy.data.objects["photo Camera"], bpy.data.objects["photo Mesh"]
    assert camera.matrix_world.translation == mesh.matrix_world.translation


def test_the_photo_is_packed_as_it_is(files: dict[str, str]) -> None:
    bpy.ops.unflat.generate(**files, outputs={"MESH"})
    image = bpy.data.images["photo"]
    assert image.packed_file.data == images.load(files["filepath"]).original.data
    assert tuple(image.size) == (128, 96)
    assert all(image.packed_file for image in bpy.data.images)


def bad_files(tmp_path: Path) -> dict[str, dict[str, object]]:
    text = tmp_path / "text.jpg"
    text.write_text("this is no picture")
    return {
        "missing": {"filepath": str(tmp_path / "missing.jpg")},
        "text": {"filepath": str(text)},
        "folder": {"filepath": str(tmp_path)},
        "nothing": {},
    }


@pytest.mark.parametrize("which", ["missing", "text", "folder", "nothing"])
def test_bad_photos_are_one_sentence(which: str, tmp_path: Path) -> None:
    arguments = bad_files(tmp_path)[which]
    before = [len(getattr(bpy.data, kind)) for kind in ("objects", "collections", "images")]
    with pytest.raises(RuntimeError) as caught:
        bpy.ops.unflat.generate(**arguments)
    sentence = str(caught.value).strip().removeprefix("Error: ")
    assert "\n" not in sentence
    assert sentence.endswith(".")
    assert session.current().outcome is not None
    assert session.current().outcome.lines == (sentence,)
    after = [len(getattr(bpy.data, kind)) for kind in ("objects", "collections", "images")]
    assert before == after


def test_an_unknown_model_is_named(files: dict[str, str]) -> None:
    with pytest.raises(RuntimeError, match="no model 'huge', choose one of: builtin"):
        bpy.ops.unflat.generate(filepath=files["filepath"], model="huge")


def test_a_depth_map_of_another_size_is_named(files: dict[str, str], tmp_path: Path) -> None:
    import numpy as np

    np.save(tmp_path / "small.npy", np.ones((5, 5), np.float32))
    with pytest.raises(RuntimeError, match="5 x 5 pixels but the photo is 128 x 96"):
        bpy.ops.unflat.generate(
            filepath=files["filepath"], depth_filepath=str(tmp_path / "small.npy")
        )


def test_a_failure_while_building_leaves_nothing(
    files: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    from unflat.blender_addon.scene import point_cloud

    def broken(*_: object) -> None:
        raise ValueError("a bug")

    monkeypatch.setattr(point_cloud, "add", broken)
    with pytest.raises(RuntimeError, match=r"unexpected problem \(ValueError\('a bug'\)\)"):
        bpy.ops.unflat.generate(**files, outputs={"MESH", "POINTS", "RELIEF"})
    for kind in ("objects", "collections", "meshes", "materials", "images", "cameras"):
        assert len(getattr(bpy.data, kind)) == 0, kind
    assert session.current().running is None


def test_after_a_failure_the_earlier_result_is_still_seen(
    files: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    from unflat.blender_addon.scene import point_cloud

    def broken(*_: object) -> None:
        raise ValueError("a bug")

    bpy.ops.unflat.generate(**files, outputs={"MESH"})
    monkeypatch.setattr(point_cloud, "add", broken)
    with pytest.raises(RuntimeError, match="unexpected problem"):
        bpy.ops.unflat.generate(**files, outputs={"MESH", "POINTS"})
    assert not bpy.data.objects["photo Mesh"].hide_render
    assert not bpy.data.objects["photo Mesh"].hide_get()
