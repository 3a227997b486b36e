"""Short words for wiring node trees."""

from __future__ import annotations

from typing import Any

import bpy

Value = Any
"""A socket to link from, or a constant for the socket itself."""


def put(socket: bpy.types.NodeSocket, value: Value) -> None:
    """Link `value` into the input if it is a socket, else make it the input's own value."""
    if isinstance(value, bpy.types.NodeSocket):
        socket.id_data.links.new(value, socket)
    else:
        socket.default_value = value


def set_input(modifier: bpy.types.Modifier, name: str, value: Any) -> None:
    """Set an input of a Geometry Nodes modifier."""
    identifier = modifier.node_group.interface.items_tree[name].identifier
    if hasattr(modifier, "properties"):  # since Blender 5.2
        getattr(modifier.properties.inputs, identifier).value = value
    else:
        modifier[identifier] = value


def get_input(modifier: bpy.types.Modifier, name: str) -> Any:
    """An input of a Geometry Nodes modifier."""
    socket = modifier.node_group.interface.items_tree[name]
    if hasattr(modifier, "properties"):
        return getattr(modifier.properties.inputs, socket.identifier).value
    return modifier.get(socket.identifier, socket.default_value)


class Wiring:
    """Adds nodes to a tree; every method returns the new node's sockets to go on from."""

    def __init__(self, tree: bpy.types.NodeTree) -> None:
        self.tree = tree

    def node(self, kind: str, *values: Value, **properties: Any) -> bpy.types.Node:
        """A node with its properties set and its first visible inputs filled; None skips one."""
        node = self.tree.nodes.new(kind)
        for name, value in properties.items():
            setattr(node, name, value)
        inputs = [socket for socket in node.inputs if socket.enabled]
        for socket, value in zip(inputs, values, strict=False):
            if value is not None:
                put(socket, value)
        return node

    def value(self, name: str, number: float) -> bpy.types.NodeSocket:
        """A number in a node of that name, to be found and changed later."""
        node = self.node("ShaderNodeValue", name=name, label=name)
        node.outputs[0].default_value = number
        return node.outputs[0]

    def math(self, operation: str, *values: Value) -> bpy.types.NodeSocket:
        """The value of a Math node of the tree's kind."""
        return self.node("ShaderNodeMath", *values, operation=operation).outputs[0]

    def vector(self, operation: str, *values: Value) -> bpy.types.NodeSocket:
        """The vector of a Vector Math node."""
        return self.node("ShaderNodeVectorMath", *values, operation=operation).outputs[0]

    def split(self, vector: Value) -> list[bpy.types.NodeSocket]:
        """x, y and z."""
        return list(self.node("ShaderNodeSeparateXYZ", vector).outputs)

    def join(self, x: Value, y: Value, z: Value) -> bpy.types.NodeSocket:
        return self.node("ShaderNodeCombineXYZ", x, y, z).outputs[0]

    def arrange(self) -> None:
        """Put the nodes into columns by how far they are from the last one, so people can read."""
        column: dict[bpy.types.Node, int] = dict.fromkeys(self.tree.nodes, 0)
        for _ in self.tree.nodes:  # a tree has no longer chain than it has nodes
            moved = False
            for link in self.tree.links:
                left = column[link.to_node] + 1
                if column[link.from_node] < left:
                    column[link.from_node], moved = left, True
            if not moved:
                break
        rows: dict[int, float] = {}
        for node, left in column.items():
            top = rows.get(left, 0.0)
            node.location = (-220.0 * left, -top)
            rows[left] = top + 90.0 + 22.0 * sum(1 for s in node.inputs if s.enabled)
