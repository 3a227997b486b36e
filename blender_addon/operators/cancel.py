"""unflat.cancel: stop the running job."""

from __future__ import annotations

import bpy

from .. import ids, session


class UNFLAT_OT_cancel(bpy.types.Operator):
    """Stop working on the photo; nothing is added to the scene"""

    bl_idname = ids.CANCEL
    bl_label = "Cancel"
    bl_options = {"INTERNAL"}

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        if session.current().running is None:
            cls.poll_message_set("Nothing is running")
            return False
        return True

    def execute(self, context: bpy.types.Context) -> set[str]:
        running = session.current().running
        if running is not None:
            running.cancel()
        return {"FINISHED"}


CLASSES = (UNFLAT_OT_cancel,)
