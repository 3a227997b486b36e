"""A picture dropped onto the 3D View becomes a scene."""

from __future__ import annotations

import bpy

from ..core.images import SUFFIXES
from . import ids


class UNFLAT_FH_photo(bpy.types.FileHandler):
    """Tells Blender which operator takes a dropped picture."""

    bl_idname = "UNFLAT_FH_photo"
    bl_label = "Unflat Photo"
    bl_import_operator = ids.GENERATE
    bl_file_extensions = ";".join(SUFFIXES)

    @classmethod
    def poll_drop(cls, context: bpy.types.Context) -> bool:
        return context.area is not None and context.area.type == "VIEW_3D"


CLASSES = (UNFLAT_FH_photo,)
