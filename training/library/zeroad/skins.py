"""Textures cut into squares and shrunk to pictures."""

from __future__ import annotations

import numpy as np
from PIL import Image

from ...gallery import SIZE
from .art import Skin

Colour = tuple[float, float, float]  # 0..1, sRGB
Square = tuple[float, float, float]  # left, top and side as shares of a texture

_SEE_THROUGH = ("basic_trans", "trans_", "alpha")  # how the names of such materials begin


def cells(uv: np.ndarray, finest: int) -> tuple[list[Square], np.ndarray, np.ndarray]:
    """The squares of a texture in which triangles lie, so that large textures keep their detail.

    uv: (M, 3, 2). Each triangle gets the smallest square, of side 1, 1/2 .. 1/finest, that holds
    it; those that repeat the texture get all of it. Returns left, top and side of the squares,
    the rows (M,) of the triangles' squares, and uv (M, 3, 2) within these.
    """
    uv = uv - np.floor(uv.min(axis=1, keepdims=True) + 1e-3)
    low, high = uv.min(axis=1), uv.max(axis=1)
    squares = np.tile([0.0, 0.0, 1.0], (len(uv), 1))
    count = 2
    while count <= finest:
        step = 1 / count
        first = np.clip(np.floor((low - 0.002) / step) * step, 0, 1 - step)
        fits = ((high + 0.002 <= first + step) & (low >= first)).all(axis=1)
        squares[fits, :2], squares[fits, 2] = first[fits], step
        count *= 2
    within = (uv - squares[:, None, :2]) / squares[:, None, 2:]
    found, rows = np.unique(squares, axis=0, return_inverse=True)
    return [tuple(square) for square in found.tolist()], np.ravel(rows), within


def picture(image: Image.Image, skin: Skin, square: Square, player: Colour) -> np.ndarray:
    """(SIZE, SIZE, 4) uint8 of a square of the skin's texture `image`.

    Alpha counts as transparency only for materials that say so; for others it is where the
    player's colour or the skin's own shines through, or nothing.
    """
    pixels = np.asarray(_cut(image, square), np.float32)
    colour, alpha = pixels[..., :3], pixels[..., 3:] / 255
    material = skin.material
    if material.startswith(_SEE_THROUGH):
        opacity, inked = _small(pixels[..., 3:]), _small(colour * alpha)
        weight = opacity / 255
        mean = np.where(weight > 0.02, inked / np.maximum(weight, 0.02), _small(colour))
    else:
        if material.startswith(("player", "object")):
            tint = skin.colour if material.startswith("object") else None
            colour = colour * (alpha + (1 - alpha) * np.array(tint or player))
        opacity, mean = np.full((SIZE, SIZE, 1), 255), _small(colour)
    result = np.concatenate([mean, opacity], axis=2)
    return np.clip(result + 0.5, 0, 255).astype(np.uint8)


def _cut(image: Image.Image, square: Square) -> Image.Image:
    """The square of the picture, at most a few times as large as it will be."""
    left, top, side = square
    (width, height), right, bottom = image.size, left + side, top + side
    edges = (left * width, top * height, right * width, bottom * height)
    piece = image.crop(tuple(round(edge) for edge in edges))
    return piece.reduce(max(1, max(piece.size) // (2 * SIZE)))


def _small(pixels: np.ndarray) -> np.ndarray:
    """(rows, columns, C) as (SIZE, SIZE, C) float32."""
    channels = [Image.fromarray(c) for c in np.moveaxis(pixels.astype(np.float32), -1, 0)]
    shrunk = [channel.resize((SIZE, SIZE), Image.Resampling.BOX) for channel in channels]
    return np.stack([np.asarray(channel) for channel in shrunk], axis=-1)
