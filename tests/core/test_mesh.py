"""The mesh: within its bound, cut at edges, without gaps, on scenes whose truth is known."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from unflat.core import mesh, raster
from unflat.core.camera import Pinhole
from unflat.core.depthmap import DepthKind, DepthMap
from unflat.core.errors import DepthError, GeometryError
from unflat.core.mesh import TriangleMesh

normal_parts = st.floats(-0.8, 0.8)
sizes = st.integers(1, 90)


def metres(z: np.ndarray) -> DepthMap:
    return DepthMap.from_array(z, DepthKind.METRES)


def corners(surface: TriangleMesh, camera: Pinhole) -> np.ndarray:
    """Pixel positions (M, 3, 2) of the triangles' corners."""
    return (surface.uv * camera.size)[surface.triangles].astype(float)


def areas(surface: TriangleMesh, camera: Pinhole) -> np.ndarray:
    """Pixels that each triangle covers; above 0 if it faces the camera."""
    a, b, c = np.moveaxis(corners(surface, camera), 1, 0)
    return ((b - a)[:, 1] * (c - a)[:, 0] - (b - a)[:, 0] * (c - a)[:, 1]) / 2


def open_edges(surface: TriangleMesh) -> np.ndarray:
    """Edges (E, 2) with a triangle on one side only; none may have more than two."""
    edges = np.sort(surface.triangles[:, [0, 1, 1, 2, 2, 0]].reshape(-1, 2), axis=1)
    found, count = np.unique(edges, axis=0, return_counts=True)
    assert count.max() <= 2
    return found[count == 1]


def seen_depth(surface: TriangleMesh, camera: Pinhole) -> np.ndarray:
    """z-depth (H, W) of what the pixel centres see; 0 where nothing is."""
    hits = raster.rasterize(surface.vertices, surface.triangles, camera)
    z = np.zeros(hits.seen.shape, np.float32)
    z[hits.seen] = raster.interpolate(hits, surface.vertices, surface.triangles, surface.vertices)[
        :, 2
    ]
    return z


def away_from_cuts(z: np.ndarray, ratio: float) -> np.ndarray:
    """Valid pixels without any jump or invalid pixel within two pixels."""
    padded = np.pad(z, 2, mode="edge")
    windows = np.lib.stride_tricks.sliding_window_view(padded, (5, 5))
    least, most = windows.min(axis=(2, 3)), windows.max(axis=(2, 3))
    return (least > 0) & (most < least * ratio)


def hilly(rng: np.random.Generator, width: int, height: int, rough: float) -> np.ndarray:
    """Smooth ground with bumps, a box in front of it, and some noise of relative size `rough`."""
    v, u = np.mgrid[0:height, 0:width] / max(width, height)
    inverse = 0.2 + 0.1 * v + 0.03 * np.sin(9 * u + rng.uniform(0, 6)) * np.cos(7 * v)
    x, y, w, h = rng.uniform(0.1, 0.6, 4)
    tilted = 0.6 + 0.2 * (u - x) - 0.1 * v
    inverse = np.where((u > x) & (u < x + w) & (v > y) & (v < y + h), tilted, inverse)
    return 1 / (inverse * (1 + rough * rng.standard_normal((height, width))))


@given(normal_parts, normal_parts, st.floats(0.2, 50))
def test_a_plane_takes_few_triangles_and_is_never_cut(
    plane_depth: Callable[[Pinhole, np.ndarray, float], DepthMap],
    a: float,
    b: float,
    distance: float,
) -> None:
    camera = Pinhole(60, 50, 20, 11, 40, 30)
    depth = plane_depth(camera, np.array([a, b, -1.0]), distance)
    if not depth.valid.all():
        return
    surface = mesh.from_depth(depth, camera, edge_ratio=1.01)
    assert areas(surface, camera).sum() == pytest.approx(40 * 30, abs=0.6)  # but for its corners
    # The photo would slip on large triangles that are seen at a slant.
    assert len(surface.triangles) < (200 if max(abs(a), abs(b)) < 0.05 else 0.4 * 2 * 39 * 29)
    np.testing.assert_allclose(surface.vertices @ (a, b, -1.0), -distance, rtol=1e-3)


