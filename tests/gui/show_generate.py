"""In a window: the tab, a photo made without freezing, cancel, undo.

Run by test_real_blender.py; writes pictures and figures, see `steps.OUT`.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import bpy
import steps

PHOTO = os.environ["UNFLAT_GUI_PHOTO"]


def module(name: str) -> ModuleType:
    """A module of the installed add-on, under the name Blender gave it."""
    return sys.modules[f"{steps.ADDON}.blender_addon.{name}"]


def session() -> Any:
    return module("session").current()


def idle() -> bool:
    return session().running is None


def everything() -> set[tuple[str, str]]:
    """Kind and name of all that a result could leave in the file."""
    kinds = ("collections", "objects", "meshes", "pointclouds", "cameras", "materials", "images")
    return {(kind, block.name) for kind in kinds for block in getattr(bpy.data, kind)}


def tab() -> Iterator[float]:
    yield 1.0
    steps.install()
    yield 0.5
    steps.show_sidebar("Unflat")
    yield 0.5
    steps.screenshot("1_empty")
    assert not bpy.ops.unflat.cancel.poll()
    bpy.context.scene.unflat.photo = PHOTO
    yield 0.5
    steps.screenshot("2_photo")


def redraws() -> Iterator[float]:
    """How long Blender itself is away when the sidebar is redrawn as often as a job may do it."""
    pulse = steps.Pulse()
    viewport = module("viewport")
    start = time.perf_counter()
    for _ in range(40):
        viewport.redraw_sidebars()
        yield 0.05
    pulse.stop()
    steps.record("figures_redraws", longest_gap=pulse.longest(start, time.perf_counter()))


def generate(outputs: set[str], shot: str) -> Iterator[float]:
    """One photo by the artist's way; figures of how long the main thread was away."""
    bpy.context.scene.unflat.outputs = outputs
    operator = module("operators._job_operator").JobOperator
    times: dict[str, float] = {}
    build = operator._build

    def timed(self):
        times["import"] = time.perf_counter()
        try:
            return build(self)
        finally:
            times["imported"] = time.perf_counter()

    operator._build = timed
    pulse = steps.Pulse()
    yield 0.3
    start = time.perf_counter()
    with steps.in_view():
        assert bpy.ops.unflat.generate("INVOKE_DEFAULT", True) == {"RUNNING_MODAL"}
    assert not bpy.ops.unflat.generate.poll(), "a second job must be refused"
    stages = {}
    while not idle():
        stages[time.perf_counter()] = session().running.progress[0]
        yield 0.02
    yield 0.5
    pulse.stop()
    operator._build = build
    assert session().outcome.good, session().outcome
    gaps = dict.fromkeys(stages.values(), 0.0)
    for (begin, stage), end in zip(stages.items(), [*stages, times["import"]][1:], strict=True):
        gaps[stage] = max(gaps[stage], pulse.longest(begin, end))
    steps.record(
        f"figures_{shot}",
        longest_gap_before_import=pulse.longest(start, times["import"]),
        longest_gap_by_stage=gaps,
        import_seconds=times["imported"] - times["import"],
        longest_gap_with_import=pulse.longest(start, times["imported"] + 0.5),
        total_seconds=times["imported"] - start,
        message=session().outcome.lines,
    )
    yield 2.0
    steps.screenshot(f"4_{shot}_done")


def running_and_cancel() -> Iterator[float]:
    """The panel while it works; a cancel leaves nothing."""
    before = everything()
    with steps.in_view():
        bpy.ops.unflat.generate("INVOKE_DEFAULT", True)
    yield 0.8
    steps.screenshot("3_running")
    start = time.perf_counter()
    bpy.ops.unflat.cancel()
    yield from steps.wait_for(idle, 10, "the cancel")
    steps.record("figures_cancel", seconds=time.perf_counter() - start)
    assert everything() == before
    yield 0.3
    steps.screenshot("5_cancelled")


def live() -> Iterator[float]:
    """A slider of the photo in the scene: its mesh follows, after a pause and without a click."""
    home = bpy.data.collections["photo"]
    mesh = next(thing for thing in home.objects if thing.name.endswith(" Mesh"))
    bpy.context.view_layer.objects.active = mesh
    count = len(mesh.data.polygons)
    yield 0.5
    start = time.perf_counter()
    for share in (0.5, 0.2, 0.1):  # dragged
        home.unflat.max_faces = int(share * count)
        yield 0.05
    yield from steps.wait_for(lambda: len(mesh.data.polygons) <= 0.1 * count, 20, "the new mesh")
    steps.record("figures_live", seconds=time.perf_counter() - start)
    yield from steps.wait_for(idle, 1, "the end of the job")
    assert session().outcome.good, session().outcome
    yield 1.0
    steps.screenshot("7_live")
    with steps.in_view():
        bpy.ops.ed.undo()
    yield 1.0
    home = bpy.data.collections["photo"]
    mesh = next(thing for thing in home.objects if thing.name.endswith(" Mesh"))
    assert len(mesh.data.polygons) == count
    assert home.unflat.max_faces > count
    assert idle()


def drop() -> Iterator[float]:
    """What Blender offers for a dropped picture; it calls this operator itself."""
    path = Path(PHOTO)
    files = [{"name": path.name}]
    with steps.in_view():
        bpy.ops.wm.drop_import_file("INVOKE_DEFAULT", directory=str(path.parent), files=files)
    yield 1.0
    steps.screenshot("8_dropped")


def interrupted() -> Iterator[float]:
    """Another file is loaded, then the add-on is disabled, while a job runs: nothing breaks."""
    for interrupt in (
        lambda: bpy.ops.wm.read_homefile(use_factory_startup=True),
        lambda: bpy.ops.preferences.addon_disable(module=steps.ADDON),
    ):
        bpy.context.scene.unflat.photo = PHOTO
        with steps.in_view():
            assert bpy.ops.unflat.generate("INVOKE_DEFAULT", True) == {"RUNNING_MODAL"}
        yield 0.4
        assert not idle()
        interrupt()
        yield 1.0
        if hasattr(bpy.types.Scene, "unflat"):
            assert idle()
            assert bpy.ops.unflat.generate.poll()
    assert {collection.name for collection in bpy.data.collections} == {"Collection"}
    bpy.ops.preferences.addon_enable(module=steps.ADDON)
    yield 0.5


def all_steps() -> Iterator[float]:
    yield from tab()
    yield from redraws()
    yield from running_and_cancel()
    before = everything()
    yield from generate({"MESH", "POINTS"}, "default")
    assert everything() > before
    assert ("objects", bpy.context.scene.camera.name) not in before
    with steps.in_view():
        bpy.ops.ed.undo()
    yield 1.0
    assert everything() == before, f"left after one undo: {everything() - before}"
    steps.screenshot("6_undone")
    yield from interrupted()
    bpy.context.scene.unflat.photo = PHOTO
    yield from generate({"MESH", "POINTS", "RELIEF"}, "all")
    steps.show_sidebar("Unflat")
    yield from live()
    yield from drop()


def main() -> None:
    steps.play(all_steps())
