"""What a model says of a photo."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..arrays import BoolArray, FloatArray
from ..depthmap import DepthKind, DepthMap
from ..errors import DepthError, ModelError

_NOTHING = "The model found no depth in this photo, check its weights."


@dataclass(frozen=True)
class Prediction:
    """What a model says of a photo.

    depth: at the photo's full size.
    device: where it ran.
    precision: in which it was computed, and by what if not by torch.
    focal: focal length in pixels of the photo, from models that know it.
    normals: (H, W, 3) float32 unit vectors, camera frame, facing the camera, NaN where invalid;
        from models that know them.
    warnings: sentences for the user.
    """

    depth: DepthMap
    device: str
    focal: float | None = None
    normals: FloatArray | None = None
    precision: str = "float32"
    warnings: tuple[str, ...] = ()


def inverse_map(inverse: FloatArray) -> DepthMap:
    """Inverse depth (H, W) of a network, whose zero means nothing, as a DepthMap.

    Valid wherever it is finite. Raises ModelError if it is so nowhere.
    """
    valid = np.isfinite(inverse)
    if not valid.any():
        raise ModelError(_NOTHING)
    shifted = np.where(valid, inverse - inverse[valid].min(), 0)
    return DepthMap(shifted.astype(np.float32), valid, DepthKind.INVERSE)


def distance_map(z: FloatArray, kind: DepthKind, valid: BoolArray | None = None) -> DepthMap:
    """z-depth (H, W) of a network as a DepthMap; valid (H, W) where the network says so.

    Raises ModelError if it is so nowhere.
    """
    try:
        return DepthMap.from_array(z, kind, valid)
    except DepthError:
        raise ModelError(_NOTHING) from None
