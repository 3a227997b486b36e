"""Photo -> Prediction, by any model of the catalogue."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import lru_cache

import numpy as np

from ..arrays import FloatArray
from ..depthmap import DepthKind, DepthMap
from ..images import Photo
from . import catalog, edges
from .builtin.network import BuiltinNetwork
from .builtin.upsample import upsample_guided
from .prediction import Prediction


def estimate(
    photo: Photo, model: str, device: str, progress: Callable[[float], None]
) -> Prediction:
    """Run `model` on the photo. `progress(fraction)` may raise to cancel. Raises ModelError."""
    card = catalog.find(model)
    chosen = catalog.pick_device(card, device)
    inverse = run_builtin(_builtin(), photo.rgb_float(), progress)
    return Prediction(_from_inverse(inverse), chosen)


def run_builtin(
    network: BuiltinNetwork, rgb: FloatArray, progress: Callable[[float], None] = lambda _: None
) -> FloatArray:
    """Inverse depth (H, W) float32 at full size from rgb (H, W, 3) float32 sRGB in [0, 1]."""
    coarse = network.predict(rgb, lambda fraction: progress(0.7 * fraction))
    inverse = upsample_guided(coarse, rgb, lambda fraction: progress(0.7 + 0.25 * fraction))
    cell = max(rgb.shape[1] / coarse.shape[1], rgb.shape[0] / coarse.shape[0])
    inverse = edges.snap(inverse, reach=math.ceil(1.5 * cell))
    spacing = max(1, round(cell / 3))
    inverse = edges.smooth(edges.straighten(inverse, rgb, spacing), spacing)
    progress(1.0)
    return inverse


def _from_inverse(inverse: FloatArray) -> DepthMap:
    """Inverse depth of a network, whose zero means nothing, as a DepthMap valid everywhere."""
    shifted = inverse - inverse.min()
    valid = np.ones(inverse.shape, bool)
    return DepthMap(shifted.astype(np.float32), valid, DepthKind.INVERSE)


@lru_cache(maxsize=1)
def _builtin() -> BuiltinNetwork:
    return BuiltinNetwork.load()
