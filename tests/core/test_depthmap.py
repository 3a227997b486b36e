"""Depth maps: checks at the door, and inverse depth made into distances."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from unflat.core.camera import Pinhole
from unflat.core.depthmap import DepthKind, DepthMap
from unflat.core.errors import DepthError, SettingsError

inverse_maps = hnp.arrays(np.float32, (5, 7), elements=st.floats(0.125, 100, width=32))


def test_what_is_invalid() -> None:
    z = np.array([[1, 0, -2], [np.nan, np.inf, 3], [1e10, 1e-40, 1e300]])
    depth = DepthMap.from_array(z, DepthKind.METRES)
    assert np.argwhere(depth.valid).tolist() == [[0, 0], [1, 2]]
    np.testing.assert_array_equal(depth.depth, [[1, 0, 0], [0, 0, 3], [0, 0, 0]])
    assert depth.depth.dtype == np.float32


@pytest.mark.parametrize(
    "bad",
    [np.zeros((4, 4)), np.full((4, 4), np.nan), np.ones(4), np.ones((2, 2, 3)),
     np.array([["a"]]), np.ones((0, 4)), np.array([[None, 1]])],
)  # fmt: skip
def test_bad_arrays(bad: np.ndarray) -> None:
    with pytest.raises(DepthError):
        DepthMap.from_array(bad, DepthKind.METRES)


@given(inverse_maps, st.floats(1.1, 1000))
def test_ratio_is_far_over_near(inverse: np.ndarray, ratio: float) -> None:
    z = DepthMap.from_array(inverse, DepthKind.INVERSE).to_distances(ratio)
    assert z.kind is DepthKind.RELATIVE
    assert z.depth.min() == pytest.approx(1, rel=1e-4)
    if np.ptp(inverse) > 0:
        assert z.depth.max() == pytest.approx(ratio, rel=1e-3)


@given(inverse_maps, st.floats(0.5, 20), st.floats(0, 5), st.floats(1.5, 50))
def test_scale_and_shift_of_inverse_depth_do_not_matter(
    inverse: np.ndarray, scale: float, shift: float, ratio: float
) -> None:
    if np.ptp(inverse) < 0.1:
        return  # float32 leaves too little of so small a difference
    one = DepthMap.from_array(inverse, DepthKind.INVERSE).to_distances(ratio)
    other = DepthMap.from_array(inverse * scale + shift, DepthKind.INVERSE).to_distances(ratio)
    np.testing.assert_allclose(one.depth, other.depth, rtol=0.02)


@given(inverse_maps)
def test_nearer_stays_nearer(inverse: np.ndarray) -> None:
    z = DepthMap.from_array(inverse, DepthKind.INVERSE).to_distances(5).depth
    order = np.argsort(inverse, axis=None)
    assert (np.diff(z.ravel()[order]) <= 1e-5).all()


def test_metres_stay_metres() -> None:
    depth = DepthMap.from_array(np.full((3, 3), 2.5), DepthKind.METRES)
    assert depth.to_distances(7) is depth


def test_relative_depth_begins_at_one_metre() -> None:
    depth = DepthMap.from_array(np.array([[500, 0], [1000, 250]]), DepthKind.RELATIVE)
    np.testing.assert_array_equal(depth.to_distances(7).depth, [[2, 0], [4, 1]])


def test_normalized_is_inverse_depth(box_depth: DepthMap) -> None:
    near = box_depth.normalized()
    assert near[40, 50] == 1
    assert near[80, 50] == 0
    assert near[0, 0] == 0


@pytest.mark.parametrize("valid", [np.full((2, 2), "x"), np.ones((2, 3)), np.zeros((2, 2))])
def test_bad_masks(valid: np.ndarray) -> None:
    with pytest.raises(DepthError):
        DepthMap.from_array(np.ones((2, 2)), DepthKind.METRES, valid)


def test_bad_ratio_and_bad_sizes(box_depth: DepthMap) -> None:
    inverse = DepthMap.from_array(np.ones((2, 2)), DepthKind.INVERSE)
    with pytest.raises(SettingsError):
        inverse.to_distances(1.0)
    with pytest.raises(DepthError, match="128 x 96 pixels but the photo is 64 x 48"):
        box_depth.with_camera(Pinhole.from_focal(50, 64, 48))


def test_masking(box_depth: DepthMap) -> None:
    keep = np.zeros((96, 128), bool)
    with pytest.raises(DepthError, match="nothing is left"):
        box_depth.masked(keep)
    keep[40, 50] = True
    only = box_depth.masked(keep)
    assert only.valid.sum() == 1
    assert only.depth.sum() == 2
