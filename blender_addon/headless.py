"""A .blend file from a job file, without a window. What `unflat --blend` runs.

    python -m unflat.blender_addon.headless JOB.json            where Python has the bpy module
    blender --background --python headless.py -- JOB.json       in any Blender, nothing installed

JOB.json: {"photo": file, "depth": depth.npz, "camera": camera.json, "blend": file to write,
"settings": {fields of core.settings.Settings}, and of what made the depth "model": id, "device":
name and "source_kind": what the numbers of its depth meant}; only the photo and blend are needed.

The file opens with its 3D Views looking through the photo's camera. Ends with 0, or with 1 and
one sentence on stderr; then nothing has been written.
"""

from __future__ import annotations

import json
import logging
import os
import sys
from dataclasses import replace
from pathlib import Path
from types import ModuleType
from typing import Any

import bpy

log = logging.getLogger(__name__)


def main(job_file: str) -> int:
    """Run one job file; the exit code."""
    from ..core.errors import UnflatError, explain

    try:
        job = _read(job_file)
        _build(job)
        _save(Path(job["blend"]))
    except Exception as error:
        if not isinstance(error, UnflatError):  # a bug: whoever looks into it finds the rest
            log.exception("unexpected error")
        sentence = explain(error)
    else:
        return 0
    sys.stderr.write(f"{sentence}\n")
    return 1


def _read(job_file: str) -> dict[str, Any]:
    """The job; raises SettingsError for a file that is none."""
    from ..core.errors import SettingsError

    try:
        job = json.loads(Path(job_file).read_text(encoding="utf-8"))
        return job | {"photo": str(job["photo"]), "blend": str(job["blend"])}
    except (OSError, ValueError, KeyError, TypeError):
        raise SettingsError(f"{job_file} is not a job file with photo and blend.") from None


def _build(job: dict[str, Any]) -> None:
    """The scene of a job in an empty Blender file."""
    from ..core import decoders, reconstruct
    from ..core.camera import Pinhole
    from ..core.depthmap import DepthKind
    from ..core.settings import Settings
    from . import photo_reader, register, viewport
    from .scene import build, camera

    photo, camera_file = Path(job["photo"]), job.get("camera")
    result = reconstruct(
        photo if decoders.available() else photo_reader.load(photo),
        Settings(**job.get("settings", {})),
        depth=job.get("depth"),
        # As it was written: whoever reads it as the user's own takes no focal length for a guess.
        camera=camera_file and Pinhole.from_json(json.loads(Path(camera_file).read_text("utf-8"))),
    )
    made_by = {key: job[key] for key in ("model", "device") if key in job}
    if "source_kind" in job:
        made_by["source_kind"] = DepthKind(job["source_kind"])
    result = replace(result, **made_by)  # of a depth that was made before this job
    bpy.ops.wm.read_factory_settings(use_empty=True)
    register()  # so that the file keeps the settings which the sidebar shows
    scene = bpy.context.scene
    home = build(scene, result)
    camera.fit_render(scene, camera.of(home))
    for screen in bpy.data.screens:
        for area in screen.areas:
            if area.type == "VIEW_3D":
                viewport.show_photo(area.spaces.active, home)


def _save(path: Path) -> None:
    """Write the open file, packed as it is, in one step. Raises OutputError."""
    from ..core.errors import OutputError

    beside = path.with_name(f".{path.stem}-{os.getpid()}.blend")
    try:
        bpy.ops.wm.save_as_mainfile(
            filepath=str(beside), compress=True, copy=True, check_existing=False
        )
        beside.replace(path)
    except (RuntimeError, OSError):  # Blender says only that it failed
        beside.unlink(missing_ok=True)
        raise OutputError(f"{path} can't be written, choose another folder.") from None


def _main_in_blender(job_file: str) -> int:
    """`main` of the package that this file lies in, under the name it has when installed."""
    from importlib import import_module

    if "unflat" not in sys.modules:
        package = ModuleType("unflat")
        package.__path__ = [str(Path(__file__).resolve().parents[1])]
        sys.modules["unflat"] = package
    code: int = import_module("unflat.blender_addon.headless").main(job_file)
    return code


if __name__ == "__main__":
    sys.exit(main(sys.argv[-1]) if __package__ else _main_in_blender(sys.argv[-1]))
