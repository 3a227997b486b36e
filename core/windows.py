"""The least and the largest value around each pixel."""

from __future__ import annotations

import numpy as np

from .arrays import FloatArray


def least(values: FloatArray, reach: int) -> FloatArray:
    """The least value (H, W) within `reach` pixels along both axes."""
    return _running(_running(values, reach, 0, np.minimum), reach, 1, np.minimum)


def most(values: FloatArray, reach: int) -> FloatArray:
    """The largest value (H, W) within `reach` pixels along both axes."""
    return _running(_running(values, reach, 0, np.maximum), reach, 1, np.maximum)


def _running(values: FloatArray, reach: int, axis: int, pick: np.ufunc) -> FloatArray:
    """`pick` over windows of 2 reach + 1 samples; windows double until they cover that."""
    count, size = values.shape[axis], 2 * reach + 1
    pad = [(reach, reach) if i == axis else (0, 0) for i in range(2)]
    result = np.moveaxis(np.pad(values, pad, mode="edge"), axis, 0)
    covered = 1
    while covered < size:
        step = min(covered, size - covered)
        result = pick(result[:-step], result[step:])
        covered += step
    return np.moveaxis(result[:count], 0, axis)
