"""The life that every long operator shares: start, step by a timer, cancel, finish.

With a window, `invoke` runs modally and Blender stays usable. `execute`, which is what scripts
call, and every call in background mode run to the end before they return.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any

import bpy

from ...bridge.tasks import Generate
from ...core.errors import CancelledError, UnflatError, explain
from ...core.pipeline import Result
from .. import session, viewport
from ..scene import SceneArrays, prepare
from ..session import Outcome, Prepare, Running

log = logging.getLogger(__name__)

_TICK = 0.05
"""Seconds between two looks at the job."""

STAGES = {
    "queued": "Waiting",
    "worker": "Starting the engine",
    "photo": "Reading the photo",
    "depth": "Estimating depth",
    "mesh": "Building the mesh",
    "layers": "Filling in the background",
    "points": "Placing points",
    "result": "Fetching the result",
    "scene": "Preparing the scene",
    "cancelling": "Cancelling",
}
"""What the artist reads for each stage that a job names."""


class JobOperator:
    """Mixin for an Operator; `task` and `build` are its own part."""

    prepare: Prepare = staticmethod(prepare)
    """What is worked out of a result aside, for `build`."""

    _began: float
    _running: Running
    _scene_id: int
    _shown: tuple[str, int]

    def task(self, context: bpy.types.Context) -> Generate:
        """What to run. May raise UnflatError."""
        raise NotImplementedError

    def build(self, scene: bpy.types.Scene, result: Result, arrays: SceneArrays) -> tuple[str, ...]:
        """Put the result into the scene; what to tell the artist, the first without a full stop."""
        raise NotImplementedError

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        if session.current().running is not None:
            cls.poll_message_set("Unflat is busy with a photo, wait for it or cancel it")
            return False
        return True

    def execute(self, context: bpy.types.Context) -> set[str]:
        if not self._start(context):
            return {"CANCELLED"}
        with _no_job_left_behind():
            while not self._running.step(_TICK):
                pass
            ended = self._finish()
        context.view_layer.update()  # so that scripts find the new objects in their places
        return ended

    def invoke(self, context: bpy.types.Context, event: bpy.types.Event) -> set[str]:
        if bpy.app.background or context.window is None:
            return self.execute(context)
        if not self._start(context):
            return {"CANCELLED"}
        manager = context.window_manager
        timer = manager.event_timer_add(_TICK, window=context.window)
        session.current().hold(partial(_release, manager, timer))
        manager.modal_handler_add(self)
        self._show_progress()
        return {"RUNNING_MODAL"}

    def modal(self, context: bpy.types.Context, event: bpy.types.Event) -> set[str]:
        if session.current().running is not self._running:  # abandoned
            return {"CANCELLED"}
        if event.type == "ESC" and event.value == "PRESS":
            self._running.cancel()
            return {"RUNNING_MODAL"}
        if event.type == "TIMER":
            with _no_job_left_behind():
                if self._running.step():
                    return self._finish()
                self._show_progress()
        return {"PASS_THROUGH"}

    def cancel(self, context: bpy.types.Context) -> None:
        """Called by Blender when it ends the operator itself, as when another file is loaded."""
        if session.current().running is self._running:
            session.current().abandon()

    def _start(self, context: bpy.types.Context) -> bool:
        self._began = time.perf_counter()
        self._scene_id = context.scene.session_uid
        self._shown = ("", -1)
        outcome = self._guarded(lambda: self._submit(context))
        if outcome is not None:
            session.current().outcome = outcome
            viewport.redraw_sidebars()
        return outcome is None

    def _submit(self, context: bpy.types.Context) -> None:
        self._running = session.current().start(self.task(context), self.prepare)

    def _finish(self) -> set[str]:
        told: list[tuple[str, ...]] = []
        outcome = self._guarded(lambda: told.append(self._build()))
        if outcome is None:
            seconds = time.perf_counter() - self._began
            first, *rest = told[0]
            outcome = Outcome(True, (f"{first} in {seconds:.1f} s.", *rest))
            self.report({"INFO"}, outcome.lines[0])
        session.current().finish(outcome)
        viewport.redraw_sidebars()
        return {"FINISHED"} if outcome.good else {"CANCELLED"}

    def _build(self) -> tuple[str, ...]:
        result, arrays = self._running.outcome()
        scene = next((s for s in bpy.data.scenes if s.session_uid == self._scene_id), None)
        if scene is None:
            raise CancelledError("The scene was deleted, so the photo was dropped.")
        return self.build(scene, result, arrays)

    def _guarded(self, work: Callable[[], Any]) -> Outcome | None:
        """Do `work`; None, or after a failure what was reported: one sentence, no traceback."""
        try:
            work()
        except CancelledError as error:
            self.report({"WARNING"}, str(error))
            return Outcome(False, (str(error),))
        except Exception as error:
            if not isinstance(error, UnflatError):  # a bug: the console gets the rest
                log.exception("unexpected error")
            sentence = explain(error)
        else:
            return None
        self.report({"ERROR"}, sentence)
        return Outcome(False, (sentence,))

    def _show_progress(self) -> None:
        """Redraw the sidebar and the status bar if there is something new to show."""
        stage, fraction = self._running.progress
        shown = (stage, round(100 * fraction))
        if shown != self._shown:
            self._shown = shown
            text = f"Unflat: {STAGES.get(stage, stage)}, {shown[1]} %   (Esc to cancel)"
            bpy.context.workspace.status_text_set(text)
            viewport.redraw_sidebars()


@contextmanager
def _no_job_left_behind() -> Iterator[None]:
    """After Ctrl-C in a script, or a bug here, Unflat must not stay busy for ever."""
    try:
        yield
    except BaseException:
        session.current().abandon()
        raise


def _release(manager: bpy.types.WindowManager, timer: bpy.types.Timer) -> None:
    manager.event_timer_remove(timer)
    for workspace in bpy.data.workspaces:
        workspace.status_text_set(None)
