"""The only sign flips: from the camera frame to the frames of files and of Blender.

Camera frame: x right, y down, z forward, metres. Both conversions below are rotations, so
triangles keep their orientation and normals turn like points. Where a levelled camera stands is
a matrix (4, 4) float64 that takes points of such a frame, as columns, to one with its origin on
the floor below the camera.
"""

from __future__ import annotations

import numpy as np

from .arrays import AnyArray, FloatArray
from .level import Pose


def to_gltf(vectors: FloatArray) -> FloatArray:
    """Points or normals (N, 3) float32 in glTF's frame, which is also that of a Blender camera:
    y up, looking down -z."""
    return vectors * np.array([1, -1, -1], np.float32)


def to_blender(vectors: FloatArray) -> FloatArray:
    """Points or normals (N, 3) float32 in Blender's world with the photo's camera at its origin:
    z up, looking along +y."""
    return np.stack([vectors[:, 0], vectors[:, 2], -vectors[:, 1]], axis=1)


def stand_in_gltf(pose: Pose) -> AnyArray:
    """Where the camera stands in glTF's frame over the floor y = 0."""
    return _stand(to_gltf(to_gltf(pose.rotation).T).T, (0, pose.height, 0))


def stand_in_blender(pose: Pose) -> AnyArray:
    """Where the camera stands in Blender's world over the floor z = 0."""
    return _stand(to_blender(to_blender(pose.rotation).T).T, (0, 0, pose.height))


def _stand(rotation: AnyArray, place: tuple[float, float, float]) -> AnyArray:
    matrix = np.eye(4)
    matrix[:3, :3], matrix[:3, 3] = rotation, place
    return matrix


def uv_to_blender(uv: FloatArray) -> FloatArray:
    """Texture coordinates (N, 2): v down from the photo's top edge -> v up from its bottom edge."""
    return np.stack([uv[:, 0], 1 - uv[:, 1]], axis=1)
