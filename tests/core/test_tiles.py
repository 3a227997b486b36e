"""Tiles: what parts of a photo say, merged into what the whole says."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from unflat.core import images
from unflat.core.depth import estimator, tiles
from unflat.core.depthmap import DepthKind, DepthMap
from unflat.core.errors import CancelledError, SettingsError
from unflat.core.images import Photo
from unflat.core.settings import Settings

HEIGHT, WIDTH = 160, 240
V, U = np.mgrid[0:HEIGHT, 0:WIDTH].astype(np.float32)
COARSE = 1 + U / WIDTH + 2 * V / HEIGHT
TRUTH = COARSE + np.where((U // 10 + V // 10) % 2, 0.1, -0.1).astype(np.float32)
"""Inverse depth: a slope, which the whole photo shows, with squares that only its parts show."""


def photo() -> Photo:
    """Its colours tell where a pixel is, so that a part can be recognised."""
    return images.from_array(np.stack([U, V, 0 * U], axis=-1).astype(np.uint8))


def whole(kind: DepthKind = DepthKind.INVERSE) -> DepthMap:
    depth = COARSE if kind is DepthKind.INVERSE else 1 / COARSE
    return DepthMap(depth, np.ones(COARSE.shape, bool), kind)


def looker(
    kind: DepthKind = DepthKind.INVERSE, change: Callable[[np.ndarray], np.ndarray] = lambda x: x
) -> Callable[[Photo, tiles.Progress], DepthMap]:
    """What says the truth of a part, up to the scale and shift that `change` gives it."""

    def look(part: Photo, _progress: tiles.Progress) -> DepthMap:
        x, y = part.rgb[0, 0, :2].astype(int)
        found = change(TRUTH[y : y + part.height, x : x + part.width])
        depth = found if kind is DepthKind.INVERSE else 1 / found
        return DepthMap(depth.astype(np.float32), np.ones(found.shape, bool), kind)

    return look


def refined(
    look: Callable[[Photo, tiles.Progress], DepthMap],
    count: int = 2,
    kind: DepthKind = DepthKind.INVERSE,
) -> DepthMap:
    return tiles.refine(whole(kind), photo(), look, count, lambda _: None)


@given(count=st.integers(1, 4), scale=st.floats(0.01, 100), shift=st.floats(-5, 5))
def test_detail_comes_from_the_parts_whatever_their_scale(
    count: int, scale: float, shift: float
) -> None:
    found = refined(looker(change=lambda x: scale * x + shift), count)
    assert np.abs(found.depth - TRUTH).mean() < 0.02  # and 0.1 without


@pytest.mark.parametrize("kind", [DepthKind.METRES, DepthKind.RELATIVE])
def test_distances_stay_distances(kind: DepthKind) -> None:
    found = refined(looker(kind), kind=kind)
    assert found.kind is kind
    assert np.abs(found.depth * TRUTH - 1).mean() < 0.02
    assert found.depth.max() <= 1 / COARSE.min() * 1.001


def test_what_is_large_stays_as_the_whole_says() -> None:
    def blocks(inverse: np.ndarray) -> np.ndarray:
        return inverse.reshape(4, 40, 6, 40).mean(axis=(1, 3))

    found = refined(looker(change=lambda x: x + 2 * np.linspace(-1, 1, x.shape[1]) ** 2))
    assert np.abs(blocks(found.depth) - blocks(COARSE)).max() < 0.1


def test_there_are_no_seams() -> None:
    """Even where parts contradict each other, neighbours differ no more than within a part."""

    def look(part: Photo, _progress: tiles.Progress) -> DepthMap:
        x, y = part.rgb[0, 0, :2].astype(int)
        waves = 0.1 * np.sin((U + V)[: part.height, : part.width] / 4 + x + y)
        inverse = COARSE[y : y + part.height, x : x + part.width] + waves
        return DepthMap(inverse.astype(np.float32), np.ones(inverse.shape, bool), DepthKind.INVERSE)

    found = refined(look, 2).depth
    for axis in (0, 1):
        assert 0.003 < np.abs(np.diff(found, n=2, axis=axis)).max() < 0.02


def test_parts_that_say_the_opposite_change_nothing() -> None:
    found = refined(looker(change=lambda x: 5 - x))
    np.testing.assert_allclose(found.depth, COARSE, rtol=1e-5)


def test_invalid_pixels() -> None:
    def holed(part: Photo, progress: tiles.Progress) -> DepthMap:
        found = looker()(part, progress)
        valid = found.valid.copy()
        valid[:, ::2] = False
        return replace(found, valid=valid, depth=np.where(valid, found.depth, 0))

    given_ = whole()
    given_.valid[:20] = False
    found = tiles.refine(given_, photo(), holed, 2, lambda _: None)
    np.testing.assert_array_equal(found.valid, given_.valid)
    assert not found.depth[:20].any()
    assert np.abs(found.depth[20:] - COARSE[20:]).max() < 0.3


def test_a_small_photo_has_fewer_tiles() -> None:
    seen = []

    def look(part: Photo, progress: tiles.Progress) -> DepthMap:
        seen.append(part.rgb.shape)
        return looker()(part, progress)

    refined(look, 4)
    assert len(seen) == 4
    assert len(set(seen)) == 1


def test_with_a_network_progress_and_cancel() -> None:
    told: list[float] = []
    found = estimator.estimate(photo(), "builtin", "cpu", told.append, tiles=2)
    alone = estimator.estimate(photo(), "builtin", "cpu", lambda _: None)
    assert found.depth.size == alone.depth.size
    assert not np.array_equal(found.depth.depth, alone.depth.depth)
    assert told == sorted(told)
    assert told[-1] == 1

    def cancel(fraction: float) -> None:
        if fraction > 0.5:
            raise CancelledError

    estimator.forget()
    with pytest.raises(CancelledError):
        estimator.estimate(photo(), "builtin", "cpu", cancel, tiles=2)


@pytest.mark.parametrize("count", [0, 5, 1.5])
def test_how_many(count: float) -> None:
    with pytest.raises(SettingsError, match="tiles must be"):
        Settings(tiles=count)  # type: ignore[arg-type]
