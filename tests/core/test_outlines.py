"""Depth edges go where the photo has them, and stay where it does not tell."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from unflat.core import mesh
from unflat.core.camera import Pinhole
from unflat.core.depthmap import DepthKind, DepthMap
from unflat.core.errors import DepthError
from unflat.core.mesh import outlines

WIDTH, HEIGHT = 160, 120
SHAPES = {
    "disc": lambda u, v: 40.3 - np.hypot(u - 80.2, v - 61.7),
    "bar": lambda u, v: 15.2 - np.abs(0.94 * (u - 81.4) + 0.34 * (v - 60)),
    "post": lambda u, v: 2.6 - np.abs(0.99 * (u - 80.6) + 0.14 * (v - 60)),
}
"""Pixels from the outline, above 0 within it, of positions in the photo."""


def photographed(shape: str, grain: float = 0) -> np.ndarray:
    """An antialiased photo (H, W, 3) uint8 of an orange shape before a grey-green wall."""
    v, u = (np.mgrid[0 : HEIGHT * 8, 0 : WIDTH * 8] + 0.5) / 8
    inside = SHAPES[shape](u, v) > 0
    texture = grain * (np.sin(1.3 * u + 0.4 * v) + np.sin(0.7 * u - 1.1 * v))
    light = np.where(inside[..., None], (0.7, 0.3, 0.1), (0.2, 0.3, 0.25)) + texture[..., None]
    mixed = light.clip(0, 1).reshape(HEIGHT, 8, WIDTH, 8, 3).mean(axis=(1, 3))
    return np.rint(255 * mixed ** (1 / 2.2)).astype(np.uint8)


def inverse_depth(shape: str, grown: float | np.ndarray) -> np.ndarray:
    """Inverse depth (H, W) of the shape before a floor, its outline off by some pixels."""
    v, u = np.mgrid[0:HEIGHT, 0:WIDTH] + 0.5
    near = SHAPES[shape](u, v) + grown > 0
    return np.where(near, 0.5 + 0.0005 * u, 0.2 + 0.0005 * v).astype(np.float32)


@pytest.mark.parametrize("grown", [-1.0, -0.5, 0.5, 1.0, "wavy"])
@pytest.mark.parametrize("shape", ["disc", "bar"])
def test_an_edge_that_is_off_goes_to_the_outline(shape: str, grown: float | str) -> None:
    off = np.sin(np.arange(HEIGHT) / 4)[:, None] if isinstance(grown, str) else grown
    truth = inverse_depth(shape, 0)
    before = inverse_depth(shape, off)
    after = outlines.followed(before, photographed(shape), 1.1)

    def wrong(inverse: np.ndarray) -> int:
        return int((np.abs(inverse / truth - 1) > 0.02).sum())

    assert wrong(before) > 60
    assert wrong(after) < 0.4 * wrong(before)


@pytest.mark.parametrize("grain", [0, 0.05, 0.1])
@pytest.mark.parametrize("shape", sorted(SHAPES))
def test_an_edge_that_is_right_stays(shape: str, grain: float) -> None:
    truth = inverse_depth(shape, 0)
    after = outlines.followed(truth, photographed(shape, grain), 1.1)
    rim = np.abs(np.diff(truth > 0.4, axis=1)).sum()
    assert (after != truth).sum() < 0.05 * rim


def test_where_the_photo_does_not_tell_nothing_moves() -> None:
    inverse = inverse_depth("disc", 1)
    flat = np.full((HEIGHT, WIDTH, 3), 90, np.uint8)
    np.testing.assert_array_equal(outlines.followed(inverse, flat, 1.1), inverse)


def test_a_plane_has_no_edge_that_could_move(
    plane_depth: Callable[[Pinhole, np.ndarray, float], DepthMap], camera: Pinhole
) -> None:
    plane = plane_depth(camera, np.array([0, -1, -0.3]), 1.2).inverse()
    stripes = np.random.default_rng(0).integers(0, 256, (96, 1, 3))
    photo = np.broadcast_to(stripes, (96, 128, 3)).astype(np.uint8)
    np.testing.assert_array_equal(outlines.followed(plane, photo, 1.1), plane)


@given(
    arrays.arrays(
        np.float32,
        st.tuples(st.integers(2, 30), st.integers(2, 30)),
        elements=st.sampled_from([0.0, 2.0**-20, 0.25, 0.2578125, 1.0, 2.0**20]),
    ),
    st.integers(0, 10**6),
)
@settings(max_examples=60)
def test_any_depth_and_photo(inverse: np.ndarray, seed: int) -> None:
    photo = np.random.default_rng(seed).integers(0, 2, (*inverse.shape, 3), np.uint8) * 255
    after = outlines.followed(inverse, photo, 1.1)
    np.testing.assert_array_equal(after > 0, inverse > 0)
    assert np.isfinite(after).all()


def test_the_mesh_is_cut_along_the_outline() -> None:
    camera = Pinhole.from_focal(150, WIDTH, HEIGHT)
    off = DepthMap.from_array(1 / inverse_depth("disc", 1), DepthKind.METRES)

    def error(surface: mesh.TriangleMesh) -> float:
        """Mean distance of the shape's rim from its outline, in pixels."""
        edges = np.sort(surface.triangles[:, [0, 1, 1, 2, 2, 0]].reshape(-1, 2), axis=1)
        found, count = np.unique(edges, axis=0, return_counts=True)
        rim = found[count == 1]
        rim = rim[(surface.vertices[:, 2][rim] < 2.5).all(axis=1)]
        u, v = (surface.uv * camera.size)[rim].mean(axis=1).T
        return float(np.abs(SHAPES["disc"](u, v)).mean())

    assert error(mesh.from_depth(off, camera)) > 0.8
    assert error(mesh.from_depth(off, camera, rgb=photographed("disc"))) < 0.25


def test_a_photo_of_another_size() -> None:
    depth = DepthMap.from_array(np.ones((10, 20)), DepthKind.METRES)
    with pytest.raises(DepthError):
        mesh.from_depth(depth, Pinhole.from_focal(20, 20, 10), rgb=np.zeros((20, 10, 3), np.uint8))
