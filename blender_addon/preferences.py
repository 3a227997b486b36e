"""What holds for all files: which engine runs, where it lies, and the networks on this computer.

No `from __future__ import annotations` here: Blender reads properties from annotations as values.
"""

from pathlib import Path
from types import SimpleNamespace

import bpy
from bpy.props import BoolProperty, EnumProperty, StringProperty

from ..bridge import environment
from ..core.depth import weights
from . import ids

ENGINES = (
    ("AUTOMATIC", "Automatic", "In the engine if it is installed, else within Blender"),
    ("IN_PROCESS", "Within Blender", "Only what needs nothing to be installed"),
    ("WORKER", "Engine", "In a process of its own, which can do everything"),
)

_ACCELERATORS = (
    ("AUTOMATIC", "Automatic", "What fits this computer as its drivers say"),
    ("CPU", "Processor", "Works everywhere"),
    ("CUDA", "NVIDIA CUDA", "NVIDIA cards with a recent driver"),
    ("CUDA12", "NVIDIA CUDA 12", "Older NVIDIA cards or drivers"),
    ("ROCM", "AMD ROCm", "AMD cards, on Linux"),
    ("XPU", "Intel XPU", "Intel Arc cards"),
    ("MPS", "Apple Metal", "Macs with Apple silicon"),
)


class UNFLAT_AP_preferences(bpy.types.AddonPreferences):
    """Kept with Blender's own preferences; `current` gives them, or the defaults."""

    bl_idname = ids.ADDON

    engine: EnumProperty(
        name="Runs",
        description="Where photos are worked on",
        items=ENGINES,
    )
    engine_folder: StringProperty(
        name="Folder",
        description="Where the engine lies; if empty, among the user's application data",
        subtype="DIR_PATH",
    )
    accelerator: EnumProperty(
        name="For",
        description="What networks are to run on",
        items=_ACCELERATORS,
    )
    proxy: StringProperty(
        name="Proxy",
        description="For downloads, as http://proxy:8080; if empty, that of the system",
    )
    index_url: StringProperty(
        name="Package Index",
        description="A mirror to install from in place of all others",
    )
    wheels_folder: StringProperty(
        name="Wheels",
        description="A folder with all wheels, to install from without a network",
        subtype="DIR_PATH",
    )
    models_folder: StringProperty(
        name="Networks",
        description="Where downloaded networks lie; if empty, among the user's application data",
        subtype="DIR_PATH",
        update=lambda self, context: apply(),
    )
    non_commercial: BoolProperty(
        name="Non-Commercial Networks",
        description="Offer networks whose licences allow no commercial use, too",
    )

    def draw(self, context: bpy.types.Context) -> None:
        from . import preferences_panel  # which needs operators, which need this

        preferences_panel.draw(context, self.layout, self)


_DEFAULTS = SimpleNamespace(
    engine="AUTOMATIC",
    engine_folder="",
    accelerator="AUTOMATIC",
    proxy="",
    index_url="",
    wheels_folder="",
    models_folder="",
    non_commercial=False,
)
"""For scripts that register the add-on themselves, so that Blender keeps no preferences for it."""


def current() -> SimpleNamespace | UNFLAT_AP_preferences:
    addon = bpy.context.preferences.addons.get(ids.ADDON)
    return _DEFAULTS if addon is None or addon.preferences is None else addon.preferences


def engine_folder() -> Path:
    return _folder(current().engine_folder) or environment.default_folder()


def wheels_folder() -> Path | None:
    return _folder(current().wheels_folder)


def apply() -> None:
    """Tell `core` what concerns it."""
    weights.choose_folder(_folder(current().models_folder))


def _folder(path: str) -> Path | None:
    return Path(bpy.path.abspath(path)).expanduser() if path.strip() else None


CLASSES = (UNFLAT_AP_preferences,)
