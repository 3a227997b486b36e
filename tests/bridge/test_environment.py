"""The engine's environment, made for real from tiny wheels of an index on this machine."""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from unflat.bridge import environment
from unflat.bridge.environment import Accelerator, Options, State, pins, place, program, trial
from unflat.core.errors import (
    CancelledError,
    DownloadError,
    InstallError,
    OfflineError,
    OutputError,
)

from .wheelhouse import Index, make_wheel

UV = shutil.which("uv")
TRIAL = (
    "import json, platform, unflat_alpha, unflat_beta; unflat_alpha.works();"
    "print(json.dumps({'python': platform.python_version(), 'torch': unflat_alpha.__version__,"
    " 'device': 'tiny'}))"
)
PINNED = "# download 0 MB, installed 0 MB\nunflat_alpha=={}\nunflat_beta==1.0\n"
WORKS, FAILS = "def works(): pass\n", "def works(): raise OSError('libtiny.so is missing')\n"
# A child that sets itself up as the fixture `tiny` does for this process.
INSTALL = """
import sys
from pathlib import Path
from unflat.bridge import environment
from unflat.bridge.environment import pins, trial
pins.FOLDER = Path(sys.argv[2])
trial.arguments = lambda device: ["-I", "-c", sys.argv[3]]
print(environment.install(Path(sys.argv[1]), environment.Accelerator.CPU).environment)
"""


@pytest.fixture(scope="session")
def index(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Index]:
    """alpha 1.0 and 2.0 work, 1.5 installs and fails; all need beta."""
    folder = tmp_path_factory.mktemp("wheels of Ünïcode")
    for version, code in (("1.0", WORKS), ("1.5", FAILS), ("2.0", WORKS)):
        make_wheel(folder, "unflat_alpha", version, code, needs="unflat-beta")
    make_wheel(folder, "unflat_beta", "1.0")
    index = Index(folder)
    yield index
    index.shutdown()
    index.server_close()


@pytest.fixture(autouse=True)
def want(
    index: Index, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Callable[[str], None]]:
    """Chooses the version of alpha that is wanted; 1.0 at first. pip alone, set up for `index`."""
    folder = tmp_path / "requirements"
    folder.mkdir()

    def choose(version: str) -> None:
        (folder / "cpu.txt").write_text(PINNED.format(version), encoding="utf-8")

    choose("1.0")
    monkeypatch.setattr(pins, "FOLDER", folder)
    monkeypatch.setattr(trial, "arguments", lambda _device: ["-I", "-c", TRIAL])
    monkeypatch.setenv("PIP_INDEX_URL", index.url)
    monkeypatch.setenv("PIP_RETRIES", "0")
    places = os.environ["PATH"].split(os.pathsep)
    without = [place for place in places if not shutil.which("uv", path=place)]
    monkeypatch.setenv("PATH", os.pathsep.join(without))
    for name in ("UNFLAT_OFFLINE", "HF_HUB_OFFLINE"):
        monkeypatch.delenv(name, raising=False)
    yield choose
    index.stalled = ""
    index.release.set()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Where an engine will be; long, with spaces and letters beyond ASCII."""
    return tmp_path / ("a folder, Ünïcode 深度 " + "l" * 40) / "engine"


@pytest.fixture(scope="session")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the one engine lies that tests copy; made by the first that needs it."""
    return tmp_path_factory.mktemp("made") / "engine"


@pytest.fixture
def engine(want: Callable[[str], None], made: Path, folder: Path) -> Path:
    """An engine that is ready."""
    if not made.exists():
        environment.install(made, Accelerator.CPU)
    shutil.copytree(made, folder, symlinks=True)
    return folder


def install(folder: Path, **arguments: object) -> environment.Receipt:
    return environment.install(folder, Accelerator.CPU, **arguments)  # type: ignore[arg-type]


def run(folder: Path) -> str:
    """What the engine's own interpreter says its alpha is."""
    code = "import unflat_alpha; print(unflat_alpha.__version__)"
    command = [str(environment.python(folder)), "-I", "-c", code]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()


def processes(folder: Path) -> list[str]:
    """Command lines of processes that name a folder."""
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            line = path.read_bytes().decode("utf-8", "replace")
        except OSError:
            continue
        if str(folder) in line:
            found.append(line.replace("\0", " "))
    return found


