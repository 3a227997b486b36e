"""Square pictures with all their smaller versions, looked up by the pixel."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np


class MipMaps:
    """P repeating pictures and their halved copies in one flat array: a lookup is one gather."""

    def __init__(self, pictures: np.ndarray) -> None:
        """`pictures` is (P, n, n, C), uint8 or float32; n is a power of two."""
        levels = [pictures]
        while levels[-1].shape[1] > 1:
            levels.append(_halved(levels[-1]))
        self._sizes = np.array([level.shape[1] for level in levels], np.int32)
        texels = [level.reshape(-1, pictures.shape[-1]) for level in levels]
        self._starts = np.cumsum([0] + [len(each) for each in texels[:-1]]).astype(np.int32)
        self._texels = np.concatenate(texels)

    @property
    def means(self) -> np.ndarray:
        """The mean of each picture, (P, C)."""
        return self._texels[self._starts[-1] :]

    def nearest(self, row: np.ndarray, uv: np.ndarray) -> np.ndarray:
        """Texels (N, C) of pictures `row` (N,) at repeating `uv` (N, 2), at full size."""
        size = self._sizes[0]
        cell = (uv % 1.0 * size).astype(np.int32) % size
        return self._texels[(row.astype(np.int32) * size + cell[:, 1]) * size + cell[:, 0]]

    def bilinear(
        self,
        row: np.ndarray,
        uv: np.ndarray,
        footprint: np.ndarray,
        decode: Callable[[np.ndarray], np.ndarray] = lambda texels: texels,
    ) -> np.ndarray:
        """Texels, decoded and blended, of pictures `row` (N,) at repeating `uv` (N, 2).

        `footprint` (N,) is the size of a pixel in picture repeats; it chooses the level.
        """
        level = np.log2(np.maximum(footprint * self._sizes[0], 1.0) + 1e-6).round()
        level = np.minimum(level, len(self._sizes) - 1).astype(np.int32)
        size = self._sizes[level]
        base = self._starts[level] + row.astype(np.int32) * size * size
        position = (uv % 1.0) * size[:, None] - 0.5
        low = np.floor(position).astype(np.int32)
        frac = (position - low).astype(np.float32)
        x0, y0 = low[:, 0] % size, low[:, 1] % size
        x1, y1 = (x0 + 1) % size, (y0 + 1) % size
        upper, lower = base + y0 * size, base + y1 * size
        a, b, c, d = (
            decode(self._texels[at]) for at in (upper + x0, upper + x1, lower + x0, lower + x1)
        )
        fx, fy = frac[:, :1], frac[:, 1:]
        return (a * (1 - fx) + b * fx) * (1 - fy) + (c * (1 - fx) + d * fx) * fy


def _halved(pictures: np.ndarray) -> np.ndarray:
    """(P, n / 2, n / 2, C): means of two by two texels."""
    corners = [pictures[:, i::2, j::2] for i in (0, 1) for j in (0, 1)]
    if pictures.dtype == np.uint8:
        total = sum(corner.astype(np.uint16) for corner in corners)
        return ((total + 2) // 4).astype(np.uint8)
    return sum(corners) / 4
