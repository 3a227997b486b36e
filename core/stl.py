"""TriangleMesh -> binary STL: z up, looking along +y. STL knows no units: one is one metre."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from . import frames
from ._version import __version__
from .mesh import TriangleMesh

_FACET = np.dtype([("normal", "<f4", 3), ("corners", "<f4", (3, 3)), ("unused", "<u2")])
_FACETS = 200_000  # at a time: 10 MB


def encode(mesh: TriangleMesh) -> Iterator[bytes]:
    """The chunks of an .stl file."""
    title = f"made by Unflat {__version__}: metres, z up".encode()
    yield title.ljust(80) + np.uint32(len(mesh.triangles)).astype("<u4").tobytes()
    vertices = frames.to_blender(mesh.vertices)
    for begin in range(0, len(mesh.triangles), _FACETS):
        corners = vertices[mesh.triangles[begin : begin + _FACETS]]
        across = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
        length = np.linalg.norm(across, axis=1, keepdims=True)
        facets = np.zeros(len(corners), _FACET)
        facets["normal"] = across / np.maximum(length, np.float32(1e-30))
        facets["corners"] = corners
        yield facets.tobytes()
