"""The only sign flips: from the camera frame to the frames of files and of Blender.

Camera frame: x right, y down, z forward, metres. Both conversions below are rotations, so
triangles keep their orientation and normals turn like points.
"""

from __future__ import annotations

import numpy as np

from .arrays import FloatArray

GLTF_FROM_CAMERA = np.array([[1, 0, 0], [0, -1, 0], [0, 0, -1]], np.float32)
"""glTF, and a Blender camera's own frame: y up, looking down -z."""

BLENDER_FROM_CAMERA = np.array([[1, 0, 0], [0, 0, 1], [0, -1, 0]], np.float32)
"""Blender's world with the photo's camera at the origin: z up, looking along +y."""


def to_gltf(vectors: FloatArray) -> FloatArray:
    """Points or normals (N, 3) float32 of the camera frame in glTF's frame."""
    return vectors * np.array([1, -1, -1], np.float32)


def to_blender(vectors: FloatArray) -> FloatArray:
    """Points or normals (N, 3) float32 of the camera frame in Blender's world."""
    return np.stack([vectors[:, 0], vectors[:, 2], -vectors[:, 1]], axis=1)


def uv_to_blender(uv: FloatArray) -> FloatArray:
    """Texture coordinates (N, 2): v down from the photo's top edge -> v up from its bottom edge."""
    return np.stack([uv[:, 0], 1 - uv[:, 1]], axis=1)
