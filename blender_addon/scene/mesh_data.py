"""The mesh, written as whole attributes."""

from __future__ import annotations

import bpy
import numpy as np

from ...core.arrays import AnyArray
from .arrays import MeshArrays

UV_NAME = "UVMap"


def create(name: str, arrays: MeshArrays, *materials: bpy.types.Material) -> bpy.types.Mesh:
    """A smooth mesh with one UV map; all of it has the first of its materials.

    Raw attributes take arrays as they are, 15 to 20 times faster than `vertices` and `loops`.
    """
    mesh = bpy.data.meshes.new(name)
    mesh.vertices.add(len(arrays.positions) // 3)
    mesh.edges.add(len(arrays.edges) // 2)
    mesh.loops.add(len(arrays.corners))
    mesh.polygons.add(len(arrays.corners) // 3)
    _write(mesh, "position", "FLOAT_VECTOR", "POINT", "vector", arrays.positions)
    _write(mesh, ".edge_verts", "INT32_2D", "EDGE", "value", arrays.edges)
    _write(mesh, ".corner_vert", "INT", "CORNER", "value", arrays.corners)
    _write(mesh, ".corner_edge", "INT", "CORNER", "value", arrays.corner_edges)
    mesh.polygons.foreach_set("loop_start", np.arange(0, len(arrays.corners), 3, dtype=np.int32))
    _write(mesh, UV_NAME, "FLOAT2", "CORNER", "vector", arrays.uv)
    for material in materials:
        mesh.materials.append(material)
    mesh.update()
    return mesh


def _write(
    mesh: bpy.types.Mesh, name: str, kind: str, domain: str, field: str, values: AnyArray
) -> None:
    attribute = mesh.attributes.get(name) or mesh.attributes.new(name, kind, domain)
    attribute.data.foreach_set(field, values)
