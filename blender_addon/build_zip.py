"""Builds dist/unflat-<version>.zip, the extension that Blender installs. Not part of it itself.

    python blender_addon/build_zip.py [-o FOLDER]

The folder layout inside is that of the repository, with `extension_root.py` as `__init__.py`, so
the same relative imports work. Blender's own builder writes and checks the zip: that of the
command in the environment variable UNFLAT_BLENDER (such as "blender"), else the one inside the
installed `bpy` module. Standard library only; `bpy` is found, not imported.
"""

from __future__ import annotations

import argparse
import importlib.util
import os
import shlex
import shutil
import subprocess
import sys
import tempfile
import tomllib
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
ROOMS = ("core", "bridge", "blender_addon")
_LEFT_OUT = shutil.ignore_patterns(
    "__pycache__", "*.pyc", ".*", "build_zip.py", "extension_root.py", "blender_manifest.toml"
)


class BuildError(Exception):
    """Blender's builder is missing or refused; the message is for the one who runs this."""


def build(folder: Path) -> Path:
    """Build and check the extension into `folder`. Raises BuildError."""
    folder.mkdir(parents=True, exist_ok=True)
    builder = _builder()
    # Beside the result, so that it can be moved into place at once and a boxed Blender sees it.
    with tempfile.TemporaryDirectory(prefix=".build-", dir=folder) as scratch:
        source, made = Path(scratch, "source"), Path(scratch, "unflat.zip")
        _stage(source)
        _run([*builder, "build", "--source-dir", str(source), "--output-filepath", str(made)])
        _run([*builder, "validate", str(made)])
        final = folder / f"unflat-{version()}.zip"
        made.replace(final)
    return final


def version() -> str:
    """The version in the manifest."""
    manifest = ROOT / "blender_addon" / "blender_manifest.toml"
    return tomllib.loads(manifest.read_text(encoding="utf-8"))["version"]


def _stage(source: Path) -> None:
    """Lay out the extension's folder."""
    source.mkdir()
    for room in ROOMS:
        shutil.copytree(ROOT / room, source / room, ignore=_LEFT_OUT)
    shutil.copy(ROOT / "blender_addon" / "extension_root.py", source / "__init__.py")
    shutil.copy(ROOT / "blender_addon" / "blender_manifest.toml", source)
    shutil.copy(ROOT / "LICENSE", source)


def _builder() -> list[str]:
    """The command line that takes `build ...` and `validate ...`."""
    if command := os.environ.get("UNFLAT_BLENDER"):
        try:
            program = [command] if Path(command).is_file() else shlex.split(command)
        except ValueError:
            raise BuildError("UNFLAT_BLENDER has a quotation mark without its partner.") from None
        return [*program, "--factory-startup", "--command", "extension"]
    spec = importlib.util.find_spec("bpy")
    if spec is None or spec.origin is None:
        raise BuildError("No Blender found: set UNFLAT_BLENDER to its command, or install bpy.")
    tools = Path(spec.origin).parent.glob("*/scripts/addons_core/bl_pkg/cli/blender_ext.py")
    tool = next(tools, None)
    if tool is None:
        raise BuildError("The installed bpy module has no extension builder, set UNFLAT_BLENDER.")
    return [sys.executable, str(tool)]


def _run(command: list[str]) -> None:
    done = subprocess.run(
        command, cwd=ROOT, capture_output=True, text=True, errors="replace", check=False
    )
    if done.returncode:
        raise BuildError(f"{shlex.join(command)} failed:\n{done.stdout}{done.stderr}".rstrip())


def main() -> int:
    parser = argparse.ArgumentParser(description="Build the Blender extension.")
    parser.add_argument("-o", "--output", type=Path, default=ROOT / "dist", help="folder")
    try:
        print(build(parser.parse_args().output.resolve()))
    except (BuildError, OSError) as error:
        print(f"build_zip: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
