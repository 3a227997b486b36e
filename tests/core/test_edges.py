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
