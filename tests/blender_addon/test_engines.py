"""Where jobs run as the preferences say, with a real worker in a real environment."""

from __future__ import annotations

import os
import signal
import site
import sys
import threading
import venv
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import bpy
import numpy as np
import pytest

import unflat.blender_addon as addon
from unflat.blender_addon import engines, ids, session
from unflat.bridge.environment import Accelerator, Receipt, place
from unflat.bridge.environment.pins import wanted
from unflat.core.depth import catalog, weights
from unflat.core.errors import InstallError

from ..bridge import processes
from .helpers import child, positions

linux = pytest.mark.skipif(sys.platform != "linux", reason="looks at processes as Linux shows them")


@pytest.fixture
def preferences() -> Iterator[Any]:
    entry = bpy.context.preferences.addons.new()
    entry.module = ids.ADDON
    yield entry.preferences
    bpy.context.preferences.addons.remove(entry)


@pytest.fixture
def engine(tmp_path: Path) -> Path:
    """An engine as an installation leaves it, with the libraries of this Python."""
    folder = tmp_path / "engine"
    home = folder / "engine-00000001"
    venv.create(home, with_pip=False, symlinks=sys.platform != "win32")
    paths = "\n".join(site.getsitepackages())
    (place.libraries(home) / "ours.pth").write_text(paths, encoding="utf-8")
    cpu = Accelerator.CPU
    version = ".".join(map(str, sys.version_info[:3]))
    noted = Receipt(home.name, cpu, wanted(cpu).digest, version, "2.13.0", "the processor", 1, 1)
    place.write_receipt(folder, noted)
    return folder


def test_within_blender_without_an_engine() -> None:
    assert engines.place() == engines.Place()
    assert engines.where(True) == "Runs within Blender"


def test_an_engine_that_is_asked_for_and_missing(preferences: Any, files: dict[str, str]) -> None:
    preferences.engine = "WORKER"
    with pytest.raises(RuntimeError, match="not installed, install it in Unflat's preferences"):
        bpy.ops.unflat.generate(**files)
    assert engines.where(True) == "The engine is asked for and not ready"
    assert session.current().running is None


@linux
def test_the_engine_makes_the_same(engine: Path, preferences: Any, files: dict[str, str]) -> None:
    preferences.engine = "IN_PROCESS"
    bpy.ops.unflat.generate(**files)
    assert not processes.workers()
    ours = positions(child(bpy.data.collections["photo"], "Mesh").data)
    preferences.engine = "AUTOMATIC"
    assert engines.where(False) == "Runs in the engine"
    assert engines.where(True) == "Runs in the engine, on the processor"
    bpy.ops.unflat.generate(**files)
    assert len(processes.workers()) == 1
    newest = max(bpy.context.scene.collection.children, key=lambda home: home.session_uid)
    np.testing.assert_array_equal(positions(child(newest, "Mesh").data), ours)


@linux
def test_shapes_are_rebuilt_in_the_engine(engine: Path, files: dict[str, str]) -> None:
    bpy.ops.unflat.generate(**files)
    home = bpy.data.collections["photo"]
    home.unflat.max_faces = 100
    bpy.ops.unflat.rebuild(photo=home.name)
    assert len(child(home, "Mesh").data.polygons) <= 100
    assert len(processes.workers()) == 1


@linux
def test_a_lost_engine_is_told_and_replaced(engine: Path, files: dict[str, str]) -> None:
    bpy.ops.unflat.generate(**files)
    os.kill(processes.workers()[0], signal.SIGKILL)
    assert bpy.ops.unflat.generate(**files) == {"FINISHED"}


@linux
def test_nothing_is_left_when_the_addon_goes(engine: Path, files: dict[str, str]) -> None:
    bpy.ops.unflat.generate(**files)
    addon.unregister()
    assert not processes.workers()
    assert not [t for t in threading.enumerate() if t.name.startswith("unflat-")]
    addon.register()


@linux
def test_removing_the_engine(engine: Path, files: dict[str, str]) -> None:
    bpy.ops.unflat.generate(**files)
    assert bpy.ops.unflat.engine_remove() == {"FINISHED"}
    assert not engine.exists()
    assert not processes.workers()
    assert engines.where(True) == "Runs within Blender"
    with pytest.raises(RuntimeError, match="no engine"):
        bpy.ops.unflat.engine_remove()


@linux
def test_an_engine_in_use_elsewhere_stays(engine: Path) -> None:
    with place.used(engine), pytest.raises(RuntimeError, match="in use"):
        bpy.ops.unflat.engine_remove()
    assert engines.is_installed()


def test_without_online_access_nothing_is_installed(preferences: Any, tmp_path: Path) -> None:
    bpy.context.preferences.system.use_online_access = False
    assert not bpy.ops.unflat.engine_install.poll()
    assert not bpy.ops.unflat.model_download.poll()
    preferences.wheels_folder = str(tmp_path / "none")
    assert bpy.ops.unflat.engine_install.poll()
    with pytest.raises(RuntimeError, match="There is no folder"):
        bpy.ops.unflat.engine_install()


def test_a_network_that_can_not_run_yet(monkeypatch: pytest.MonkeyPatch, photo_file: Path) -> None:
    card = catalog.find("midas_v21_small_256")
    monkeypatch.setenv("UNFLAT_MODELS", str(photo_file.parent / "models"))
    with pytest.raises(RuntimeError, match="not on this computer yet, download it first"):
        bpy.ops.unflat.generate(filepath=str(photo_file), model=card.id)
    monkeypatch.setattr(engines, "_has_torch", lambda: False)
    with pytest.raises(InstallError, match="needs the engine"):
        engines.check(card)


def test_models_of_the_preferences(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("UNFLAT_MODELS", str(tmp_path / "models"))
    with pytest.raises(RuntimeError, match="not on this computer"):
        bpy.ops.unflat.model_verify(model="midas_v21_384")
    with pytest.raises(RuntimeError, match="no model"):
        bpy.ops.unflat.model_remove(model="no such")
    assert bpy.ops.unflat.model_remove(model="midas_v21_384") == {"FINISHED"}


def test_networks_may_lie_elsewhere(preferences: Any, tmp_path: Path) -> None:
    usual = weights.folder()
    preferences.models_folder = str(tmp_path / "elsewhere")
    assert weights.folder() == tmp_path / "elsewhere"
    preferences.models_folder = ""
    assert weights.folder() == usual


def test_the_list_of_models(preferences: Any) -> None:
    settings = bpy.context.scene.unflat
    assert settings.model == "builtin"
    settings.model = "dpt_large_384"
    forbidden = next(card.id for card in catalog.MODELS if not card.commercial)
    with pytest.raises(TypeError):
        settings.model = forbidden
    preferences.non_commercial = True
    settings.model = forbidden
    preferences.non_commercial = False
    assert settings.model == forbidden  # chosen is chosen


def test_what_a_photo_is_worked_on_with_is_not_removed(monkeypatch: pytest.MonkeyPatch) -> None:
    assert bpy.ops.unflat.model_remove.poll()
    with monkeypatch.context() as busy:
        busy.setattr(session.current(), "running", object())
        assert not bpy.ops.unflat.model_remove.poll()
        assert not bpy.ops.unflat.engine_remove.poll()
        assert bpy.ops.unflat.model_verify.poll()
