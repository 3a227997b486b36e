"""The parts of installing: pinned sets, sources, what programs say, which Python, the self-test."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from unflat.bridge import environment
from unflat.bridge.environment import Accelerator, Options, failures, pins, pythons, sources, trial
from unflat.bridge.environment.accelerator import fitting_cuda
from unflat.core.errors import DownloadError, InstallError, OutputError, UnflatError

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize("accelerator", Accelerator)
def test_every_set_is_pinned(accelerator: Accelerator) -> None:
    wanted = pins.wanted(accelerator)
    assert all(re.match(r"[\w-]+==[\w.]+(; .+)?$", line) for line in wanted.lines)
    names = [line.partition("==")[0].lower() for line in wanted.lines]
    assert len(names) == len(set(names))
    assert {"torch", "torchvision", "timm", "numpy", "safetensors"} <= set(names)
    assert 10**8 < wanted.download < wanted.installed
    assert bool(wanted.indexes) is (accelerator is not Accelerator.MPS)


def test_hosts_of_packages_are_named_in_the_sets_alone() -> None:
    host = pins.wanted(Accelerator.CPU).indexes[0].split("/")[2]
    for room in ("core", "bridge", "blender_addon"):
        for path in (ROOT / room).rglob("*.py"):
            assert host not in path.read_text(encoding="utf-8"), path


def test_a_set_changes_its_digest_with_a_version_alone(tmp_path: Path) -> None:
    def digest(text: str) -> str:
        (tmp_path / "set.txt").write_text(text, encoding="utf-8")
        return pins.read(tmp_path / "set.txt").digest

    same = digest("a==1\nb==2\n")
    assert same == digest("# words\n--extra-index-url file:///x\n\nb==2\na==1\n")
    assert same != digest("a==1\nb==3\n")


@pytest.mark.parametrize(
    ("driver", "capability", "expected"),
    [
        (580, 12.0, Accelerator.CUDA),
        (570, 12.0, Accelerator.CUDA),  # nothing older knows the card: the self-test will tell
        (580, 8.9, Accelerator.CUDA),
        (550, 8.9, Accelerator.CUDA12),
        (580, 6.1, Accelerator.CUDA12),
        (470, 8.6, Accelerator.CPU),
        (580, 3.5, Accelerator.CPU),
    ],
)
def test_the_cuda_that_fits(driver: int, capability: float, expected: Accelerator) -> None:
    assert fitting_cuda(driver, capability) is expected


def test_what_is_suggested_can_be_installed() -> None:
    assert pins.wanted(environment.suggest()).lines


LISTING = """
global.index-url='https://mirror.example/simple'
global.extra-index-url='\\nhttps://a.example\\nhttps://b.example'
install.index-url='https://install.example/simple'
global.target='/elsewhere'
global.no-binary=':all:'
:env:.cert='/etc/certificates.pem'
freeze.index-url='https://freeze.example'
global.find-links=broken
"""


def test_what_is_taken_from_pips_configuration() -> None:
    assert sources.configuration(LISTING) == {
        "index-url": "https://install.example/simple",
        "extra-index-url": "https://a.example https://b.example",
        "cert": "/etc/certificates.pem",
    }
    assert sources.configuration("") == {}


def test_where_wheels_come_from(tmp_path: Path) -> None:
    configured = sources.configuration(LISTING) | {"find-links": "/wheels"}
    usual = sources.resolved(configured, ["https://torch.example"], Options())
    assert usual["extra-index-url"].split() == [
        "https://a.example", "https://b.example", "https://torch.example"
    ]  # fmt: skip
    mirror = sources.resolved(
        configured, ["https://torch.example"], Options("http://proxy:80", "https://mine.example")
    )
    assert mirror["index-url"] == "https://mine.example"
    assert "example" not in mirror.get("extra-index-url", "")
    folder = tmp_path / "with space"
    offline = sources.resolved(configured, ["https://torch.example"], Options(wheels=folder))
    assert offline["no-index"] == "1"
    assert offline["find-links"].endswith("with%20space")
    assert not {"index-url", "extra-index-url"} & set(offline)
    assert sources.for_pip(mirror)["PIP_INDEX_URL"] == "https://mine.example"
    assert sources.for_uv(mirror)["UV_DEFAULT_INDEX"] == "https://mine.example"
    assert sources.for_uv(mirror)["HTTPS_PROXY"] == sources.for_pip(mirror)["https_proxy"]


def test_the_users_variables_stay_outside() -> None:
    dirty = {"PATH": "x", "PIP_TARGET": "x", "PYTHONPATH": "x", "uv_index": "x", "Virtual_Env": "x"}
    assert sources.clean_environment(dirty) == {"PATH": "x"}


def test_passwords_are_masked() -> None:
    text = "Looking in indexes: https://me:secret@host.example/simple, http://tok@[::1]:8/x @y"
    assert sources.masked(text) == (
        "Looking in indexes: https://host.example/simple, http://[::1]:8/x @y"
    )


@pytest.mark.parametrize(
    ("said", "kind", "words"),
    [
        ("OSError: [Errno 28] No space left on device", OutputError, "disk is full"),
        ("ProxyError('Cannot connect to proxy.')", DownloadError, "proxy"),
        ("SSLError: CERTIFICATE_VERIFY_FAILED", DownloadError, "certificate"),
        ("error: Failed to fetch: `http://x`", DownloadError, "connection"),
        ("WARNING: NewConnectionError\nERROR: No matching distribution found for a==1",
         DownloadError, "connection"),
        ("ERROR: No matching distribution found for torch==2", InstallError, "no torch==2 for"),
        ("ERROR: THESE PACKAGES DO NOT MATCH THE HASHES", failures.DamagedError, "damaged"),
        ("PermissionError: [WinError 32] The process cannot", OutputError, "in use"),
        ("something else", InstallError, "something else"),
        ("", InstallError, "printed nothing"),
    ],
)  # fmt: skip
def test_what_programs_say(said: str, kind: type[UnflatError], words: str, tmp_path: Path) -> None:
    error = failures.explained(said.splitlines(), tmp_path, tmp_path / "log")
    assert type(error) is kind
    assert words in str(error)


def test_this_python_fits() -> None:
    found = next(iter(pythons.find(Path(sys.executable), None)))
    assert found.path == Path(sys.executable)


def test_path_is_searched_where_the_running_program_is_no_python(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(sys, "executable", "/opt/blender/blender")
    monkeypatch.setenv("PATH", str(Path(sys.prefix, "bin")) + os.pathsep + os.environ["PATH"])
    assert next(iter(pythons.find(None, None))).path.name.startswith("python")


def test_the_folder_can_be_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("UNFLAT_ENGINE", str(tmp_path))
    assert environment.default_folder() == tmp_path
    monkeypatch.delenv("UNFLAT_ENGINE")
    monkeypatch.setenv("UNFLAT_MODELS", str(tmp_path / "models"))
    assert environment.default_folder() == tmp_path / "engine"


def test_importing_it_loads_nothing_heavy() -> None:
    code = "import sys, unflat.bridge.environment; print('numpy' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"


def test_the_self_test_fails_without_its_device() -> None:
    torch = pytest.importorskip("torch", reason="torch is not in this Python")
    if torch.backends.mps.is_available():
        pytest.skip("the device is here")
    done = subprocess.run(
        [sys.executable, *trial.arguments("mps")], capture_output=True, text=True, check=False
    )
    assert done.returncode == 1
    assert "mps" in done.stderr.lower()


def test_uv_is_taken_only_when_it_is_new_enough(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if sys.platform == "win32":
        pytest.skip("a script can't stand for a program here")
    from unflat.bridge.environment import installer

    program = tmp_path / "uv"
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}{os.environ['PATH']}")
    for version, fits in (("0.4.30", False), ("0.7.0 (abc)", True), ("1.0.0", True), ("x", False)):
        program.write_text(f"#!/bin/sh\necho 'uv {version}'\n", encoding="utf-8")
        program.chmod(0o755)
        assert installer.find_uv() == (Path(shutil.which("uv") or "") if fits else None), version
