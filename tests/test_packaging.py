"""The wheel and the zip hold every module, and all versions agree."""

from __future__ import annotations

import shutil
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path

import pytest

from unflat.core import __version__

ROOT = Path(__file__).parents[1]
ROOMS = ("core", "bridge", "blender_addon")


def tracked_files() -> set[str]:
    found = set()
    for room in ROOMS:
        for path in (ROOT / room).rglob("*"):
            if path.is_file() and "__pycache__" not in path.parts:
                found.add(path.relative_to(ROOT).as_posix())
    return found


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> set[str]:
    """Names of the files in the wheel."""
    pytest.importorskip("build", reason="the package 'build' is not installed")
    out = tmp_path_factory.mktemp("wheel")
    source = tmp_path_factory.mktemp("source")  # a build leaves things beside what it builds
    for room in ROOMS:
        shutil.copytree(ROOT / room, source / room, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, source)
    # The installed setuptools builds it: nothing is downloaded in a test.
    command = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(out)]
    done = subprocess.run([*command, str(source)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    with zipfile.ZipFile(next(out.glob("*.whl"))) as archive:
        return set(archive.namelist())


def test_every_file_is_in_the_wheel(wheel: set[str]) -> None:
    missing = {f"unflat/{name}" for name in tracked_files()} - wheel
    assert not missing


def test_nothing_else_is_in_the_wheel(wheel: set[str]) -> None:
    ours = {name for name in wheel if not name.split("/")[0].endswith(".dist-info")}
    assert ours <= {f"unflat/{name}" for name in tracked_files()}


def test_the_manifest_has_our_version() -> None:
    manifest = tomllib.loads((ROOT / "blender_addon" / "blender_manifest.toml").read_text())
    assert manifest["version"] == __version__
    assert manifest["id"] == "unflat"


def test_the_changelog_knows_this_version() -> None:
    assert f"## {__version__}" in (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")


def test_no_file_is_too_large() -> None:
    for name in tracked_files():
        assert (ROOT / name).stat().st_size <= 17_000_000, name
