"""The built-in network: checked weights and `predict`.

Imports nothing but the standard library and numpy.
"""

from __future__ import annotations

import zipfile
import zlib
from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ...errors import WeightsError
from .layers import Array, convolve, relu, resize_bilinear, shrink_area
from .plan import CONVOLUTIONS, PLAN, STRIDE, WORKING_PIXELS, Conv

WEIGHTS = Path(__file__).with_name("weights.npz")
# The sizes at which the photo is looked at, of the working size; the largest first.
LOOKS = (1.75, 1.25, 0.75)
_SMALLEST = 64  # shortest side of the working size; narrower pictures would leave no context
_REMEDY = "Install Unflat again."

Progress = Callable[[float], None]


def working_size(width: int, height: int) -> tuple[int, int]:
    """Width and height that the network works at: the photo's shape, near `WORKING_PIXELS`."""
    scale = (WORKING_PIXELS / (width * height)) ** 0.5
    wide, high = (max(_SMALLEST, round(side * scale / STRIDE) * STRIDE) for side in (width, height))
    # A very long photo would otherwise exceed the area because its short side was raised.
    limit = max(_SMALLEST, WORKING_PIXELS // _SMALLEST // STRIDE * STRIDE)
    return min(wide, limit), min(high, limit)


def network_input(rgb: Array, width: int, height: int) -> Array:
    """The plan's "input" (5, height, width) from sRGB (H, W, 3) in [0, 1]."""
    result = np.empty((5, height, width), np.float32)
    result[:3] = np.moveaxis(shrink_area(rgb, height, width), -1, 0) * 2 - 1
    result[3] = (np.arange(width) + 0.5) * (2 / width) - 1
    result[4] = ((np.arange(height) + 0.5) * (2 / height) - 1)[:, None]
    return result


def _ignore(fraction: float) -> None:
    """The progress of somebody who does not want to know."""


def _part(progress: Progress | None, start: float, end: float) -> Progress:
    """Progress of a part of the work that goes from `start` to `end` of the whole."""
    if progress is None:
        return _ignore
    return lambda fraction: progress(start + (end - start) * fraction)


class BuiltinNetwork:
    """Relative inverse depth from one photo."""

    def __init__(self, tensors: Mapping[str, NDArray[np.generic]]) -> None:
        """`tensors` holds NAME.weight (O, I, k, k) and NAME.bias (O,) of every convolution.

        Raises WeightsError where one is missing, left over, misshapen or not finite.
        """
        expected: dict[str, tuple[int, ...]] = {
            f"{conv.name}.weight": conv.weight_shape for conv in CONVOLUTIONS
        }
        expected |= {f"{conv.name}.bias": (conv.outputs,) for conv in CONVOLUTIONS}
        if missing := sorted(expected.keys() - tensors.keys()):
            raise WeightsError(f"The built-in network's weights lack {missing[0]!r}. {_REMEDY}")
        if extra := sorted(tensors.keys() - expected.keys()):
            raise WeightsError(
                f"The built-in network's weights hold {extra[0]!r}, which belongs to another "
                f"network. {_REMEDY}"
            )
        self._tensors: dict[str, Array] = {}
        for name, shape in expected.items():
            tensor = tensors[name]
            if tensor.shape != shape or tensor.dtype.kind != "f":
                raise WeightsError(
                    f"The built-in network's weight {name!r} is {tensor.dtype} {tensor.shape}, "
                    f"not float {shape}. {_REMEDY}"
                )
            if not np.isfinite(tensor).all():
                raise WeightsError(
                    f"The built-in network's weight {name!r} is not finite. {_REMEDY}"
                )
            self._tensors[name] = tensor.astype(np.float32)

    @classmethod
    def load(cls, path: Path | None = None) -> BuiltinNetwork:
        """The network with the weights in `path`, by default those that come with Unflat.

        Raises WeightsError for a file that is missing, damaged or for another network.
        """
        source = WEIGHTS if path is None else Path(path)
        try:
            with zipfile.ZipFile(source):  # np.load would also take a single array
                pass
            with np.load(source, allow_pickle=False) as stored:
                tensors = {name: stored[name] for name in stored.files}
        except FileNotFoundError as error:
            raise WeightsError(
                f"The built-in network's weights are missing: {source}. {_REMEDY}"
            ) from error
        except (OSError, ValueError, EOFError, KeyError, zipfile.BadZipFile, zlib.error) as error:
            raise WeightsError(
                f"The built-in network's weights can't be read: {source} ({error}). {_REMEDY}"
            ) from error
        return cls(tensors)

    def predict(self, rgb: Array, progress: Progress | None = None) -> Array:
        """Relative inverse depth (h, w) float32 of the largest look; larger = nearer, all finite.

        rgb is (H, W, 3) float32 sRGB in [0, 1], at least 16 x 16. Scale and shift carry no meaning.
        `progress` gets the finished share between layers and may raise to cancel.

        The photo is looked at from near and from afar, at several sizes, and each time also in the
        mirror, since scenes have no left or right: details show from near, the place as a whole
        from afar, and the mean is steadier than any of them.
        """
        rgb = np.asarray(rgb, np.float32)
        width, height = working_size(rgb.shape[1], rgb.shape[0])
        shares = np.cumsum([0, *(look * look for look in LOOKS)]) / sum(k * k for k in LOOKS)
        total: Array | None = None
        for look, start, end in zip(LOOKS, shares, shares[1:], strict=False):
            image = network_input(rgb, round(width * look), round(height * look))
            seen = self._both_ways(image, _part(progress, start, end))
            total = seen if total is None else total + resize_bilinear(seen[None], *total.shape)[0]
        assert total is not None
        return total / len(LOOKS)

    def _both_ways(self, image: Array, progress: Progress) -> Array:
        """Inverse depth (H, W) with median 0 and mean absolute deviation 1: photo and mirror."""
        straight = self.run(image, _part(progress, 0.0, 0.5))
        mirrored = image.copy()
        mirrored[:3] = image[:3, :, ::-1]
        mean = straight + self.run(mirrored, _part(progress, 0.5, 1.0))[:, ::-1]
        mean -= np.median(mean)
        mean /= max(float(np.abs(mean).mean()), 1e-6)
        return mean

    def run(self, image: Array, progress: Progress = _ignore) -> Array:
        """One pass: the plan's "input" (5, H, W) to its "inverse" (H, W), both float32."""
        registers: dict[str, Array] = {"input": image}
        for done, step in enumerate(PLAN, start=1):
            if isinstance(step, Conv):
                registers[step.target] = self._convolution(step, registers)
            else:
                size = registers[step.like].shape[1:]
                registers[step.target] = resize_bilinear(registers[step.source], *size)
            progress(done / len(PLAN))
        return registers["inverse"][0]

    def _convolution(self, step: Conv, registers: Mapping[str, Array]) -> Array:
        weight, bias = self._tensors[f"{step.name}.weight"], self._tensors[f"{step.name}.bias"]
        result = convolve(registers[step.source], weight, bias, step.stride)
        if step.add is not None:
            result += registers[step.add]
        return relu(result) if step.relu else result
