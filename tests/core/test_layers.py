"""Layers: what the mesh hides is there when the camera moves, and looks like what is around it."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from unflat.core import images, mesh, raster
from unflat.core.camera import Pinhole
from unflat.core.depthmap import DepthKind, DepthMap
from unflat.core.mesh import Background, backdrop, fill, layers

WIDTH, HEIGHT = 240, 160


@pytest.fixture(scope="module")
def camera() -> Pinhole:
    return Pinhole.from_focal(220, WIDTH, HEIGHT)


@pytest.fixture(scope="module")
def z() -> np.ndarray:
    """A floor and a wall, a disc and a post before them, and sky beyond the wall's top."""
    v, u = np.mgrid[0:HEIGHT, 0:WIDTH]
    depth = np.minimum(150 / np.maximum(v - 70, 1e-3), 4.0)
    depth[:40] = 0
    depth[(u - 90) ** 2 + (v - 90) ** 2 < 900] = 1.6
    depth[20:130, 170:178] = 1.9
    return depth


@pytest.fixture(scope="module")
def photo(z: np.ndarray) -> images.Photo:
    """Red in front, green behind, transparent where there is no depth."""
    rgba = np.zeros((HEIGHT, WIDTH, 4), np.uint8)
    rgba[..., 1], rgba[..., 3] = 200, np.where(z > 0, 255, 0)
    rgba[(z == 1.6) | (z == 1.9), :3] = (200, 0, 0)
    return images.from_array(rgba)


@pytest.fixture(scope="module")
def behind(z: np.ndarray, camera: Pinhole, photo: images.Photo) -> Background:
    depth = DepthMap.from_array(z, DepthKind.METRES)
    found = mesh.background(mesh.from_depth(depth, camera), depth, camera, photo)
    assert found is not None
    return found


def seen_from_aside(
    z: np.ndarray, camera: Pinhole, behind: Background | None, shift: float
) -> tuple[np.ndarray, np.ndarray]:
    """Whether a camera moved by a share of the median depth sees anything, and the background.

    A mask, and the z-depth of the background, 0 elsewhere.
    """
    front = mesh.from_depth(DepthMap.from_array(z, DepthKind.METRES), camera)
    vertices, triangles = front.vertices, front.triangles
    if behind is not None:
        triangles = np.concatenate([triangles, behind.mesh.triangles + len(vertices)])
        vertices = np.concatenate([vertices, behind.mesh.vertices])
    moved = vertices - np.float32([shift * np.median(z[z > 0]), 0, 0])
    hits = raster.rasterize(moved, triangles, camera)
    depth = raster.interpolate(hits, moved, triangles, moved)[:, 2]
    second = np.zeros(hits.seen.shape)
    second[hits.seen] = np.where(hits.triangle >= len(front.triangles), depth, 0)
    return hits.seen, second


def widest_run(mask: np.ndarray) -> int:
    """Length of the longest run of true pixels in any row."""
    edges = np.diff(np.pad(mask, ((0, 0), (1, 1))).astype(int), axis=1)
    starts, ends = np.argwhere(edges == 1), np.argwhere(edges == -1)
    return int((ends - starts)[:, 1].max(initial=0))


@pytest.mark.parametrize("shift", [-layers.SHIFT, -0.04, 0.04, layers.SHIFT])
def test_no_hole_opens_when_the_camera_moves(
    shift: float, z: np.ndarray, camera: Pinhole, behind: Background
) -> None:
    inner = np.s_[75:, 70:-70]  # below the sky, away from what the photo did not show
    without, _ = seen_from_aside(z, camera, None, shift)
    assert widest_run(~without[inner]) > 4
    seen, _ = seen_from_aside(z, camera, behind, shift)
    assert widest_run(~seen[inner]) <= 2


