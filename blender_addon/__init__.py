"""Unflat in Blender: a sidebar tab, a drop target, operators, and the scene they build.

    session        the one engine and the one job that runs on it
    properties     what the artist chooses, kept in `scene.unflat`
    live           changed settings of a photo in the scene have its shapes made again
    shape          the values of those settings, within their ranges
    panels         the tab "Unflat" in the 3D View's sidebar
    drop           a picture dropped onto the 3D View
    operators/     generate, cancel, and what a long operator's life looks like
    scene/         Result -> datablocks
    photo_reader   pictures read by Blender itself where no other decoder is
    headless       a .blend file from a job file, without a window

Blender's data is touched on the main thread only. Torch is never imported.
"""

from __future__ import annotations

import bpy

from . import drop, handlers, live, panels, properties, session
from .operators import cancel, generate, look_through, rebuild, set_scale

_MODULES = (properties, generate, rebuild, cancel, look_through, set_scale, drop, panels)


def register() -> None:
    """Called by Blender when the add-on is enabled, and by scripts that use the `bpy` module."""
    for module in _MODULES:
        for cls in module.CLASSES:
            bpy.utils.register_class(cls)
    properties.attach()
    handlers.attach()
    session.open_session()


def unregister() -> None:
    """The reverse of `register`; a running job is cancelled."""
    live.stop()
    session.close_session()
    handlers.detach()
    properties.detach()
    for module in reversed(_MODULES):
        for cls in reversed(module.CLASSES):
            bpy.utils.unregister_class(cls)