@given(st.integers(0, 10**6), sizes, sizes, st.sampled_from([0.0, 0.001, 0.02]), st.floats(-4, -1))
@settings(max_examples=60)
def test_the_error_stays_within_its_bound(
    seed: int, width: int, height: int, rough: float, exponent: float
) -> None:
    camera = Pinhole.from_focal(width, width, height)
    z = hilly(np.random.default_rng(seed), width, height, rough).astype(np.float32)
    if max(width, height) < 2:
        return
    bound = 10**exponent
    surface = mesh.from_depth(metres(z), camera, max_error=bound)
    found = seen_depth(surface, camera)
    asked = away_from_cuts(z, 1.038) & (found > 0)
    assert asked.sum() >= 0.98 * away_from_cuts(z, 1.038).sum()
    error = np.abs(found / z - 1)[asked]
    assert error.max(initial=0) <= bound * 1.01 + 2e-5


@given(
    arrays.arrays(
        np.float64,
        st.tuples(sizes, sizes),
        elements=st.one_of(
            st.floats(1e-6, 1e6), st.sampled_from([1.0, 1.05, 3.0, 0.0, np.nan, np.inf, -1.0])
        ),
    )
)
@settings(max_examples=80)
def test_any_depth_gives_a_sound_mesh(z: np.ndarray) -> None:
    height, width = z.shape
    camera = Pinhole.from_focal(50, width, height)
    try:
        depth = metres(z)
    except DepthError:
        return
    if max(depth.size) < 2:
        return
    surface = mesh.from_depth(depth, camera)
    assert np.isfinite(surface.vertices).all()
    assert (surface.vertices[:, 2] > 0).all()
    assert set(surface.triangles.ravel()) == set(range(len(surface.vertices)))
    assert (areas(surface, camera) > 1e-4).all()  # none flipped, none a line
    assert (areas(surface, camera).sum()) <= width * height * (1 + 1e-5)
    np.testing.assert_allclose(
        camera.project(surface.vertices), surface.uv * camera.size, atol=1e-3
    )
    open_edges(surface)


@given(st.integers(0, 10**6), st.integers(2, 150), st.integers(2, 150))
@settings(max_examples=40)
def test_no_gap_opens_between_large_and_small_triangles(seed: int, width: int, height: int) -> None:
    camera = Pinhole.from_focal(width, width, height)
    z = hilly(np.random.default_rng(seed), width, height, 0.003)
    surface = mesh.from_depth(metres(z), camera, edge_ratio=100, max_error=0.005)
    at = surface.uv[open_edges(surface)]  # (E, 2, 2)
    along = ((at <= 1e-6).all(axis=1) | (at >= 1 - 1e-6).all(axis=1)).any(axis=1)
    near = 0.51 / np.array(camera.size)
    bevel = ((at <= near) | (at >= 1 - near)).all(axis=(1, 2))  # half a pixel at a corner
    assert (along | bevel).all()


def test_nothing_hangs_between_a_box_and_the_wall(box_depth: DepthMap, camera: Pinhole) -> None:
    surface = mesh.from_depth(box_depth, camera)
    z = surface.vertices[:, 2][surface.triangles]
    assert (np.ptp(z, axis=1) == 0).all()
    covered = areas(surface, camera)
    assert covered[z[:, 0] == 2].sum() == pytest.approx(50 * 40, abs=8)  # its corners are rounded
    assert covered.sum() == pytest.approx(128 * 96 - 100, abs=2)
    assert len(surface.triangles) < 1500
    at = surface.uv * camera.size
    assert not ((at[:, 0] < 9) & (at[:, 1] < 9)).any()