def colors_from_aside(
    z: np.ndarray, camera: Pinhole, photo: images.Photo, shift: float, layers: bool
) -> tuple[np.ndarray, np.ndarray]:
    """What a camera sees that moved by a share of the median depth: colours (H, W, 3) and z."""
    depth = DepthMap.from_array(z, DepthKind.METRES)
    front = mesh.from_depth(depth, camera, rgb=photo.rgb)
    behind = mesh.background(front, depth, camera, photo)
    assert behind is not None
    colors, nearest = np.zeros((HEIGHT, WIDTH, 3), np.uint8), np.full((HEIGHT, WIDTH), np.inf)
    for surface, picture in ((front, photo), (behind.mesh, behind.photo))[: 1 + layers]:
        moved = surface.vertices - np.float32([shift * np.median(z[z > 0]), 0, 0])
        hits = raster.rasterize(moved, surface.triangles, camera)
        values = np.concatenate([surface.uv * camera.size, moved[:, 2:]], axis=1)
        u, v, found = raster.interpolate(hits, moved, surface.triangles, values).T
        first = found < nearest[hits.seen]
        at = np.flatnonzero(hits.seen)[first]
        nearest.ravel()[at] = found[first]
        row, column = np.minimum(v, HEIGHT - 1).astype(int), np.minimum(u, WIDTH - 1).astype(int)
        colors.reshape(-1, 3)[at] = picture.rgb[row, column][first]
    return colors, nearest


@pytest.fixture(scope="module")
def soft_photo(photo: images.Photo) -> images.Photo:
    """The photo as a lens sees it: pixels at edges are of both colours."""
    rows = np.pad(photo.rgb.astype(float), ((1, 1), (0, 0), (0, 0)), mode="edge")
    rows = (rows[:-2] + 2 * rows[1:-1] + rows[2:]) / 4
    both = np.pad(rows, ((0, 0), (1, 1), (0, 0)), mode="edge")
    return images.from_array(
        ((both[:, :-2] + 2 * both[:, 1:-1] + both[:, 2:]) / 4).astype(np.uint8)
    )


@pytest.mark.parametrize("shift", [-0.1, -0.04, 0.04, 0.1])
def test_the_background_has_no_rim_of_the_foreground(
    shift: float, z: np.ndarray, camera: Pinhole, soft_photo: images.Photo
) -> None:
    def reddish(layers: bool) -> int:
        colors, depth = colors_from_aside(z, camera, soft_photo, shift, layers)
        return int(((colors[..., 0] > 30) & (depth > 2.2) & np.isfinite(depth)).sum())

    assert reddish(layers=False) > 100
    assert reddish(layers=True) < 0.3 * reddish(layers=False)


def test_the_photo_is_the_same_through_its_own_camera(
    z: np.ndarray, camera: Pinhole, soft_photo: images.Photo
) -> None:
    colors, depth = colors_from_aside(z, camera, soft_photo, 0, layers=True)
    seen = np.isfinite(depth)
    other = np.abs(colors.astype(int) - soft_photo.rgb).max(axis=2)[seen] > 2
    rim = np.abs(np.diff(np.where(z > 0, z, 9) < 2.2, axis=1)).sum() * 2
    assert other.sum() < 3 * rim  # on the far side of edges, where it shows both colours


@pytest.mark.parametrize("limits", [{"max_error": 0.03}, {"max_faces": 500}])
def test_a_coarse_mesh_does_not_sink_behind_its_background(
    limits: dict[str, float], z: np.ndarray, camera: Pinhole, photo: images.Photo
) -> None:
    depth = DepthMap.from_array(z, DepthKind.METRES)
    front = mesh.from_depth(depth, camera, **limits)
    found = mesh.background(front, depth, camera, photo, max_faces=500)
    assert found is not None
    hits = raster.rasterize(
        np.concatenate([front.vertices, found.mesh.vertices]),
        np.concatenate([front.triangles, found.mesh.triangles + len(front.vertices)]),
        camera,
    )
    assert (hits.triangle >= len(front.triangles)).mean() < 0.003


def test_it_has_the_colours_and_the_depth_of_the_background(
    z: np.ndarray, camera: Pinhole, behind: Background
) -> None:
    at = behind.mesh.uv * camera.size
    column, row = np.minimum(at.astype(int), (WIDTH - 1, HEIGHT - 1)).T
    red, green, _ = behind.photo.rgb[row, column].T.astype(int)
    assert (green > 4 * red).all()
    assert (at[:, 1] > 36).all()  # nothing is made up before the sky
    _, depth = seen_from_aside(z, camera, behind, layers.SHIFT)
    shown = depth > 0
    shown[:, :85] = shown[:, -85:] = False  # what the photo did not show
    rows = np.nonzero(shown)[0]
    truth = np.minimum(150 / np.maximum(rows - 70, 1e-3), 4.0)
    assert shown.sum() > 300
    assert np.percentile(np.abs(depth[shown] / truth - 1), 90) < 0.1


