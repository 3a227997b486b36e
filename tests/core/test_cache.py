"""The cache: same pixels and maker, no second run; bounded, but for the newest."""

from __future__ import annotations

from unittest.mock import Mock

import numpy as np
import pytest

from unflat.core import Settings, images, reconstruct
from unflat.core.depth import estimator
from unflat.core.depth.cache import PredictionCache
from unflat.core.depth.prediction import Prediction, inverse_map


def photo(shade: int) -> images.Photo:
    return images.from_array(np.full((20, 30, 3), shade, np.uint8))


class Maker:
    """Counts how often it is asked."""

    def __init__(self) -> None:
        self.asked = 0

    def __call__(self) -> Prediction:
        self.asked += 1
        return Prediction(inverse_map(np.full((20, 30), self.asked, np.float32)), "cpu")


def test_same_pixels_and_maker_are_asked_once() -> None:
    cache, make = PredictionCache(), Maker()
    first = cache.get(photo(1), "a", make)
    assert cache.get(photo(1), "a", make) is first
    assert cache.get(photo(2), "a", make) is not first
    assert cache.get(photo(1), "b", make) is not first
    assert cache.get(photo(1), "a", make) is first
    assert make.asked == 3


def test_shapes_are_told_apart() -> None:
    cache, make = PredictionCache(), Maker()
    cache.get(photo(1), "a", make)
    turned = images.from_array(np.full((30, 20, 3), 1, np.uint8))
    cache.get(turned, "a", make)
    assert make.asked == 2


def test_the_longest_unused_goes_first() -> None:
    each = 20 * 30 * 5
    cache, make = PredictionCache(2 * each), Maker()
    for shade in (1, 2, 1, 3):
        cache.get(photo(shade), "a", make)
    assert make.asked == 3
    cache.get(photo(1), "a", make)
    assert make.asked == 3
    cache.get(photo(2), "a", make)
    assert make.asked == 4


def test_the_newest_is_kept_however_large() -> None:
    cache, make = PredictionCache(1), Maker()
    first = cache.get(photo(1), "a", make)
    assert cache.get(photo(1), "a", make) is first
    cache.get(photo(2), "a", make)
    assert cache.get(photo(1), "a", make) is not first


def test_a_failure_is_not_kept() -> None:
    cache, make = PredictionCache(), Maker()

    def fail() -> Prediction:
        raise MemoryError

    with pytest.raises(MemoryError):
        cache.get(photo(1), "a", fail)
    cache.get(photo(1), "a", make)
    assert make.asked == 1


def test_other_settings_of_a_photo_need_no_second_run(
    rgb: np.ndarray, monkeypatch: pytest.MonkeyPatch
) -> None:
    runs = Mock(wraps=estimator.run_builtin)
    monkeypatch.setattr(estimator, "run_builtin", runs)
    first = reconstruct(rgb, Settings(outputs=frozenset()))
    again = reconstruct(rgb, Settings(near_far_ratio=9, outputs=frozenset()))
    assert runs.call_count == 1
    np.testing.assert_allclose(again.depth.normalized(), first.depth.normalized(), atol=1e-6)
    assert again.depth.depth.max() == pytest.approx(9, rel=1e-5)
