"""scene.blend, made by Blender in a process of its own: the add-on can't be imported from here."""

from __future__ import annotations

import json
import os
import shlex
import subprocess
import sys
import tempfile
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from .errors import BlenderError
from .settings import Output

if TYPE_CHECKING:
    from .pipeline import Result

_MODULE = "unflat.blender_addon.headless"
_TIME_LIMIT = 600  # seconds; a scene takes a few, so this is only for a Blender that hangs


def write(result: Result, folder: Path) -> None:
    """Add scene.blend to a folder that already holds depth.npz and camera.json of `result`.

    Uses the bpy module of this Python, else the Blender that the environment variable
    UNFLAT_BLENDER names. Raises BlenderError.
    """
    if result.photo.path is None:
        raise BlenderError("A scene.blend is made from a photo file, save the array as one first.")
    folder = folder.resolve()
    settings = result.settings.to_json()
    settings["outputs"] = [o for o in settings["outputs"] if not Output(o).is_only_in_files]
    job = {
        "photo": str(result.photo.path.resolve()),
        "depth": str(folder / "depth.npz"),
        "camera": str(folder / "camera.json"),
        "model": result.model,
        "device": result.device,
        "source_kind": result.source_kind.value,
        "settings": settings,
        "blend": str(folder / "scene.blend"),
    }
    with tempfile.TemporaryDirectory(dir=folder, prefix="blend-") as scratch:
        file = Path(scratch) / "job.json"
        file.write_text(json.dumps(job), encoding="utf-8")
        _run([*command(), str(file)])
    if not (folder / "scene.blend").is_file():
        raise BlenderError("Blender ended without making the scene, check UNFLAT_BLENDER.")


def command() -> list[str]:
    """The command line that makes scenes, but for the job file. Raises BlenderError."""
    if find_spec("bpy") is not None:
        return [sys.executable, "-m", _MODULE]
    blender = program()
    if blender is None:
        raise BlenderError(
            "A scene.blend needs Blender: install the bpy module (for Python 3.11 or 3.13), or set "
            "UNFLAT_BLENDER to the Blender program."
        )
    script = Path(__file__).parents[1] / "blender_addon" / "headless.py"
    options = ("--background", "--factory-startup", "--python-exit-code", "1", "--python")
    return [*blender, *options, str(script), "--"]


def program() -> list[str] | None:
    """What UNFLAT_BLENDER names: a program, or a command line that takes Blender's arguments.

    None if it is not set. Raises BlenderError.
    """
    text = os.environ.get("UNFLAT_BLENDER", "").strip()
    if not text:
        return None
    if Path(text).is_file():  # with spaces or backslashes in its path
        return [text]
    try:
        return shlex.split(text)
    except ValueError:
        raise BlenderError("UNFLAT_BLENDER has a quotation mark without its partner.") from None


def _run(command: list[str]) -> None:
    try:
        done = subprocess.run(
            command,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=_TIME_LIMIT,
            check=False,
        )
    except OSError as error:
        raise BlenderError(
            f"Blender could not be started ({error.strerror}), check UNFLAT_BLENDER."
        ) from None
    except subprocess.TimeoutExpired:
        raise BlenderError(f"Blender did not finish within {_TIME_LIMIT} seconds.") from None
    if done.returncode != 0:
        lines = [line for line in done.stderr.splitlines() if line.strip()]
        reason = lines[-1] if lines else f"exit code {done.returncode}"
        raise BlenderError(f"Blender could not make the scene: {reason}")
