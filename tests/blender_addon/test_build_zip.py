"""The extension's zip, built and checked by Blender's own tool."""

from __future__ import annotations

import zipfile
from pathlib import Path

import pytest

from unflat.blender_addon import build_zip
from unflat.core import __version__


def test_the_zip_holds_the_rooms(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("UNFLAT_BLENDER", raising=False)
    made = build_zip.build(tmp_path)
    assert made.name == f"unflat-{__version__}.zip"
    assert [path.name for path in tmp_path.iterdir()] == [made.name]
    with zipfile.ZipFile(made) as archive:
        names = set(archive.namelist())
        init = archive.read("__init__.py").decode()
    assert "from .blender_addon import register" in init
    assert {"blender_manifest.toml", "core/depth/builtin/weights.npz", "LICENSE"} <= names
    assert {"bridge/engine.py", "blender_addon/scene/camera.py"} <= names
    assert {"bridge/environment/installer.py", "bridge/requirements/cpu.txt"} <= names
    assert not any("__pycache__" in name or "build_zip" in name for name in names)
    rooms = {name.split("/")[0] for name in names if "/" in name}
    assert rooms == {"core", "bridge", "blender_addon"}


def test_a_failing_builder_is_quoted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("UNFLAT_BLENDER", "false")
    with pytest.raises(build_zip.BuildError, match=r"false .* failed"):
        build_zip.build(tmp_path)
    assert not list(tmp_path.iterdir())
