"""The matched camera, and fitting a scene's render to it."""

from __future__ import annotations

from contextlib import suppress
from math import pi

import bpy
import numpy as np
from mathutils import Matrix

from ...core.camera import Pinhole
from .collection import Home, is_ours

SENSOR_WIDTH = 36.0
"""Millimetres: full frame, so that the lens reads as its 35 mm equivalent."""

_SIZE = "unflat_size"
_STARTUP_OBJECTS = {  # type, location, rotation
    "Cube": ("MESH", (0.0, 0.0, 0.0), (0.0, 0.0, 0.0)),
    "Light": ("LIGHT", (4.07625, 1.00545, 5.90386), (0.65033, 0.05522, 1.86639)),
    "Camera": ("CAMERA", (7.35889, -6.92579, 4.95831), (1.10932, 0.0, 0.81493)),
}
_STARTUP_LENS = 50.0  # millimetres
_STARTUP_RENDER = (1920, 1080, 100)  # width, height, percentage


def add(
    home: Home, pinhole: Pinhole, span: tuple[float, float], image: bpy.types.Image
) -> bpy.types.Object:
    """A camera that sees the scene as the photo does; `span` is (nearest, farthest) z-depth."""
    data = bpy.data.cameras.new(f"{home.name} Camera")
    data.sensor_fit = "HORIZONTAL"
    data.sensor_width = SENSOR_WIDTH
    data.lens = pinhole.fx * SENSOR_WIDTH / pinhole.width
    data.shift_x = (pinhole.width / 2 - pinhole.cx) / pinhole.width
    aspect = pinhole.fx / pinhole.fy  # Blender's unit for both shifts is the picture's width
    data.shift_y = aspect * (pinhole.cy - pinhole.height / 2) / pinhole.width
    see(data, span)
    data.display_size = span[0] / 4
    backdrop = data.background_images.new()
    backdrop.image = image
    backdrop.alpha = 0.5  # for comparing: off until the artist switches it on
    thing = home.add("Camera", data, turn=Matrix.Rotation(pi / 2, 4, "X"))
    thing[_SIZE] = (pinhole.width, pinhole.height)
    thing["unflat_pixel_aspect"] = aspect
    return thing


def of(collection: bpy.types.Collection) -> bpy.types.Object | None:
    """The matched camera in a photo's collection, or None if it was removed."""
    return next((o for o in collection.objects if o.type == "CAMERA" and _SIZE in o), None)


def see(data: bpy.types.Camera, span: tuple[float, float], scale: float = 1.0) -> None:
    """Have a camera see all from the nearest to the farthest z-depth, in a scaled scene."""
    near, far = span
    data.clip_start = min(data.clip_start, near * scale / 4)
    data.clip_end = max(data.clip_end, far * scale * 4)


def scale_range(data: bpy.types.Camera, factor: float) -> None:
    """Have a camera in a scaled scene still see all of it: these do not scale with the object."""
    data.clip_start = min(data.clip_start, data.clip_start * factor)
    data.clip_end = max(data.clip_end, data.clip_end * factor)
    data.display_size *= factor


def is_fresh(scene: bpy.types.Scene) -> bool:
    """Whether the scene holds nothing but untouched startup objects and Unflat's own.

    Only there may a result change how the scene renders without being asked. A camera of ours
    whose picture size is no longer the render's means that the artist has set up a render.
    """
    chosen = scene.camera
    if chosen is not None and _SIZE in chosen:
        render = scene.render
        if tuple(chosen[_SIZE]) != (render.resolution_x, render.resolution_y):
            return False
    others = [thing for thing in scene.objects if not is_ours(thing)]
    if chosen in others:
        render = scene.render
        size = render.resolution_x, render.resolution_y, render.resolution_percentage
        if size != _STARTUP_RENDER:
            return False
    return all(_is_startup(thing) for thing in others)


def hide_startup_cube(scene: bpy.types.Scene) -> bool:
    """Hide the untouched startup cube, which would stand in the photo; whether it was there."""
    cube = scene.objects.get("Cube")
    if cube is None or cube.hide_render or not _is_startup(cube):
        return False
    cube.hide_render = True
    for layer in scene.view_layers:
        cube.hide_set(True, view_layer=layer)
    return True


def _is_startup(thing: bpy.types.Object) -> bool:
    """Whether this is one of the objects of a new file, where and as Blender made it."""
    if thing.name not in _STARTUP_OBJECTS or thing.modifiers or thing.constraints:
        return False
    kind, *placed = _STARTUP_OBJECTS[thing.name]
    here = [*thing.location, *thing.rotation_euler, *thing.scale]
    there = [*placed[0], *placed[1], 1, 1, 1]
    if kind != thing.type or not np.allclose(here, there, atol=1e-3):
        return False
    if kind == "MESH":
        corners = [abs(x) for vertex in thing.data.vertices for x in vertex.co]
        return np.array_equal(corners, np.ones(3 * 8))
    return kind != "CAMERA" or bool(np.isclose(thing.data.lens, _STARTUP_LENS))


def fit_render(scene: bpy.types.Scene, camera: bpy.types.Object) -> None:
    """Make the scene's render the photo again: camera, picture size, and true colours.

    The view transform becomes Standard, because every other one changes the photo's colours.
    """
    width, height = camera[_SIZE]
    aspect = camera["unflat_pixel_aspect"]
    scene.camera = camera
    render = scene.render
    render.resolution_x, render.resolution_y = int(width), int(height)
    render.resolution_percentage = 100
    render.pixel_aspect_x = max(1.0, 1 / aspect)
    render.pixel_aspect_y = max(1.0, aspect)
    render.use_border = False
    colors = scene.view_settings
    with suppress(TypeError):  # a studio's own colour management may have neither name
        colors.view_transform = "Standard"
        colors.look = "None"
    colors.exposure, colors.gamma = 0.0, 1.0
    colors.use_curve_mapping = False
    if hasattr(colors, "use_white_balance"):  # since Blender 4.3
        colors.use_white_balance = False
