"""What a model says of a photo."""

from __future__ import annotations

from dataclasses import dataclass

from ..arrays import FloatArray
from ..depthmap import DepthMap


@dataclass(frozen=True)
class Prediction:
    """What a model says of a photo.

    depth: at the photo's full size.
    device: where it ran.
    focal: focal length in pixels of the photo, from models that know it.
    normals: (H, W, 3) float32 unit vectors, camera frame, facing the camera, NaN where invalid;
        from models that know them.
    """

    depth: DepthMap
    device: str
    focal: float | None = None
    normals: FloatArray | None = None
