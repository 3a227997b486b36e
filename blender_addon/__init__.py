"""Unflat in Blender: a sidebar tab, a drop target, operators, and the scene they build.

    session        the one job, and the engine that it runs on
    engines        which engine that is: within Blender, or a worker in an environment of its own
    chores         what has no scene: installing the engine, downloading networks
    preferences    what holds for all files; preferences_panel shows it
    properties     what the artist chooses, kept in `scene.unflat`
    live           changed settings of a photo in the scene have its shapes made again
    shape          the values of those settings, within their ranges
    sentences      how a job ended, wrapped to the width there is
    panels         the tab "Unflat" in the 3D View's sidebar
    drop           a picture dropped onto the 3D View
    operators/     generate, cancel ..., and what a long operator's life looks like
    scene/         Result -> datablocks
    photo_reader   pictures read by Blender itself where no other decoder is
    headless       a .blend file from a job file, without a window

Blender's data is touched on the main thread only. Torch is never imported.
"""

from __future__ import annotations

import bpy

from . import chores, drop, handlers, live, panels, preferences, properties, session
from .operators import cancel, engine, generate, look_through, models, rebuild, set_scale

_MODULES = (
    preferences,
    properties,
    generate,
    rebuild,
    cancel,
    look_through,
    set_scale,
    engine,
    models,
    drop,
    panels,
)


def register() -> None:
    """Called by Blender when the add-on is enabled, and by scripts that use the `bpy` module."""
    for module in _MODULES:
        for cls in module.CLASSES:
            bpy.utils.register_class(cls)
    properties.attach()
    handlers.attach()
    preferences.apply()
    session.open_session()


def unregister() -> None:
    """The reverse of `register`; a running job is cancelled."""
    live.stop()
    chores.stop()
    session.close_session()
    handlers.detach()
    properties.detach()
    for module in reversed(_MODULES):
        for cls in reversed(module.CLASSES):
            bpy.utils.unregister_class(cls)
