"""Work that has nothing to do with a scene: installing the engine, fetching a network.

One chore at a time; it goes on whatever becomes of windows and files. Everything here is called on
Blender's main thread.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import bpy

from ..bridge.engine import Engine
from ..bridge.job import Job
from ..bridge.tasks import Task
from ..core.errors import UnflatError, explain
from . import viewport
from .session import Outcome

log = logging.getLogger(__name__)

_TICK = 0.1
"""Seconds between two looks at the job."""


@dataclass(frozen=True)
class Chore:
    """A job, what it is called while it runs, and what to say when it is done."""

    title: str
    job: Job[Any]
    engine: Engine
    done: Callable[[Any], str]

    @property
    def progress(self) -> tuple[str, float]:
        """(text, fraction of the whole)."""
        stage, fraction = self.job.progress
        told = f"{self.title}: {stage}" if stage not in ("queued", "worker") else self.title
        return told, fraction


running: Chore | None = None
outcome: Outcome | None = None
"""How the last one ended."""

_shown: tuple[str, int] = "", -1
"""What windows show: text and per cent."""


def start(title: str, engine: Engine, task: Task[Any], done: Callable[[Any], str]) -> None:
    """Begin a chore on an engine of its own; the caller has seen that none runs."""
    global running, outcome
    assert running is None
    running, outcome = Chore(title, engine.submit(task), engine, done), None
    if not bpy.app.background:
        bpy.app.timers.register(_look, persistent=True)


def wait() -> Outcome:
    """Wait for the end of the chore; how it ended."""
    try:
        while running is not None:
            running.job.wait(_TICK)
            _look()
    except BaseException:  # Ctrl-C in a script must not leave it behind
        stop()
        raise
    assert outcome is not None
    return outcome


def stop() -> None:
    """Cancel the chore, if any, and wait until it has stopped."""
    global running
    if bpy.app.timers.is_registered(_look):
        bpy.app.timers.unregister(_look)
    if running is not None:
        running.engine.close()
        running = None


def _look() -> float | None:
    """Blender's timer: seconds until the next look, None for no more."""
    global running, outcome
    if running is None:
        return None
    if not running.job.state.is_finished:
        _show(*running.progress)
        return _TICK
    outcome = _outcome(running)
    running.engine.close()
    running = None
    viewport.redraw_all()
    return None


def _show(text: str, fraction: float) -> None:
    """Redraw if there is something new, as that may take long."""
    global _shown
    if _shown != (text, round(100 * fraction)):
        _shown = text, round(100 * fraction)
        viewport.redraw_all()


def _outcome(chore: Chore) -> Outcome:
    try:
        return Outcome(True, (chore.done(chore.job.result()),))
    except Exception as error:
        if not isinstance(error, UnflatError):  # a bug: the console gets the rest
            log.exception("unexpected error")
        return Outcome(False, (explain(error),))
