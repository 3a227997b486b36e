"""Triangles -> binary STL, z up. STL knows no units, its title says them."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from . import frames
from ._version import __version__
from .arrays import FloatArray, IntArray
from .mesh import Solid, TriangleMesh

_FACET = np.dtype([("normal", "<f4", 3), ("corners", "<f4", (3, 3)), ("unused", "<u2")])
_FACETS = 200_000  # at a time: 10 MB


def encode_mesh(mesh: TriangleMesh) -> Iterator[bytes]:
    """The chunks of an .stl file in metres, looking along +y."""
    return _encode(frames.to_blender(mesh.vertices), mesh.triangles, "metres")


def encode_solid(solid: Solid) -> Iterator[bytes]:
    """The chunks of an .stl file in millimetres, which slicers expect, lying on the bed."""
    return _encode(solid.vertices, solid.triangles, "millimetres")


def _encode(vertices: FloatArray, triangles: IntArray, unit: str) -> Iterator[bytes]:
    title = f"made by Unflat {__version__}: {unit}, z up".encode()
    yield title.ljust(80) + np.uint32(len(triangles)).astype("<u4").tobytes()
    for begin in range(0, len(triangles), _FACETS):
        corners = vertices[triangles[begin : begin + _FACETS]]
        across = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
        length = np.linalg.norm(across, axis=1, keepdims=True)
        facets = np.zeros(len(corners), _FACET)
        facets["normal"] = across / np.maximum(length, np.float32(1e-30))
        facets["corners"] = corners
        yield facets.tobytes()