def until(condition: Callable[[], object], seconds: float = 60) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it did not happen in time"
        time.sleep(0.05)


def left(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()} if folder.exists() else set()


def test_install_from_what_pip_is_set_up_with(
    folder: Path, index: Index, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # None of this may reach the installer.
    for name in ("PIP_TARGET", "PIP_PREFIX", "PIP_CONSTRAINT", "PYTHONHOME", "PYTHONPATH",
                 "VIRTUAL_ENV", "UV_INDEX_URL", "UV_TARGET"):  # fmt: skip
        monkeypatch.setenv(name, str(tmp_path / "nowhere"))
    monkeypatch.setenv("PIP_NO_BINARY", ":all:")
    monkeypatch.setenv("PIP_REQUIRE_VIRTUALENV", "1")
    told: list[tuple[float, str]] = []
    assert environment.state(folder) is State.MISSING
    noted = install(folder, progress=lambda fraction, text: told.append((fraction, text)))
    assert environment.state(folder) is environment.check(folder) is State.READY
    assert run(folder) == "1.0"
    assert noted == environment.receipt(folder)
    assert (noted.accelerator, noted.torch, noted.device) == (Accelerator.CPU, "1.0", "tiny")
    fractions = [fraction for fraction, _ in told]
    assert fractions == sorted(fractions)
    assert told[-1] == (1, "ready")
    assert left(folder) == {"engine.json", "engine.log", noted.environment}
    assert "Successfully installed" in environment.log(folder).read_text(encoding="utf-8")
    assert noted.size <= environment.size(folder) <= noted.size + 100_000
    assert not (tmp_path / "nowhere").exists()


def test_cancel_kills_all_and_resume_fetches_the_rest(folder: Path, index: Index) -> None:
    index.stalled = "unflat_beta-1.0-py3-none-any.whl"
    index.reached.clear()
    index.release.clear()
    when = []

    def cancelled() -> bool:
        # A second later, so that the wheel that has come is seen.
        if index.reached.is_set() and not when:
            when.append(time.monotonic() + 1)
        return bool(when) and time.monotonic() > when[0]

    with pytest.raises(CancelledError):
        install(folder, cancelled=cancelled)
    assert time.monotonic() - when[0] < 5
    assert processes(folder) == []
    assert environment.state(folder) is State.INCOMPLETE
    assert left(folder) == {"engine.incomplete", "engine.log", "engine-cache"}
    index.release.set()
    index.stalled = ""
    index.asked.clear()
    install(folder)
    assert environment.state(folder) is State.READY
    assert index.fetched() == ["unflat_beta-1.0-py3-none-any.whl"]
    assert run(folder) == "1.0"


def test_a_killed_blender_and_two_at_once(folder: Path, index: Index, tmp_path: Path) -> None:
    index.stalled = "unflat_beta-1.0-py3-none-any.whl"
    index.reached.clear()
    index.release.clear()
    command = [sys.executable, "-c", INSTALL, str(folder), str(tmp_path / "requirements"), TRIAL]
    child = subprocess.Popen(command)
    assert index.reached.wait(60)
    child.kill()
    child.wait()
    assert environment.state(folder) is State.INCOMPLETE
    index.stalled = ""
    index.release.set()
    children = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(2)]
    names = [child.communicate(timeout=120)[0].strip() for child in children]
    assert [child.returncode for child in children] == [0, 0]
    assert names[0] == names[1]  # the second one took what the first one had made
    assert left(folder) == {"engine.json", "engine.log", names[0]}
    assert environment.state(folder) is State.READY
    until(lambda: not processes(folder), 20)


def test_update_with_rollback(engine: Path, want: Callable[[str], None]) -> None:
    before = environment.receipt(engine)
    want("1.5")
    assert environment.state(engine) is State.OUTDATED
    with pytest.raises(InstallError, match=r"does not work on cpu .*libtiny\.so is missing"):
        install(engine)
    assert environment.receipt(engine) == before
    assert environment.state(engine) is environment.check(engine) is State.OUTDATED
    assert run(engine) == "1.0"
    want("2.0")
    with environment.used(engine) as python:  # by a worker, which goes on while that happens
        noted = install(engine)
        assert python.exists()
        assert environment.python(engine) != python
    assert (run(engine), environment.state(engine)) == ("2.0", State.READY)
    assert left(engine) >= {"engine.json", "engine.log", noted.environment}
    freed = environment.remove(engine)
    assert freed > 1.9 * noted.size  # the old one had stayed, as it was in use
    assert not engine.exists()


