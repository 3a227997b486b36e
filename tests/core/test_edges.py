"""Depth edges become steps; everything that is no edge stays what it was."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from unflat.core.depth import edges


@pytest.mark.parametrize("turned", [False, True])
def test_a_soft_edge_becomes_a_step(turned: bool) -> None:
    row = np.concatenate([np.zeros(40), np.linspace(0, 1, 8), np.ones(40)]).astype(np.float32)
    soft = np.tile(row, (60, 1))
    soft = soft.T if turned else soft
    sharp = edges.snap(soft, reach=8)
    middle = (sharp.T if turned else sharp)[30]
    assert np.flatnonzero(np.diff(middle) > 0.15).tolist() == [43]
    assert middle[44] - middle[43] >= 0.7 - 1e-6


def test_no_trench_beside_an_edge() -> None:
    """A sharp edge before a gently sloping background, like a person's, stays."""
    row = np.concatenate([np.linspace(0.2, 0.4, 50), np.linspace(1, 0.9, 40)]).astype(np.float32)
    steps = np.tile(row, (60, 1))
    np.testing.assert_array_equal(edges.snap(steps, reach=6), steps)


@given(st.floats(-3, 3), st.floats(-3, 3), st.integers(1, 12))
def test_slopes_stay(across: float, down: float, reach: int) -> None:
    v, u = np.mgrid[0:60, 0:90].astype(np.float32)
    plane = (across * u + down * v).astype(np.float32)
    inside = np.s_[3 * reach : -3 * reach, 3 * reach : -3 * reach]
    np.testing.assert_array_equal(edges.snap(plane, reach)[inside], plane[inside])


@given(st.integers(0, 10_000), st.integers(1, 9))
def test_values_stay_within_the_old_range(seed: int, reach: int) -> None:
    values = np.random.default_rng(seed).random((20, 17), np.float32)
    snapped = edges.snap(values, reach)
    assert snapped.dtype == np.float32
    assert values.min() <= snapped.min()
    assert snapped.max() <= values.max()


def test_a_thin_pole_is_kept() -> None:
    values = np.zeros((50, 50), np.float32)
    values[:, 24:26] = 1
    np.testing.assert_array_equal(edges.snap(values, reach=5), values)


def test_teeth_are_worn_off() -> None:
    """A comb along an edge becomes a straight edge; a thin pole of its own colour stays."""
    values = np.zeros((96, 128), np.float32)
    values[:, 60:] = 1
    values[::3, 57:60] = 1
    values[:, 20:22] = 0.8
    photo = np.full((96, 128, 3), 0.6, np.float32)
    photo[:, 20:22] = 0
    straight = edges.straighten(values, photo, spacing=1)
    assert (straight[5:-5, 40:57] == 0).all()
    assert (np.ptp(straight[5:-5, 57:70], axis=0) == 0).all()
    np.testing.assert_array_equal(straight[5:-5, 15:25], values[5:-5, 15:25])


@given(st.floats(-3, 3), st.floats(-3, 3))
def test_straightening_leaves_slopes(across: float, down: float) -> None:
    v, u = np.mgrid[0:60, 0:90].astype(np.float32)
    plane = (across * u + down * v).astype(np.float32)
    photo = np.zeros((60, 90, 3), np.float32)
    np.testing.assert_array_equal(edges.straighten(plane, photo, spacing=1), plane)


@given(st.integers(0, 10_000), st.floats(-0.01, 0.01), st.floats(-0.01, 0.01), st.integers(1, 5))
def test_grain_goes_and_steps_stay(seed: int, across: float, down: float, spacing: int) -> None:
    v, u = np.mgrid[0:60, 0:90].astype(np.float32)
    clean = across * u + down * v + 3 * (u > 44)
    grain = 0.02 * np.random.default_rng(seed).standard_normal(clean.shape).astype(np.float32)
    found = edges.smooth(clean + grain, spacing)
    assert np.abs(found - clean).mean() < 0.55 * np.abs(grain).mean()
    assert np.abs(found - clean).max() < 0.12
    np.testing.assert_allclose(edges.smooth(clean, spacing), clean, atol=1e-5)
