"""unflat.model_download and its like: the weights of published networks.

No `from __future__ import annotations` here: Blender reads properties from annotations as values.
"""

from collections.abc import Callable
from typing import Any

import bpy
from bpy.props import StringProperty

from ...bridge.tasks import DownloadModel, ModelState, RemoveModel, Task, VerifyModel
from ...core.depth import catalog
from .. import chores, engines, ids, session
from ._chore_operator import ChoreOperator

_PATIENCE = 3.0
"""Seconds; an idle worker ends within a fraction of one."""


class _ModelOperator(ChoreOperator):
    """Mixin: a task about one network, on the engine that networks run on."""

    model: StringProperty(
        name="Model",
        description="Id of the network",
        options={"SKIP_SAVE"},
    )

    def start(
        self, doing: str, task: Callable[[str], Task[ModelState]], done: Callable[[Any], str]
    ) -> None:
        card = catalog.find(self.model)
        title = f"{doing} {card.title}"
        chores.start(title, engines.place().make(), task(card.id), done)


class UNFLAT_OT_model_download(_ModelOperator, bpy.types.Operator):
    """Download the network's weights; goes on where an earlier download broke off"""

    bl_idname = ids.MODEL_DOWNLOAD
    bl_label = "Download Network"

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        if not bpy.app.online_access:
            cls.poll_message_set("Allow online access in Preferences > System first")
            return False
        return super().poll(context)

    def begin(self, context: bpy.types.Context) -> None:
        self.start(
            "Downloading",
            lambda model: DownloadModel(model, bpy.app.online_access),
            lambda state: f"{_title(state)} is ready, {_amount(state.size)}.",
        )


class UNFLAT_OT_model_verify(_ModelOperator, bpy.types.Operator):
    """Check that the network's weights are what was published, or what came at first"""

    bl_idname = ids.MODEL_VERIFY
    bl_label = "Check Network"

    def begin(self, context: bpy.types.Context) -> None:
        self.start("Checking", VerifyModel, lambda state: f"{_title(state)} is as it should be.")


class UNFLAT_OT_model_remove(_ModelOperator, bpy.types.Operator):
    """Remove the network's weights from this computer"""

    bl_idname = ids.MODEL_REMOVE
    bl_label = "Remove Network"

    needs_idle = True

    def invoke(self, context: bpy.types.Context, event: bpy.types.Event) -> set[str]:
        self._aside = not bpy.app.background
        return context.window_manager.invoke_confirm(self, event)

    def begin(self, context: bpy.types.Context) -> None:
        # An idle worker may still have the file open, and Windows keeps files that are.
        ending = session.current().release()
        if ending is not None:
            ending.join(_PATIENCE)
        self.start("Removing", RemoveModel, lambda state: f"{_title(state)} is gone.")


def _title(state: ModelState) -> str:
    return catalog.find(state.id).title


def _amount(size: int) -> str:
    return f"{size / 1e6:,.0f} MB"


CLASSES = (UNFLAT_OT_model_download, UNFLAT_OT_model_verify, UNFLAT_OT_model_remove)
