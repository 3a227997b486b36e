"""The relief: a grid that the depth image displaces live, with sliders on its modifier.

Every vertex stays on its ray of sight, so through the matched camera the relief is the photo at
any Depth Scale. With untouched sliders its vertices have the depth of their pixels.
"""

from __future__ import annotations

from collections.abc import Mapping
from math import isclose
from typing import Any

import bpy

from ...core.camera import Pinhole
from ...core.mesh.jumps import BEND
from ...core.pipeline import Result
from ...core.settings import RANGES
from .collection import Home
from .mesh_data import UV_NAME
from .nodes import Value, Wiring, get_input, set_input

RESOLUTION = 512
"""Vertices along the photo's longer side at first: fast enough to drag the sliders live."""


def add(
    home: Home,
    depth_image: bpy.types.Image,
    material: bpy.types.Material,
    result: Result,
    span: tuple[float, float],
) -> bpy.types.Object:
    """The relief as an object with one Geometry Nodes modifier."""
    data = bpy.data.meshes.new(f"{home.name} Relief")
    data.materials.append(material)
    thing = home.add("Relief", data)
    tree = _group(thing.name, depth_image, material, result, span)
    thing.modifiers.new("Relief", "NODES").node_group = tree
    return thing


def update(thing: bpy.types.Object, before: Mapping[str, float], now: Mapping[str, float]) -> None:
    """Set the sliders of a relief that still are as they were before to what they should be now."""
    for modifier in thing.modifiers:
        tree = modifier.node_group if modifier.type == "NODES" else None
        if tree is None or not all(name in tree.interface.items_tree for name in now):
            continue
        for name, value in now.items():
            if isclose(get_input(modifier, name), before[name], rel_tol=1e-5):
                tree.interface.items_tree[name].default_value = value
                set_input(modifier, name, value)
        thing.update_tag()


def sliders(span: tuple[float, float], edge_ratio: float) -> dict[str, float]:
    """The values that follow the photo's other shapes."""
    return {"Near": span[0], "Far": span[1], "Edge Cut": edge_ratio}


def _group(
    name: str,
    depth_image: bpy.types.Image,
    material: bpy.types.Material,
    result: Result,
    span: tuple[float, float],
) -> bpy.types.NodeTree:
    tree = bpy.data.node_groups.new(name, "GeometryNodeTree")
    tree.is_modifier = True
    _interface(tree, result, span)
    wiring = Wiring(tree)
    given = wiring.node("NodeGroupInput").outputs
    sampler = _Sampler(wiring, result.camera, depth_image, given["Near"], given["Far"])
    grid = wiring.node("GeometryNodeMeshGrid", 1.0, 1.0, *sampler.counts(given["Resolution"]))
    here = wiring.node("GeometryNodeInputPosition").outputs[0]
    column, row = sampler.pixel(here)
    mapped = wiring.node(
        "GeometryNodeStoreNamedAttribute",
        grid.outputs[0],
        None,
        UV_NAME,
        sampler.uv(column, row),
        data_type="FLOAT2",
        domain="CORNER",
    ).outputs[0]
    torn = _torn_faces(wiring, sampler, given["Edge Cut"])
    cut = wiring.node("GeometryNodeDeleteGeometry", mapped, torn, domain="FACE").outputs[0]
    inverse = sampler.reaching_border(here, given["Edge Cut"])
    depth = _scaled(wiring, inverse, given["Near"], given["Depth Scale"])
    moved = wiring.node(
        "GeometryNodeSetPosition", cut, None, sampler.place(column, row, depth)
    ).outputs[0]
    painted = wiring.node("GeometryNodeSetMaterial", moved, None, material).outputs[0]
    smooth = wiring.node("GeometryNodeSetShadeSmooth", painted).outputs[0]
    wiring.node("NodeGroupOutput", smooth)
    wiring.arrange()
    return tree


