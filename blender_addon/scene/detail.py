"""What the depth image knows more than a light mesh: for the material, and as a modifier.

Both move a point along its ray of sight, from the mesh to the depth image; a point that lies there
already stays, so nothing is moved twice. The object's origin is the photo's camera: y is z-depth,
and moving a point along its ray is scaling its position.

The material's displacement shows as bumps, or with its Displacement set to true displacement and
the subdivision modifier switched on as shape, in Cycles as fine as the picture. The modifier
"Depth Detail" subdivides and moves the vertices themselves, wherever they are shown.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import bpy

from ...core.camera import Pinhole
from .nodes import Value, Wiring, put

NAME = "Depth Detail"
_LEVEL = 3  # of subdivision at first
_MARGIN, _ROUNDING = 1.5, 1e-4  # on the mesh's error, as a factor and as a share of the depth

_VALUES = ("Near", "Far", "Limit")

_Sample = Callable[[Value], tuple[Value, Value]]
"""Texture coordinates -> the depth image's colour and alpha."""


@dataclass(frozen=True)
class DepthSource:
    """The depth image of a photo, how to read it, and how far its mesh may be off it.

    span: (nearest, farthest) z-depth, of nearness 1 and 0.
    error: of the mesh, as a share of z; what is farther off lies past an edge, on another surface.
    """

    name: str
    image: bpy.types.Image
    camera: Pinhole
    span: tuple[float, float]
    error: float

    @property
    def values(self) -> dict[str, float]:
        """What a new mesh of the same photo changes, by the names of nodes."""
        near, far = self.span
        return {"Near": near, "Far": far, "Limit": _MARGIN * self.error + _ROUNDING}

    def offset(
        self, wiring: Wiring, point: Value, sample: _Sample, strength: Value
    ) -> bpy.types.NodeSocket:
        """The way from a point of the mesh, in object space, to the depth image."""
        uv, mesh_depth = self._seen_at(wiring, point)
        color, alpha = sample(uv)
        nearness = wiring.split(color)[0]
        near, far, limit = (wiring.value(name, self.values[name]) for name in _VALUES)
        at_far = wiring.math("DIVIDE", 1.0, far)
        spread = wiring.math("SUBTRACT", wiring.math("DIVIDE", 1.0, near), at_far)
        inverse = wiring.math("MULTIPLY_ADD", nearness, spread, at_far)
        ratio = wiring.math("DIVIDE", wiring.math("DIVIDE", 1.0, inverse), mesh_depth)
        rest = wiring.math("SUBTRACT", ratio, 1.0)
        same = wiring.math("LESS_THAN", wiring.math("ABSOLUTE", rest), limit)
        known = wiring.math("GREATER_THAN", alpha, 0.999)
        wanted = wiring.math("MULTIPLY", wiring.math("MULTIPLY", same, known), strength)
        offset = wiring.node("ShaderNodeVectorMath", point, operation="SCALE")
        put(offset.inputs["Scale"], wiring.math("MULTIPLY", rest, wanted))
        return offset.outputs[0]

    def _seen_at(
        self, wiring: Wiring, point: Value
    ) -> tuple[bpy.types.NodeSocket, bpy.types.NodeSocket]:
        """Where the photo's camera sees a point, as texture coordinates, and its z-depth."""
        camera = self.camera
        x, y, z = wiring.split(point)
        right, up = wiring.math("DIVIDE", x, y), wiring.math("DIVIDE", z, y)
        u = wiring.math("MULTIPLY_ADD", right, camera.fx / camera.width, camera.cx / camera.width)
        v = wiring.math(
            "MULTIPLY_ADD", up, camera.fy / camera.height, 1 - camera.cy / camera.height
        )
        return wiring.join(u, v, 0.0), y


def displace(material: bpy.types.Material, source: DepthSource) -> None:
    """Displace the mesh's material."""
    wiring = Wiring(material.node_tree)
    group = wiring.node("ShaderNodeGroup", node_tree=_shader_group(source))
    group.width = 200
    moved = wiring.node("ShaderNodeVectorDisplacement", space="OBJECT")
    put(moved.inputs["Vector"], group.outputs["Offset"])
    put(moved.inputs["Midlevel"], 0.0)
    put(moved.inputs["Scale"], 1.0)
    output = next(n for n in material.node_tree.nodes if n.type == "OUTPUT_MATERIAL")
    put(output.inputs["Displacement"], moved.outputs[0])
    wiring.arrange()


