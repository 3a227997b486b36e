"""The floor under a photo, in rooms whose truth is known."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from unflat.core import Settings, level, reconstruct
from unflat.core.camera import Pinhole, load
from unflat.core.depthmap import DepthKind, DepthMap
from unflat.core.level import Pose

CAMERA = Pinhole.from_fov(65, 160, 120)
MOST_TILT, MOST_HEIGHT = 1.0, 0.02
"""Degrees, and share of the height, by which a floor may be off at 0.5 % of noise."""


@dataclass(frozen=True)
class Room:
    """A camera over a floor, with a wall behind and boxes on it.

    depth: what the camera sees.
    floor: (H, W) bool, where that is the floor.
    turn: (3, 3), camera frame -> levelled frame (y down).
    """

    depth: DepthMap
    floor: np.ndarray
    turn: np.ndarray


def turned(pitch: float, roll: float) -> np.ndarray:
    """Camera frame -> levelled frame of a camera that looks down by `pitch` degrees, then rolls."""
    cp, cr = np.cos(np.radians([pitch, roll]))
    sp, sr = np.sin(np.radians([pitch, roll]))
    down = np.array([[1, 0, 0], [0, cp, sp], [0, -sp, cp]])
    return down @ np.array([[cr, -sr, 0], [sr, cr, 0], [0, 0, 1]])


def build(
    turn: np.ndarray, height: float, boxes: np.ndarray, noise: float, seed: int, wall: float = 12
) -> Room:
    """boxes: (n, 2, 3), two corners each, in the levelled frame with the camera at its origin."""
    v, u = np.mgrid[0 : CAMERA.height, 0 : CAMERA.width] + 0.5
    x, y = (u - CAMERA.cx) / CAMERA.fx, (v - CAMERA.cy) / CAMERA.fy
    rays = np.stack([x, y, np.ones_like(x)], axis=-1) @ turn.T
    with np.errstate(divide="ignore", invalid="ignore"):
        ground = np.where(rays[..., 1] > 0, height / rays[..., 1], np.inf)
        z = np.minimum(ground, np.where(rays[..., 2] > 0, wall / rays[..., 2], np.inf))
        for low, high in boxes:
            ends = np.sort([low / rays, high / rays], axis=0)
            enters, leaves = ends[0].max(axis=-1), ends[1].min(axis=-1)
            z = np.where((enters < leaves) & (enters > 0.1) & (enters < z), enters, z)
    floor = (z == ground) & (z < 60)
    scatter = 1 + noise * np.random.default_rng(seed).standard_normal(z.shape)
    return Room(
        DepthMap.from_array(np.where(z < 60, z * scatter, 0), DepthKind.METRES), floor, turn
    )


def off_by(pose: Pose, room: Room, height: float) -> tuple[float, float]:
    """Tilt in degrees, and error of the height as a share of it."""
    up = room.turn.T @ (0, -1, 0)
    tilt = np.degrees(np.arctan2(np.linalg.norm(np.cross(pose.up, up)), np.dot(pose.up, up)))
    return float(tilt), abs(pose.height / height - 1)


tilts = st.floats(-30, 30)
boxes = st.lists(
    st.tuples(st.floats(-4, 4), st.floats(1.5, 9), st.floats(0.1, 1), st.floats(0.1, 1),
              st.floats(0.05, 2)),
    max_size=9,
)  # fmt: skip


@settings(max_examples=40)
@given(st.floats(-5, 30), tilts, st.floats(0.3, 3), boxes, st.integers(0, 1000))
def test_a_floor_among_furniture(
    pitch: float,
    roll: float,
    height: float,
    furniture: list[tuple[float, ...]],
    seed: int,
) -> None:
    # A low and wide platform may be more of the picture than the floor is, and then counts as it.
    assume(all(tall > 0.3 * height or w * d < 0.3 for _, _, w, d, tall in furniture))
    corners = [
        [[x - w, height - tall, z - d], [x + w, height, z + d]] for x, z, w, d, tall in furniture
    ]
    room = build(turned(pitch, roll), height, np.array(corners).reshape(-1, 2, 3), 0.005, seed)
    assume(room.floor.sum() >= 0.3 * room.depth.valid.sum())
    pose = level.find_floor(room.depth, CAMERA)
    assert pose is not None
    tilt, share = off_by(pose, room, height)
    assert tilt <= MOST_TILT
    assert share <= MOST_HEIGHT


@given(tilts, tilts)
def test_the_levelled_frame_stands_upright_and_looks_ahead(pitch: float, roll: float) -> None:
    turn = turned(pitch, roll)
    pose = Pose(tuple(turn.T @ (0, -1, 0)), 1.0)
    np.testing.assert_allclose(pose.rotation @ pose.rotation.T, np.eye(3), atol=1e-12)
    assert np.linalg.det(pose.rotation) == pytest.approx(1)
    np.testing.assert_allclose(pose.rotation @ pose.up, (0, -1, 0), atol=1e-12)
    ahead = pose.rotation @ (0, 0, 1)
    assert ahead[0] == pytest.approx(0, abs=1e-12)
    assert ahead[2] > 0


@settings(max_examples=10)
@given(st.floats(1e-3, 1e3))
def test_the_scale_changes_the_height_only(factor: float) -> None:
    room = build(turned(12, -7), 1.5, np.empty((0, 2, 3)), 0, 0)
    scaled = DepthMap.from_array(room.depth.depth * factor, DepthKind.RELATIVE)
    pose = level.find_floor(scaled, CAMERA)
    assert pose is not None
    tilt, share = off_by(pose, room, 1.5 * factor)
    assert tilt < 0.01
    assert share < 1e-3


def test_a_table_is_no_floor_while_the_floor_is_seen() -> None:
    table = np.array([[[-1.2, 0.75, 1.0], [0.8, 0.8, 3.2]]])
    room = build(turned(25, 0), 1.5, table, 0.005, 0)
    top = room.depth.valid & ~room.floor
    assert top.sum() > 0.3 * top.size
    pose = level.find_floor(room.depth, CAMERA)
    assert pose is not None
    assert pose.height == pytest.approx(1.5, rel=MOST_HEIGHT)


def test_an_uneven_ground_is_a_floor() -> None:
    room = build(turned(10, 3), 1.6, np.empty((0, 2, 3)), 0, 0, wall=80)
    waves = 1 + 0.04 * np.sin(np.arange(160) / 7) * np.sin(np.arange(120) / 5)[:, None]
    depth = DepthMap.from_array(room.depth.depth * waves, DepthKind.METRES)
    pose = level.find_floor(depth, CAMERA)
    assert pose is not None
    tilt, share = off_by(pose, room, 1.6)
    assert tilt < 2
    assert share < 0.05


def _wall(plane: Callable[..., DepthMap]) -> DepthMap:
    return plane(CAMERA, np.array([0.2, 0.1, -0.97]), 3.0)


def _ceiling(plane: Callable[..., DepthMap]) -> DepthMap:
    return plane(CAMERA, np.array([0.0, 1.0, -0.02]), 2.0)


def _ball(plane: Callable[..., DepthMap]) -> DepthMap:
    v, u = np.mgrid[-1:1:120j, -1:1:160j]
    return DepthMap.from_array(3 - np.sqrt(np.clip(1.2 - u**2 - v**2, 0, None)), DepthKind.RELATIVE)


def _noise(plane: Callable[..., DepthMap]) -> DepthMap:
    return DepthMap.from_array(np.random.default_rng(0).uniform(1, 9, (120, 160)), DepthKind.METRES)


def _speck(plane: Callable[..., DepthMap]) -> DepthMap:
    z = np.zeros((120, 160))
    z[7, 9] = 2
    return DepthMap.from_array(z, DepthKind.METRES)


@pytest.mark.parametrize("picture", [_wall, _ceiling, _ball, _noise, _speck])
def test_where_there_is_no_floor(
    picture: Callable[..., DepthMap], plane_depth: Callable[..., DepthMap]
) -> None:
    assert level.find_floor(picture(plane_depth), CAMERA) is None


@pytest.mark.parametrize("shape", [(1, 1), (16, 4000), (4000, 16), (9, 9)])
def test_pictures_of_any_shape(shape: tuple[int, int]) -> None:
    depth = DepthMap.from_array(np.full(shape, 2.0), DepthKind.METRES)
    assert level.find_floor(depth, Pinhole.from_focal(max(shape), *shape[::-1])) is None


def test_the_whole_way(tmp_path: Path) -> None:
    trimesh = pytest.importorskip("trimesh", reason="trimesh is not installed")
    box = np.array([[[0.2, 0.5, 3], [1, 1.4, 4]]])
    room = build(turned(20, 10), 1.4, box, 0, 0)
    result = reconstruct(
        np.zeros((120, 160, 3), np.uint8),
        Settings(level=True, max_error=1e-4),
        depth=room.depth,
        camera=CAMERA,
    )
    assert result.pose is not None
    assert not any("floor" in warning for warning in result.warnings)
    result.save(tmp_path)
    saved = json.loads((tmp_path / "camera.json").read_text())
    assert tuple(saved["up"]) == result.pose.up
    assert saved["height_above_floor"] == result.pose.height
    assert load(tmp_path / "camera.json") == CAMERA
    scene = trimesh.load(tmp_path / "mesh.glb", process=False)
    (node,) = scene.graph.nodes_geometry
    placed = trimesh.transform_points(
        next(iter(scene.geometry.values())).vertices, scene.graph[node][0]
    )
    assert result.mesh is not None
    column, row = np.clip(CAMERA.project(result.mesh.vertices), 0, (159, 119)).astype(int).T
    on_floor = room.floor[row, column]
    assert on_floor.sum() > 50
    assert np.median(np.abs(placed[on_floor, 1])) < 0.005
    assert placed[:, 1].min() > -0.15  # edges run on a little


def test_a_photo_without_a_floor_says_so(plane_depth: Callable[..., DepthMap]) -> None:
    photo, depth = np.zeros((120, 160, 3), np.uint8), _wall(plane_depth)
    result = reconstruct(photo, Settings(level=True), depth=depth, camera=CAMERA)
    assert result.pose is None
    assert "No floor was found, so the scene was not levelled." in result.warnings
    assert not any("floor" in line for line in reconstruct(photo, depth=depth).warnings)
