"""The true size of a scene, from one distance that the user knows."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from unflat.core import Settings, points, reconstruct, scale
from unflat.core.camera import Pinhole
from unflat.core.depthmap import DepthKind, DepthMap
from unflat.core.errors import SettingsError

CAMERA = Pinhole(60, 50, 20, 11, 40, 30)
WALL = DepthMap.from_array(np.full((96, 128), 4.0), DepthKind.RELATIVE)


def test_a_hand_computed_case(camera: Pinhole) -> None:
    scaled = scale.to_known_distance(WALL, camera, (10, 20, 65, 20, 8))
    # 55 pixels at a focal length of 110 and 4 away are 2 apart.
    np.testing.assert_allclose(scaled.depth, 16, rtol=1e-6)
    assert scaled.kind is DepthKind.METRES


@given(
    st.floats(-0.8, 0.8), st.floats(-0.8, 0.8), st.floats(0.2, 50), st.floats(0.01, 1000),
    st.lists(st.tuples(st.integers(1, 38), st.integers(1, 28)), min_size=2, max_size=2,
             unique=True),
)  # fmt: skip
def test_places_end_up_as_far_apart_as_said(
    plane_depth: Callable[[Pinhole, np.ndarray, float], DepthMap],
    a: float,
    b: float,
    distance: float,
    metres: float,
    pixels: list[tuple[int, int]],
) -> None:
    depth = plane_depth(CAMERA, np.array([a, b, -1.0]), distance)
    assume(depth.valid.all())
    centres = np.array(pixels) + 0.5
    known = (*centres[0], *centres[1], metres)
    scaled = scale.to_known_distance(depth, CAMERA, known)
    at = points.unproject(scaled, CAMERA)
    (c1, r1), (c2, r2) = pixels
    assert np.linalg.norm(at[r1, c1] - at[r2, c2]) == pytest.approx(metres, rel=1e-3)
    ratio = scaled.depth / depth.depth
    np.testing.assert_allclose(ratio, ratio[0, 0], rtol=1e-5)
    again = scale.to_known_distance(scaled, CAMERA, known)
    np.testing.assert_allclose(again.depth, scaled.depth, rtol=1e-5)


def test_a_spike_and_a_hole_do_not_matter(camera: Pinhole) -> None:
    z = np.full((96, 128), 4.0)
    z[20, 10], z[20, 65], z[19, 64] = 1.0, 0.0, 9.0
    depth = DepthMap.from_array(z, DepthKind.RELATIVE)
    scaled = scale.to_known_distance(depth, camera, (10.5, 20.5, 65.5, 20.5, 2))
    assert scaled.depth[50, 50] == pytest.approx(4)
    assert not scaled.valid[20, 65]
    assert scaled.depth[20, 65] == 0


def test_beside_an_edge_one_surface_is_measured(camera: Pinhole) -> None:
    """Three valid pixels of each of two surfaces: no mean of the two."""
    z = np.full((96, 128), 4.0)
    z[:, :10], z[:, 11] = 2.0, 0.0
    depth = DepthMap.from_array(z, DepthKind.RELATIVE)
    scaled = scale.to_known_distance(depth, camera, (10.5, 20, 10.5, 75, 1))
    assert scaled.depth[50, 50] == pytest.approx(4 * 1 / (2 * 55 / camera.fy))


@pytest.mark.parametrize("place", [(0, 0), (128, 96)])
def test_the_corners_belong_to_the_photo(camera: Pinhole, place: tuple[float, float]) -> None:
    known = (*place, 60, 50, 1.0)
    assert scale.to_known_distance(WALL, camera, known).valid.all()


@pytest.mark.parametrize(
    ("known", "told"),
    [((-1, 5, 60, 50, 1), "128 x 96"), ((5, 5, 60, 96.5, 1), "128 x 96"),
     ((40, 40, 80, 80, 1), "no depth"), ((0, 0, 128, 96, 1e30), "too small or too large"),
     ((0, 0, 128, 96, 1e-7), "too small or too large")],
)  # fmt: skip
def test_places_that_can_not_be_measured(
    known: tuple[float, float, float, float, float], told: str, camera: Pinhole
) -> None:
    z = np.full((96, 128), 4.0)
    z[30:50, 30:50] = 0
    depth = DepthMap.from_array(z, DepthKind.RELATIVE)
    with pytest.raises(SettingsError, match=told):
        scale.to_known_distance(depth, camera, known)


@pytest.mark.parametrize(
    "bad",
    [(1, 2, 3, 4), (1, 2, 3, 4, 0), (1, 2, 3, 4, -1), (1, 2, 3, 4, math.nan),
     (1, 2, 1, 2, 5), (1, 2, math.inf, 4, 5), (1, 2, math.nan, 4, 5), "abc", 7,
     (1, 2, 3, 4, "x")],
)  # fmt: skip
def test_settings_that_are_no_distance(bad: object) -> None:
    with pytest.raises(SettingsError, match="known distance"):
        Settings(known_distance=bad)  # type: ignore[arg-type]


def test_the_whole_way(rgb: np.ndarray, camera: Pinhole) -> None:
    settings = Settings(known_distance=(10, 20, 65, 20, 8))
    assert Settings(**settings.to_json()) == settings
    result = reconstruct(rgb, settings, depth=WALL, camera=camera)
    assert result.depth.kind is DepthKind.METRES
    assert not any("scale" in warning for warning in result.warnings)
    assert result.mesh is not None
    np.testing.assert_allclose(result.mesh.vertices[:, 2], 16, rtol=1e-3)
