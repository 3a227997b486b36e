"""Pictures read by Blender where nothing else can."""

from __future__ import annotations

from pathlib import Path

import bpy
import numpy as np
import pytest
from PIL import Image

from unflat.blender_addon import photo_reader
from unflat.core import decoders, images
from unflat.core.errors import ImageError


def test_the_same_pixels_as_by_pillow(photo_file: Path, rgb: np.ndarray, tmp_path: Path) -> None:
    png = tmp_path / "photo.png"
    Image.fromarray(rgb).save(png)
    photo = photo_reader.load(png)
    np.testing.assert_array_equal(photo.rgb, rgb)
    assert photo.name == "photo"
    jpeg = photo_reader.load(photo_file).rgb.astype(int) - images.load(photo_file).rgb
    assert np.abs(jpeg).max() <= 3  # decoders round differently
    assert len(bpy.data.images) == 0


def test_alpha_and_sixteen_bits(rgb: np.ndarray, tmp_path: Path) -> None:
    alpha = np.full((96, 128, 1), 255, np.uint8)
    alpha[:50] = 0
    Image.fromarray(np.concatenate([rgb, alpha], axis=2)).save(tmp_path / "cut.png")
    photo = photo_reader.load(tmp_path / "cut.png")
    np.testing.assert_array_equal(photo.alpha, alpha[..., 0])
    np.testing.assert_array_equal(photo.rgb[50:], rgb[50:])
    grey = np.linspace(0, 65535, 96 * 128).astype(np.uint16).reshape(96, 128)
    Image.fromarray(grey).save(tmp_path / "deep.png")
    deep = photo_reader.load(tmp_path / "deep.png").rgb.astype(int)
    assert np.abs(deep - (grey / 257)[..., None]).max() <= 1.01


def test_missing_and_damaged(tmp_path: Path) -> None:
    with pytest.raises(ImageError, match="There is no file"):
        photo_reader.load(tmp_path / "missing.png")
    (tmp_path / "text.png").write_text("no picture")
    with pytest.raises(ImageError, match=r"text\.png is damaged or not a picture"):
        photo_reader.load(tmp_path / "text.png")
    assert len(bpy.data.images) == 0


def test_generate_without_a_decoder(files: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(decoders, "available", lambda: False)
    assert bpy.ops.unflat.generate(**files, outputs={"MESH"}) == {"FINISHED"}
    assert tuple(bpy.data.images["photo"].size) == (128, 96)
