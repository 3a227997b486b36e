"""Checks a result that came from outside: Blender crashes on triangles that are none."""

from __future__ import annotations

import numpy as np

from ..core.arrays import AnyArray
from ..core.images import Photo
from ..core.pipeline import Result
from .messages import ProtocolError


def check(result: Result) -> None:
    """Raises ProtocolError unless all arrays have shapes that fit, and indices are in range."""
    _shape("photo", result.photo.rgb, None, None, 3)
    height, width = result.photo.rgb.shape[:2]
    _check_photo(result.photo, height, width)
    _shape("depth", result.depth.depth, height, width)
    _shape("valid", result.depth.valid, height, width)
    meshes = [result.mesh, result.surface]
    if result.background is not None:
        meshes.append(result.background.mesh)
        _check_photo(result.background.photo, height, width)
    for mesh in meshes:
        if mesh is not None:
            _check_triangles(mesh.vertices, mesh.triangles)
            _shape("uv", mesh.uv, len(mesh.vertices), 2)
    if result.solid is not None:
        _check_triangles(result.solid.vertices, result.solid.triangles)
    if result.detail is not None:
        _shape("displacement", result.detail.displacement, height, width)
        _shape("normals", result.detail.normals, height, width, 3)
    if result.points is not None:
        _shape("positions", result.points.positions, None, 3)
        for array in (result.points.colors, result.points.normals):
            _shape("points", array, len(result.points.positions), 3)


def _check_photo(photo: Photo, height: int, width: int) -> None:
    _shape("photo", photo.rgb, height, width, 3)
    if photo.alpha is not None:
        _shape("alpha", photo.alpha, height, width)


def _check_triangles(vertices: AnyArray, triangles: AnyArray) -> None:
    _shape("vertices", vertices, None, 3)
    _shape("triangles", triangles, None, 3)
    if triangles.size and not 0 <= triangles.min() <= triangles.max() < len(vertices):
        raise ProtocolError("triangles have corners that do not exist")
    if not np.isfinite(vertices).all():
        raise ProtocolError("vertices are no numbers")


def _shape(name: str, array: AnyArray, *shape: int | None) -> None:
    """None stands for any length."""
    fits = array.ndim == len(shape) and all(
        wanted is None or found == wanted for found, wanted in zip(array.shape, shape, strict=True)
    )
    if not fits:
        raise ProtocolError(f"{name} of shape {array.shape} in place of {shape}")
