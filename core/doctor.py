"""What `unflat doctor` reports: versions, optional libraries, and the Blender in reach."""

from __future__ import annotations

import os
import platform
from importlib import metadata

from ._version import __version__
from .depth import weights

_LIBRARIES = (
    "numpy",
    "pillow",
    "bpy",
    "matplotlib",
    "OpenEXR",
    "torch",
    "timm",
    "openvino",
    "open3d",
    "usd-core",
    "safetensors",
    "huggingface_hub",
)


def examine() -> list[tuple[str, str]]:
    """(name, state) rows. Imports none of the libraries, so that a broken one can't break this."""
    rows = [
        ("unflat", __version__),
        ("python", f"{platform.python_version()} on {platform.system()} {platform.machine()}"),
        ("processors", str(os.cpu_count())),
    ]
    for name in _LIBRARIES:
        try:
            rows.append((name, metadata.version(name)))
        except metadata.PackageNotFoundError:
            rows.append((name, "not installed"))
    rows.append(("weights", str(weights.folder())))
    rows.append(("UNFLAT_BLENDER", os.environ.get("UNFLAT_BLENDER", "not set")))
    return rows
