"""Convolution and resizing with numpy, on float32 arrays (channels, height, width)."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float32]


def convolve(image: Array, weight: Array, bias: Array, stride: int = 1) -> Array:
    """Cross-correlation with zero padding of half the kernel, as torch.nn.functional.conv2d.

    image (I, H, W), weight (O, I, k, k) with odd k, bias (O,) -> (O, ceil(H / s), ceil(W / s)).
    The windows are laid out as columns, so that all the arithmetic is one matrix product.
    """
    outputs, inputs, size, _ = weight.shape
    pad = size // 2
    rows, columns = (-(-side // stride) for side in image.shape[1:])
    if size == 1 and stride == 1:
        patches = image.reshape(inputs, -1)
    else:
        padded = np.pad(image, ((0, 0), (pad, pad), (pad, pad)))
        windows = np.empty((inputs, size, size, rows, columns), np.float32)
        for i in range(size):
            for j in range(size):
                down, right = i + stride * (rows - 1) + 1, j + stride * (columns - 1) + 1
                windows[:, i, j] = padded[:, i:down:stride, j:right:stride]
        patches = windows.reshape(inputs * size * size, rows * columns)
    result = weight.reshape(outputs, -1) @ patches
    result += bias[:, None]
    return result.reshape(outputs, rows, columns)


def relu(image: Array) -> Array:
    """max(image, 0), in place."""
    return np.maximum(image, 0, out=image)


def _taps(before: int, after: int) -> tuple[NDArray[np.intp], NDArray[np.intp], Array]:
    """For each new sample the two old ones around it, and the share (after,) of the second."""
    position = (np.arange(after) + 0.5) * (before / after) - 0.5
    position = np.clip(position, 0, before - 1)
    low = np.minimum(position.astype(np.intp), max(before - 2, 0))
    return low, np.minimum(low + 1, before - 1), (position - low).astype(np.float32)


def resize_bilinear(image: Array, height: int, width: int) -> Array:
    """Bilinear resize of (..., H, W) with pixel centres at +0.5, edge pixels repeated.

    The same samples as torch's interpolate(mode="bilinear", align_corners=False); meant for
    enlarging: see `shrink_area` for the other direction.
    """
    if image.shape[-2:] == (height, width):
        return image
    top, bottom, share = _taps(image.shape[-2], height)
    low = image[..., top, :]
    tall = low + (image[..., bottom, :] - low) * share[:, None]
    left, right, share = _taps(image.shape[-1], width)
    low = tall[..., left]
    return np.asarray(low + (tall[..., right] - low) * share, np.float32)


def _average_rows(image: Array, count: int) -> Array:
    """Mean of (H, ...) over `count` equal stretches; a pixel on a border counts in part to both."""
    height = image.shape[0]
    edges = (np.arange(count + 1) * (height / count)).astype(np.float32)
    first = np.arange(height, dtype=np.float32)
    covered = np.minimum(edges[1:, None], first + 1) - np.maximum(edges[:-1, None], first)
    weights = np.clip(covered, 0, 1) * np.float32(count / height)
    return (weights @ image.reshape(height, -1)).reshape(count, *image.shape[1:])


def shrink_area(image: Array, height: int, width: int) -> Array:
    """(H, W, C) averaged over equal areas to (height, width, C); sides that grow are bilinear."""
    if height < image.shape[0]:
        image = _average_rows(image, height)
    if width < image.shape[1]:
        turned = np.ascontiguousarray(image.swapaxes(0, 1))
        image = _average_rows(turned, width).swapaxes(0, 1)
    channels = np.ascontiguousarray(np.moveaxis(image, -1, 0), np.float32)
    return np.moveaxis(resize_bilinear(channels, height, width), 0, -1)
