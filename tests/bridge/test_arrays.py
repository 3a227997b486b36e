"""Arrays that go from one process to another, and files that pretend to be such."""

from __future__ import annotations

import os
import shutil
import stat
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from unflat.bridge import arrays
from unflat.bridge.arrays import ArrayFolder, SessionFolder
from unflat.bridge.messages import ProtocolError
from unflat.core.errors import OutputError

F4 = np.dtype(np.float32)
dtypes = st.sampled_from([np.float32, np.uint8, np.int32, np.bool_])


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[SessionFolder]:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    monkeypatch.setattr(arrays, "MEMORY", None)
    made = SessionFolder()
    yield made
    made.close()
    assert not list(tmp_path.iterdir())


@given(hnp.arrays(dtypes, hnp.array_shapes(min_dims=0, max_dims=3, min_side=0)))
def test_what_is_written_is_mapped(array: np.ndarray) -> None:
    with tempfile.TemporaryDirectory() as place:
        name = ArrayFolder(Path(place), "w").write(array)
        found = ArrayFolder(Path(place), "c").map(name, array.dtype)
        np.testing.assert_array_equal(found, array)
        assert (found.shape, found.dtype) == (array.shape, array.dtype)
        del found


def test_the_folder_is_for_its_owner_alone(folder: SessionFolder) -> None:
    if sys.platform != "win32":
        assert stat.S_IMODE(folder.path.stat().st_mode) == 0o700


@pytest.mark.skipif(sys.platform == "win32", reason="Windows keeps mapped files")
def test_mapped_arrays_outlive_their_files(folder: SessionFolder) -> None:
    found = folder.map(folder.write(np.arange(5, dtype=F4)), F4)
    folder.clear()
    assert [file.name for file in folder.path.iterdir()] == ["lock"]
    found[0] = 7  # ours alone
    assert found.tolist() == [7, 1, 2, 3, 4]


def test_memory_is_the_place_where_it_has_room(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(arrays, "MEMORY", tmp_path)
    for room, place in ((1, tmp_path), (1 << 60, Path(tempfile.gettempdir()))):
        monkeypatch.setattr(arrays, "_ROOM", room)
        folder = SessionFolder()
        assert folder.path.parent == place
        folder.close()


def test_strange_layouts(folder: SessionFolder) -> None:
    array = np.asfortranarray(np.arange(12, dtype=F4).reshape(3, 4))[:, ::2]
    np.testing.assert_array_equal(folder.map(folder.write(array), F4), array)


@pytest.mark.parametrize(
    "name", ["../c1.npy", "/etc/passwd", "c1.npy/..", "lock", "", None, 3, "C1.npy", "c1.npy\0"]
)
def test_names_do_not_leave_the_folder(folder: SessionFolder, name: object) -> None:
    with pytest.raises(ProtocolError):
        folder.map(name, F4)


def test_other_types_are_refused(folder: SessionFolder) -> None:
    name = folder.write(np.zeros(3, np.float64))
    with pytest.raises(ProtocolError, match="f8"):
        folder.map(name, F4)


def test_objects_are_refused(folder: SessionFolder) -> None:
    np.save(folder.path / "w1.npy", np.array([{}, {}]), allow_pickle=True)
    for dtype in (F4, np.dtype(object)):
        with pytest.raises(ProtocolError):
            folder.map("w1.npy", dtype)
    with pytest.raises(TypeError, match="objects"):
        folder.write(np.array([{}]))


@given(st.integers(0, 200), st.binary(min_size=1, max_size=8))
def test_damaged_files_are_refused_or_harmless(at: int, damage: bytes) -> None:
    with tempfile.TemporaryDirectory() as place:
        folder = ArrayFolder(Path(place), "w")
        file = Path(place, folder.write(np.arange(24, dtype=F4)))
        whole = file.read_bytes()
        file.write_bytes(whole[:at] + damage + whole[at + len(damage) :])
        try:
            found = folder.map(file.name, F4)
        except ProtocolError:
            return
        assert found.nbytes <= file.stat().st_size
        del found


@pytest.mark.parametrize("change", [-1, 1, -90])
def test_torn_files_are_refused(folder: SessionFolder, change: int) -> None:
    file = folder.path / folder.write(np.arange(24, dtype=F4))
    os.truncate(file, file.stat().st_size + change)
    with pytest.raises(ProtocolError):
        folder.map(file.name, F4)


@pytest.mark.skipif(sys.platform == "win32", reason="links need rights on Windows")
def test_links_and_pipes_are_refused(folder: SessionFolder, tmp_path: Path) -> None:
    np.save(folder.path / "elsewhere", np.zeros(3, F4))
    (folder.path / "w1.npy").symlink_to(folder.path / "elsewhere.npy")
    (folder.path / "w2.npy").mkdir()
    os.mkfifo(folder.path / "w3.npy")
    for name in ("w1.npy", "w2.npy", "w3.npy"):
        with pytest.raises(ProtocolError):
            folder.map(name, F4)


def test_folders_of_the_dead_are_swept(folder: SessionFolder, tmp_path: Path) -> None:
    ages = {"dead": 3600, "young": 0, "unlocked": 3600, "ancient": 30 * 24 * 3600}
    places = {name: tmp_path / f"unflat-session-{name}" for name in ages}
    for name, age in ages.items():
        places[name].mkdir()
        (places[name] / "w1.npy").write_bytes(b"x")
        if name in ("dead", "young"):
            (places[name] / "lock").touch()
        os.utime(places[name], (time.time() - age, time.time() - age))
    other = tmp_path / "unflat-session-other"
    other.write_text("not a folder")
    os.utime(folder.path, (0, 0))  # old, but its owner lives
    SessionFolder().close()
    assert {name for name, place in places.items() if place.exists()} == {"young", "unlocked"}
    assert folder.path.exists()
    shutil.rmtree(places["young"])
    shutil.rmtree(places["unlocked"])
    other.unlink()


def test_only_arrays_are_removed(tmp_path: Path) -> None:
    """A hostile client may name any folder."""
    (tmp_path / "thesis.txt").write_text("ten years of work")
    (tmp_path / "w1.npy").write_bytes(b"x")
    ArrayFolder(tmp_path, "w").remove()
    assert [file.name for file in tmp_path.iterdir()] == ["thesis.txt"]


def test_a_full_disk_is_told(monkeypatch: pytest.MonkeyPatch, folder: SessionFolder) -> None:
    """Where the system has a device that is always full."""
    if not Path("/dev/full").exists():
        pytest.skip("no /dev/full")
    (folder.path / "c1.npy").symlink_to("/dev/full")
    monkeypatch.setattr(Path, "open", lambda self, mode: open(self, "wb"))  # noqa: PTH123, SIM115
    with pytest.raises(OutputError, match=r"No space left on device.*free some space"):
        folder.write(np.zeros(10**6, F4))
