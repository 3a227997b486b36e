"""The arrays that Blender gets, and that making them needs no Blender."""

from __future__ import annotations

import ast
from pathlib import Path

import numpy as np

from unflat.blender_addon.scene import arrays
from unflat.core.pipeline import Result


def test_edges_of_two_triangles() -> None:
    triangles = np.array([[0, 1, 2], [2, 1, 3]], np.int32)
    edges, of_corner = arrays._edges(triangles)
    assert edges.tolist() == [[0, 1], [0, 2], [1, 2], [1, 3], [2, 3]]
    assert of_corner.tolist() == [0, 2, 1, 2, 3, 4]


def test_colours_become_linear() -> None:
    linear = arrays._linear(np.array([0, 10, 128, 255], np.uint8))
    np.testing.assert_allclose(linear, [0, 0.0030353, 0.2158605, 1], rtol=1e-4)


def test_nearness_is_upside_down_and_grey(result: Result) -> None:
    pixels = arrays.prepare(result).depth_pixels.reshape(96, 128, 4)[::-1]
    nearest = np.unravel_index(result.depth.depth.argmin(), (96, 128))
    assert pixels[nearest].tolist() == [1, 1, 1, 1]
    assert (pixels[..., 0] == pixels[..., 2]).all()


def test_span_is_near_and_far(result: Result) -> None:
    near, far = arrays.prepare(result).span
    assert near == result.depth.depth.min()
    assert far == result.depth.depth.max()


def test_the_module_does_not_touch_blender() -> None:
    """It runs on another thread, where Blender's data must be left alone."""
    tree = ast.parse(Path(arrays.__file__).read_text(encoding="utf-8"))
    imports = [node for node in ast.walk(tree) if isinstance(node, ast.Import | ast.ImportFrom)]
    assert not any("bpy" in ast.unparse(node) for node in imports)