def _interface(tree: bpy.types.NodeTree, result: Result, span: tuple[float, float]) -> None:
    """The modifier's inputs; their defaults are this photo's, so Reset leads back to it."""
    near, far = span
    edge_low, edge_high = RANGES["edge_ratio"]
    longer = max(result.camera.size)
    sliders: tuple[tuple[str, str, Any, Any, Any, str], ...] = (
        (
            "Depth Scale",
            "Float",
            1.0,
            0.0,
            10.0,
            "1 is the photo's depth, 0 is flat, above 1 is exaggerated",
        ),
        ("Near", "Float", near, 1e-4, 1e6, "Distance of the nearest pixel from the camera"),
        ("Far", "Float", far, 1e-4, 1e6, "Distance of the farthest pixel from the camera"),
        (
            "Edge Cut",
            "Float",
            result.settings.edge_ratio,
            edge_low,
            edge_high,
            "Neighbours whose distances differ by more than this ratio are cut apart",
        ),
        (
            "Resolution",
            "Int",
            min(RESOLUTION, longer),
            2,
            longer,
            "Vertices along the photo's longer side",
        ),
    )
    for name, kind, value, low, high, told in sliders:
        socket = tree.interface.new_socket(name, in_out="INPUT", socket_type=f"NodeSocket{kind}")
        socket.min_value, socket.max_value = low, high
        socket.default_value, socket.description = value, told
    tree.interface.new_socket("Geometry", in_out="OUTPUT", socket_type="NodeSocketGeometry")


def _scaled(wiring: Wiring, inverse: Value, near: Value, scale: Value) -> bpy.types.NodeSocket:
    """near + scale * (1 / inverse - near): z-depth with its relief flattened or exaggerated."""
    depth = wiring.math("DIVIDE", 1.0, inverse)
    return wiring.math("MULTIPLY_ADD", wiring.math("SUBTRACT", depth, near), scale, near)


def _torn_faces(wiring: Wiring, sampler: _Sampler, edge_cut: Value) -> bpy.types.NodeSocket:
    """Whether a face of the flat grid has an edge that crosses a depth edge or unknown depth."""
    ends = wiring.node("GeometryNodeInputMeshEdgeVertices").outputs
    p, q = ends["Position 1"], ends["Position 2"]
    step = wiring.vector("SUBTRACT", q, p)
    at_p, known_p = sampler.sample(p)
    at_q, known_q = sampler.sample(q)
    slopes = []
    for end, beyond in (
        (at_p, wiring.vector("SUBTRACT", p, step)),
        (at_q, wiring.vector("ADD", q, step)),
    ):
        outside, known = sampler.sample(beyond)
        rise = wiring.math("ABSOLUTE", wiring.math("SUBTRACT", outside, end))
        slopes.append(wiring.math("MULTIPLY", rise, known))
    jump = wiring.math("ABSOLUTE", wiring.math("SUBTRACT", at_q, at_p))
    bent = wiring.math(
        "GREATER_THAN", jump, wiring.math("MULTIPLY", wiring.math("MINIMUM", *slopes), BEND)
    )
    apart = wiring.math(
        "GREATER_THAN",
        wiring.math("MAXIMUM", at_p, at_q),
        wiring.math("MULTIPLY", wiring.math("MINIMUM", at_p, at_q), edge_cut),
    )
    whole = wiring.math("SUBTRACT", 1.0, wiring.math("MULTIPLY", apart, bent))
    kept = wiring.math("MULTIPLY", whole, wiring.math("MULTIPLY", known_p, known_q))
    # As a boolean of edges, it holds for a face if it holds for all of the face's edges.
    kept = wiring.node("FunctionNodeCompare", kept, 0.5, operation="GREATER_THAN").outputs[0]
    on_edges = wiring.node("GeometryNodeFieldOnDomain", kept, data_type="BOOLEAN", domain="EDGE")
    return wiring.node("FunctionNodeBooleanMath", on_edges.outputs[0], operation="NOT").outputs[0]


