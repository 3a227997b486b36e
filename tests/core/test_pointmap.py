"""The focal length, shift and normals of point maps, on scenes whose truth is known."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from unflat.core.camera import Pinhole
from unflat.core.depth import pointmap
from unflat.core.points import pixel_centers


def seen_by(camera: Pinhole) -> np.ndarray:
    """Points (H, W, 3) float32 of a wavy wall."""
    u, v = np.broadcast_arrays(*pixel_centers(*camera.size))
    z = 3 + np.sin(u / 9) + np.cos(v / 7)
    return camera.unproject(u, v, z.astype(np.float32))


@given(
    st.floats(0.4, 4),
    st.floats(-5, 0.8),
    st.floats(0.1, 10),
    st.sampled_from([(96, 64), (50, 131), (300, 200)]),
)
def test_focal_and_shift_are_found(
    focal: float, shift: float, scale: float, size: tuple[int, int]
) -> None:
    width, height = size
    camera = Pinhole.from_focal(focal * width, width, height)
    points = seen_by(camera)
    points[..., 2] -= shift
    everywhere = np.ones((height, width), bool)
    found = pointmap.recover(points * np.float32(scale), everywhere)
    assert found == pytest.approx((camera.fx, shift * scale), rel=1e-3, abs=1e-3 * scale)


@given(st.floats(0.5, 2), st.floats(-5, 0.8))
def test_a_known_focal_leaves_only_the_shift(focal: float, shift: float) -> None:
    camera = Pinhole.from_focal(focal * 120, 120, 90)
    points = seen_by(camera)
    points[..., 2] -= shift
    found = pointmap.recover(points, np.ones((90, 120), bool), camera.fx)
    assert found == pytest.approx((camera.fx, shift), abs=1e-3)


def test_invalid_pixels_have_no_say() -> None:
    camera = Pinhole.from_focal(100, 120, 90)
    points, valid = seen_by(camera), np.ones((90, 120), bool)
    points[:40], valid[:40] = np.nan, False
    assert pointmap.recover(points, valid) == pytest.approx((100, 0), abs=1e-3)


def test_upstream_finds_the_same(golden_folder: Path) -> None:
    stored = np.load(golden_folder / "moge2_infer" / "golden.npz")
    meta = json.loads((golden_folder / "moge2_infer" / "meta.json").read_text(encoding="utf-8"))
    for number, case in enumerate(meta["cases"]):
        width, height, fov = case["width"], case["height"], case["fov_x_given"]
        names = ("points", "mask_probability", "metric_scale", "out_intrinsics", "out_mask",
                 "out_depth", "out_points")  # fmt: skip
        points, mask, scale, intrinsics, valid, depth, placed = (
            stored[f"case{number}_{name}"][0] for name in names
        )
        known = None if fov is None else Pinhole.from_fov(fov, width, height).fx
        found = pointmap.recover(points, mask > 0.5, known)
        assert found is not None
        focal, shift = found
        assert focal == pytest.approx(intrinsics[0, 0] * width, rel=1e-3)
        assert focal == pytest.approx(intrinsics[1, 1] * height, rel=1e-3)
        z = (points[..., 2] + np.float32(shift)) * scale
        np.testing.assert_array_equal((mask > 0.5) & (z > 0), valid)
        np.testing.assert_allclose(z[valid], depth[valid], rtol=1e-3)
        camera = Pinhole.from_focal(focal, width, height)
        u, v = np.broadcast_arrays(*pixel_centers(width, height))
        there = camera.unproject(u, v, z)[valid]
        np.testing.assert_allclose(there, placed[valid], rtol=1e-3, atol=1e-3)


def test_nothing_is_found_in_no_points_or_those_of_no_camera() -> None:
    camera = Pinhole.from_focal(100, 120, 90)
    points = seen_by(camera)
    assert pointmap.recover(points, np.zeros((90, 120), bool)) is None
    assert pointmap.recover(points * [-1, -1, 1], np.ones((90, 120), bool)) is None  # mirrored
    assert pointmap.recover(points * [0, 0, 1], np.ones((90, 120), bool)) is None


@given(st.integers(0, 2**32 - 1))
def test_no_normal_faces_away(seed: int) -> None:
    camera = Pinhole.from_focal(40, 48, 32)
    normals = np.random.default_rng(seed).normal(size=(32, 48, 3)).astype(np.float32)
    normals /= np.linalg.norm(normals, axis=-1, keepdims=True)
    u, v = np.broadcast_arrays(*pixel_centers(48, 32))
    rays = camera.unproject(u, v, np.ones((32, 48), np.float32))
    found = pointmap.facing(normals, camera)
    np.testing.assert_allclose(np.linalg.norm(found, axis=-1), 1, atol=1e-5)
    assert np.einsum("ijk,ijk->ij", found, rays).max() < 1e-3
    towards = np.einsum("ijk,ijk->ij", normals, rays) <= 0
    np.testing.assert_allclose(found[towards], normals[towards], atol=1e-6)


def test_a_normal_along_its_ray_is_turned_round() -> None:
    camera = Pinhole.from_focal(40, 1, 1)
    found = pointmap.facing(np.array([[[0, 0, 1]]], np.float32), camera)
    np.testing.assert_allclose(found[0, 0], [0, 0, -1], atol=1e-6)
