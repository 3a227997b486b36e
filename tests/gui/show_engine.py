"""In a window: the engine installed from the preferences, used, cancelled, and used again.

Run by test_real_blender.py; writes pictures and figures, see `steps.OUT`.
"""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import bpy
import steps
from show_generate import PHOTO, idle, module, session

INDEX = os.environ["UNFLAT_GUI_INDEX"]
MINUTES = 60  # seconds


def preferences() -> Iterator[float]:
    steps.install()
    bpy.context.preferences.system.use_online_access = True
    bpy.context.preferences.view.show_splash = False
    bpy.context.preferences.addons[steps.ADDON].preferences.index_url = INDEX
    yield 0.5
    bpy.ops.screen.userpref_show("INVOKE_DEFAULT")
    bpy.ops.unflat.show_preferences()
    yield 1.0
    window = bpy.context.window_manager.windows[-1]
    steps.screenshot("engine_1_missing")
    with bpy.context.temp_override(window=window, area=window.screen.areas[0]):
        bpy.ops.unflat.engine_install("INVOKE_DEFAULT")
    yield 1.0
    steps.screenshot("engine_2_asked")


def install() -> Iterator[float]:
    chores = module("chores")
    subprocess.run(["xdotool", "key", "Return"], check=True)
    yield from steps.wait_for(lambda: chores.running is not None, 10, "the installation")
    pulse, start = steps.Pulse(), time.perf_counter()
    for number, wait in enumerate((2, 4, 8, 16)):
        yield wait
        if chores.running is not None:
            steps.screenshot(f"engine_3_installing_{number}")
    yield from steps.wait_for(lambda: chores.running is None, 8 * MINUTES, "the engine")
    pulse.stop()
    end = time.perf_counter()
    steps.record(
        "figures_install",
        seconds=end - start,
        longest_gap=pulse.longest(start, end),
        message=chores.outcome.lines,
    )
    yield 1.0
    steps.screenshot("engine_4_ready")
    assert chores.outcome.good, chores.outcome
    with bpy.context.temp_override(window=bpy.context.window_manager.windows[-1]):
        bpy.ops.wm.window_close()
    yield 0.5


def begin() -> None:
    with steps.in_view():
        assert bpy.ops.unflat.generate("INVOKE_DEFAULT", True) == {"RUNNING_MODAL"}


def generate(shot: str) -> Iterator[float]:
    pulse, start = steps.Pulse(), time.perf_counter()
    begin()
    yield from steps.wait_for(idle, MINUTES, "the scene")
    pulse.stop()
    assert session().outcome.good, session().outcome
    assert len(steps.workers(os.getpid())) == 1
    end = time.perf_counter()
    longest = pulse.longest(start, end)
    steps.record(f"figures_{shot}", seconds=end - start, longest_gap=longest)
    yield 1.0
    steps.screenshot(shot)


def cancel() -> Iterator[float]:
    before = set(bpy.data.objects)
    begin()
    yield from steps.wait_for(lambda: session().running.progress[0] == "depth", 20, "the depth")
    steps.screenshot("engine_6_running")
    start = time.perf_counter()
    bpy.ops.unflat.cancel()
    yield from steps.wait_for(idle, 10, "the cancel")
    steps.record("figures_engine_cancel", seconds=time.perf_counter() - start)
    assert set(bpy.data.objects) == before


def all_steps() -> Iterator[float]:
    yield 1.0
    yield from preferences()
    yield from install()
    steps.show_sidebar("Unflat")
    bpy.context.scene.unflat.photo = PHOTO
    yield from generate("engine_5_done")
    photo = Path(PHOTO)
    another = photo.with_name("another.jpg")  # else its depth is remembered
    another.write_bytes(photo.read_bytes() + bytes(1))
    bpy.data.images.load(str(photo))
    bpy.context.scene.unflat.photo = str(another)
    module("session").current().release()
    yield from cancel()
    yield from generate("engine_7_again")
    bpy.ops.preferences.addon_disable(module=steps.ADDON)
    yield 0.5
    assert not steps.workers(os.getpid()), "a worker outlived the add-on"


def main() -> None:
    steps.play(all_steps())
