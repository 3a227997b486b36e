"""Coming and going without a trace."""

from __future__ import annotations

import re
from pathlib import Path

import bpy

import unflat.blender_addon as addon
from unflat.blender_addon import session
from unflat.core.settings import RANGES, Settings


def test_registering_twice() -> None:
    addon.unregister()
    assert not hasattr(bpy.types.Scene, "unflat")
    assert not hasattr(bpy.types, "UNFLAT_OT_generate")
    addon.register()
    assert bpy.ops.unflat.generate.poll()


def test_handlers_leave_with_the_addon() -> None:
    count = len(bpy.app.handlers.load_pre)
    addon.unregister()
    assert len(bpy.app.handlers.load_pre) == count - 1
    addon.register()


def test_defaults_and_ranges_are_the_core_s() -> None:
    settings, core = bpy.context.scene.unflat, Settings()
    assert settings.model == core.model
    assert settings.outputs == {output.name for output in core.outputs}
    for name in ("near_far_ratio", "edge_ratio", "max_faces"):
        assert abs(getattr(settings, name) - getattr(core, name)) < 1e-6
        told = settings.bl_rna.properties[name]
        assert abs(told.hard_min - RANGES[name][0]) < 1e-6
        assert told.hard_max == RANGES[name][1]


def test_settings_are_saved_with_the_file(tmp_path) -> None:
    bpy.context.scene.unflat.max_faces = 1234
    bpy.ops.wm.save_as_mainfile(filepath=str(tmp_path / "a.blend"))
    bpy.ops.wm.open_mainfile(filepath=str(tmp_path / "a.blend"))
    assert bpy.context.scene.unflat.max_faces == 1234


def test_every_property_tells_what_it_is_for() -> None:
    settings = bpy.context.scene.unflat.bl_rna
    for owner in (bpy.ops.unflat.generate.get_rna_type(), settings):
        for item in owner.properties:
            assert item.identifier in ("rna_type", "name") or item.description, item.identifier


def test_the_icons_exist() -> None:
    icons = bpy.types.UILayout.bl_rna.functions["prop"].parameters["icon"].enum_items
    for path in Path(addon.__file__).parent.rglob("*.py"):
        for name in re.findall(r'icon="(\w+)"', path.read_text(encoding="utf-8")):
            assert name in icons, f"{name} in {path.name}"


def test_nothing_runs_after_registering() -> None:
    assert session.current().running is None
    assert not bpy.ops.unflat.cancel.poll()
    assert not bpy.ops.unflat.look_through.poll()
