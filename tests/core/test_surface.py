"""Surfaces through points: where these are and nowhere else, by the real Open3D."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest

from unflat.core import Settings, points, reconstruct
from unflat.core.camera import Pinhole
from unflat.core.depthmap import DepthKind, DepthMap
from unflat.core.errors import GeometryError, MissingLibraryError, SettingsError
from unflat.core.export import FORMATS, save
from unflat.core.mesh import TriangleMesh, surface
from unflat.core.points import PointCloud
from unflat.core.settings import SurfaceMethod

open3d = pytest.importorskip("open3d", reason="Open3D can not be loaded", exc_type=ImportError)

CAMERA = Pinhole.from_fov(60, 160, 120)
WALL, BALL, RADIUS = 6.0, np.array([-0.3, 0.1, 3.0]), 0.7


def scene() -> DepthMap:
    """A ball before a wall that leans back to the right, and a corner where nothing is."""
    u, v = points.pixel_centers(*CAMERA.size)
    ray = np.stack(
        np.broadcast_arrays((u - CAMERA.cx) / CAMERA.fx, (v - CAMERA.cy) / CAMERA.fy, 1.0), axis=-1
    )
    z = WALL / (1 - 0.5 * ray[..., 0])
    a, b, c = (ray**2).sum(axis=-1), ray @ BALL, BALL @ BALL - RADIUS**2
    hit = b * b > a * c
    z = np.where(hit, (b - np.sqrt(np.where(hit, b * b - a * c, 0))) / a, z)
    z[:24, :32] = 0
    return DepthMap.from_array(z, DepthKind.METRES)


def cloud() -> PointCloud:
    rgb = np.zeros((120, 160, 3), np.uint8)
    return points.from_depth(scene(), CAMERA, rgb)


def off_the_scene(at: np.ndarray) -> np.ndarray:
    """How far (N,) points (N, 3) are from the ball's front or from the wall, over their z."""
    ball = np.abs(np.linalg.norm(at - BALL, axis=1) - RADIUS)
    behind = ((at - BALL) * at).sum(axis=1) > 0.1
    wall = np.abs(at[:, 2] - 0.5 * at[:, 0] - WALL) / np.hypot(1, 0.5)
    return np.minimum(np.where(behind, np.inf, ball), wall) / at[:, 2]


def areas(made: TriangleMesh) -> np.ndarray:
    """Twice the area of each triangle as a vector (M, 3) that points to the side it faces."""
    a, b, c = np.moveaxis(made.vertices[made.triangles].astype(float), 1, 0)
    return np.cross(b - a, c - a)


@pytest.fixture(scope="module", params=list(SurfaceMethod))
def made(request: pytest.FixtureRequest) -> TriangleMesh:
    return surface.from_points(cloud(), CAMERA, request.param)


def test_it_lies_on_the_points(made: TriangleMesh) -> None:
    off = off_the_scene(made.vertices.astype(float))
    assert np.quantile(off, 0.95) < 0.003
    assert off.max() < 0.03  # about three points' spacing
    middles = made.vertices[made.triangles].mean(axis=1).astype(float)
    assert off_the_scene(middles).max() < 0.03  # no skin from the ball to the wall


def test_it_is_whole_and_in_no_more_pieces_than_the_scene(made: TriangleMesh) -> None:
    trimesh = pytest.importorskip("trimesh", reason="trimesh is not installed")
    mesh = trimesh.Trimesh(made.vertices, made.triangles, process=False)
    pieces = trimesh.graph.connected_components(
        mesh.face_adjacency, nodes=np.arange(len(mesh.faces))
    )
    assert len(pieces) <= 3
    assert set(made.triangles.ravel()) == set(range(len(made.vertices)))
    at = np.round(made.uv * [40, 30]).astype(int)
    seen = np.zeros((31, 41), bool)
    seen[at[:, 1], at[:, 0]] = True
    assert seen.mean() > 0.9
    assert not ((made.uv < [0.16, 0.16]).all(axis=1)).any()  # the corner with nothing


def test_it_faces_the_camera(made: TriangleMesh) -> None:
    towards = (areas(made) * made.vertices[made.triangles[:, 0]]).sum(axis=1) < 0
    weight = np.linalg.norm(areas(made), axis=1)
    assert (weight * towards).sum() > 0.97 * weight.sum()


def test_the_photo_lies_on_it(made: TriangleMesh) -> None:
    seen = CAMERA.project(made.vertices) / CAMERA.size
    assert np.abs(seen - made.uv).max() < 0.02
    inside = ((seen >= 0) & (seen <= 1)).all(axis=1)
    np.testing.assert_allclose(made.uv[inside], seen[inside], atol=1e-5)


