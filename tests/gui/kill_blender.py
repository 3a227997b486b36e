"""In background mode: another Blender is killed while its worker is busy, and the worker goes too.

Run by test_real_blender.py, and by itself in that other Blender. The worker runs in an environment
made from Blender's own Python.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
import venv
from pathlib import Path
from types import ModuleType

import bpy
import steps

OUT = Path(os.environ["UNFLAT_GUI_OUT"])
ROOT = Path(__file__).parents[2]
_OTHER = f"import sys; sys.path.append({str(Path(__file__).parent)!r}); import kill_blender"


def find_addon() -> None:
    package = ModuleType("unflat")
    package.__path__ = [str(ROOT)]
    sys.modules["unflat"] = package


def make_engine(folder: Path) -> None:
    """An engine as an installation leaves it, with the libraries that Blender has."""
    from unflat.bridge.environment import Accelerator, Receipt, place
    from unflat.bridge.environment.pins import wanted

    home = folder / "engine-00000001"
    venv.create(home, with_pip=False, system_site_packages=True, symlinks=os.name == "posix")
    cpu = Accelerator.CPU
    version = ".".join(map(str, sys.version_info[:3]))
    noted = Receipt(home.name, cpu, wanted(cpu).digest, version, "none", "this computer", 1, 1)
    place.write_receipt(folder, noted)


def work() -> None:
    """In the Blender that will be killed: a job on a worker, for ever."""
    find_addon()
    from unflat import blender_addon
    from unflat.blender_addon import photo_reader, session
    from unflat.bridge import arrays
    from unflat.bridge.tasks import Generate
    from unflat.core.settings import Settings

    arrays.MEMORY = None  # what a killed Blender leaves must lie where it is removed
    blender_addon.register()
    photo = photo_reader.load(Path(os.environ["UNFLAT_GUI_PHOTO"]))
    running = session.current().start(Generate(photo, Settings()))
    while running.progress[0] != "depth":
        assert not running.step(0.01), "the job ended"
    print("busy", flush=True)
    time.sleep(600)


def main() -> None:
    find_addon()
    expression = f"{_OTHER}; kill_blender.work()"
    line = [bpy.app.binary_path, "--background", "--factory-startup", "--python-expr", expression]
    with tempfile.TemporaryDirectory() as folder:
        make_engine(Path(folder))
        variables = os.environ | {"UNFLAT_ENGINE": folder, "TMPDIR": folder}
        with subprocess.Popen(line, env=variables, stdout=subprocess.PIPE) as other:
            assert any(text == b"busy\n" for text in other.stdout)
            (worker,) = steps.workers(other.pid)
            other.kill()
            seconds = lifetime(worker)
    (OUT / "figures_killed.json").write_text(json.dumps({"worker_gone_after": seconds}))


def lifetime(pid: int) -> float:
    """Seconds, 10 at most, until a process is gone."""
    start = time.monotonic()
    while Path(f"/proc/{pid}").exists() and time.monotonic() - start < 10:
        time.sleep(0.01)
    return time.monotonic() - start
