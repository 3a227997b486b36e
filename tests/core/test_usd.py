"""USDZ files, read back by OpenUSD."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from unflat.core import Settings, reconstruct, usd
from unflat.core.camera import Pinhole
from unflat.core.depthmap import DepthMap
from unflat.core.export import save
from unflat.core.images import EncodedImage
from unflat.core.level import Pose
from unflat.core.mesh import TriangleMesh
from unflat.core.pipeline import Result

pytest.importorskip("pxr", reason="OpenUSD is not installed")

from pxr import Gf, Usd, UsdGeom, UsdShade, UsdUtils

LAYERS = Settings(outputs=frozenset({"layers"}), max_error=0.01)


@pytest.fixture
def result(photo_file: Path, box_depth: DepthMap, camera: Pinhole) -> Result:
    return reconstruct(photo_file, LAYERS, depth=box_depth, camera=camera)


def written(result: Result, folder: Path) -> Usd.Stage:
    save(result, folder, formats=("usd",))
    return Usd.Stage.Open(str(folder / "mesh.usdz"))


def complaints(file: Path) -> list[str]:
    """What OpenUSD's own checker for AR finds."""
    if hasattr(UsdUtils, "ComplianceChecker"):  # before OpenUSD 26
        checker = UsdUtils.ComplianceChecker(arkit=True)
        checker.CheckCompliance(str(file))
        return [*checker.GetErrors(), *checker.GetFailedChecks(), *checker.GetWarnings()]
    from pxr import UsdValidation

    checks = UsdValidation.ValidationRegistry().GetOrLoadAllValidators()
    context = UsdValidation.ValidationContext(checks)
    return [str(error.GetMessage()) for error in context.Validate(Usd.Stage.Open(str(file)))]


def place(stage: Usd.Stage, path: str) -> np.ndarray:
    """(4, 4) for points as columns."""
    prim = stage.GetPrimAtPath(path)
    return np.array(UsdGeom.XformCache().GetLocalToWorldTransform(prim)).T


def test_all_of_the_mesh_is_there(result: Result, tmp_path: Path) -> None:
    stage = written(result, tmp_path)
    assert result.mesh is not None
    mesh = UsdGeom.Mesh(stage.GetPrimAtPath("/Photo/Mesh"))
    np.testing.assert_allclose(mesh.GetPointsAttr().Get(), result.mesh.vertices * [1, -1, -1])
    corners = np.array(mesh.GetFaceVertexIndicesAttr().Get()).reshape(-1, 3)
    np.testing.assert_array_equal(corners, result.mesh.triangles)
    uv = UsdGeom.PrimvarsAPI(mesh).GetPrimvar("st").Get()
    np.testing.assert_allclose(uv, result.mesh.uv * [1, -1] + [0, 1], atol=1e-6)
    assert UsdGeom.GetStageMetersPerUnit(stage) == 1
    assert UsdGeom.GetStageUpAxis(stage) == "Y"
    np.testing.assert_array_equal(place(stage, "/Photo/Mesh"), np.eye(4))
    assert (tmp_path / "background.usdz").is_file()


@pytest.mark.parametrize("alpha", [False, True])
def test_openusds_checker_has_no_complaint(
    alpha: bool, result: Result, rgb: np.ndarray, box_depth: DepthMap, tmp_path: Path
) -> None:
    if alpha:
        cut = np.full((*rgb.shape[:2], 1), 255, np.uint8)
        cut[50:] = 0
        result = reconstruct(np.concatenate([rgb, cut], axis=2), LAYERS, depth=box_depth)
    save(result, tmp_path, formats=("usd",))
    for name in ("mesh.usdz", "background.usdz"):
        assert complaints(tmp_path / name) == []


def test_the_checker_does_complain(tmp_path: Path) -> None:
    stage = Usd.Stage.CreateNew(str(tmp_path / "bad.usda"))
    UsdGeom.Mesh.Define(stage, "/Bad").CreateFaceVertexIndicesAttr([7])
    stage.Save()
    assert complaints(tmp_path / "bad.usda")