@pytest.mark.parametrize("method", list(SurfaceMethod))
def test_flying_points_are_left_out(method: SurfaceMethod) -> None:
    clean, rng = cloud(), np.random.default_rng(5)
    flying = clean.positions[rng.choice(len(clean), 40)] * rng.uniform(0.93, 0.96, (40, 1))
    flying = flying[off_the_scene(flying) > 0.03].astype(np.float32)
    assert len(flying) > 20
    normals = np.tile(np.float32([0, 0, -1]), (len(flying), 1))
    dirty = PointCloud(
        np.concatenate([clean.positions, flying]),
        np.concatenate([clean.colors, np.zeros_like(flying, np.uint8)]),
        np.concatenate([clean.normals, normals]),
    )
    found = surface.from_points(dirty, CAMERA, method)
    assert off_the_scene(found.vertices.astype(float)).max() < 0.02


def test_large_clouds_are_thinned_evenly_for_the_camera(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(surface._MOST, SurfaceMethod.BALL, 3000)
    found = surface.from_points(cloud(), CAMERA, SurfaceMethod.BALL)
    assert 1500 < len(found.vertices) <= 3000
    ball = np.linalg.norm(found.vertices - BALL, axis=1) < 1.05 * RADIUS
    share = (scene().depth < 4)[scene().valid].mean()
    assert share < ball.mean() < 1.6 * share  # of its area it would get a fifth of that


def test_limit_on_triangles() -> None:
    found = surface.from_points(cloud(), CAMERA, SurfaceMethod.POISSON, max_faces=500)
    assert 300 < len(found.triangles) <= 500


@pytest.mark.parametrize("method", list(SurfaceMethod))
@pytest.mark.parametrize("shape", [(1, 30), (30, 1), (3, 4), (6, 6), (12, 9)])
def test_tiny_pictures(method: SurfaceMethod, shape: tuple[int, int]) -> None:
    camera = Pinhole.from_focal(50, shape[1], shape[0])
    depth = DepthMap.from_array(np.full(shape, 2.0), DepthKind.METRES)
    tiny = points.from_depth(depth, camera, np.zeros((*shape, 3), np.uint8))
    try:
        found = surface.from_points(tiny, camera, method)
    except GeometryError:
        assert min(shape) < 4  # no more than a line
    else:
        assert np.isfinite(found.vertices).all()
        np.testing.assert_allclose(found.vertices[:, 2], 2, rtol=0.03)


@pytest.mark.parametrize("method", list(SurfaceMethod))
@pytest.mark.parametrize("count", [1, 5, 9])
def test_too_few_points(method: SurfaceMethod, count: int) -> None:
    rng = np.random.default_rng(count)
    at = (rng.uniform(-1, 1, (count, 3)) * [1, 1, 0.5] + [0, 0, 2]).astype(np.float32)
    normals = np.tile(np.float32([0, 0, -1]), (count, 1))
    few = PointCloud(at, np.zeros((count, 3), np.uint8), normals)
    with pytest.raises(GeometryError, match="give a denser depth map"):
        surface.from_points(few, CAMERA, method)


def test_files_of_surface_and_print(rgb: np.ndarray, box_depth: DepthMap, tmp_path: Path) -> None:
    trimesh = pytest.importorskip("trimesh", reason="trimesh is not installed")
    settings = Settings(outputs=frozenset({"surface", "print"}), print_width=60, surface="ball")
    result = reconstruct(rgb, settings, depth=box_depth)
    report = save(result, tmp_path / "out", formats=FORMATS)
    assert result.surface is not None
    assert result.solid is not None
    assert report["surface_triangles"] == len(result.surface.triangles)
    assert report["print_triangles"] == len(result.solid.triangles)
    assert {"surface", "print"} < set(report["seconds"])
    model = trimesh.load(tmp_path / "out" / "surface.glb", force="mesh", process=False)
    assert model.visual.material.baseColorTexture.size == (128, 96)
    colored = open3d.io.read_triangle_mesh(str(tmp_path / "out" / "surface.ply"))
    column, row = result.camera.project(np.asarray(colored.vertices)).astype(int).T
    seen = rgb[row.clip(0, 95), column.clip(0, 127)].astype(int)
    assert np.abs(np.asarray(colored.vertex_colors) * 255 - seen).max() <= 6  # a pixel beside
    printed = trimesh.load(tmp_path / "out" / "print.stl")
    assert printed.is_watertight
    np.testing.assert_allclose(printed.extents, [60, 45, 10], atol=0.021)
    save(reconstruct(rgb, depth=box_depth), tmp_path / "out")
    assert not list((tmp_path / "out").glob("surface.*"))
    assert not (tmp_path / "out" / "print.stl").exists()


@pytest.mark.parametrize("bad", [{"surface": "cake"}, {"print_width": 0}, {"print_base": -1}])
def test_settings_out_of_range(bad: dict[str, object]) -> None:
    with pytest.raises(SettingsError):
        Settings(**bad)  # type: ignore[arg-type]


def test_without_open3d_one_learns_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "open3d", None)
    with pytest.raises(MissingLibraryError, match="pip install open3d"):
        reconstruct(np.zeros((4, 4, 3), np.uint8), Settings(outputs=frozenset({"surface"})))
