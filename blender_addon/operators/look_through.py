"""unflat.look_through: make the scene's render and the view the photo again."""

from __future__ import annotations

import bpy

from .. import ids, viewport
from ..scene import camera, collection


def photo_collection(context: bpy.types.Context) -> bpy.types.Collection | None:
    """The photo of the active object, else the scene's newest photo, else None."""
    home = collection.home_of(context.object)
    if home is not None:
        return home
    ours = [c for c in context.scene.collection.children_recursive if collection.is_ours(c)]
    return ours[-1] if ours else None


class UNFLAT_OT_look_through(bpy.types.Operator):
    """Looks and renders through the camera of one photo."""

    bl_idname = ids.LOOK_THROUGH
    bl_description = (
        "Look through the photo's camera, and render the photo's size in its true colours "
        "(view transform Standard)"
    )
    bl_label = "Look Through Photo"
    bl_options = {"REGISTER", "UNDO"}

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        home = photo_collection(context)
        if home is None or camera.of(home) is None:
            cls.poll_message_set("The scene has no photo with its camera")
            return False
        return True

    def execute(self, context: bpy.types.Context) -> set[str]:
        home = photo_collection(context)
        assert home is not None
        matched = camera.of(home)
        assert matched is not None
        camera.fit_render(context.scene, matched)
        viewport.look_through(context.scene, home)
        return {"FINISHED"}


CLASSES = (UNFLAT_OT_look_through,)
