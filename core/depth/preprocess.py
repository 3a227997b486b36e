"""A photo as the input of a network: its size by the network's rule, resized and normalised."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

import numpy as np

from ..arrays import AnyArray, ByteArray, FloatArray, IntArray
from ..errors import ImageError

IMAGENET = ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225))
"""Mean and standard deviation of ImageNet's colours."""
HALF = ((0.5, 0.5, 0.5), (0.5, 0.5, 0.5))
"""Mean and standard deviation that bring [0, 1] to [-1, 1]."""

_LONGEST = 8  # side, in sizes; attention takes memory with the square of the number of patches
_CUBIC = -0.75  # the slope of OpenCV's and torch's cubic kernel; Keys (1981) has -0.5


class Fit(StrEnum):
    """What becomes of a photo's sides, which keep their ratio except in a square."""

    LONG_SIDE = "long side"
    """Both at most the size."""
    SHORT_SIDE = "short side"
    """Both at least the size."""
    NEAREST = "nearest"
    """The side whose scale is nearer to 1 becomes the size."""
    SQUARE = "square"
    """Both the size."""


@dataclass(frozen=True)
class NetworkInput:
    """What a network wants to see.

    size: in pixels. multiple: each side is one of it. colours: mean and standard deviation.
    """

    size: int
    fit: Fit
    multiple: int
    colours: tuple[tuple[float, float, float], tuple[float, float, float]]

    def sides(self, width: int, height: int) -> tuple[int, int]:
        """(width, height) at which the network sees a photo of this size.

        Raises ImageError where a side would be longer than 8 times the network's size.
        """
        if self.fit is Fit.SQUARE:
            return self.size, self.size
        scales = (self.size / width, self.size / height)
        if self.fit is Fit.LONG_SIDE:
            scale = min(scales)
        elif self.fit is Fit.SHORT_SIDE:
            scale = max(scales)
        else:
            # MiDaS compares in this order, so a square photo takes the scale of its height.
            scale = min(reversed(scales), key=lambda scale: abs(1 - scale))
        if round(scale * max(width, height)) > _LONGEST * self.size:
            raise ImageError(
                f"The photo of {width} x {height} pixels is too long and thin for this model, crop "
                f"its longer side to at most {_LONGEST} times the shorter."
            )
        return self._rounded(scale * width), self._rounded(scale * height)

    def _rounded(self, side: float) -> int:
        """The nearest multiple within the limit; an exact half goes to the even one."""
        steps = round(side / self.multiple)
        if self.fit is Fit.LONG_SIDE and steps * self.multiple > self.size:
            steps = int(side // self.multiple)
        elif self.fit is Fit.SHORT_SIDE and steps * self.multiple < self.size:
            steps = -int(-side // self.multiple)
        return max(1, steps) * self.multiple

    def pixels(self, rgb: ByteArray) -> FloatArray:
        """(3, height, width) float32, normalised, from rgb (H, W, 3) uint8."""
        wide, high = self.sides(rgb.shape[1], rgb.shape[0])
        return normalised(resize_cubic(rgb, wide, high), self.colours)


def normalised(
    rgb: AnyArray, colours: tuple[tuple[float, float, float], tuple[float, float, float]]
) -> FloatArray:
    """(3, H, W) float32 from rgb (H, W, 3) in [0, 255]; colours: mean and standard deviation."""
    mean, deviation = (np.array(values) for values in colours)
    return np.ascontiguousarray(((rgb / 255 - mean) / deviation).transpose(2, 0, 1), np.float32)


def resize_in_steps(rgb: ByteArray, size: int, multiple: int) -> ByteArray:
    """rgb (H, W, 3) uint8 with a longer side of `size`, each side then brought to a multiple.

    So Depth Anything 3 sees photos: each of the two steps rounds to bytes, averages areas if the
    picture shrinks and is cubic if a side grows. A side halfway between two multiples grows.
    """
    height, width = rgb.shape[:2]
    scale = size / max(width, height)
    rgb = _resize_bytes(rgb, max(1, round(width * scale)), max(1, round(height * scale)))
    height, width = (
        max(1, (2 * side + multiple) // (2 * multiple)) * multiple for side in rgb.shape[:2]
    )
    return _resize_bytes(rgb, width, height)


def _resize_bytes(rgb: ByteArray, width: int, height: int) -> ByteArray:
    if (height, width) == rgb.shape[:2]:
        return rgb
    grows = height > rgb.shape[0] or width > rgb.shape[1]
    resized = (resize_cubic if grows else resize_area)(rgb, width, height)
    if (2 * height, 2 * width) == rgb.shape[:2]:
        resized = np.floor(resized + 0.5)  # OpenCV has a way of its own for this, halves go up
    return np.rint(resized).clip(0, 255).astype(np.uint8)


def resize_area(image: AnyArray, width: int, height: int) -> AnyArray:
    """(height, width, C) float64 from (H, W, C) no smaller, as OpenCV's INTER_AREA.

    Each pixel is the mean of the area that it covers, with parts of pixels at its border.
    """
    return _means(_means(image, height, axis=0), width, axis=1)


def _means(image: AnyArray, new: int, axis: int) -> AnyArray:
    """Means over `new` equal spans of an axis that is no shorter."""
    old = image.shape[axis]
    edges = np.linspace(0, old, new + 1)  # the last is exact, as reduceat's last sum is
    first = edges.astype(int)
    part = (edges - first).reshape([-1 if axis == i else 1 for i in range(3)])
    sums = np.add.reduceat(image, first[:-1], axis=axis, dtype=np.float64)
    borders = part * image.take(np.minimum(first, old - 1), axis=axis)
    return (sums + np.diff(borders, axis=axis)) * (new / old)


def resize_cubic(image: AnyArray, width: int, height: int) -> AnyArray:
    """(height, width, C) float64 from (H, W, C), as OpenCV's INTER_CUBIC on floats.

    Sixteen neighbours for each pixel, however much the image shrinks, without antialiasing; the
    border repeats. Results may leave the range of the image.
    """
    rows, across = _cubic_taps(image.shape[0], height)
    narrow = sum(image[rows[:, k]] * across[:, k, None, None] for k in range(4))
    columns, along = _cubic_taps(image.shape[1], width)
    return sum(narrow[:, columns[:, k]] * along[:, k, None] for k in range(4))


def _cubic_taps(old: int, new: int) -> tuple[IntArray, AnyArray]:
    """Neighbours (new, 4) of each new pixel and their weights (new, 4), for one axis."""
    position = (np.arange(new) + 0.5) * (old / new) - 0.5
    position = position.astype(np.float32)  # so OpenCV rounds, to be seen on steep edges
    first = np.floor(position)
    offset = position - first
    distances = np.abs(offset[:, None] - np.arange(-1, 3))
    near = ((_CUBIC + 2) * distances - (_CUBIC + 3)) * distances**2 + 1
    far = ((_CUBIC * distances - 5 * _CUBIC) * distances + 8 * _CUBIC) * distances - 4 * _CUBIC
    indices = np.clip(first[:, None] + np.arange(-1, 3), 0, old - 1).astype(np.int32)
    return indices, np.where(distances <= 1, near, far)
