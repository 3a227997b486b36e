"""What the add-on's own core makes of picture files inside Blender, where there is no Pillow.

Run by test_real_blender.py; reads UNFLAT_GUI_OUT/pictures, records what it saw.
"""

from __future__ import annotations

import importlib
import os
from pathlib import Path

import bpy
import steps


def main() -> None:
    steps.install()
    bpy.ops.preferences.addon_enable(module=steps.ADDON)
    images = importlib.import_module(f"{steps.ADDON}.core.images")
    errors = importlib.import_module(f"{steps.ADDON}.core.errors")
    seen = {}
    for path in sorted((Path(os.environ["UNFLAT_GUI_OUT"]) / "pictures").iterdir()):
        try:
            photo = images.load(path)
        except errors.UnflatError as error:
            seen[path.name] = str(error)
        else:
            quarters = photo.rgb[:: photo.height // 2, :: photo.width // 2].astype(int)
            seen[path.name] = {
                "shape": photo.rgb.shape,
                "quarters": quarters.tolist(),
                "opaque": float(photo.opaque().mean()),
                "focal": photo.focal,
                "own_bytes": photo.original is not None,
            }
    steps.record("figures_pictures", **seen)
