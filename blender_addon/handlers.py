"""What must happen when Blender loads another file."""

from __future__ import annotations

import bpy
from bpy.app.handlers import persistent

from . import session


@persistent
def _before_load(*_: object) -> None:
    """A job of the old file has no scene to land in any more."""
    session.current().abandon()


def attach() -> None:
    bpy.app.handlers.load_pre.append(_before_load)


def detach() -> None:
    if _before_load in bpy.app.handlers.load_pre:  # other add-ons have been seen to clear it
        bpy.app.handlers.load_pre.remove(_before_load)
