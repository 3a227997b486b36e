"""The photo and its depth as packed images."""

from __future__ import annotations

import bpy
import numpy as np

from ...core.arrays import FloatArray
from ...core.images import Photo
from .collection import datablock_name


def pixels(image: bpy.types.Image) -> FloatArray:
    """(H, W, channels) float32, top row first, as the image has them."""
    width, height = image.size
    flat = np.empty(width * height * image.channels, np.float32)
    image.pixels.foreach_get(flat)
    return flat.reshape(height, width, image.channels)[::-1]


def photo(source: Photo, flat: FloatArray | None) -> bpy.types.Image:
    """The photo as a packed sRGB image: the file's own bytes if they may serve, else `flat`."""
    name = datablock_name(source.name)
    if source.original is not None:
        image = bpy.data.images.new(name, source.width, source.height)
        image.pack(data=source.original.data, data_len=len(source.original.data))
        image.source = "FILE"
        return image
    has_alpha = source.alpha is not None
    image = bpy.data.images.new(name, source.width, source.height, alpha=has_alpha)
    image.pixels.foreach_set(flat)
    image.pack()
    return image


def depth(name: str, size: tuple[int, int], flat: FloatArray) -> bpy.types.Image:
    """The depth image: float, non-colour, packed as EXR; `flat` pixels as in `SceneArrays`."""
    image = bpy.data.images.new(f"{name} Depth", *size, alpha=True, float_buffer=True, is_data=True)
    image.alpha_mode = "CHANNEL_PACKED"  # nearness is nearness, however little alpha there is
    image.pixels.foreach_set(flat)
    image.pack()
    return image
