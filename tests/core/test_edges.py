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
    assert set(np.unique(sharp)) == {0, 1}
    middle = (sharp.T if turned else sharp)[30]
    assert np.flatnonzero(np.diff(middle)).tolist() == [43]


@given(st.floats(-3, 3), st.floats(-3, 3), st.integers(1, 12))
def test_slopes_stay(across: float, down: float, reach: int) -> None:
    v, u = np.mgrid[0:60, 0:90].astype(np.float32)
    plane = (across * u + down * v).astype(np.float32)
    inside = np.s_[3 * reach : -3 * reach, 3 * reach : -3 * reach]
    np.testing.assert_array_equal(edges.snap(plane, reach)[inside], plane[inside])


@given(st.integers(0, 10_000), st.integers(1, 9))
def test_values_stay_among_those_there_were(seed: int, reach: int) -> None:
    values = np.random.default_rng(seed).random((20, 17), np.float32)
    assert np.isin(edges.snap(values, reach), values).all()


def test_a_thin_pole_is_kept() -> None:
    values = np.zeros((50, 50), np.float32)
    values[:, 24:26] = 1
    np.testing.assert_array_equal(edges.snap(values, reach=5), values)
