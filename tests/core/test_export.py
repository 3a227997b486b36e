"""Saved files are what they say: read back by other people's software, never by ours."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from unflat.core import Settings, reconstruct
from unflat.core.camera import Pinhole
from unflat.core.colormap import table
from unflat.core.depthmap import DepthMap
from unflat.core.errors import MissingLibraryError, OutputError, SettingsError, UnflatError
from unflat.core.export import FORMATS, check_kept, encoded, save
from unflat.core.images import from_array
from unflat.core.level import Pose
from unflat.core.pipeline import Result


@pytest.fixture
def result(photo_file: Path, box_depth: DepthMap, camera: Pinhole) -> Result:
    return reconstruct(photo_file, Settings(), depth=box_depth, camera=camera)


@pytest.fixture
def folder(result: Result, tmp_path: Path) -> Path:
    save(result, tmp_path / "out", formats=set(FORMATS) - {"usd"})  # which needs a library
    return tmp_path / "out"


def test_depth_files(folder: Path, box_depth: DepthMap, camera: Pinhole) -> None:
    with np.load(folder / "depth.npz", allow_pickle=False) as file:
        np.testing.assert_array_equal(file["depth"], box_depth.depth)
        np.testing.assert_array_equal(file["valid"], box_depth.valid)
        assert str(file["kind"]) == "metres"
        assert json.loads(str(file["camera"]))["fx"] == camera.fx
    with Image.open(folder / "depth.png") as picture:
        levels = np.asarray(picture)
    assert levels.dtype == np.uint16
    assert (levels[40, 50], levels[80, 50], levels[0, 0]) == (65535, 1, 0)


def test_a_saved_depth_can_be_used_again(folder: Path, photo_file: Path, result: Result) -> None:
    again = reconstruct(photo_file, depth=folder / "depth.npz", camera=folder / "camera.json")
    np.testing.assert_array_equal(again.depth.depth, result.depth.depth)
    assert result.mesh is not None
    assert again.mesh is not None
    np.testing.assert_array_equal(again.mesh.vertices, result.mesh.vertices)


def test_a_saved_depth_picture_can_be_used_again(folder: Path, photo_file: Path) -> None:
    again = reconstruct(photo_file, Settings(near_far_ratio=2), depth=folder / "depth.png")
    assert again.depth.depth[40, 50] == pytest.approx(1)
    assert again.depth.depth[80, 50] == pytest.approx(2)
    assert not again.depth.valid[0, 0]


def test_default_colours_are_matplotlibs(folder: Path, box_depth: DepthMap) -> None:
    matplotlib = pytest.importorskip("matplotlib", reason="Matplotlib is not installed")
    truth = np.rint(matplotlib.colormaps["inferno"](np.arange(256))[:, :3] * 255)
    np.testing.assert_allclose(table("inferno"), truth, atol=1)
    with Image.open(folder / "depth_color.png") as picture:
        colors = np.asarray(picture)
    np.testing.assert_array_equal(colors[40, 50], table("inferno")[255])
    np.testing.assert_array_equal(colors[0, 0], [0, 0, 0])


def test_any_matplotlib_colour_map(result: Result, tmp_path: Path) -> None:
    pytest.importorskip("matplotlib", reason="Matplotlib is not installed")
    save(result, tmp_path / "viridis", colormap="viridis")
    with Image.open(tmp_path / "viridis" / "depth_color.png") as picture:
        np.testing.assert_allclose(np.asarray(picture)[40, 50], [253, 231, 37], atol=1)
    with pytest.raises(SettingsError, match="no Matplotlib colour map"):
        save(result, tmp_path / "none", colormap="nope")
    assert not (tmp_path / "none").exists()


def test_points_open_in_open3d(folder: Path, box_depth: DepthMap, rgb: np.ndarray) -> None:
    o3d = pytest.importorskip("open3d", reason="Open3D can not be loaded", exc_type=ImportError)
    cloud = o3d.io.read_point_cloud(str(folder / "points.ply"))
    positions = np.asarray(cloud.points)
    assert len(positions) == box_depth.valid.sum()
    assert {2.0, 4.0} == set(positions[:, 2])  # z forward, metres
    lowest = positions[np.asarray(positions)[:, 1].argmax()]
    assert lowest[1] > 0  # y down: the bottom of the photo
    with Image.open(folder.parent / "photo.jpg") as picture:
        seen = np.asarray(picture)[box_depth.valid]
    np.testing.assert_allclose(np.asarray(cloud.colors) * 255, seen, atol=0.51)
    assert (np.asarray(cloud.normals)[:, 2] < 0).all()


def test_mesh_opens_in_trimesh(folder: Path, result: Result) -> None:
    trimesh = pytest.importorskip("trimesh", reason="trimesh is not installed")
    mesh = trimesh.load(folder / "mesh.glb", force="mesh", process=False)
    assert result.mesh is not None
    assert len(mesh.faces) == len(result.mesh.triangles)
    np.testing.assert_allclose(mesh.vertices, result.mesh.vertices * [1, -1, -1], atol=1e-6)
    np.testing.assert_allclose(mesh.visual.uv, result.mesh.uv * [1, -1] + [0, 1], atol=1e-6)
    assert mesh.visual.material.baseColorTexture.size == (128, 96)
    assert (mesh.face_normals[:, 2] > 0).all()


def test_obj_and_stl_open_in_trimesh(folder: Path, result: Result) -> None:
    trimesh = pytest.importorskip("trimesh", reason="trimesh is not installed")
    assert result.mesh is not None
    mesh = trimesh.load(folder / "mesh.obj", force="mesh", process=False, maintain_order=True)
    np.testing.assert_array_equal(mesh.faces, result.mesh.triangles)
    np.testing.assert_allclose(mesh.vertices, result.mesh.vertices * [1, -1, -1], rtol=1e-5)
    np.testing.assert_allclose(mesh.visual.uv, result.mesh.uv * [1, -1] + [0, 1], atol=1e-6)
    assert mesh.visual.material.image.size == (128, 96)
    solid = trimesh.load(folder / "mesh.stl", force="mesh", process=False)
    corners = result.mesh.vertices[result.mesh.triangles][..., [0, 2, 1]] * [1, 1, -1]
    np.testing.assert_allclose(solid.triangles, corners, rtol=1e-6)
    assert (solid.face_normals[:, 1] < 0).all()  # towards the camera, which looks along +y


def test_mesh_opens_in_open3d(folder: Path, result: Result, rgb: np.ndarray) -> None:
    o3d = pytest.importorskip("open3d", reason="Open3D can not be loaded", exc_type=ImportError)
    assert result.mesh is not None
    model = o3d.io.read_triangle_model(str(folder / "mesh.glb"))
    mesh = model.meshes[0].mesh
    assert len(mesh.triangles) == len(result.mesh.triangles)
    assert np.asarray(mesh.vertices)[:, 2].max() < 0  # glTF looks along -z
    colored = o3d.io.read_triangle_mesh(str(folder / "mesh.ply"))
    assert len(colored.triangles) == len(result.mesh.triangles)
    row, column = (result.mesh.uv[:, ::-1] * [96, 128]).clip(0, [95, 127]).astype(int).T
    error = np.abs(np.asarray(colored.vertex_colors) * 255 - rgb[row, column])
    assert error.mean() < 4  # JPEG


def test_glb_keeps_the_photo_uncompressed_anew(folder: Path, result: Result) -> None:
    assert result.photo.original is not None
    assert result.photo.original.data in (folder / "mesh.glb").read_bytes()


@pytest.mark.parametrize("alpha", [False, True])
def test_glb_passes_the_khronos_validator(
    alpha: bool, result: Result, rgb: np.ndarray, box_depth: DepthMap, tmp_path: Path
) -> None:
    """UNFLAT_GLTF_VALIDATOR is a folder in which npm has installed the package gltf-validator."""
    home, node = os.environ.get("UNFLAT_GLTF_VALIDATOR"), shutil.which("node")
    if not home or not node:
        pytest.skip("needs Node.js and UNFLAT_GLTF_VALIDATOR")
    if alpha:
        cut = np.full((*rgb.shape[:2], 1), 255, np.uint8)
        cut[50:] = 0
        result = reconstruct(np.concatenate([rgb, cut], axis=2), depth=box_depth)
    posed = replace(result, pose=Pose((0.6, -0.8, 0.0), 1.6)) if alpha else result
    save(posed, tmp_path / "out")
    script = (
        "const v = require('gltf-validator'), fs = require('fs');"
        "v.validateBytes(new Uint8Array(fs.readFileSync(process.argv[1])))"
        ".then(r => console.log(JSON.stringify(r.issues)));"
    )
    done = subprocess.run(
        [node, "-e", script, str(tmp_path / "out" / "mesh.glb")],
        capture_output=True, text=True, cwd=home, check=True,
    )  # fmt: skip
    issues = json.loads(done.stdout)
    assert (issues["numErrors"], issues["numWarnings"]) == (0, 0), issues["messages"]


def test_report_is_true(folder: Path, result: Result) -> None:
    report = json.loads((folder / "report.json").read_text())
    files = {f.name: f.stat().st_size for f in folder.iterdir() if f.name != "report.json"}
    assert report["bytes"] == files
    assert report["triangles"] == len(result.mesh.triangles)  # type: ignore[union-attr]
    assert report["points"] == len(result.points)  # type: ignore[arg-type]
    assert report["focal_source"] == "user"
    assert {"photo", "depth", "mesh", "points", "files"} == set(report["seconds"])


def test_preview_shows_photo_depth_and_side(folder: Path) -> None:
    with Image.open(folder / "preview.png") as picture:
        pixels = np.asarray(picture)
    assert pixels.shape == (360, 3 * 480 + 2 * 8, 3)
    side = pixels[:, -480:]
    background = (side == side[0, -1]).all(axis=-1)
    assert 0.05 < background.mean() < 0.9


def test_saving_again_replaces_and_keeps_strangers(result: Result, folder: Path) -> None:
    (folder / "mine.txt").write_text("keep")
    before = (folder / "mesh.glb").read_bytes()
    save(result, folder)
    assert (folder / "mine.txt").read_text() == "keep"
    assert (folder / "mesh.glb").read_bytes() == before
    assert not [f for f in folder.iterdir() if f.name.startswith(".")]


def test_files_of_an_earlier_run_go(result: Result, folder: Path) -> None:
    save(replace(result, mesh=None, points=None), folder)
    assert not {"mesh.glb", "mesh.ply", "points.ply"} & {f.name for f in folder.iterdir()}


def test_all_or_nothing_is_replaced(result: Result, folder: Path) -> None:
    """A folder in the place of a file stops the move when half of it is done."""
    (folder / "points.ply").unlink()
    (folder / "points.ply").mkdir()
    (folder / "points.ply" / "mine").touch()
    before = {f.name: f.stat().st_mtime_ns for f in folder.iterdir()}
    with pytest.raises(OutputError, match="in the way"):
        save(result, folder)
    assert {f.name: f.stat().st_mtime_ns for f in folder.iterdir()} == before


@pytest.mark.parametrize("stopped_by", [OSError, KeyboardInterrupt])
def test_a_stranger_of_the_same_name_comes_back(
    stopped_by: type[BaseException], result: Result, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "depth.png").write_text("mine")
    replace_file = Path.replace

    def stop_at_the_mesh(source: Path, target: Path) -> Path:
        if source.name == "mesh.glb":
            raise stopped_by
        return replace_file(source, target)

    monkeypatch.setattr(Path, "replace", stop_at_the_mesh)
    with pytest.raises((OutputError, KeyboardInterrupt)):
        save(result, tmp_path)
    assert (tmp_path / "depth.png").read_text() == "mine"
    assert not (tmp_path / "camera.json").exists()


def test_what_is_given_is_not_written_over(result: Result, folder: Path, tmp_path: Path) -> None:
    check_kept(folder / "depth.npz", folder)  # an earlier run's
    check_kept(tmp_path / "depth.png", folder)
    mine = folder / "surface.obj"
    mine.touch()
    with pytest.raises(OutputError, match="would be written over"):
        check_kept(mine, folder)


def test_a_photo_too_long_for_jpeg() -> None:
    long = from_array(np.zeros((16, 66_000, 3), np.uint8))
    assert encoded(long).mime == "image/png"


def test_sparse_depth_still_gives_points(photo_file: Path, tmp_path: Path) -> None:
    z = np.zeros((96, 128))
    z[::3, ::3] = 2.0
    sparse = reconstruct(photo_file, Settings(outputs=frozenset({"points"})), depth=z)
    report = save(sparse, tmp_path / "out")
    assert report["points"] == 32 * 43


@pytest.mark.parametrize("shape", [(16, 4000), (4000, 16)])
def test_extreme_shapes(shape: tuple[int, int], tmp_path: Path) -> None:
    result = reconstruct(np.zeros((*shape, 3), np.uint8), depth=np.full(shape, 2.0))
    save(result, tmp_path / "out")
    with Image.open(tmp_path / "out" / "preview.png") as picture:
        assert picture.width <= 3 * 1280 + 16
        assert picture.height <= 360


def test_unwritable_places(result: Result, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(OutputError, match="in the way"):
        save(result, tmp_path / "file" / "out")
    with pytest.raises(SettingsError):
        save(result, tmp_path / "x", formats=("fbx",))


@pytest.mark.skipif(not Path("/proc").is_dir(), reason="needs a folder nobody can write to")
def test_a_folder_nobody_can_write_to(result: Result) -> None:
    with pytest.raises(OutputError) as caught:
        save(result, Path("/proc/unflat"))
    assert isinstance(caught.value, UnflatError)
    assert not isinstance(caught.value, MissingLibraryError)


def test_files_of_others_stay(result: Result, tmp_path: Path) -> None:
    out = tmp_path / "out"
    out.mkdir()
    (out / "mesh.obj").write_text("mine")
    (out / "background.jpg").write_text("mine")
    save(result, out, formats=("glb", "ply"))
    save(result, out)
    assert (out / "mesh.obj").read_text() == (out / "background.jpg").read_text() == "mine"
    assert not (out / "mesh.ply").exists()  # of our earlier run, and not asked for any more