def add_modifiers(thing: bpy.types.Object, source: DepthSource) -> None:
    """Both ways to get the detail as shape, ready and switched off: they cost what a mesh saves.

    The subdivision comes last, as Cycles wants it for subdividing adaptively.
    """
    nodes = thing.modifiers.new(NAME, "NODES")
    nodes.node_group = _geometry_group(source)
    subdivision = thing.modifiers.new("Subdivision", "SUBSURF")
    subdivision.subdivision_type = "SIMPLE"
    for holder in (subdivision, getattr(thing, "cycles", None)):  # Blender 5, and before
        if hasattr(holder, "use_adaptive_subdivision"):
            holder.use_adaptive_subdivision = True
    for modifier in (nodes, subdivision):
        modifier.show_viewport = modifier.show_render = False
        modifier.show_expanded = False


def update(thing: bpy.types.Object, source: DepthSource) -> None:
    """Tell the material and the modifier of a mesh's object about a new mesh."""
    trees = [modifier.node_group for modifier in thing.modifiers if modifier.type == "NODES"]
    for material in thing.data.materials:
        if material is not None and material.node_tree is not None:
            trees += [node.node_tree for node in material.node_tree.nodes if node.type == "GROUP"]
    for tree in trees:
        nodes = tree.nodes if tree is not None else {}
        if all(name in nodes for name in _VALUES):
            for name, value in source.values.items():
                nodes[name].outputs[0].default_value = value


def _shader_group(source: DepthSource) -> bpy.types.NodeTree:
    tree = bpy.data.node_groups.new(f"{source.name} {NAME}", "ShaderNodeTree")
    _strength(tree)
    tree.interface.new_socket("Offset", in_out="OUTPUT", socket_type="NodeSocketVector")
    wiring = Wiring(tree)
    strength = wiring.node("NodeGroupInput").outputs["Strength"]
    point = wiring.node("ShaderNodeTexCoord").outputs["Object"]

    def sample(uv: Value) -> tuple[Value, Value]:
        texture = wiring.node("ShaderNodeTexImage", uv, image=source.image, extension="EXTEND")
        return texture.outputs["Color"], texture.outputs["Alpha"]

    wiring.node("NodeGroupOutput", source.offset(wiring, point, sample, strength))
    wiring.arrange()
    return tree


def _geometry_group(source: DepthSource) -> bpy.types.NodeTree:
    tree = bpy.data.node_groups.new(f"{source.name} {NAME}", "GeometryNodeTree")
    tree.is_modifier = True
    face = tree.interface
    face.new_socket("Geometry", in_out="INPUT", socket_type="NodeSocketGeometry")
    level = face.new_socket("Level", in_out="INPUT", socket_type="NodeSocketInt")
    level.default_value, level.min_value, level.max_value = _LEVEL, 0, 8
    level.description = "How often each triangle is split into four"
    _strength(tree)
    face.new_socket("Geometry", in_out="OUTPUT", socket_type="NodeSocketGeometry")
    wiring = Wiring(tree)
    given = wiring.node("NodeGroupInput").outputs
    point = wiring.node("GeometryNodeInputPosition").outputs[0]

    def sample(uv: Value) -> tuple[Value, Value]:
        texture = wiring.node("GeometryNodeImageTexture", source.image, uv, extension="EXTEND")
        return texture.outputs["Color"], texture.outputs["Alpha"]

    offset = source.offset(wiring, point, sample, given["Strength"])
    split = wiring.node("GeometryNodeSubdivideMesh", given["Geometry"], given["Level"]).outputs[0]
    moved = wiring.node("GeometryNodeSetPosition", split, None, None, offset).outputs[0]
    wiring.node("NodeGroupOutput", moved)
    wiring.arrange()
    return tree


def _strength(tree: bpy.types.NodeTree) -> None:
    socket = tree.interface.new_socket("Strength", in_out="INPUT", socket_type="NodeSocketFloat")
    socket.default_value, socket.min_value, socket.max_value = 1.0, 0.0, 10.0
    socket.description = "1 is the photo's depth, 0 is the mesh as it is"
