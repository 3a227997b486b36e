"""A photo as a network sees it: sides, cubic resizing, and upstream's own tensors."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from unflat.core.depth.preprocess import (
    HALF,
    IMAGENET,
    Fit,
    NetworkInput,
    normalised,
    resize_area,
    resize_cubic,
    resize_in_steps,
)
from unflat.core.errors import ImageError

OFFICIAL = {
    "midas_upper_bound_384": NetworkInput(384, Fit.LONG_SIDE, 32, IMAGENET),
    "midas_upper_bound_256": NetworkInput(256, Fit.LONG_SIDE, 32, IMAGENET),
    "midas_minimal_384": NetworkInput(384, Fit.NEAREST, 32, HALF),
    "midas_minimal_512": NetworkInput(512, Fit.NEAREST, 32, HALF),
    "midas_square_384": NetworkInput(384, Fit.SQUARE, 32, HALF),
    "midas_square_256": NetworkInput(256, Fit.SQUARE, 32, HALF),
    "midas_square_224": NetworkInput(224, Fit.SQUARE, 32, HALF),
    "depth_anything_v2_518": NetworkInput(518, Fit.SHORT_SIDE, 14, IMAGENET),
}

sides = st.integers(16, 5000)


def seen_by(kind: str, rgb: np.ndarray) -> np.ndarray:
    if kind == "depth_anything_3_504":
        return normalised(resize_in_steps(rgb, 504, 14), IMAGENET)
    if kind == "depth_pro_1536":
        pytest.importorskip("timm", reason="Depth Pro needs torch and timm")
        from unflat.core.depth.models import depth_pro

        return depth_pro.pixels(rgb)
    return OFFICIAL[kind].pixels(rgb)


@pytest.mark.parametrize("kind", [*OFFICIAL, "depth_anything_3_504", "depth_pro_1536"])
def test_upstream_sees_the_same(kind: str, golden_folder: Path) -> None:
    stored = np.load(golden_folder / "preprocess" / "golden.npz")
    facts = json.loads((golden_folder / "preprocess" / "meta.json").read_text(encoding="utf-8"))
    images = facts["kinds"][kind]["images"]
    for image, facts in images.items():
        pixels = seen_by(kind, stored[f"image_{image}"])
        assert pixels.dtype == np.float32
        assert list(pixels.shape) == facts["shape"]
        step = facts["stride"]
        expected = stored[f"{kind}__{image}"]
        np.testing.assert_allclose(pixels[:, ::step, ::step], expected, rtol=0, atol=1e-5)


@pytest.mark.parametrize(
    ("seen", "photo", "expected"),
    [  # worked out by upstream's rules
        (OFFICIAL["midas_upper_bound_256"], (640, 480), (256, 192)),
        (OFFICIAL["midas_upper_bound_256"], (257, 771), (96, 256)),
        (OFFICIAL["midas_upper_bound_256"], (4000, 100), (256, 32)),  # upstream has no rows left
        (OFFICIAL["midas_minimal_384"], (1000, 333), (1152, 384)),
        (OFFICIAL["midas_minimal_512"], (1000, 333), (512, 160)),
        (OFFICIAL["midas_minimal_384"], (300, 200), (384, 256)),
        (OFFICIAL["midas_square_384"], (1000, 333), (384, 384)),
        (OFFICIAL["depth_anything_v2_518"], (1920, 1080), (924, 518)),
        (OFFICIAL["depth_anything_v2_518"], (257, 771), (518, 1554)),
        (OFFICIAL["depth_anything_v2_518"], (17, 136), (518, 4144)),
    ],
)
def test_sides(seen: NetworkInput, photo: tuple[int, int], expected: tuple[int, int]) -> None:
    assert seen.sides(*photo) == expected


@pytest.mark.parametrize(
    ("seen", "photo"),
    [("depth_anything_v2_518", (20000, 16)), ("depth_anything_v2_518", (100, 802)),
     ("midas_minimal_384", (20000, 300))],
)  # fmt: skip
def test_long_and_thin_photos_are_refused(seen: str, photo: tuple[int, int]) -> None:
    with pytest.raises(ImageError, match="too long and thin"):
        OFFICIAL[seen].sides(*photo)


@given(sides, sides, st.sampled_from(list(OFFICIAL.values())))
def test_sides_are_multiples_within_the_limit(width: int, height: int, seen: NetworkInput) -> None:
    try:
        found = seen.sides(width, height)
    except ImageError:
        assert seen.fit in (Fit.SHORT_SIDE, Fit.NEAREST)
        assert max(width, height) > 8 * min(width, height)
        return
    assert max(found) <= 8 * seen.size + seen.multiple
    assert all(side % seen.multiple == 0 and side > 0 for side in found)
    assert seen.fit is Fit.NEAREST or seen.sides(height, width) == found[::-1]
    if seen.fit is Fit.LONG_SIDE:
        assert max(found) == seen.size
    elif seen.fit is Fit.SHORT_SIDE:
        assert min(found) == seen.size
    else:
        assert seen.size in found


@given(st.integers(1, 40), st.integers(1, 40), st.integers(1, 90), st.integers(1, 90))
def test_cubic_keeps_what_is_even(height: int, width: int, new: int, wide: int) -> None:
    even = np.full((height, width, 2), 7, np.uint8)
    np.testing.assert_allclose(resize_cubic(even, wide, new), 7, rtol=1e-6)


def test_cubic_at_the_same_size_is_the_same(rgb: np.ndarray) -> None:
    np.testing.assert_allclose(resize_cubic(rgb, rgb.shape[1], rgb.shape[0]), rgb, atol=1e-6)


def test_cubic_is_torchs() -> None:
    torch = pytest.importorskip("torch", reason="compares with torch")
    image = np.random.default_rng(0).random((37, 61, 3), np.float32)
    batch = torch.from_numpy(image).permute(2, 0, 1)[None]
    theirs = torch.nn.functional.interpolate(batch, (80, 23), mode="bicubic", align_corners=False)
    ours = resize_cubic(image, 23, 80)
    np.testing.assert_allclose(ours, theirs[0].permute(1, 2, 0).numpy(), atol=3e-5)


def test_halves_go_up_where_four_pixels_become_one() -> None:
    rgb = np.zeros((84, 112, 3), np.uint8)
    rgb[:, 1::2] = 1
    rgb[:, 56:] += 2
    np.testing.assert_array_equal(resize_in_steps(rgb, 56, 14)[:, ::28, 0], [[1, 3]] * 42)


@pytest.mark.parametrize(
    ("photo", "expected"),
    [  # worked out by upstream's rule: 504 for the longer side, then the nearest multiples of 14
        ((504, 300), (504, 294)),
        ((700, 511), (504, 364)),
        ((504, 301), (504, 308)),  # halfway
        ((1000, 40), (504, 14)),
        ((4000, 10), (504, 14)),  # upstream has no rows left
        ((20, 20), (504, 504)),
    ],
)
def test_sides_in_steps(photo: tuple[int, int], expected: tuple[int, int]) -> None:
    width, height = photo
    found = resize_in_steps(np.zeros((height, width, 3), np.uint8), 504, 14)
    assert (found.shape[1], found.shape[0]) == expected


@given(st.integers(1, 40), st.integers(1, 40), st.data())
def test_areas_keep_the_mean(height: int, width: int, data: st.DataObject) -> None:
    new, wide = data.draw(st.integers(1, height)), data.draw(st.integers(1, width))
    image = np.random.default_rng(height * width).integers(0, 256, (height, width, 2), np.uint8)
    found = resize_area(image, wide, new)
    assert found.shape == (new, wide, 2)
    assert image.min() - 1e-9 <= found.min()
    assert found.max() <= image.max() + 1e-9
    np.testing.assert_allclose(found.mean(axis=(0, 1)), image.mean(axis=(0, 1)), rtol=1e-9)


def test_areas_count_parts_of_pixels() -> None:
    row = np.array([0, 30, 60], np.uint8).reshape(1, 3, 1)
    np.testing.assert_allclose(resize_area(row, 2, 1).ravel(), [10, 50])
    np.testing.assert_allclose(resize_area(row.reshape(3, 1, 1), 1, 2).ravel(), [10, 50])
