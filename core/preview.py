"""preview.png: the photo, its depth, and the surface seen from the side, in one row.

Imports Pillow.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from . import mesh, raster
from .arrays import ByteArray, FloatArray
from .camera import Pinhole
from .errors import GeometryError
from .mesh import TriangleMesh

if TYPE_CHECKING:
    from .pipeline import Result

HEIGHT, MAX_WIDTH = 360, 1280  # of one panel, in pixels
GAP = 8
BACKGROUND = np.array([38, 38, 41], np.uint8)

_ORBIT = (-20.0, 8.0)  # degrees of yaw and pitch around the middle of the scene
_STEP_BACK = 1.18
_ERROR = 0.005  # of depth, that no one sees in a small picture
_SAMPLES = 2  # per pixel and axis


def compose(result: Result, depth_color: ByteArray) -> ByteArray:
    """The picture (h, w, 3) uint8; `depth_color` (H, W, 3) uint8 is the coloured depth."""
    photo = result.photo
    scale = min(HEIGHT / photo.height, MAX_WIDTH / photo.width)
    width, height = max(1, round(photo.width * scale)), max(1, round(photo.height * scale))
    panels = [shrink(photo.rgb, width, height), shrink(depth_color, width, height)]
    panels.append(side_view(_surfaces(result, width * height), result.camera, width, height))
    gap = np.broadcast_to(BACKGROUND, (height, GAP, 3))
    return np.concatenate([panels[0], gap, panels[1], gap, panels[2]], axis=1)


def side_view(
    surfaces: list[tuple[TriangleMesh, ByteArray]], camera: Pinhole, width: int, height: int
) -> ByteArray:
    """Surfaces with their textures (H, W, 3) uint8 from the side: (height, width, 3) uint8.

    All from the side that the first one has; of what is as near the first is seen.
    """
    fine = camera.resized(width * _SAMPLES, height * _SAMPLES)
    picture = np.broadcast_to(BACKGROUND, (fine.height, fine.width, 3)).copy()
    nearness = np.zeros((fine.height, fine.width), np.float32)
    middle = np.quantile(surfaces[0][0].vertices[:, 2], 0.4) if surfaces else 1.0
    for surface, rgb in surfaces:
        moved = _orbit(surface.vertices, float(middle))
        near = moved[:, 2] > 1e-6
        triangles = surface.triangles[near[surface.triangles].all(axis=1)]
        hit = raster.rasterize(moved, triangles, fine)
        texture = shrink(rgb, min(rgb.shape[1], fine.width), min(rgb.shape[0], fine.height))
        columns = [surface.uv, moved[:, 2:]]
        found = raster.interpolate(hit, moved, triangles, np.concatenate(columns, axis=1))
        at = found[:, 1::-1] * texture.shape[:2]
        row, column = np.clip(at, 0, np.array(texture.shape[:2]) - 1).astype(np.intp).T
        own = np.zeros_like(nearness)
        own[hit.seen] = 1 / found[:, 2]
        front = own > nearness
        picture[front] = texture[row, column][front[hit.seen]]
        nearness = np.maximum(nearness, own)
    return shrink(picture, width, height)


def shrink(rgb: ByteArray, width: int, height: int) -> ByteArray:
    """An (H, W, 3) uint8 picture at another size, every source pixel counted."""
    from PIL import Image

    picture = Image.fromarray(rgb).resize((width, height), Image.Resampling.BOX)
    return np.asarray(picture)


def _orbit(vertices: FloatArray, distance: float) -> FloatArray:
    """Vertices in the frame of a camera that was swung around what is straight ahead."""
    middle = np.array([0, 0, distance], np.float32)
    yaw, pitch = map(math.radians, _ORBIT)
    cos, sin = math.cos(yaw), math.sin(yaw)
    around_y = np.array([[cos, 0, sin], [0, 1, 0], [-sin, 0, cos]], np.float32)
    cos, sin = math.cos(pitch), math.sin(pitch)
    turn = np.array([[1, 0, 0], [0, cos, -sin], [0, sin, cos]], np.float32) @ around_y
    return (vertices - middle) @ turn.T + middle * np.float32(_STEP_BACK)


def _surfaces(result: Result, faces: int) -> list[tuple[TriangleMesh, ByteArray]]:
    """The result's surfaces with their pictures; without any, a mesh just for this view."""
    if result.surface is not None and result.mesh is None:
        return [(result.surface, result.photo.rgb)]
    if result.mesh is not None:
        behind = result.background
        return [(result.mesh, result.photo.rgb)] + (
            [(behind.mesh, behind.photo.rgb)] if behind else []
        )
    ratio = result.settings.edge_ratio
    try:
        surface = mesh.from_depth(
            result.depth, result.camera, edge_ratio=ratio, max_error=_ERROR, max_faces=faces
        )
    except GeometryError:  # too sparse for any triangle
        return []
    return [(surface, result.photo.rgb)]
