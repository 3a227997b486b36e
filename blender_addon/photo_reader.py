"""A picture read by Blender itself, for a Python with neither Pillow nor OpenImageIO."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import bpy
import numpy as np

from ..core import images
from ..core.errors import ImageError
from ..core.images import Photo
from .scene.images import pixels as read_pixels


def load(path: Path) -> Photo:
    """Read a photo through a datablock that is gone afterwards. Main thread. Raises ImageError."""
    if not path.is_file():
        raise ImageError(f"There is no file {path}, check the name.")
    image = bpy.data.images.load(str(path))
    try:
        width, height = image.size
        if not image.has_data or not width or not height:
            raise ImageError(
                f"{path.name} is damaged or not a picture, give an intact JPEG, PNG, WebP or TIFF."
            )
        pixels = read_pixels(image)
        if image.is_float:  # 16-bit files arrive in linear light
            pixels[..., :3] = _to_srgb(pixels[..., :3])
        return replace(images.from_array(pixels, name=path.stem), path=path)
    finally:
        bpy.data.images.remove(image)


def _to_srgb(linear: np.ndarray) -> np.ndarray:
    """Linear light -> sRGB (IEC 61966-2-1), both in [0, 1]."""
    light = np.clip(linear, 0, 1)
    return np.where(light <= 0.0031308, light * 12.92, 1.055 * light ** (1 / 2.4) - 0.055)
