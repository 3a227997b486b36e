"""Detail: a light mesh and its displacement together are the depth."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from unflat.core import Settings, depthfile, mesh, points, raster, reconstruct, windows
from unflat.core.camera import Pinhole
from unflat.core.depthmap import DepthKind, DepthMap
from unflat.core.mesh import Detail, TriangleMesh
from unflat.core.mesh.detail import MOST, ZERO

CAMERA = Pinhole(fx=110.0, fy=112.0, cx=60.0, cy=50.0, width=128, height=96)


def waves(amplitude: float, pitch: float) -> DepthMap:
    """A wavy wall, a disc before it, and a corner where nothing is."""
    v, u = np.mgrid[0:96, 0:128]
    z = 4 + amplitude * np.sin(u / pitch) * np.sin(v / pitch)
    z[(u - 50) ** 2 + (v - 50) ** 2 < 400] /= 2
    z[:10, :10] = 0
    return DepthMap.from_array(z, DepthKind.METRES)


def light(depth: DepthMap, max_error: float) -> tuple[TriangleMesh, Detail]:
    surface = mesh.from_depth(depth, CAMERA, max_error=max_error)
    return surface, mesh.detail(surface, depth, CAMERA)


@settings(max_examples=30)
@given(st.floats(0, 0.3), st.floats(5, 30), st.floats(1e-4, 0.05))
def test_mesh_and_displacement_are_the_depth(
    amplitude: float, pitch: float, max_error: float
) -> None:
    depth = waves(amplitude, pitch)
    surface, found = light(depth, max_error)
    assert np.isfinite(found.displacement).all()
    assert np.abs(found.displacement).max() <= found.limit <= max_error / (1 - max_error) + 1e-4
    hits = raster.rasterize(surface.vertices, surface.triangles, CAMERA)
    z = np.zeros_like(depth.depth)
    z[hits.seen] = raster.interpolate(
        hits, surface.vertices, surface.triangles, surface.vertices[:, 2:]
    )[:, 0]
    nearest = windows.most(np.where(depth.valid, 1 / np.maximum(depth.depth, 1), 1), 2)
    farthest = windows.most(np.where(depth.valid, depth.depth, 9), 2)
    at_edge = nearest * farthest > 1.4
    inside = depth.valid & hits.seen & ~at_edge
    assert inside.mean() > 0.85
    np.testing.assert_allclose(
        (z * (1 + found.displacement))[inside], depth.depth[inside], rtol=1e-5
    )


def test_levels_hold_the_displacement_and_nothing_is_nothing() -> None:
    found = light(waves(0.2, 8), 0.02)[1]
    levels = found.displacement_levels().astype(np.int64)
    assert np.ptp(levels) > 1000
    restored = (levels - ZERO) * (found.limit / MOST)
    np.testing.assert_allclose(restored, found.displacement, atol=found.limit / MOST)
    flat = Detail(np.zeros((2, 2), np.float32), 0.01, np.zeros((2, 2, 3), np.float32))
    assert (flat.displacement_levels() == ZERO).all()


def test_normals_are_coloured_as_seen_from_the_camera() -> None:
    normals = np.array([[(0, 0, -1), (1, 0, 0), (0, -1, 0)]], np.float32)
    found = Detail(np.zeros((1, 3), np.float32), 1.0, normals)
    np.testing.assert_array_equal(
        found.normal_colors()[0], [(128, 128, 255), (255, 128, 128), (128, 255, 128)]
    )


def test_a_models_own_normals_are_taken() -> None:
    depth = waves(0.2, 8)
    own = np.full((96, 128, 3), (0.6, 0, -0.8), np.float32)
    own[~depth.valid] = np.nan
    surface = mesh.from_depth(depth, CAMERA, max_error=0.02)
    found = mesh.detail(surface, depth, CAMERA, own).normals
    assert (found[depth.valid] == own[depth.valid]).all()
    assert (found[~depth.valid] == (0, 0, -1)).all()


def test_files(rgb: np.ndarray, tmp_path: Path) -> None:
    pytest.importorskip("OpenEXR")
    depth = waves(0.2, 8)
    wanted = Settings(max_error=0.02, outputs=frozenset({"detail"}))
    result = reconstruct(rgb, wanted, depth=depth, camera=CAMERA)
    assert result.mesh is not None
    assert result.detail is not None
    result.save(tmp_path)
    limit = json.loads((tmp_path / "report.json").read_text())["displacement_limit"]
    assert limit == result.detail.limit
    levels = np.asarray(Image.open(tmp_path / "displacement.png"))
    assert levels.dtype.kind == "u" or levels.max() > 255
    np.testing.assert_array_equal(levels, result.detail.displacement_levels())
    # A depth reader sees only what is above 0, which is enough to know the values.
    stored = depthfile.read(tmp_path / "displacement.exr", "inverse")
    assert stored.valid.any()
    np.testing.assert_array_equal(
        stored.depth[stored.valid], result.detail.displacement[stored.valid]
    )
    colors = np.asarray(Image.open(tmp_path / "normal.png")).astype(np.float32) / 127.5 - 1
    seen = depth.valid
    expected = points.normals(depth, CAMERA) * (1, -1, -1)
    np.testing.assert_allclose(colors[seen], expected[seen], atol=0.01)
