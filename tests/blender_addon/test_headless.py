"""The .blend file that the command line asks for."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import bpy
import numpy as np
import pytest

from unflat.blender_addon.scene import camera as cameras
from unflat.core import Settings, reconstruct
from unflat.core.export import save
from unflat.core.pipeline import Result

from .helpers import child, evaluated_mesh, positions


def run(tmp_path: Path, **job: object) -> subprocess.CompletedProcess[str]:
    file = tmp_path / "job.json"
    file.write_text(json.dumps(job))
    command = [sys.executable, "-m", "unflat.blender_addon.headless", str(file)]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def test_a_file_that_opens_on_the_photo(files: dict[str, str], tmp_path: Path) -> None:
    blend = tmp_path / "out" / "scene.blend"
    blend.parent.mkdir()
    done = run(
        tmp_path,
        photo=files["filepath"],
        depth=files["depth_filepath"],
        camera=files["camera_filepath"],
        settings={"outputs": ["mesh", "points", "relief"], "max_faces": 2000},
        model="builtin",
        device="cpu",
        blend=str(blend),
    )
    assert done.returncode == 0, done.stderr
    assert [path.name for path in blend.parent.iterdir()] == ["scene.blend"]
    bpy.ops.wm.open_mainfile(filepath=str(blend))
    home = bpy.context.scene.collection.children["photo"]
    assert home["unflat_model"] == "builtin"
    assert home["unflat_device"] == "cpu"
    assert len(home.objects) == 5
    assert bpy.context.scene.camera == cameras.of(home)
    assert all(image.packed_file for image in bpy.data.images if image.source != "VIEWER")
    check_depth_image(files)
    views = [a.spaces.active for s in bpy.data.screens for a in s.areas if a.type == "VIEW_3D"]
    assert views
    assert all(view.region_3d.view_perspective == "CAMERA" for view in views)
    solid = [view.shading for view in views if view.shading.type == "SOLID"]
    assert solid
    assert all(shading.color_type == "TEXTURE" for shading in solid)


def test_the_near_far_ratio_still_works_in_the_file(photo_file: Path, tmp_path: Path) -> None:
    result = reconstruct(photo_file, Settings(outputs=frozenset({"mesh"}), max_faces=2000))
    save(result, tmp_path / "out", with_blend=True)
    bpy.ops.wm.open_mainfile(filepath=str(tmp_path / "out" / "scene.blend"))
    home = bpy.context.scene.collection.children["photo"]
    assert home["unflat_focal_source"] == "default"
    mesh = child(home, "Mesh")
    before = positions(mesh.data)[:, 1].max()
    home.unflat.near_far_ratio *= 3
    assert bpy.ops.unflat.rebuild(photo="photo") == {"FINISHED"}
    assert positions(mesh.data)[:, 1].max() > 1.3 * before


def test_it_needs_nothing_for_what_is_only_in_files(
    files: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("open3d", reason="Open3D can not be loaded", exc_type=ImportError)
    settings = Settings(outputs=frozenset({"mesh", "surface", "print"}), max_faces=2000)
    result = reconstruct(files["filepath"], settings, depth=files["depth_filepath"])
    (tmp_path / "open3d.py").write_text("raise ImportError")  # as in Blender
    monkeypatch.setenv("PYTHONPATH", str(tmp_path), prepend=os.pathsep)
    save(result, tmp_path / "out", with_blend=True)
    bpy.ops.wm.open_mainfile(filepath=str(tmp_path / "out" / "scene.blend"))
    home = bpy.context.scene.collection.children["photo"]
    assert [thing.type for thing in home.objects].count("MESH") == 1
    assert (tmp_path / "out" / "surface.glb").is_file()


def check_depth_image(files: dict[str, str]) -> None:
    """The packed depth image comes back from the file in full precision, and so does the relief."""
    from unflat.core import depthfile

    depth = depthfile.read(files["depth_filepath"])
    pixels = np.empty(4 * depth.depth.size, np.float32)
    bpy.data.images["photo Depth"].pixels.foreach_get(pixels)
    pixels = pixels.reshape(*depth.depth.shape, 4)[::-1]
    np.testing.assert_array_equal(pixels[..., 0], depth.normalized())
    np.testing.assert_array_equal(pixels[..., 3], depth.valid)
    relief = evaluated_mesh(bpy.data.objects["photo Relief"])
    distances = np.unique(np.round(positions(relief)[:, 1], 4))
    assert distances.tolist() == [2.0, 4.0]


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"photo": "missing.jpg"}, "There is no file missing.jpg, check the name."),
        ({"settings": {"edge_ratio": 0}}, "The edge ratio must be"),
        ({"blend": "/no/such/folder/scene.blend"}, "can't be written, choose another folder."),
    ],
)
def test_failures_are_one_sentence(
    files: dict[str, str], tmp_path: Path, change: dict[str, object], sentence: str
) -> None:
    job: dict[str, object] = {
        "photo": files["filepath"],
        "depth": files["depth_filepath"],
        "blend": str(tmp_path / "scene.blend"),
    }
    done = run(tmp_path, **(job | change))
    assert done.returncode == 1
    assert sentence in done.stderr.strip().splitlines()[-1]
    assert "Traceback" not in done.stderr
    assert not list(tmp_path.glob("*.blend"))
    assert not list(tmp_path.glob(".*.blend"))


@pytest.mark.parametrize("text", ["", "no json", "[1]", '{"photo": "a.jpg"}'])
def test_what_is_no_job_file(text: str, tmp_path: Path) -> None:
    file = tmp_path / "job.json"
    file.write_text(text)
    command = [sys.executable, "-m", "unflat.blender_addon.headless", str(file)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert done.stderr.strip() == f"{file} is not a job file with photo and blend."


def test_scale_and_level_reach_the_file(levelled: Result, photo_file: Path, tmp_path: Path) -> None:
    """The scene is made of the files beside it, so these must lead to the same pose and size."""
    settings = Settings(
        level=True, known_distance=(10, 90, 110, 90, 3), outputs=frozenset({"mesh"})
    )
    result = reconstruct(photo_file, settings, depth=levelled.depth, camera=levelled.camera)
    assert result.pose is not None
    save(result, tmp_path / "out", with_blend=True)
    bpy.ops.wm.open_mainfile(filepath=str(tmp_path / "out" / "scene.blend"))
    bpy.context.view_layer.update()
    eye = bpy.context.scene.camera.matrix_world
    np.testing.assert_allclose(eye.translation, (0, 0, result.pose.height), rtol=1e-4)
    up = np.array(eye.to_3x3()).T @ (0, 0, 1)
    np.testing.assert_allclose(up, np.array(result.pose.up) * [1, -1, -1], atol=1e-4)
