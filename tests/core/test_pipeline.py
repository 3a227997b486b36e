"""The way of one picture, with the real built-in network."""

from __future__ import annotations

import threading
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from unflat.core import Settings, images, reconstruct
from unflat.core.camera import FocalSource
from unflat.core.depthmap import DepthKind, DepthMap
from unflat.core.errors import CancelledError, DepthError, ModelError, SettingsError


def test_a_photo_becomes_everything(photo_file: Path) -> None:
    result = reconstruct(photo_file)
    assert result.depth.size == (128, 96)
    assert result.depth.valid.all()
    assert result.depth.kind is DepthKind.RELATIVE
    assert (result.model, result.device) == ("builtin", "cpu")
    assert result.camera.source is FocalSource.DEFAULT
    assert result.mesh is not None
    assert result.points is not None
    assert len(result.points) == 128 * 96
    assert any("focal length" in warning for warning in result.warnings)


def test_file_photo_and_array_are_the_same(rgb: np.ndarray, tmp_path: Path) -> None:
    Image.fromarray(rgb).save(tmp_path / "a.png")
    sources = (tmp_path / "a.png", str(tmp_path / "a.png"), images.load(tmp_path / "a.png"), rgb)
    first, *others = (reconstruct(s, Settings(outputs=frozenset())) for s in sources)
    for other in others:
        np.testing.assert_array_equal(first.depth.depth, other.depth.depth)


def test_only_what_was_asked_for_is_made(photo_file: Path) -> None:
    result = reconstruct(photo_file, Settings(outputs=frozenset({"mesh"})))
    assert result.points is None
    assert set(result.seconds) == {"photo", "depth", "mesh"}


def test_transparent_pixels_get_no_geometry(rgb: np.ndarray) -> None:
    alpha = np.full((96, 128, 1), 255, np.uint8)
    alpha[:, 64:] = 0
    result = reconstruct(np.concatenate([rgb, alpha], axis=2))
    assert not result.depth.valid[:, 64:].any()
    assert result.mesh is not None
    assert result.mesh.uv[:, 0].max() <= 0.5
    assert result.points is not None
    assert len(result.points) == 64 * 96


def test_ratio_reaches_the_geometry(photo_file: Path) -> None:
    result = reconstruct(photo_file, Settings(near_far_ratio=20, outputs=frozenset()))
    z = result.depth.depth
    assert (z.min(), z.max()) == (pytest.approx(1), pytest.approx(20, rel=1e-3))


def test_progress_rises_through_the_stages(photo_file: Path) -> None:
    seen: list[tuple[str, float]] = []
    reconstruct(photo_file, progress=lambda *step: seen.append(step))
    fractions = [fraction for _, fraction in seen]
    assert fractions == sorted(fractions)
    assert (fractions[0], fractions[-1]) == (0, 1)
    assert list(dict.fromkeys(s for s, _ in seen)) == ["photo", "depth", "mesh", "points"]
    assert len({f for s, f in seen if s == "depth"}) > 4


@pytest.mark.parametrize("stage", ["photo", "depth", "mesh", "points"])
def test_cancel_in_every_stage(photo_file: Path, stage: str) -> None:
    stop = threading.Event()

    def progress(name: str, fraction: float) -> None:
        if name == stage:
            stop.set()

    with pytest.raises(CancelledError):
        reconstruct(photo_file, progress=progress, cancelled=stop.is_set)


def test_user_depth_of_another_size(photo_file: Path) -> None:
    with pytest.raises(DepthError, match="64 x 48 pixels but the photo is 128 x 96"):
        reconstruct(photo_file, depth=np.ones((48, 64)))


def test_user_inverse_depth(photo_file: Path) -> None:
    inverse = np.linspace(1, 2, 96 * 128).reshape(96, 128)
    result = reconstruct(photo_file, depth=inverse, depth_kind="inverse")
    assert result.depth.kind is DepthKind.RELATIVE
    assert result.depth.depth[0, 0] == pytest.approx(Settings().near_far_ratio, rel=1e-3)
    assert result.model == "user"


def test_user_metres_stay_metres(photo_file: Path, box_depth: DepthMap) -> None:
    result = reconstruct(photo_file, depth=box_depth.depth)
    np.testing.assert_array_equal(result.depth.depth, box_depth.depth)
    assert not any("scale" in warning for warning in result.warnings)


@pytest.mark.parametrize(
    "bad",
    [{"near_far_ratio": 1}, {"edge_ratio": float("nan")}, {"max_faces": 0}, {"fov": 500},
     {"outputs": {"cake"}}],
)  # fmt: skip
def test_settings_out_of_range(bad: dict[str, object]) -> None:
    with pytest.raises(SettingsError):
        Settings(**bad)  # type: ignore[arg-type]


def test_unknown_models_and_devices(photo_file: Path) -> None:
    with pytest.raises(ModelError, match="builtin"):
        reconstruct(photo_file, Settings(model="nope"))
    with pytest.raises(ModelError, match="can't run on cuda"):
        reconstruct(photo_file, Settings(device="cuda:0"))


def test_settings_survive_json() -> None:
    settings = Settings(fov=60, outputs=frozenset({"relief", "mesh"}))
    assert Settings(**settings.to_json()) == settings


@pytest.mark.parametrize(
    ("kind", "word"), [("clean", None), ("noisy", "noisy"), ("scan", "sparse"), ("holes", None)]
)
def test_sparse_and_noisy_depth_is_told(rgb: np.ndarray, kind: str, word: str | None) -> None:
    z = np.full((96, 128), 3.0)
    if kind == "noisy":
        z *= 1 + 0.01 * np.random.default_rng(0).standard_normal(z.shape)
    if kind == "scan":
        z[np.arange(96) % 4 > 0] = 0
    if kind == "holes":
        z[20:60, 30:70] = 0
    result = reconstruct(rgb, depth=DepthMap.from_array(z, DepthKind.METRES))
    told = [each for each in ("noisy", "sparse") if any(each in w for w in result.warnings)]
    assert told == ([word] if word else [])
