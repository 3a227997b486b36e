"""Fixtures for all rooms: a small photo, and a scene whose depth is known exactly."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from hypothesis import settings
from PIL import Image

from unflat.core import points
from unflat.core.camera import Pinhole
from unflat.core.depth import estimator
from unflat.core.depthmap import DepthKind, DepthMap

settings.register_profile("unflat", deadline=None)  # machines differ, and first calls import
settings.load_profile("unflat")


@pytest.fixture(scope="session")
def golden_folder() -> Path:
    """Fixtures that references of published networks made, in the folder that UNFLAT_GOLDEN names.

    Else `shared/golden` beside the repository's folder.
    """
    beside = Path(__file__).parents[2] / "shared" / "golden"
    folder = Path(os.environ.get("UNFLAT_GOLDEN") or beside)
    if not folder.is_dir():
        pytest.skip("no golden fixtures: set UNFLAT_GOLDEN to their folder")
    return folder


@pytest.fixture(autouse=True)
def nothing_remembered() -> Iterator[None]:
    """What one test had estimated must not spare the next one the work."""
    yield
    estimator.forget()


@pytest.fixture
def rgb() -> np.ndarray:
    """A photo (96, 128, 3) uint8 of smooth colours that differ everywhere."""
    v, u = np.mgrid[0:96, 0:128]
    return np.stack([u * 2, v * 2.5, 255 - u - v], axis=-1).astype(np.uint8)


@pytest.fixture
def photo_file(rgb: np.ndarray, tmp_path: Path) -> Path:
    """The photo as a JPEG file."""
    path = tmp_path / "photo.jpg"
    Image.fromarray(rgb).save(path, quality=95)
    return path


@pytest.fixture
def camera() -> Pinhole:
    """A camera for the photo, with a principal point off its centre."""
    return Pinhole(fx=110.0, fy=112.0, cx=60.0, cy=50.0, width=128, height=96)


@pytest.fixture(scope="session")
def plane_depth() -> Callable[[Pinhole, np.ndarray, float], DepthMap]:
    """z where the rays of a camera meet the plane normal . p = -distance."""

    def make(camera: Pinhole, normal: np.ndarray, distance: float) -> DepthMap:
        u, v = points.pixel_centers(*camera.size)
        x, y = (u - camera.cx) / camera.fx, (v - camera.cy) / camera.fy
        z = -distance / (normal[0] * x + normal[1] * y + normal[2])
        return DepthMap.from_array(z, DepthKind.METRES)

    return make


@pytest.fixture
def box_depth() -> DepthMap:
    """A wall 4 m away, a box at 2 m before it, and a corner where nothing is."""
    z = np.full((96, 128), 4.0, np.float32)
    z[30:70, 40:90] = 2.0
    z[:10, :10] = 0
    return DepthMap.from_array(z, DepthKind.METRES)
