"""In background mode: the installed add-on as a script on a render farm uses it.

Run by test_real_blender.py.
"""

from __future__ import annotations

import os
import time

import bpy
import steps


def main() -> None:
    steps.install()
    bpy.ops.wm.read_factory_settings(use_empty=True)
    bpy.ops.preferences.addon_enable(module=steps.ADDON)
    start = time.perf_counter()
    done = bpy.ops.unflat.generate(
        filepath=os.environ["UNFLAT_GUI_PHOTO"],
        model="builtin",
        outputs={"MESH", "POINTS", "RELIEF"},
    )
    assert done == {"FINISHED"}
    seconds = time.perf_counter() - start
    home = bpy.context.scene.collection.children[0]
    kinds = sorted(thing.type for thing in home.objects)
    assert bpy.context.scene.camera in list(home.objects)
    # A depth map as depth cameras write it: Blender brings no Pillow, but can read it.
    bpy.ops.unflat.generate(
        filepath=os.environ["UNFLAT_GUI_PHOTO"],
        depth_filepath=os.environ["UNFLAT_GUI_DEPTH"],
        outputs={"MESH"},
    )
    own = bpy.context.scene.collection.children[-1]
    assert own["unflat_depth_kind"] == "metres"
    refused = ""
    try:
        bpy.ops.unflat.generate(filepath="missing.jpg")
    except RuntimeError as error:
        refused = str(error)
    assert "There is no file missing.jpg, check the name." in refused
    bpy.ops.preferences.addon_disable(module=steps.ADDON)
    assert not hasattr(bpy.types.Scene, "unflat")
    steps.record("figures_background", seconds=seconds, kinds=kinds)
