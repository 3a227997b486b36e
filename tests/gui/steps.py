"""Helpers for scripts that run inside a Blender with a window.

Such a script starts before the window is drawn, so it acts from a timer: `play` takes a generator
and waits, between its steps, the seconds that it yields. At the end Blender quits with 0, after
an exception with 1.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
import traceback
from collections.abc import Callable, Iterator
from pathlib import Path

import addon_utils
import bpy

OUT = Path(os.environ["UNFLAT_GUI_OUT"])
"""Folder of the pictures and figures that a script makes."""

ADDON = "bl_ext.user_default.unflat"
"""The add-on's package once it is installed."""


def install() -> None:
    """Install the add-on's zip as an artist does from a file, and enable it."""
    bpy.ops.extensions.package_install_files(
        filepath=os.environ["UNFLAT_GUI_ZIP"], repo="user_default", enable_on_install=True
    )
    assert addon_utils.check(ADDON)[1], "the extension is not enabled"


def play(steps: Iterator[float]) -> None:
    """Run the steps from Blender's timers, then end Blender without questions."""

    def tick() -> float | None:
        try:
            return max(float(next(steps)), 0.01)
        except StopIteration:
            code = 0
        except BaseException:
            traceback.print_exc()
            code = 1
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)

    bpy.app.timers.register(tick, first_interval=0.5, persistent=True)


def wait_for(ready: Callable[[], bool], seconds: float, what: str) -> Iterator[float]:
    """Yield until `ready()`; an error names `what` did not come in time."""
    end = time.monotonic() + seconds
    while not ready():
        if time.monotonic() > end:
            raise TimeoutError(f"{what} did not happen within {seconds} s")
        yield 0.05


def view() -> bpy.types.Area:
    """The 3D View of the first window."""
    areas = bpy.context.window_manager.windows[0].screen.areas
    return next(area for area in areas if area.type == "VIEW_3D")


def in_view() -> bpy.types.Context:
    """A context override: the mouse is over the 3D View. Use with `with`."""
    area = view()
    region = next(r for r in area.regions if r.type == "WINDOW")
    window = bpy.context.window_manager.windows[0]
    return bpy.context.temp_override(window=window, area=area, region=region)


def show_sidebar(tab: str) -> None:
    """Open the sidebar on a tab; Blender must have drawn once before."""
    view().spaces.active.show_region_ui = True
    bpy.ops.wm.redraw_timer(type="DRAW_WIN_SWAP", iterations=1)  # else it accepts no tab
    next(r for r in view().regions if r.type == "UI").active_panel_category = tab
    view().tag_redraw()


def screenshot(name: str) -> None:
    """Save the whole display to OUT, by ImageMagick: Blender's own is black without a GPU."""
    OUT.mkdir(parents=True, exist_ok=True)
    subprocess.run(["import", "-window", "root", str(OUT / f"{name}.png")], check=True)


def workers(parent: int) -> list[int]:
    """Process ids of the workers that a process has started, on Linux."""
    found = []
    for task in Path(f"/proc/{parent}/task").glob("*/children"):
        for child in task.read_text().split():
            if b"boot.py" in Path(f"/proc/{child}/cmdline").read_bytes():
                found.append(int(child))
    return found


def record(name: str, **figures: object) -> None:
    """Write figures to OUT for the test that started this Blender."""
    OUT.mkdir(parents=True, exist_ok=True)
    (OUT / f"{name}.json").write_text(json.dumps(figures, indent=1))


class Pulse:
    """Ticks every 10 ms and keeps the longest time between two ticks: how long Blender froze."""

    def __init__(self) -> None:
        self.gaps: list[tuple[float, float]] = []
        self._last = time.perf_counter()
        self._on = True
        bpy.app.timers.register(self._tick, first_interval=0.01)

    def _tick(self) -> float | None:
        now = time.perf_counter()
        self.gaps.append((now, now - self._last))
        self._last = now
        return 0.01 if self._on else None

    def stop(self) -> None:
        self._on = False

    def longest(self, start: float, end: float) -> float:
        """Seconds of the longest gap that ended between two times of `time.perf_counter`."""
        return max((gap for at, gap in self.gaps if start < at <= end), default=0.0)