def test_the_photo_shines_by_itself(result: Result, tmp_path: Path) -> None:
    stage = written(result, tmp_path)
    mesh = stage.GetPrimAtPath("/Photo/Mesh")
    material, _ = UsdShade.MaterialBindingAPI(mesh).ComputeBoundMaterial()
    surface = material.ComputeSurfaceSource()[0]
    assert surface.GetInput("diffuseColor").Get() == Gf.Vec3f(0)
    texture = UsdShade.Shader(surface.GetInput("emissiveColor").GetConnectedSource()[0])
    file = texture.GetInput("file").Get()
    assert file.resolvedPath.endswith("mesh.usdz[photo.jpg]")
    assert result.photo.original is not None
    assert result.photo.original.data in (tmp_path / "mesh.usdz").read_bytes()


def test_the_camera_sees_the_photo(result: Result, tmp_path: Path) -> None:
    stage = written(result, tmp_path)
    lens: Any = UsdGeom.Camera(stage.GetPrimAtPath("/Photo/Camera")).GetCamera()
    frustum = lens.frustum
    matrix = np.array(frustum.ComputeViewMatrix() * frustum.ComputeProjectionMatrix())
    assert result.mesh is not None
    points = result.mesh.vertices * [1, -1, -1]
    clip = np.c_[points, np.ones(len(points))] @ matrix
    seen = (clip[:, :2] / clip[:, 3:] * [1, -1] + 1) / 2 * result.camera.size
    np.testing.assert_allclose(seen, result.mesh.uv * result.camera.size, atol=1e-3)
    assert (np.abs(clip[:, 2]) < clip[:, 3]).all()  # within the clipping range


def test_with_a_pose_it_stands_upright(result: Result, tmp_path: Path) -> None:
    up = np.array([0.1, -0.9, -0.3]) / np.linalg.norm([0.1, -0.9, -0.3])
    posed = replace(result, pose=Pose(tuple(up.tolist()), 1.7))
    stage = written(posed, tmp_path)
    for path in ("/Photo/Mesh", "/Photo/Camera"):
        matrix = place(stage, path)
        np.testing.assert_allclose(matrix[:3, :3] @ (up * [1, -1, -1]), (0, 1, 0), atol=1e-12)
        np.testing.assert_allclose(matrix[:3, 3], (0, 1.7, 0), atol=1e-12)


def test_a_big_mesh_stays_arrays(result: Result, rgb: np.ndarray, tmp_path: Path) -> None:
    count = 2_000_000
    at = np.random.default_rng(0).uniform(1, 2, (count, 3)).astype(np.float32)
    triangles = np.arange(3 * (count // 3), dtype=np.int32).reshape(-1, 3)
    big = TriangleMesh(at, triangles, at[:, :2].copy(), 0.0)
    texture = EncodedImage(b"no picture", "image/jpeg")
    usd.write(big, texture, False, result.camera, None, tmp_path / "big.usdz")
    assert (tmp_path / "big.usdz").stat().st_size > 12 * count


def test_without_the_library_it_is_said_at_once(photo_file: Path) -> None:
    code = (
        "import sys; sys.modules['pxr'] = None; from unflat.core.cli import main; sys.exit(main())"
    )
    out = photo_file.parent / "out"
    command = [sys.executable, "-c", code, str(photo_file), "-o", str(out), "--format", "usd"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert done.stderr.strip().endswith("run: pip install usd-core")
    assert not out.exists()


@pytest.mark.skipif(sys.platform == "win32", reason="limits on file size are POSIX")
def test_a_disk_that_fills_up_leaves_nothing_behind(photo_file: Path, tmp_path: Path) -> None:
    code = (
        "import resource, sys; from unflat.core.cli import main;"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (140_000, 140_000)); sys.exit(main())"
    )
    command = [sys.executable, "-c", code, str(photo_file), "-o", str(tmp_path / "out"),
               "--outputs", "mesh", "--format", "usd", "--max-error", "0.00001"]  # fmt: skip
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 1, done.stderr
    assert "can't be written" in done.stderr
    assert "Traceback" not in done.stderr
    assert not (tmp_path / "out").exists()