def test_damage_is_found_and_repaired_from_a_folder_of_wheels(engine: Path, index: Index) -> None:
    assert environment.check(engine) is State.READY
    library = next(engine.glob("engine-*/**/unflat_alpha"))
    (library / "data.py").write_text("", encoding="utf-8")
    assert environment.state(engine) is State.READY  # a quick look does not tell
    assert environment.check(engine) is State.BROKEN
    assert environment.state(engine) is State.BROKEN  # but is told from then on
    asked = len(index.asked)
    install(engine, online=False, options=Options(wheels=index.folder))
    assert environment.check(engine) is State.READY
    assert len(index.asked) == asked


def test_an_interpreter_that_is_gone(engine: Path) -> None:
    with pytest.raises(InstallError, match="no engine"):
        environment.python(engine.parent)
    environment.python(engine).unlink()
    assert environment.state(engine) is State.BROKEN


def test_an_interpreter_whose_base_is_gone_or_changed(engine: Path) -> None:
    config = environment.python(engine).parents[1] / "pyvenv.cfg"
    text = config.read_text(encoding="utf-8")
    lines = [line for line in text.splitlines() if not line.startswith("home")]
    config.write_text("\n".join([*lines, "home = /nowhere"]), encoding="utf-8")
    assert environment.state(engine) is State.BROKEN
    config.write_text(text, encoding="utf-8")
    assert environment.state(engine) is State.READY
    receipt = engine / "engine.json"
    fields = json.loads(receipt.read_text(encoding="utf-8"))
    receipt.write_text(json.dumps(fields | {"python": "3.1.4"}), encoding="utf-8")
    assert environment.check(engine) is State.BROKEN


@pytest.mark.parametrize(
    "text", ["", "[]", '{"environment": "engine-00000000"}', "\xff", '{"environment": 3']
)
def test_a_receipt_that_can_t_be_read(engine: Path, text: str) -> None:
    (engine / "engine.json").write_bytes(text.encode("latin-1"))
    assert environment.state(engine) is State.BROKEN
    assert environment.receipt(engine) is None


@pytest.mark.parametrize("name", ["../evil", "/bin", "engine-../../x", "engine-ABCDEF01", ""])
def test_a_receipt_can_t_lead_elsewhere(engine: Path, name: str) -> None:
    receipt = engine / "engine.json"
    fields = json.loads(receipt.read_text(encoding="utf-8"))
    receipt.write_text(json.dumps(fields | {"environment": name}), encoding="utf-8")
    assert environment.state(engine) is State.BROKEN
    with pytest.raises(InstallError):
        environment.python(engine)


def test_remove_takes_only_what_is_ours(engine: Path, tmp_path: Path) -> None:
    (engine / "mine.txt").write_text("mine", encoding="utf-8")
    (engine / "engine-notes").mkdir()
    with environment.used(engine), pytest.raises(InstallError, match="in use"):
        environment.remove(engine)
    assert environment.state(engine) is State.READY
    assert environment.remove(engine) > 600_000
    assert left(engine) == {"mine.txt", "engine-notes"}
    assert environment.state(engine) is State.MISSING
    for foreign in (engine, tmp_path, tmp_path / "nowhere"):
        with pytest.raises(InstallError, match="no engine"):
            environment.remove(foreign)
    with pytest.raises(InstallError, match="other things"):
        install(engine)
    assert left(engine) == {"mine.txt", "engine-notes"}


