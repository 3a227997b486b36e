"""Blender's objects as numpy arrays."""

from __future__ import annotations

import bpy
import numpy as np

from unflat.core.pipeline import Result


def child(collection: bpy.types.Collection, kind: str) -> bpy.types.Object:
    """The object of a photo's collection whose name ends with its kind."""
    return next(thing for thing in collection.objects if thing.name.endswith(f" {kind}"))


def positions(data: bpy.types.Mesh | bpy.types.PointCloud) -> np.ndarray:
    """(N, 3) float32, object space."""
    attribute = data.attributes["position"].data
    flat = np.empty(3 * len(attribute), np.float32)
    attribute.foreach_get("vector", flat)
    return flat.reshape(-1, 3)


def evaluated_mesh(thing: bpy.types.Object) -> bpy.types.Mesh:
    """The mesh after modifiers."""
    thing.hide_set(False)
    return thing.evaluated_get(bpy.context.evaluated_depsgraph_get()).to_mesh()


def seen_at(points: np.ndarray, thing: bpy.types.Object, scene: bpy.types.Scene) -> np.ndarray:
    """Pixel positions (N, 2), from the top left, where the scene's camera renders points (N, 3).

    Blender's own projection matrix, so that no convention of ours is in it.
    """
    render = scene.render
    graph = bpy.context.evaluated_depsgraph_get()
    camera = scene.camera.evaluated_get(graph)
    projection = camera.calc_matrix_camera(
        graph,
        x=render.resolution_x,
        y=render.resolution_y,
        scale_x=render.pixel_aspect_x,
        scale_y=render.pixel_aspect_y,
    )
    world = np.array(thing.matrix_world, np.float64)
    view = np.array(camera.matrix_world.inverted(), np.float64)
    matrix = np.array(projection, np.float64) @ view @ world
    clip = np.c_[points, np.ones(len(points))] @ matrix.T
    ndc = clip[:, :2] / clip[:, 3:]
    return (ndc * (1, -1) + 1) / 2 * (render.resolution_x, render.resolution_y)


def depth_pixels(points: np.ndarray, result: Result) -> np.ndarray:
    """The depth map's values (N,) at the pixels where points (N, 3) of Blender's frame are seen.

    Points on the picture's border are pulled in by half a pixel.
    """
    camera = result.camera
    u = camera.fx * points[:, 0] / points[:, 1] + camera.cx
    v = camera.cy - camera.fy * points[:, 2] / points[:, 1]
    column = np.clip(u, 0.5, camera.width - 0.5) - 0.5
    row = np.clip(v, 0.5, camera.height - 0.5) - 0.5
    return result.depth.depth[np.rint(row).astype(int), np.rint(column).astype(int)]
