"""unflat.rebuild: a photo's shapes once more, with other settings.

No `from __future__ import annotations` here: Blender reads properties from annotations as values.
"""

import bpy
from bpy.props import StringProperty

from ...bridge.tasks import Generate
from ...core.errors import CancelledError, UnflatError
from ...core.pipeline import Result
from .. import ids
from ..scene import SceneArrays, collection, prepare_shapes, rebuild
from ._job_operator import JobOperator
from .look_through import photo_collection


class UNFLAT_OT_rebuild(JobOperator, bpy.types.Operator):
    """Make the photo's shapes again with the settings shown"""

    bl_idname = ids.REBUILD
    bl_label = "Rebuild"
    bl_options = {"UNDO"}

    prepare = staticmethod(prepare_shapes)

    photo: StringProperty(
        name="Photo",
        description="Name of the photo's collection; if not given, that of the active object",
        options={"SKIP_SAVE"},
    )

    _home: int

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        if context.mode != "OBJECT":
            cls.poll_message_set("Leave Edit Mode first")
            return False
        return super().poll(context)

    def task(self, context: bpy.types.Context) -> Generate:
        home = bpy.data.collections.get(self.photo) if self.photo else photo_collection(context)
        if home is None or not collection.is_ours(home):
            raise UnflatError("The scene has no such photo, generate one first.")
        if not rebuild.can_rebuild(home):
            raise UnflatError("This photo is linked or of an older Unflat, generate it again here.")
        self._home = home.session_uid
        settings = rebuild.settings_of(home)
        return Generate(
            photo=rebuild.photo_of(home),
            settings=settings,
            depth=rebuild.depth_of(home),
            camera=rebuild.camera_of(home),
        )

    def build(self, scene: bpy.types.Scene, result: Result, arrays: SceneArrays) -> tuple[str, ...]:
        home = next((c for c in bpy.data.collections if c.session_uid == self._home), None)
        if home is None:
            raise CancelledError("The photo was deleted, so nothing was rebuilt.")
        rebuild.exchange(home, result, arrays)
        count = 0 if result.mesh is None else len(result.mesh.triangles)
        return (f"{home.name}: rebuilt with {count:,} triangles",)


CLASSES = (UNFLAT_OT_rebuild,)