def test_a_worker_keeps_the_engine_from_other_processes(engine: Path) -> None:
    code = (
        "import sys; from pathlib import Path; from unflat.bridge import environment\n"
        "with environment.used(Path(sys.argv[1])): print('used', flush=True); sys.stdin.read()"
    )
    worker = subprocess.Popen(
        [sys.executable, "-c", code, str(engine)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    assert worker.stdout is not None
    assert worker.stdout.readline().strip() == b"used"
    with pytest.raises(InstallError, match="in use"):
        environment.remove(engine)
    worker.kill()  # nothing is left that would have to be cleaned up
    worker.communicate()
    environment.remove(engine)
    assert not engine.exists()


@pytest.mark.parametrize(("retries", "words"), [("0", "Nothing was heard of"), ("1", "downloaded")])
def test_no_network(
    folder: Path, retries: str, words: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PIP_RETRIES", retries)
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        port = closed.getsockname()[1]
    with pytest.raises(DownloadError, match=f"{words}.*check the connection"):
        install(folder, options=Options(index_url=f"http://user:secret@127.0.0.1:{port}/simple/"))
    assert environment.state(folder) is State.INCOMPLETE
    assert "secret" not in environment.log(folder).read_text(encoding="utf-8")
    environment.remove(folder)
    assert not folder.exists()


def test_staying_offline(
    folder: Path, index: Index, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = len(index.asked)
    with pytest.raises(OfflineError):
        install(folder, online=False)
    monkeypatch.setenv("UNFLAT_OFFLINE", "1")
    with pytest.raises(OfflineError):
        install(folder)
    with pytest.raises(InstallError, match="no folder"):
        install(folder, options=Options(wheels=tmp_path / "nowhere"))
    assert not folder.exists()
    assert len(index.asked) == asked


def test_no_room(folder: Path, tmp_path: Path) -> None:
    requirements = tmp_path / "requirements" / "cpu.txt"
    text = requirements.read_text(encoding="utf-8")
    requirements.write_text(text.replace("installed 0", "installed 999999999"), encoding="utf-8")
    with pytest.raises(OutputError, match="free some space or choose another folder"):
        install(folder)
    assert environment.state(folder) is State.MISSING
    requirements.write_text(text, encoding="utf-8")
    install(folder)  # what the first attempt has left does not stand in the way
    assert environment.state(folder) is State.READY


def test_a_disk_that_gets_full(tmp_path: Path) -> None:
    small = tmp_path / "small"
    small.mkdir()
    if sys.platform != "linux" or os.getuid():
        pytest.skip("only root can mount a small disk")
    mount = ["mount", "-t", "tmpfs", "-o", "size=400k", "tmpfs", str(small)]
    if subprocess.run(mount, capture_output=True, check=False).returncode:
        pytest.skip("mounting is not allowed here")
    try:
        with pytest.raises(OutputError, match="disk is full"):
            install(small / "engine")
        assert environment.state(small / "engine") is State.INCOMPLETE
        # What was downloaded may be kept, as far as it had come.
        left = [file for file in small.rglob("*") if place.CACHE not in file.parts]
        assert sum(file.stat().st_size for file in left) < 100_000
    finally:
        subprocess.run(["umount", str(small)], check=True)


def test_a_folder_that_can_t_be_written_to(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("", encoding="utf-8")
    with pytest.raises(OutputError):
        install(tmp_path / "file" / "engine")


@pytest.mark.parametrize("program", ["/nowhere/python3", sys.executable + "-config", __file__])
def test_a_chosen_python_that_does_not_fit(folder: Path, program: str) -> None:
    with pytest.raises(InstallError, match="choose another"):
        install(folder, options=Options(python=Path(program)))


def test_a_python_without_pip(folder: Path, tmp_path: Path) -> None:
    """As Blender's own is one: the environment gets its pip from what Python brings along."""
    bare = tmp_path / "bare"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(bare)], check=True)
    program = environment.place.interpreter(bare)
    install(folder, options=Options(python=program))
    assert run(folder) == "1.0"


def test_uv_makes_the_same(
    folder: Path, index: Index, want: Callable[[str], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    if UV is None:
        pytest.skip("uv is not installed")
    monkeypatch.setenv("PATH", f"{Path(UV).parent}{os.pathsep}{os.environ['PATH']}")
    install(folder)
    assert environment.check(folder) is State.READY
    assert run(folder) == "1.0"
    assert "Installed 2 packages" in environment.log(folder).read_text(encoding="utf-8")
    want("2.0")
    install(folder, online=False, options=Options(wheels=index.folder))
    assert run(folder) == "2.0"


def test_cancel_before_a_silent_program_ends(tmp_path: Path) -> None:
    code = (
        "import subprocess, sys, time; "
        "subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(60)', sys.argv[1]]);"
        "print('started', flush=True); time.sleep(60)"
    )
    asked = threading.Event()
    with (tmp_path / "log").open("w") as log, pytest.raises(CancelledError):
        program.run(
            [sys.executable, "-c", code, str(tmp_path)],
            os.environ,
            log,
            asked.is_set,
            lambda line: asked.set() if line else None,
        )
    until(lambda: not processes(tmp_path), 5)
