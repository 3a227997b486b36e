"""unflat.engine_install and its like: the engine that runs published networks.

No `from __future__ import annotations` here: Blender reads properties from annotations as values.
"""

from dataclasses import dataclass
from pathlib import Path
from threading import Thread
from typing import ClassVar

import bpy

from ...bridge import environment
from ...bridge.engine import InProcessEngine
from ...bridge.environment import Accelerator, Options, Receipt, State, pins
from ...bridge.tasks import Cancelled, Report
from .. import chores, ids, preferences, session
from ._chore_operator import ChoreOperator

_DIALOG_WIDTH = 420


@dataclass(frozen=True)
class _Install:
    """before: a thread that has to end first, as it ends the engine that is there."""

    method: ClassVar[str] = "engine/install"

    before: Thread | None
    folder: Path
    accelerator: Accelerator | None
    options: Options
    online: bool

    def run(self, report: Report, cancelled: Cancelled) -> Receipt:
        if self.before is not None:
            self.before.join()
        return environment.install(
            self.folder,
            self.accelerator or environment.suggest(),
            lambda fraction, text: report(text, fraction),
            cancelled,
            online=self.online,
            options=self.options,
        )


@dataclass(frozen=True)
class _Remove:
    method: ClassVar[str] = "engine/remove"

    before: Thread | None
    folder: Path

    def run(self, report: Report, cancelled: Cancelled) -> int:
        if self.before is not None:
            self.before.join()
        return environment.remove(self.folder)


class UNFLAT_OT_engine_install(ChoreOperator, bpy.types.Operator):
    """Install what published networks need, in a folder of its own; also updates and repairs it"""

    bl_idname = ids.INSTALL
    bl_label = "Install Engine"

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        if not bpy.app.online_access and preferences.wheels_folder() is None:
            cls.poll_message_set("Allow online access in Preferences > System first")
            return False
        return super().poll(context)

    def invoke(self, context: bpy.types.Context, event: bpy.types.Event) -> set[str]:
        self._aside = not bpy.app.background
        return context.window_manager.invoke_props_dialog(
            self, width=_DIALOG_WIDTH, confirm_text="Install"
        )

    def draw(self, context: bpy.types.Context) -> None:
        lines = self.layout.column(align=True)
        lines.label(text="PyTorch and other free libraries are installed in")
        lines.label(text=str(preferences.engine_folder()), icon="FILE_FOLDER")
        # Which card there is takes too long to find out here.
        chosen = _accelerator()
        lines.label(text=f"{_amounts(chosen or Accelerator.CPU)}.")
        if chosen is None:
            lines.label(text=f"If there is an NVIDIA card: {_amounts(Accelerator.CUDA)}.")
        lines.label(text="Blender stays usable meanwhile. Remove it here at any time.")

    def begin(self, context: bpy.types.Context) -> None:
        settings = preferences.current()
        is_idle = session.current().running is None
        task = _Install(
            session.current().release() if is_idle else None,
            preferences.engine_folder(),
            _accelerator(),
            Options(settings.proxy, settings.index_url, preferences.wheels_folder()),
            bpy.app.online_access,
        )
        chores.start("Installing the engine", InProcessEngine(), task, _installed)


def _amounts(accelerator: Accelerator) -> str:
    wanted = pins.wanted(accelerator)
    download, installed = wanted.download / 1e9, wanted.installed / 1e9
    return f"About {download:.1f} GB to download, {installed:.1f} GB on the disk"


def _accelerator() -> Accelerator | None:
    """What the artist chose, None for automatic."""
    chosen = preferences.current().accelerator
    return None if chosen == "AUTOMATIC" else Accelerator[chosen]


def _installed(receipt: Receipt) -> str:
    return f"The engine is ready: PyTorch {receipt.torch} on {receipt.device}."


class UNFLAT_OT_engine_remove(ChoreOperator, bpy.types.Operator):
    """Remove the engine from this computer; downloaded networks stay"""

    bl_idname = ids.REMOVE
    bl_label = "Remove Engine"

    needs_idle = True

    def invoke(self, context: bpy.types.Context, event: bpy.types.Event) -> set[str]:
        self._aside = not bpy.app.background
        return context.window_manager.invoke_confirm(self, event)

    def begin(self, context: bpy.types.Context) -> None:
        task = _Remove(session.current().release(), preferences.engine_folder())
        chores.start(
            "Removing the engine",
            InProcessEngine(),
            task,
            lambda freed: f"The engine is gone, {freed / 1e9:.1f} GB are free again.",
            can_cancel=False,
        )


class UNFLAT_OT_engine_log(bpy.types.Operator):
    """Open the log of the last installation"""

    bl_idname = ids.OPEN_LOG
    bl_label = "Open Log"
    bl_options = {"INTERNAL"}

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        return environment.log(preferences.engine_folder()).is_file()

    def execute(self, context: bpy.types.Context) -> set[str]:
        bpy.ops.wm.path_open(filepath=str(environment.log(preferences.engine_folder())))
        return {"FINISHED"}


class UNFLAT_OT_cancel_chore(bpy.types.Operator):
    """Stop; what has been downloaded is kept for the next try"""

    bl_idname = ids.CANCEL_CHORE
    bl_label = "Cancel"
    bl_options = {"INTERNAL"}

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        return chores.running is not None and chores.running.can_cancel

    def execute(self, context: bpy.types.Context) -> set[str]:
        if chores.running is not None:
            chores.running.job.cancel()
        return {"FINISHED"}


class UNFLAT_OT_show_preferences(bpy.types.Operator):
    """Show Unflat's preferences, where the engine is installed"""

    bl_idname = ids.SHOW_PREFERENCES
    bl_label = "Unflat's Preferences"
    bl_options = {"INTERNAL"}

    def execute(self, context: bpy.types.Context) -> set[str]:
        bpy.ops.preferences.addon_show(module=ids.ADDON)
        return {"FINISHED"}


STATES = {
    State.MISSING: ("Not installed", "Install", "IMPORT"),
    State.INCOMPLETE: ("Half installed", "Continue", "IMPORT"),
    State.OUTDATED: ("Ready, an update is there", "Update", "FILE_REFRESH"),
    State.BROKEN: ("Broken", "Repair", "TOOL_SETTINGS"),
    State.READY: ("Ready", "Reinstall", "FILE_REFRESH"),
}
"""(what the artist reads, what the button says, its icon)"""

CLASSES = (
    UNFLAT_OT_engine_install,
    UNFLAT_OT_engine_remove,
    UNFLAT_OT_engine_log,
    UNFLAT_OT_cancel_chore,
    UNFLAT_OT_show_preferences,
)
