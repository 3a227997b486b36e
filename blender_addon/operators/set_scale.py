"""unflat.set_scale: a photo gets its true size from one length in it.

No `from __future__ import annotations` here: Blender reads properties from annotations as values.
"""

import bpy
import numpy as np
from bpy.props import FloatProperty
from mathutils import Vector

from .. import ids
from ..scene import camera, collection
from .look_through import photo_collection


def is_offered(context: bpy.types.Context) -> bool:
    """Whether the artist may be about to measure: an object of ours is active, or two things are
    selected that may mark a length."""
    return collection.home_of(context.object) is not None or _two_objects(context)


def _two_objects(context: bpy.types.Context) -> bool:
    return context.mode == "OBJECT" and len(context.selected_objects) == 2


class UNFLAT_OT_set_scale(bpy.types.Operator):
    """Gives a photo's scene its true size."""

    bl_idname = ids.SET_SCALE
    bl_description = (
        "Scale the photo's scene so that two selected vertices, or the origins of two selected "
        "objects, are as far apart as you say"
    )
    bl_label = "Set Real Size"
    bl_options = {"REGISTER", "UNDO"}

    distance: FloatProperty(
        name="Distance",
        description="How far apart the two are in reality",
        unit="LENGTH",
        default=1.0,
        min=1e-4,
        max=1e6,
        options={"SKIP_SAVE"},
    )

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        home = _photo(context)
        root = None if home is None else collection.root_of(home)
        if home is None or root is None or not collection.is_local(root):
            cls.poll_message_set("Select marks of one photo that has its root")
        elif context.mode == "EDIT_MESH" and collection.home_of(context.object) is None:
            cls.poll_message_set("Edit the mesh of a photo, and select two of its vertices")
        elif context.mode == "EDIT_MESH" and context.object.data.total_vert_sel != 2:
            cls.poll_message_set("Select exactly two vertices whose distance you know")
        elif context.mode != "EDIT_MESH" and not _two_objects(context):
            cls.poll_message_set(
                "Select two vertices of the photo's mesh in Edit Mode, "
                "or two objects in Object Mode that stand where you know the distance"
            )
        else:
            return True
        return False

    def invoke(self, context: bpy.types.Context, event: bpy.types.Event) -> set[str]:
        self.distance = _distance(context)
        return context.window_manager.invoke_props_dialog(self)

    def execute(self, context: bpy.types.Context) -> set[str]:
        apart = _distance(context)
        if apart == 0:
            self.report({"ERROR"}, "The two are in the same place, choose others.")
            return {"CANCELLED"}
        home = _photo(context)
        assert home is not None
        if context.mode == "EDIT_MESH":  # whose undo knows nothing of objects
            bpy.ops.object.mode_set(mode="OBJECT")
            marks = []
        else:
            marks = context.selected_objects
        _scale(home, self.distance / apart, marks)
        context.view_layer.update()
        return {"FINISHED"}


def _photo(context: bpy.types.Context) -> bpy.types.Collection | None:
    """The one photo that the selected objects belong to, None for two; else the shown one."""
    if context.mode != "OBJECT":
        return photo_collection(context)
    homes = {collection.home_of(thing) for thing in context.selected_objects} - {None}
    return photo_collection(context) if not homes else homes.pop() if len(homes) == 1 else None


def _distance(context: bpy.types.Context) -> float:
    """Between the two that are selected, in Blender's units."""
    context.view_layer.update()
    if context.mode == "OBJECT":
        first, second = (thing.matrix_world.translation for thing in context.selected_objects)
    else:
        thing = context.object
        thing.update_from_editmode()
        vertices = thing.data.vertices
        chosen = np.empty(len(vertices), bool)
        vertices.foreach_get("select", chosen)
        first, second = (thing.matrix_world @ vertices[int(n)].co for n in np.flatnonzero(chosen))
    return float((second - first).length)


def _scale(home: bpy.types.Collection, factor: float, marks: list[bpy.types.Object]) -> None:
    """Scale the photo about its root; marks that are no children of it go along."""
    root, matched = collection.root_of(home), camera.of(home)
    assert root is not None
    center = root.matrix_world.translation.copy()
    for mark in marks:
        if not collection.is_ours(mark) and mark not in root.children_recursive:
            moved: Vector = center + (mark.matrix_world.translation - center) * factor
            mark.matrix_world.translation = moved
    root.scale *= factor
    if matched is not None:
        camera.scale_range(matched.data, factor)


CLASSES = (UNFLAT_OT_set_scale,)
