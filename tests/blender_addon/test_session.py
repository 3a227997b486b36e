"""Jobs that do not come to their end: cancelled, abandoned, or refused."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import bpy
import pytest

import unflat.blender_addon as addon
from unflat.blender_addon import session
from unflat.bridge import tasks
from unflat.bridge.tasks import Generate
from unflat.core.errors import CancelledError
from unflat.core.settings import Output, Settings


@pytest.fixture
def endless(monkeypatch: pytest.MonkeyPatch) -> Iterator[threading.Event]:
    """Jobs run until they are cancelled; the event is set when one has stopped."""
    stopped = threading.Event()

    def work(*_: object, cancelled: Callable[[], bool], **__: Any) -> None:
        while not cancelled():
            time.sleep(0.005)
        stopped.set()
        raise CancelledError

    monkeypatch.setattr(tasks, "reconstruct", work)
    yield stopped
    assert stopped.wait(5)


def start() -> session.Running:
    return session.current().start(Generate(Path("photo.jpg"), Settings()))


def test_a_second_job_is_refused(endless: threading.Event) -> None:
    start()
    assert not bpy.ops.unflat.generate.poll()
    with pytest.raises(RuntimeError, match="busy with a photo, wait for it or cancel it"):
        bpy.ops.unflat.generate(filepath="photo.jpg")
    session.current().abandon()
    assert bpy.ops.unflat.generate.poll()


def test_the_cancel_operator_ends_the_job(endless: threading.Event) -> None:
    running = start()
    assert bpy.ops.unflat.cancel() == {"FINISHED"}
    while not running.step(0.1):
        pass
    with pytest.raises(CancelledError):
        running.outcome()
    session.current().finish(None)


def test_a_cancel_that_comes_too_late_for_the_job(files: dict[str, str]) -> None:
    depth = Path(files["depth_filepath"])
    running = session.current().start(Generate(Path(files["filepath"]), Settings(), depth=depth))
    while not running.step(0.1):
        pass
    running.cancel()
    with pytest.raises(CancelledError):
        running.outcome()
    session.current().finish(None)


def test_loading_a_file_ends_the_job(endless: threading.Event) -> None:
    released = []
    start()
    session.current().hold(lambda: released.append(True))
    bpy.ops.wm.read_factory_settings(use_empty=True)
    assert endless.wait(5)
    assert session.current().running is None
    assert released == [True]


def test_disabling_the_addon_ends_the_job(endless: threading.Event) -> None:
    start()
    addon.unregister()
    assert endless.is_set()
    assert not [t for t in threading.enumerate() if t.name.startswith("unflat")]
    addon.register()


def test_a_scene_deleted_meanwhile(files: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    """The result has nowhere to go, and says so."""
    from unflat.blender_addon.operators import _job_operator

    monkeypatch.setattr(
        _job_operator.JobOperator,
        "_scene_id",
        property(lambda self: -1, lambda self, value: None),
        raising=False,
    )
    assert bpy.ops.unflat.generate(**files) == {"CANCELLED"}
    assert session.current().outcome.lines == ("The scene was deleted, so the photo was dropped.",)
    assert len(bpy.data.collections) == 0


def test_progress_never_falls_and_names_its_stages(files: dict[str, str]) -> None:
    from unflat.blender_addon.operators._job_operator import STAGES
    from unflat.blender_addon.properties import OUTPUTS

    running = session.current().start(
        Generate(
            Path(files["filepath"]),
            Settings(outputs=frozenset(Output[ident] for ident, *_ in OUTPUTS)),
            depth=Path(files["depth_filepath"]),
        )
    )
    seen = [running.progress]
    while not running.step(0.001):
        seen.append(running.progress)
    fractions = [fraction for _, fraction in seen]
    assert fractions == sorted(fractions)
    assert {stage for stage, _ in seen} <= set(STAGES)
    session.current().finish(None)


def test_an_interruption_leaves_nothing_busy(
    endless: threading.Event, files: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(*_: object) -> bool:
        raise KeyboardInterrupt

    monkeypatch.setattr(session.Running, "step", interrupted)
    with pytest.raises((RuntimeError, KeyboardInterrupt)):
        bpy.ops.unflat.generate(**files)
    assert session.current().running is None
    assert bpy.ops.unflat.generate.poll()


def test_handlers_cleared_by_another_add_on_do_no_harm() -> None:
    bpy.app.handlers.load_pre.clear()
    addon.unregister()
    addon.register()
    assert len(bpy.app.handlers.load_pre) == 1
