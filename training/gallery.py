"""All photo textures of a library, ready to be looked up by the pixel."""

from __future__ import annotations

import numpy as np

SIZE = 128  # texels per side of a picture
_LINEAR = ((np.arange(256) / 255) ** 2.2).astype(np.float32)


class Gallery:
    """RGBA pictures with their mip levels in one flat array: a lookup is a single gather."""

    def __init__(self, pictures: np.ndarray) -> None:
        """`pictures` is (P, SIZE, SIZE, 4) uint8, sRGB and opacity."""
        levels = [pictures]
        while (n := levels[-1].shape[1] // 2) >= 1:
            blocks = levels[-1].reshape(len(pictures), n, 2, n, 2, 4)
            corners = [blocks[:, :, i, :, j].astype(np.uint16) for i in (0, 1) for j in (0, 1)]
            levels.append(((sum(corners) + 2) // 4).astype(np.uint8))
        self._sizes = np.array([level.shape[1] for level in levels], np.int64)
        self._starts = np.cumsum([0] + [level.size // 4 for level in levels[:-1]])
        self._texels = np.concatenate([level.reshape(-1, 4) for level in levels])
        small = self._texels[self._starts[-1] :]
        self.means = _LINEAR[small[:, :3]]  # (P, 3) float32, linear light
        self.holed = pictures[..., 3].min(axis=(1, 2)) < 128  # (P,) bool: rays can pass

    def opaque(self, row: np.ndarray, uv: np.ndarray) -> np.ndarray:
        """Whether a ray that hits pictures `row` (N,) at `uv` (N, 2) is stopped, (N,) bool."""
        cell = (uv % 1.0 * SIZE).astype(np.int64) % SIZE
        return self._texels[(row * SIZE + cell[:, 1]) * SIZE + cell[:, 0], 3] >= 128

    def sample(self, row: np.ndarray, uv: np.ndarray, footprint: np.ndarray) -> np.ndarray:
        """Linear light (N, 3) float32 of pictures `row` (N,) at repeating `uv` (N, 2), bilinear.

        `footprint` (N,) is the size of a pixel in picture repeats; it chooses the mip level.
        """
        level = np.log2(np.maximum(footprint * SIZE, 1.0) + 1e-6).round().astype(np.int64)
        level = np.minimum(level, len(self._sizes) - 1)
        size = self._sizes[level]
        base = self._starts[level] + row.astype(np.int64) * size * size
        position = (uv % 1.0) * size[:, None] - 0.5
        low = np.floor(position).astype(np.int64)
        frac = (position - low).astype(np.float32)
        x0, y0 = low[:, 0] % size, low[:, 1] % size
        x1, y1 = (x0 + 1) % size, (y0 + 1) % size
        upper, lower = base + y0 * size, base + y1 * size
        a, b, c, d = (
            _LINEAR[self._texels[at, :3]] for at in (upper + x0, upper + x1, lower + x0, lower + x1)
        )
        fx, fy = frac[:, :1], frac[:, 1:]
        return (a * (1 - fx) + b * fx) * (1 - fy) + (c * (1 - fx) + d * fx) * fy
