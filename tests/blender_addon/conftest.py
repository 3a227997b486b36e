"""A registered add-on in an empty Blender file, for every test."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

bpy = pytest.importorskip("bpy", reason="the bpy module is not installed in this Python")

import unflat.blender_addon as addon  # noqa: E402
from unflat.core.camera import Pinhole  # noqa: E402
from unflat.core.depthmap import DepthMap  # noqa: E402
from unflat.core.images import from_array  # noqa: E402
from unflat.core.pipeline import Result, reconstruct  # noqa: E402
from unflat.core.settings import Output, Settings  # noqa: E402

IN_SCENES = frozenset(output for output in Output if not output.is_only_in_files)


@pytest.fixture(autouse=True)
def blender(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """An empty file before and after, the add-on registered in between; no engine is installed."""
    monkeypatch.setenv("UNFLAT_ENGINE", str(tmp_path / "engine"))
    bpy.ops.wm.read_factory_settings(use_empty=True)
    addon.register()
    yield
    addon.unregister()
    bpy.ops.wm.read_factory_settings(use_empty=True)


@pytest.fixture
def files(photo_file: Path, box_depth: DepthMap, camera: Pinhole, tmp_path: Path) -> dict[str, str]:
    """The arguments of generate for a photo whose depth and camera are known."""
    import json

    depth, lens = tmp_path / "depth.npy", tmp_path / "camera.json"
    np.save(depth, box_depth.depth)
    lens.write_text(json.dumps(camera.to_json()))
    return {
        "filepath": str(photo_file),
        "depth_filepath": str(depth),
        "camera_filepath": str(lens),
    }


@pytest.fixture
def slope() -> np.ndarray:
    """z-depth (96, 128) float32 of a tilted wall with a box before it."""
    v, u = np.mgrid[0:96, 0:128].astype(np.float32)
    z = 1 / (0.2 + 0.001 * u + 0.0005 * v)
    z[30:70, 40:90] = 2.0
    return z


@pytest.fixture
def result(rgb: np.ndarray, slope: np.ndarray, camera: Pinhole) -> Result:
    """A result with every output."""
    photo = from_array(rgb, name="photo")
    return reconstruct(photo, Settings(outputs=IN_SCENES), depth=slope, camera=camera)


@pytest.fixture
def portrait(rgb: np.ndarray, slope: np.ndarray) -> Result:
    """A result of a picture higher than wide, with a camera of its own."""
    photo = from_array(np.ascontiguousarray(rgb.swapaxes(0, 1)), name="portrait")
    settings = Settings(fov=40.0, outputs=IN_SCENES)
    return reconstruct(photo, settings, depth=slope.T.copy())


@pytest.fixture
def levelled(rgb: np.ndarray, camera: Pinhole) -> Result:
    """A result with every output, of a tilted camera 1.5 m above a floor with a box on it."""
    v, u = np.mgrid[0:96, 0:128] + 0.5
    x, y = (u - camera.cx) / camera.fx, (v - camera.cy) / camera.fy
    below = 0.2 * x + 0.85 * y + 0.5  # how far down a ray leads, by a normal of length 1.01
    z = np.where(below > 0.1, 1.5 * np.linalg.norm((0.2, 0.85, 0.5)) / below, 12)
    z[30:60, 50:80] = 2.0
    settings = Settings(outputs=IN_SCENES, level=True)
    return reconstruct(from_array(rgb, name="photo"), settings, depth=z, camera=camera)
