"""The 3D Views: looking through the scene's camera, and redrawing the sidebar."""

from __future__ import annotations

import bpy


def look_through(scene: bpy.types.Scene) -> None:
    """Turn the largest 3D View of every window of this scene to the scene's camera."""
    for window in bpy.context.window_manager.windows:
        views = [area for area in window.screen.areas if area.type == "VIEW_3D"]
        if window.scene == scene and views:
            show_photo(max(views, key=lambda area: area.width * area.height).spaces.active)


def show_photo(space: bpy.types.SpaceView3D) -> None:
    """Look through the camera with materials on; a rendered view stays one."""
    space.region_3d.view_perspective = "CAMERA"
    if space.shading.type in ("WIREFRAME", "SOLID"):
        space.shading.type = "MATERIAL"


def redraw_sidebars() -> None:
    """Have every 3D View's sidebar drawn again."""
    for window in bpy.context.window_manager.windows:
        for area in window.screen.areas:
            if area.type == "VIEW_3D":
                for region in area.regions:
                    if region.type == "UI":
                        region.tag_redraw()
