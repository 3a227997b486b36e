"""The 3D Views: looking through the scene's camera, and redrawing the sidebar."""

from __future__ import annotations

import bpy

from .scene.collection import KIND


def look_through(scene: bpy.types.Scene, home: bpy.types.Collection) -> None:
    """Turn the largest 3D View of every window of this scene to its camera and a photo."""
    for window in bpy.context.window_manager.windows:
        views = [area for area in window.screen.areas if area.type == "VIEW_3D"]
        if window.scene == scene and views:
            show_photo(max(views, key=lambda area: area.width * area.height).spaces.active, home)


def show_photo(space: bpy.types.SpaceView3D, home: bpy.types.Collection) -> None:
    """Look through the camera and see the photo; views that show materials stay as they are.

    Solid view shows textures at once, without lamps and without compiling a shader, but not the
    colours of points.
    """
    space.region_3d.view_perspective = "CAMERA"
    shading = space.shading
    if shading.type not in ("WIREFRAME", "SOLID"):
        return
    textured = [thing for thing in home.objects if thing.get(KIND) in ("Mesh", "Relief")]
    if any(not thing.hide_render for thing in textured):
        shading.type, shading.light, shading.color_type = "SOLID", "FLAT", "TEXTURE"
    else:
        shading.type = "MATERIAL"


def redraw_sidebars() -> None:
    """Have every 3D View's sidebar drawn again."""
    for window in bpy.context.window_manager.windows:
        for area in window.screen.areas:
            if area.type == "VIEW_3D":
                for region in area.regions:
                    if region.type == "UI":
                        region.tag_redraw()


def redraw_all() -> None:
    """Have the sidebars and the preferences drawn again."""
    redraw_sidebars()
    for window in bpy.context.window_manager.windows:
        for area in window.screen.areas:
            if area.type == "PREFERENCES":
                area.tag_redraw()