def test_a_thin_pole_is_kept(camera: Pinhole) -> None:
    z = np.full((96, 128), 5.0)
    z[:, 64] = 2.0
    surface = mesh.from_depth(metres(z), camera)
    depths = surface.vertices[:, 2][surface.triangles]
    assert (np.ptp(depths, axis=1) == 0).all()
    assert areas(surface, camera)[depths[:, 0] == 2].sum() == pytest.approx(96, rel=0.05)
    assert np.isclose(seen_depth(surface, camera), z, rtol=1e-4).mean() > 0.999


def test_specks_join_what_is_beside_them_or_go(camera: Pinhole) -> None:
    z = np.full((96, 128), 3.0)
    z[:, 90:] = 0
    z[20, 30] = 1.5
    z[40, 50:53] = 6  # three in a row
    z[60, 100] = 3  # nothing around it
    surface = mesh.from_depth(metres(z), camera)
    assert (surface.vertices[:, 2] == 3).all()
    assert areas(surface, camera).sum() == pytest.approx(96 * 90, rel=1e-3)


def test_a_thin_line_is_no_row_of_specks(camera: Pinhole) -> None:
    z = np.full((96, 128), 3.0)
    line = np.arange(10, 80)
    z[line, line + 20] = 1.5
    surface = mesh.from_depth(metres(z), camera)
    assert np.isclose(seen_depth(surface, camera)[line, line + 20], 1.5).mean() > 0.95


def test_a_steep_surface_is_no_heap_of_specks(camera: Pinhole) -> None:
    v, u = np.mgrid[0:96, 0:128]
    surface = mesh.from_depth(metres(1 / (1 + 0.5 * u + 0.5 * v)), camera, edge_ratio=1.01)
    assert areas(surface, camera).sum() == pytest.approx(96 * 128, abs=0.6)


def test_sparse_depth_is_nothing_but_specks_and_is_kept(camera: Pinhole) -> None:
    z = np.zeros((96, 128))
    z[::4, ::4] = 3.0
    surface = mesh.from_depth(metres(z), camera)
    assert (seen_depth(surface, camera)[1:-1, 1:-1] > 0).sum() >= (z[1:-1, 1:-1] > 0).sum()


@pytest.mark.parametrize("slope", [0.0, 0.1, 0.37, 1.0, 3.0])
def test_a_straight_silhouette_is_straight(slope: float) -> None:
    camera = Pinhole.from_focal(200, 200, 160)
    v, u = np.mgrid[0:160, 0:200] + 0.5
    z = np.where(v - 40.3 > slope * (u - 25.7), 2.0, 4.0)
    surface = mesh.from_depth(metres(z), camera, max_error=0.005)
    at = surface.uv * camera.size
    rim = np.unique(open_edges(surface))
    inside = rim[((at[rim] > 1) & (at[rim] < np.array(camera.size) - 1)).all(axis=1)]
    off = (at[inside, 1] - 40.3 - slope * (at[inside, 0] - 25.7)) / np.hypot(1, slope)
    assert np.abs(off).max() < 0.75
    assert len(inside) < 250  # a stair has two corners for every pixel


@pytest.mark.parametrize("width", [1, 2, 3])
def test_pixels_blended_at_an_edge_do_not_fly(width: int, camera: Pinhole) -> None:
    v, u = np.mgrid[0:96, 0:128]
    near, far = 0.5 + 0.001 * u, 0.25 + 0.0005 * v
    share = np.clip((np.hypot(u - 64, v - 48) - 30) / width + 0.5, 0, 1)
    blended = 1 / (near * (1 - share) + far * share)

    def flying(z: np.ndarray) -> int:
        return int((np.minimum(np.abs(1 / z / near - 1), np.abs(1 / z / far - 1)) > 0.06).sum())

    surface = mesh.from_depth(metres(blended), camera)
    found = seen_depth(surface, camera)
    assert flying(np.where(found > 0, found, 2)) < 0.3 * flying(blended)
    depths = surface.vertices[:, 2][surface.triangles]
    stretched = np.ptp(np.log(depths), axis=1) > 0.15
    assert areas(surface, camera)[stretched].sum() < 10


