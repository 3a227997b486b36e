"""The print: closed, flat below, of the size asked for, and true to the depth."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from unflat.core import raster
from unflat.core.camera import Pinhole
from unflat.core.depthmap import DepthKind, DepthMap
from unflat.core.errors import DepthError
from unflat.core.mesh import solid
from unflat.core.mesh.solid import Solid

trimesh = pytest.importorskip("trimesh", reason="trimesh is not installed")

WIDTH, HEIGHT, BASE = 80.0, 6.0, 1.5
TOLERANCE = 0.021  # mm

sizes = st.integers(1, 70)
values = st.one_of(st.floats(1e-6, 1e6), st.sampled_from([1.0, 1.1, 3.0, 0.0, np.nan, np.inf]))


def printed(z: np.ndarray, max_faces: int | None = None) -> Solid:
    return solid.from_depth(
        DepthMap.from_array(z, DepthKind.METRES), WIDTH, HEIGHT, BASE, max_faces
    )


def checked(body: Solid, shape: tuple[int, int]) -> Any:
    """The body in trimesh: a closed one of the right size that stands flat on its base."""
    assert body.vertices.dtype == np.float32
    assert body.triangles.dtype == np.int32
    mesh = trimesh.Trimesh(body.vertices, body.triangles, process=False)
    assert mesh.is_watertight
    assert mesh.is_winding_consistent
    assert mesh.euler_number == 2
    assert mesh.volume > 0
    assert set(body.triangles.ravel()) == set(range(len(body.vertices)))
    np.testing.assert_array_equal(mesh.bounds[0], 0)
    np.testing.assert_allclose(mesh.bounds[1, :2], [WIDTH, WIDTH * shape[0] / shape[1]], rtol=1e-6)
    assert BASE - TOLERANCE < mesh.bounds[1, 2] <= BASE + HEIGHT
    low = mesh.vertices[:, 2] == 0
    assert (mesh.vertices[~low, 2] >= BASE - 1e-5).all()
    below = low[mesh.faces].all(axis=1)
    assert mesh.area_faces[below].sum() == pytest.approx(WIDTH**2 * shape[0] / shape[1])
    return mesh


def seen_from_above(body: Solid, shape: tuple[int, int]) -> np.ndarray:
    """Height in mm over each pixel's centre (H, W), as a camera sees it from ten metres above."""
    away, pitch = 10_000, WIDTH / shape[1]
    camera = Pinhole.from_focal(away / pitch, shape[1], shape[0])
    middle = np.array([WIDTH, pitch * shape[0], 0], np.float32) / 2
    vertices = (body.vertices - middle) * np.array([1, -1, -1], np.float32) + [0, 0, away]
    vertices = vertices.astype(np.float32)
    hits = raster.rasterize(vertices, body.triangles, camera)
    assert hits.seen.all()
    found = raster.interpolate(hits, vertices, body.triangles, body.vertices)
    return found[:, 2].reshape(shape)


@given(arrays.arrays(np.float64, st.tuples(sizes, sizes), elements=values))
@settings(max_examples=60)
def test_any_depth_gives_a_closed_body(z: np.ndarray) -> None:
    try:
        body = printed(z)
    except DepthError:
        assert not (np.isfinite(z) & (z > 0)).any()
        return
    assert checked(body, z.shape).volume > 0


@given(st.integers(0, 10**6), sizes, sizes, st.integers(100, 4000))
@settings(max_examples=30)
def test_it_has_no_more_triangles_than_allowed(
    seed: int, width: int, height: int, most: int
) -> None:
    z = np.random.default_rng(seed).uniform(1, 5, (height, width))
    body = printed(z, most)
    assert len(body.triangles) <= most
    checked(body, z.shape)


def test_heights_are_inverse_depth() -> None:
    v, u = np.mgrid[0:96, 0:128]
    inverse = 0.3 + 0.2 * np.sin(u / 20) * np.cos(v / 15)
    body = printed(1 / inverse)
    checked(body, inverse.shape)
    share = (inverse - inverse.min()) / np.ptp(inverse)
    found = seen_from_above(body, inverse.shape)
    # Means over a pixel differ a little from its centre, most at the border.
    np.testing.assert_allclose(found, BASE + HEIGHT * share, atol=TOLERANCE + 0.06)


def test_what_is_near_stands_out_where_it_is_in_the_photo() -> None:
    z = np.full((60, 80), 4.0)
    z[5:20, 50:70] = 1.0  # upper right
    mesh = checked(printed(z), z.shape)
    top = mesh.vertices[mesh.vertices[:, 2] > BASE + HEIGHT / 2]
    np.testing.assert_allclose(top.min(axis=0)[:2], [50, 40], atol=1)  # a pixel
    np.testing.assert_allclose(top.max(axis=0)[:2], [70, 55], atol=1)
    assert (mesh.face_normals[:, 2] > -0.01)[mesh.triangles_center[:, 2] > 0].all()  # no overhang


def test_flat_depth_is_a_slab_of_few_triangles() -> None:
    body = printed(np.full((480, 640), 2.0))
    mesh = checked(body, (480, 640))
    assert mesh.volume == pytest.approx(WIDTH * 60 * (BASE + HEIGHT), rel=1e-6)
    assert len(body.triangles) < 800


def test_a_spike_does_not_take_the_height() -> None:
    z = 2 + np.tile(np.arange(128) / 128, (96, 1))
    z[40, 60] = 0.01
    mesh = checked(printed(z), z.shape)
    assert mesh.bounds[1, 2] > BASE + 0.99 * HEIGHT
    assert np.median(mesh.vertices[mesh.vertices[:, 2] > 0, 2]) > BASE + 0.2 * HEIGHT


def test_narrow_holes_are_filled_and_wide_ones_show_the_plate() -> None:
    z = np.tile(np.linspace(1, 2, 200), (150, 1))
    hole, sky = np.s_[50:55, 50:55], np.s_[80:, 40:100]
    whole = z.copy()
    z[hole] = z[sky] = np.nan
    body = printed(z)
    checked(body, z.shape)
    found = seen_from_above(body, z.shape)
    nearness = (1 / whole - 0.5) / 0.5
    np.testing.assert_allclose(found[hole], (BASE + HEIGHT * nearness)[hole], atol=0.1)
    np.testing.assert_allclose(found[82:, 42:98], BASE, atol=TOLERANCE)
