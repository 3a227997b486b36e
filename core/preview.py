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
_SAMPLES = 2  # per pixel and axis


def compose(result: Result, depth_color: ByteArray) -> ByteArray:
    """The picture (h, w, 3) uint8; `depth_color` (H, W, 3) uint8 is the coloured depth."""
    photo = result.photo
    scale = min(HEIGHT / photo.height, MAX_WIDTH / photo.width)
    width, height = max(1, round(photo.width * scale)), max(1, round(photo.height * scale))
    panels = [shrink(photo.rgb, width, height), shrink(depth_color, width, height)]
    surface = result.mesh or _coarse_mesh(result, width * height)
    if surface is None:
        panels.append(np.broadcast_to(BACKGROUND, (height, width, 3)))
    else:
        panels.append(side_view(surface, result.camera, photo.rgb, width, height))
    gap = np.broadcast_to(BACKGROUND, (height, GAP, 3))
    return np.concatenate([panels[0], gap, panels[1], gap, panels[2]], axis=1)


def side_view(
    surface: TriangleMesh, camera: Pinhole, rgb: ByteArray, width: int, height: int
) -> ByteArray:
    """The surface from the side (height, width, 3) uint8, textured with rgb (H, W, 3) uint8."""
    fine = camera.resized(width * _SAMPLES, height * _SAMPLES)
    moved = _orbit(surface.vertices)
    near = moved[:, 2] > 1e-6
    triangles = surface.triangles[near[surface.triangles].all(axis=1)]
    hit = raster.rasterize(moved, triangles, fine)
    texture = shrink(rgb, min(rgb.shape[1], fine.width), min(rgb.shape[0], fine.height))
    uv = raster.interpolate(hit, moved, triangles, surface.uv)
    rows = np.clip(uv[:, 1] * texture.shape[0], 0, texture.shape[0] - 1).astype(np.intp)
    columns = np.clip(uv[:, 0] * texture.shape[1], 0, texture.shape[1] - 1).astype(np.intp)
    picture = np.broadcast_to(BACKGROUND, (fine.height, fine.width, 3)).copy()
    picture[hit.seen] = texture[rows, columns]
    return shrink(picture, width, height)


def shrink(rgb: ByteArray, width: int, height: int) -> ByteArray:
    """An (H, W, 3) uint8 picture at another size, every source pixel counted."""
    from PIL import Image

    picture = Image.fromarray(rgb).resize((width, height), Image.Resampling.BOX)
    return np.asarray(picture)


def _orbit(vertices: FloatArray) -> FloatArray:
    """Vertices in the frame of a camera that was swung around the middle of the scene."""
    middle = np.array([0, 0, np.quantile(vertices[:, 2], 0.4)], np.float32)
    yaw, pitch = map(math.radians, _ORBIT)
    cos, sin = math.cos(yaw), math.sin(yaw)
    around_y = np.array([[cos, 0, sin], [0, 1, 0], [-sin, 0, cos]], np.float32)
    cos, sin = math.cos(pitch), math.sin(pitch)
    turn = np.array([[1, 0, 0], [0, cos, -sin], [0, sin, cos]], np.float32) @ around_y
    return (vertices - middle) @ turn.T + middle * np.float32(_STEP_BACK)


def _coarse_mesh(result: Result, faces: int) -> TriangleMesh | None:
    """A mesh just for the picture; None where the depth is too sparse for any triangle."""
    ratio = result.settings.edge_ratio
    try:
        return mesh.from_depth(result.depth, result.camera, edge_ratio=ratio, max_faces=faces)
    except GeometryError:
        return None