class _Sampler:
    """From positions on the flat 1 x 1 grid to pixels, depth, and places in space.

    Vertices sit on pixel centres, so that no depth is ever mixed across an edge; the outermost
    ones are pulled to the picture's border.
    """

    def __init__(
        self, wiring: Wiring, camera: Pinhole, image: bpy.types.Image, near: Value, far: Value
    ) -> None:
        self._wiring, self._camera, self._image = wiring, camera, image
        self._at_far = wiring.math("DIVIDE", 1.0, far)
        self._range = wiring.math("SUBTRACT", wiring.math("DIVIDE", 1.0, near), self._at_far)

    def counts(self, resolution: Value) -> list[bpy.types.NodeSocket]:
        """Vertices along x and y."""
        longer = max(self._camera.size)
        found = []
        for side in self._camera.size:
            wanted = self._wiring.math("MULTIPLY", resolution, side / longer)
            rounded = self._wiring.math("ROUND", self._wiring.math("MINIMUM", wanted, side))
            found.append(self._wiring.math("MAXIMUM", rounded, 2.0))
        return found

    def pixel(self, flat: Value) -> tuple[bpy.types.NodeSocket, bpy.types.NodeSocket]:
        """Pixel position (column, row), row down from the top edge."""
        (column, _), (row, _) = self._pulled(flat)
        return column, row

    def _pulled(self, flat: Value) -> list[tuple[bpy.types.NodeSocket, bpy.types.NodeSocket]]:
        """For columns and for rows: the position, and how far it was pulled to the border."""
        math = self._wiring.math
        x, y, _ = self._wiring.split(flat)
        found = []
        for share, side in (
            (math("ADD", x, 0.5), self._camera.width),
            (math("SUBTRACT", 0.5, y), self._camera.height),
        ):
            index = math("ROUND", math("MULTIPLY", share, side - 1))
            first, last = math("LESS_THAN", index, 0.5), math("GREATER_THAN", index, side - 1.5)
            pulled = math("MULTIPLY", math("SUBTRACT", last, first), 0.5)
            found.append((math("ADD", math("ADD", index, 0.5), pulled), pulled))
        return found

    def uv(self, column: Value, row: Value) -> bpy.types.NodeSocket:
        math = self._wiring.math
        u = math("DIVIDE", column, self._camera.width)
        v = math("SUBTRACT", 1.0, math("DIVIDE", row, self._camera.height))
        return self._wiring.join(u, v, 0.0)

    def sample(self, flat: Value) -> tuple[bpy.types.NodeSocket, bpy.types.NodeSocket]:
        """1/z of the pixel, and 1 where it is known, else 0."""
        return self._at(*self.pixel(flat))

    def reaching_border(self, flat: Value, edge_cut: Value) -> bpy.types.NodeSocket:
        """1/z where the vertex is; on the border the slope runs on half a pixel, as in the mesh.

        Not beside a depth edge or unknown depth.
        """
        math = self._wiring.math
        (column, right), (row, down) = self._pulled(flat)
        rim, _ = self._at(column, row)
        total = rim
        for inner_column, inner_row in (
            (math("MULTIPLY_ADD", right, -3.0, column), row),  # the centre of the pixel before
            (column, math("MULTIPLY_ADD", down, -3.0, row)),
        ):
            inner, known = self._at(inner_column, inner_row)
            near, far = math("MAXIMUM", rim, inner), math("MINIMUM", rim, inner)
            torn = math("GREATER_THAN", near, math("MULTIPLY", far, edge_cut))
            smooth = math("MULTIPLY", math("SUBTRACT", 1.0, torn), known)
            half_step = math("MULTIPLY", math("SUBTRACT", rim, inner), 0.5)
            total = math("MULTIPLY_ADD", half_step, smooth, total)
        return math("MAXIMUM", total, math("MULTIPLY", rim, 0.5))

    def _at(self, column: Value, row: Value) -> tuple[bpy.types.NodeSocket, bpy.types.NodeSocket]:
        wiring = self._wiring
        texture = wiring.node(
            "GeometryNodeImageTexture",
            self._image,
            self.uv(column, row),
            interpolation="Linear",
            extension="EXTEND",
        )
        nearness = wiring.node("FunctionNodeSeparateColor", texture.outputs["Color"]).outputs[0]
        inverse = wiring.math("MULTIPLY_ADD", nearness, self._range, self._at_far)
        return inverse, wiring.math("GREATER_THAN", texture.outputs["Alpha"], 0.999)

    def place(self, column: Value, row: Value, depth: Value) -> bpy.types.NodeSocket:
        """The point at a pixel position and z-depth, in Blender's frame with the camera at 0."""
        math, camera = self._wiring.math, self._camera
        right = math("DIVIDE", math("SUBTRACT", column, camera.cx), camera.fx)
        up = math("DIVIDE", math("SUBTRACT", camera.cy, row), camera.fy)
        x, z = math("MULTIPLY", right, depth), math("MULTIPLY", up, depth)
        return self._wiring.join(x, depth, z)
