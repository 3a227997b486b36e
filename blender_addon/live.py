"""Changed settings of a photo in the scene: its shapes are made again after a short pause.

Only in a window; scripts call `bpy.ops.unflat.rebuild` when they are done with changing.
"""

from __future__ import annotations

import time
from contextlib import suppress

import bpy

from . import session
from .scene import collection, rebuild

_PAUSE = 0.15
"""Seconds without another change, so that dragging a slider does not start many jobs."""

_waiting: set[int] = set()
"""`session_uid` of the photos' collections."""

_last = 0.0


def changed(home: bpy.types.Collection) -> None:
    """The settings of a photo may have changed."""
    global _last
    if bpy.app.background:
        return
    _last = time.monotonic()
    _waiting.add(home.session_uid)
    if not bpy.app.timers.is_registered(_look):
        bpy.app.timers.register(_look, first_interval=_PAUSE)


def stop() -> None:
    """Forget all that waits."""
    _waiting.clear()
    if bpy.app.timers.is_registered(_look):
        bpy.app.timers.unregister(_look)


def _look() -> float | None:
    """Blender's timer: seconds until the next look, None for no more."""
    pause = _last + _PAUSE - time.monotonic()
    if pause > 0:
        return pause
    if session.current().running is not None or bpy.context.mode != "OBJECT":
        return _PAUSE
    for home in bpy.data.collections:
        if home.session_uid in _waiting and collection.is_ours(home) and rebuild.is_changed(home):
            _waiting.discard(home.session_uid)
            window = bpy.context.window_manager.windows[0]
            # What went wrong stands in the sidebar; here it would only end the timer.
            with suppress(RuntimeError), bpy.context.temp_override(window=window):
                bpy.ops.unflat.rebuild("INVOKE_DEFAULT", photo=home.name)
            return _PAUSE if _waiting else None
    _waiting.clear()
    return None