def test_what_is_behind_a_low_edge_does_not_spread_behind_a_high_one(camera: Pinhole) -> None:
    """A bowl: its inside hides a bit of its white rim, the rim hides much of a green wall."""
    v, u = np.mgrid[0:HEIGHT, 0:WIDTH]
    radius = np.hypot(u - 120, v - 80)
    z = np.select([radius < 36, radius < 44], [1.0, 1.12], 3.0)
    rgb = np.select(
        [(z == 1)[..., None], (z < 2)[..., None]], [[0, 0, 200], [255] * 3], [0, 200, 0]
    )
    photo = images.from_array(rgb.astype(np.uint8))
    for shift in (0.05, 0.1):
        colors, seen_z = colors_from_aside(z, camera, photo, shift, layers=True)
        wall = colors[seen_z > 2]
        assert len(wall) > 0.5 * z.size
        assert np.mean(wall[:, 0] > 20) < 0.001


@pytest.fixture(scope="module")
def under_sky(z: np.ndarray, camera: Pinhole, photo: images.Photo) -> Background:
    """The layers of the same scene with a blue sky."""
    rgb = photo.rgb.copy()
    rgb[z == 0] = (0, 0, 200)
    depth = DepthMap.from_array(z, DepthKind.METRES)
    found = mesh.background(mesh.from_depth(depth, camera), depth, camera, images.from_array(rgb))
    assert found is not None
    return found


def test_a_sky_hangs_far_behind_without_a_hole(
    z: np.ndarray, camera: Pinhole, behind: Background, under_sky: Background
) -> None:
    assert len(under_sky.mesh.triangles) == len(behind.mesh.triangles) + 2
    _, second = seen_from_aside(z, camera, under_sky, 0)
    sky = z == 0
    np.testing.assert_allclose(second[sky], 12, rtol=1e-5)
    assert (second[~sky] > 11).mean() < 0.001
    seen, _ = seen_from_aside(z, camera, under_sky, 0.1)
    assert seen[:, 40:-40].all()


def test_a_sky_has_its_own_colours_and_those_of_nothing_else(
    z: np.ndarray, behind: Background, under_sky: Background
) -> None:
    colors = under_sky.photo.rgb.astype(int)
    assert (colors[z == 0] == (0, 0, 200)).all()
    used = (behind.photo.rgb.astype(int) == colors).all(axis=2)  # what the background shows
    blue = (np.abs(colors - (0, 0, 200)) < 2).all(axis=2)
    assert (used | blue).all()


def test_a_sky_reaches_around_things_and_a_hole_is_none(camera: Pinhole) -> None:
    z = np.full((HEIGHT, WIDTH), 3.0)
    z[:60] = 0
    z[30:36, :200] = 2.0  # a branch with sky below it
    z[100:140, 100:140] = 0
    rgb = np.full((HEIGHT, WIDTH, 3), 90, np.uint8)
    photo, depth = images.from_array(rgb), DepthMap.from_array(z, DepthKind.METRES)
    expected = (z == 0) & (np.arange(HEIGHT) < 60)[:, None]
    np.testing.assert_array_equal(backdrop.sky(depth, photo), expected)
    z[:60] = 3.0
    assert not backdrop.sky(DepthMap.from_array(z, DepthKind.METRES), photo).any()


def test_nothing_hides_nothing(camera: Pinhole, photo: images.Photo) -> None:
    flat = DepthMap.from_array(np.full((HEIGHT, WIDTH), 2.0), DepthKind.METRES)
    assert mesh.background(mesh.from_depth(flat, camera), flat, camera, photo) is None


@given(st.integers(0, 10**6), st.integers(1, 40), st.integers(1, 40), st.floats(0.05, 1))
@settings(max_examples=40)
def test_filled_values_stay_between_the_known_ones(
    seed: int, width: int, height: int, share: float
) -> None:
    rng = np.random.default_rng(seed)
    values = rng.random((height, width, 2), np.float32)
    known = rng.random((height, width)) < share
    filled = fill.smoothly(values, known)
    np.testing.assert_array_equal(filled[known], values[known])
    if known.any():
        assert (filled >= values[known].min(axis=0) - 1e-6).all()
        assert (filled <= values[known].max(axis=0) + 1e-6).all()
