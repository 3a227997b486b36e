"""The photo as a material: light or paint.

Photo Light = 1: the surface shines with the photo's own colours and takes no light, so a render
through the matched camera is the photo. Photo Light = 0: the photo is the base colour of an
ordinary surface, for the artist's own lamps. Anything between mixes the two.
"""

from __future__ import annotations

import bpy

from ...core import __version__
from .collection import MARK
from .nodes import Value, Wiring, put

PHOTO_LIGHT = "Photo Light"
_SURFACE = "Unflat Photo"


def new_material(name: str) -> tuple[bpy.types.Material, Wiring, bpy.types.Node]:
    """A material with nothing but its output node, which does not light its surroundings."""
    material = bpy.data.materials.new(name)
    if material.node_tree is None:  # Blender 5 makes every material with nodes
        material.use_nodes = True
    material.node_tree.nodes.clear()
    if hasattr(material, "cycles"):  # a million lamps make a noisy and slow render
        material.cycles.emission_sampling = "NONE"
    wiring = Wiring(material.node_tree)
    return material, wiring, wiring.node("ShaderNodeOutputMaterial")


def photo(name: str, image: bpy.types.Image, has_alpha: bool) -> bpy.types.Material:
    """A material that shows the photo through the UV map."""
    material, wiring, output = new_material(name)
    texture = wiring.node("ShaderNodeTexImage", image=image, extension="EXTEND")
    alpha = texture.outputs["Alpha"] if has_alpha else None
    put(output.inputs["Surface"], photo_surface(wiring, texture.outputs["Color"], alpha))
    material.node_tree.nodes.active = texture  # what Solid view with texture colour shows
    wiring.arrange()
    return material


def photo_surface(
    wiring: Wiring, color: bpy.types.NodeSocket, alpha: bpy.types.NodeSocket | None = None
) -> bpy.types.NodeSocket:
    """The shader of `color`, with the Photo Light slider."""
    group = wiring.node("ShaderNodeGroup", node_tree=_surface_group())
    group.width = 200
    put(group.inputs["Color"], color)
    if alpha is not None:
        put(group.inputs["Alpha"], alpha)
    return group.outputs["Shader"]


def _surface_group() -> bpy.types.NodeTree:
    """The node group shared by all our materials."""
    for tree in bpy.data.node_groups:
        sockets = {socket.name for socket in tree.interface.items_tree}
        if tree.get(MARK) == __version__ and sockets >= {"Color", "Alpha", PHOTO_LIGHT, "Shader"}:
            return tree
    tree = bpy.data.node_groups.new(_SURFACE, "ShaderNodeTree")
    tree[MARK] = __version__
    face = tree.interface
    face.new_socket("Color", in_out="INPUT", socket_type="NodeSocketColor")
    for name, start, told in (
        ("Alpha", 1.0, "How opaque the photo is"),
        (PHOTO_LIGHT, 1.0, "1 shows the photo as it is, 0 lets the scene's lamps light it"),
        ("Roughness", 0.8, "Of the surface that the scene's lamps light"),
    ):
        socket = face.new_socket(name, in_out="INPUT", socket_type="NodeSocketFloat")
        socket.subtype, socket.min_value, socket.max_value = "FACTOR", 0.0, 1.0
        socket.default_value, socket.description = start, told
    face.new_socket("Shader", in_out="OUTPUT", socket_type="NodeSocketShader")
    wiring = Wiring(tree)
    given = wiring.node("NodeGroupInput").outputs
    light = wiring.node("ShaderNodeEmission", given["Color"]).outputs[0]
    paint = wiring.node("ShaderNodeBsdfPrincipled")
    put(paint.inputs["Base Color"], given["Color"])
    put(paint.inputs["Roughness"], given["Roughness"])
    shown = _mix(wiring, given[PHOTO_LIGHT], paint.outputs[0], light)
    clear = wiring.node("ShaderNodeBsdfTransparent").outputs[0]
    wiring.node("NodeGroupOutput", _mix(wiring, given["Alpha"], clear, shown))
    wiring.arrange()
    return tree


def _mix(wiring: Wiring, factor: Value, at_0: Value, at_1: Value) -> bpy.types.NodeSocket:
    return wiring.node("ShaderNodeMixShader", factor, at_0, at_1).outputs[0]
