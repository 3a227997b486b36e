"""The only sign flips: from the camera frame to the frames of files and of Blender.

Camera frame: x right, y down, z forward, metres. Both conversions below are rotations, so
triangles keep their orientation and normals turn like points.
"""

from __future__ import annotations

import numpy as np

from .arrays import FloatArray


def to_gltf(vectors: FloatArray) -> FloatArray:
    """Points or normals (N, 3) float32 in glTF's frame, which is also that of a Blender camera:
    y up, looking down -z."""
    return vectors * np.array([1, -1, -1], np.float32)


def to_blender(vectors: FloatArray) -> FloatArray:
    """Points or normals (N, 3) float32 in Blender's world with the photo's camera at its origin:
    z up, looking along +y."""
    return np.stack([vectors[:, 0], vectors[:, 2], -vectors[:, 1]], axis=1)


def uv_to_blender(uv: FloatArray) -> FloatArray:
    """Texture coordinates (N, 2): v down from the photo's top edge -> v up from its bottom edge."""
    return np.stack([uv[:, 0], 1 - uv[:, 1]], axis=1)
