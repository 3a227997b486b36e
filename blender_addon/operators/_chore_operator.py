"""The life that operators for the engine and for networks share.

A button starts the chore and returns; it goes on aside. `execute`, which is what scripts call, and
every call in background mode run to the end before they return.
"""

from __future__ import annotations

import bpy

from ...core.errors import UnflatError
from .. import chores, session


class ChoreOperator:
    """Mixin for an Operator; `begin` is its own part."""

    _aside = False
    needs_idle = False  # whether it takes away what a photo may be worked on with

    def begin(self, context: bpy.types.Context) -> None:
        """Call `chores.start`. May raise UnflatError."""
        raise NotImplementedError

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        if chores.running is not None:
            cls.poll_message_set(f"Wait for it or cancel it: {chores.running.title}")
            return False
        if cls.needs_idle and session.current().running is not None:
            cls.poll_message_set("Unflat is busy with a photo, wait for it or cancel it")
            return False
        return True

    def invoke(self, context: bpy.types.Context, event: bpy.types.Event) -> set[str]:
        self._aside = not bpy.app.background
        return self.execute(context)

    def execute(self, context: bpy.types.Context) -> set[str]:
        try:
            self.begin(context)
        except UnflatError as error:
            self.report({"ERROR"}, str(error))
            return {"CANCELLED"}
        if self._aside:
            return {"FINISHED"}
        outcome = chores.wait()
        self.report({"INFO"} if outcome.good else {"ERROR"}, outcome.lines[0])
        return {"FINISHED"} if outcome.good else {"CANCELLED"}
