"""Light from all around, taken from a panorama: a sky to see, soft light and reflections."""

from __future__ import annotations

import numpy as np

_BLURRED = 8  # texels of the panorama that one texel of the reflections covers


class Environment:
    """A panorama (rows, columns, 3) of linear light; row 0 is the zenith, columns turn right."""

    def __init__(self, panorama: np.ndarray, turn: float, level: float) -> None:
        """`turn` (0 to 1) is where looking straight ahead meets it; `level` the mean soft light."""
        picture = np.minimum(panorama.astype(np.float32), 30.0)  # the sun is a light of its own
        rows, columns = picture.shape[:2]
        height = np.cos((np.arange(rows) + 0.5) / rows * np.pi)
        area = np.sqrt(1 - height**2)[:, None, None]
        mean = (picture * area).sum(axis=(0, 1)) / (area.sum() * columns)
        self._picture = picture * np.float32(level / max(float(mean.mean()), 1e-4))
        self._turn = turn
        small = self._picture.reshape(rows // _BLURRED, _BLURRED, columns // _BLURRED, _BLURRED, 3)
        self._small = small.mean(axis=(1, 3))
        self._sides = self._soft_light()

    def _soft_light(self) -> np.ndarray:
        """Light that falls on surfaces facing +x, -x, +y, -y, +z, -z: (6, 3)."""
        rows, columns = self._small.shape[:2]
        polar = (np.arange(rows) + 0.5) / rows * np.pi
        around = ((np.arange(columns) + 0.5) / columns - self._turn) * 2 * np.pi
        sine = np.sin(polar)[:, None]
        way = np.stack(
            [sine * np.sin(around), np.cos(polar)[:, None] + 0 * around, sine * np.cos(around)], -1
        )
        sides = []
        for axis in range(3):
            for sign in (1, -1):
                weight = (np.clip(sign * way[..., axis], 0, None) * sine)[..., None]
                sides.append((self._small * weight).sum(axis=(0, 1)) / weight.sum())
        return np.array(sides, np.float32)

    def soft(self, normals: np.ndarray) -> np.ndarray:
        """Light (N, 3) that reaches open surfaces with these unit normals (N, 3)."""
        squares = normals**2
        rows = np.array([0, 2, 4]) + (normals < 0)
        return np.einsum("na,nac->nc", squares, self._sides[rows])

    def _at(self, picture: np.ndarray, ways: np.ndarray) -> np.ndarray:
        rows, columns = picture.shape[:2]
        unit = ways / (np.linalg.norm(ways, axis=1, keepdims=True) + 1e-12)
        polar = np.arccos(np.clip(unit[:, 1], -1, 1)) / np.pi
        around = np.arctan2(unit[:, 0], unit[:, 2]) / (2 * np.pi) + self._turn
        y = np.clip(polar * rows - 0.5, 0, rows - 1.001)
        x = around * columns - 0.5
        top, left = np.floor(y).astype(np.int64), np.floor(x).astype(np.int64)
        fy, fx = (y - top)[:, None], (x - left)[:, None]
        here, next_ = left % columns, (left + 1) % columns
        upper = picture[top, here] * (1 - fx) + picture[top, next_] * fx
        lower = picture[top + 1, here] * (1 - fx) + picture[top + 1, next_] * fx
        return (upper * (1 - fy) + lower * fy).astype(np.float32)

    def seen(self, ways: np.ndarray) -> np.ndarray:
        """What is seen along directions (N, 3); (N, 3)."""
        return self._at(self._picture, ways)

    def mirrored(self, ways: np.ndarray) -> np.ndarray:
        """The same, as a surface that is not quite a mirror shows it."""
        return self._at(self._small, ways)
