"""All photo textures of a library, ready to be looked up by the pixel."""

from __future__ import annotations

import numpy as np

from .mipmaps import MipMaps

SIZE = 128  # texels per side of a picture
_LINEAR = ((np.arange(256) / 255) ** 2.2).astype(np.float32)


class Gallery:
    """RGBA pictures: their colours in linear light, and their holes."""

    def __init__(self, pictures: np.ndarray) -> None:
        """`pictures` is (P, SIZE, SIZE, 4) uint8, sRGB and opacity."""
        self._maps = MipMaps(pictures)
        self.means = _LINEAR[self._maps.means[:, :3]]  # (P, 3) float32, linear light
        self.holed = pictures[..., 3].min(axis=(1, 2)) < 128  # (P,) bool: rays can pass

    def opaque(self, row: np.ndarray, uv: np.ndarray) -> np.ndarray:
        """Whether a ray that hits pictures `row` (N,) at `uv` (N, 2) is stopped, (N,) bool."""
        return self._maps.nearest(row, uv)[:, 3] >= 128

    def sample(self, row: np.ndarray, uv: np.ndarray, footprint: np.ndarray) -> np.ndarray:
        """Linear light (N, 3) float32 of pictures `row`; see MipMaps.bilinear."""
        return self._maps.bilinear(row, uv, footprint, lambda texels: _LINEAR[texels[:, :3]])
