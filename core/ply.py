"""PointCloud and TriangleMesh -> binary PLY, in the camera frame (x right, y down, z forward)."""

from __future__ import annotations

from typing import TypeAlias

import numpy as np

from .arrays import AnyArray, ByteArray
from .mesh import TriangleMesh
from .points import PointCloud

Chunk: TypeAlias = bytes | memoryview
"""A piece of a file; arrays are written from where they lie."""

_HEADER = """ply
format binary_little_endian 1.0
comment made by Unflat: metres, y down, z forward
{}end_header
"""


def encode_points(cloud: PointCloud) -> list[Chunk]:
    """The chunks of a .ply file with positions, normals and colours."""
    fields = [(n, "<f4", "float") for n in ("x", "y", "z", "nx", "ny", "nz")]
    fields += [(n, "u1", "uchar") for n in ("red", "green", "blue")]
    columns = [*cloud.positions.T, *cloud.normals.T, *cloud.colors.T]
    return _encode("vertex", fields, columns)


def encode_mesh(mesh: TriangleMesh, rgb: ByteArray) -> list[Chunk]:
    """The chunks of a .ply file with positions, texture coordinates, colours and triangles.

    The colour of a vertex is that of the photo, rgb (H, W, 3) uint8, where it is seen.
    """
    height, width = rgb.shape[:2]
    column = np.clip(mesh.uv[:, 0] * width, 0, width - 1).astype(np.intp)
    row = np.clip(mesh.uv[:, 1] * height, 0, height - 1).astype(np.intp)
    fields = [(n, "<f4", "float") for n in ("x", "y", "z", "s", "t")]
    fields += [(n, "u1", "uchar") for n in ("red", "green", "blue")]
    t = 1 - mesh.uv[:, 1]  # PLY viewers count texture rows from the bottom
    columns = [*mesh.vertices.T, mesh.uv[:, 0], t, *rgb[row, column].T]
    vertices = _encode("vertex", fields, columns)
    faces = np.empty(len(mesh.triangles), [("count", "u1"), ("corners", "<i4", 3)])
    faces["count"], faces["corners"] = 3, mesh.triangles
    declaration = f"element face {len(faces)}\nproperty list uchar int vertex_indices\nend_header\n"
    head = bytes(vertices[0]).replace(b"end_header\n", declaration.encode())
    return [head, *vertices[1:], faces.view(np.uint8).data]


def _encode(
    element: str, fields: list[tuple[str, str, str]], columns: list[AnyArray]
) -> list[Chunk]:
    table = np.empty(len(columns[0]), [(name, dtype) for name, dtype, _ in fields])
    for (name, _, _), column in zip(fields, columns, strict=True):
        table[name] = column
    text = f"element {element} {len(table)}\n"
    text += "".join(f"property {kind} {name}\n" for name, _, kind in fields)
    return [_HEADER.format(text).encode(), table.view(np.uint8).data]