def test_surfaces_meet_without_a_crack(camera: Pinhole) -> None:
    v, u = np.mgrid[0:96, 0:128]
    z = np.where((u - 60) ** 2 + (v - 50) ** 2 < 900, 2.0, 3.0 + u / 100)
    surface = mesh.from_depth(metres(z), camera)
    fine = camera.resized(256, 192)
    hits = raster.rasterize(surface.vertices, surface.triangles, fine)
    assert hits.seen[1:-1, 1:-1].mean() > 0.9999


@given(st.integers(100, 30_000), st.integers(30, 300), st.integers(30, 300))
@settings(max_examples=20)
def test_max_faces_is_kept_and_used(limit: int, width: int, height: int) -> None:
    camera = Pinhole.from_focal(300, width, height)
    z = hilly(np.random.default_rng(width), width, height, 0.01)
    count = len(mesh.from_depth(metres(z), camera, max_faces=limit).triangles)
    assert count <= limit
    if limit > 500 and min(width, height) > 60:
        assert count >= min(limit, 2 * (width - 1) * (height - 1)) * 0.8


def test_few_faces_go_first_to_where_the_photo_would_slip() -> None:
    camera = Pinhole.from_focal(500, 480, 320)
    v, u = np.mgrid[0:320, 0:480]
    z = np.where(v < 160, 50.0, 300 / np.maximum(v - 155, 1))  # a wall far behind a floor
    rng = np.random.default_rng(0)
    for x, y, r in zip(*rng.uniform([[0], [0], [2]], [[480], [150], [9]], (3, 300)), strict=True):
        z[(np.abs(u - x) + np.abs(v - y) < r) & (v < 158)] = rng.uniform(5, 20)  # leaves
    surface = mesh.from_depth(metres(z), camera, max_faces=4000)
    hits = raster.rasterize(surface.vertices, surface.triangles, camera)
    at = raster.interpolate(hits, surface.vertices, surface.triangles, surface.uv) * camera.size
    slip = np.abs(at - np.stack([u, v], axis=-1)[hits.seen] - 0.5).max(axis=1)
    assert np.quantile(slip[v[hits.seen] > 170], 0.95) < 1.2


def test_the_mesh_reaches_the_border(camera: Pinhole) -> None:
    uv = mesh.from_depth(metres(np.full((96, 128), 3.0)), camera).uv
    np.testing.assert_array_equal(uv.min(axis=0), [0, 0])
    np.testing.assert_array_equal(uv.max(axis=0), [1, 1])


def test_too_few_faces(camera: Pinhole) -> None:
    z = np.zeros((96, 128))
    z[5, 5] = 1
    with pytest.raises(GeometryError, match="only 3 triangles"):
        mesh.from_depth(metres(z), camera, max_faces=3)


def test_a_single_pixel() -> None:
    surface = mesh.from_depth(metres(np.ones((1, 1))), Pinhole.from_focal(1, 1, 1))
    assert len(surface.triangles) > 0


def test_threads_get_the_mesh_of_their_own_depth() -> None:
    """What is kept between meshes belongs to one depth, whoever asks meanwhile for another."""
    camera = Pinhole.from_focal(60, 64, 48)
    depths = [DepthMap.from_array(np.full((48, 64), z), DepthKind.METRES) for z in (2.0, 5.0)]

    def own(number: int) -> bool:
        depth = depths[number % 2]
        return bool((mesh.from_depth(depth, camera).vertices[:, 2] == depth.depth[0, 0]).all())

    with ThreadPoolExecutor(4) as pool:
        assert all(pool.map(own, range(200)))
