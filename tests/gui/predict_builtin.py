"""The built-in network's answer inside Blender, on Blender's own numpy.

Run by test_real_blender.py; reads UNFLAT_GUI_OUT/small.png, leaves prediction.npy.
"""

from __future__ import annotations

import importlib
import os
from pathlib import Path

import bpy
import numpy as np
import steps


def main() -> None:
    steps.install()
    bpy.ops.preferences.addon_enable(module=steps.ADDON)
    images = importlib.import_module(f"{steps.ADDON}.core.images")
    network = importlib.import_module(f"{steps.ADDON}.core.depth.builtin.network")
    out = Path(os.environ["UNFLAT_GUI_OUT"])
    rgb = images.load(out / "small.png").rgb_float()
    np.save(out / "prediction.npy", network.BuiltinNetwork.load().predict(rgb))
