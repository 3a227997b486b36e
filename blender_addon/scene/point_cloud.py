"""The points: a native point cloud where Python can make one, else a mesh shown as points."""

from __future__ import annotations

import bpy

from ...core.arrays import FloatArray
from .arrays import PointArrays
from .collection import Home
from .material import new_material, photo_surface
from .nodes import Wiring, put

COLOR, RADIUS, NORMAL = "Color", "radius", "normal"


def add(home: Home, arrays: PointArrays) -> bpy.types.Object:
    """The points as an object with colour, radius and normal on every point."""
    name = f"{home.name} Points"
    surface = _material(name)
    data = create(name, arrays)
    data.materials.append(surface)
    thing = home.add("Points", data)
    if not _native():
        thing.modifiers.new("Points", "NODES").node_group = _to_points(name, surface)
    return thing


def create(name: str, arrays: PointArrays) -> bpy.types.PointCloud | bpy.types.Mesh:
    """The points without a material: a mesh of single vertices where Blender is too old."""
    count = len(arrays.radii)
    if _native():
        data = bpy.data.pointclouds.new(name)
        data.resize(count)
    else:
        data = bpy.data.meshes.new(name)
        data.vertices.add(count)
    _write(data, "position", "FLOAT_VECTOR", "vector", arrays.positions)
    _write(data, RADIUS, "FLOAT", "value", arrays.radii)
    _write(data, NORMAL, "FLOAT_VECTOR", "vector", arrays.normals)
    _write(data, COLOR, "FLOAT_COLOR", "color", arrays.colors)
    data.update_tag()
    return data


def _native() -> bool:
    """Whether Python can say how many points a point cloud has."""
    return "resize" in bpy.types.PointCloud.bl_rna.functions


def _write(
    data: bpy.types.PointCloud | bpy.types.Mesh, name: str, kind: str, field: str, flat: FloatArray
) -> None:
    attribute = data.attributes.get(name) or data.attributes.new(name, kind, "POINT")
    attribute.data.foreach_set(field, flat)


def _material(name: str) -> bpy.types.Material:
    """Each point shines in its own colour."""
    material, wiring, output = new_material(name)
    color = wiring.node("ShaderNodeAttribute", attribute_name=COLOR).outputs["Color"]
    put(output.inputs["Surface"], photo_surface(wiring, color))
    wiring.arrange()
    return material


def _to_points(name: str, material: bpy.types.Material) -> bpy.types.NodeTree:
    """Geometry nodes that show vertices as points, with a scale for their size."""
    tree = bpy.data.node_groups.new(name, "GeometryNodeTree")
    tree.interface.new_socket("Geometry", in_out="INPUT", socket_type="NodeSocketGeometry")
    size = tree.interface.new_socket("Size", in_out="INPUT", socket_type="NodeSocketFloat")
    size.default_value, size.min_value = 1.0, 0.0
    tree.interface.new_socket("Geometry", in_out="OUTPUT", socket_type="NodeSocketGeometry")
    wiring = Wiring(tree)
    given = wiring.node("NodeGroupInput")
    stored = wiring.node("GeometryNodeInputNamedAttribute", RADIUS, data_type="FLOAT")
    radius = wiring.math("MULTIPLY", stored.outputs["Attribute"], given.outputs["Size"])
    points = wiring.node("GeometryNodeMeshToPoints", given.outputs["Geometry"], None, None, radius)
    painted = wiring.node("GeometryNodeSetMaterial", points.outputs[0], None, material)
    wiring.node("NodeGroupOutput", painted.outputs[0])
    wiring.arrange()
    return tree
