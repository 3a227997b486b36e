"""The command line as a user meets it: a real process, its exit code, files and sentences."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from PIL import Image


def unflat(*arguments: object, cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
    """Run `unflat`; standard output and error are kept apart."""
    command = [sys.executable, "-m", "unflat.core.cli", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, cwd=cwd, check=False)


def names(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()}


FILES = {"depth.png", "depth.npz", "depth_color.png", "points.ply", "mesh.glb", "camera.json",
         "preview.png", "report.json"}  # fmt: skip


def test_one_photo(photo_file: Path, tmp_path: Path) -> None:
    done = unflat(photo_file, "-o", tmp_path / "out")
    assert (done.returncode, done.stderr) == (0, "")
    assert names(tmp_path / "out" / "photo") == FILES
    assert "mesh.glb" in done.stdout


def test_json_and_choices(photo_file: Path, tmp_path: Path) -> None:
    done = unflat(photo_file, "-o", tmp_path, "--outputs", "mesh, detail", "--format", " ply",
                  "--fov", 70, "--max-faces", 500, "--json")  # fmt: skip
    report = json.loads(done.stdout)
    assert report["triangles"] <= 500
    assert report["fov_degrees"] == pytest.approx(70)
    detail = {"displacement.exr", "displacement.png", "normal.png"}
    expected = FILES - {"points.ply", "mesh.glb"} | {"mesh.ply"} | detail
    assert names(Path(report["folder"])) == expected


def test_print(photo_file: Path, tmp_path: Path) -> None:
    done = unflat(photo_file, "-o", tmp_path, "--outputs", "print", "--print-height", 3)
    assert done.returncode == 0
    assert "triangles of print" in done.stdout
    assert names(tmp_path / "photo") == FILES - {"points.ply", "mesh.glb"} | {"print.stl"}


def test_own_depth_and_camera(photo_file: Path, tmp_path: Path) -> None:
    np.save(tmp_path / "z.npy", np.full((96, 128), 2.0))
    camera = {"fx": 90, "fy": 90, "cx": 64, "cy": 48, "width": 128, "height": 96}
    (tmp_path / "c.json").write_text(json.dumps(camera))
    done = unflat(photo_file, "-o", tmp_path, "--depth", tmp_path / "z.npy",
                  "--camera", tmp_path / "c.json", "--json")  # fmt: skip
    report = json.loads(done.stdout)
    assert (report["model"], report["focal_source"]) == ("user", "file")
    saved = json.loads((tmp_path / "photo" / "camera.json").read_text())
    assert saved == camera | {"source": "file"}


def test_own_depth_is_not_written_over(photo_file: Path, tmp_path: Path) -> None:
    mine = tmp_path / "photo" / "depth.png"
    mine.parent.mkdir()
    Image.fromarray(np.full((96, 128), 2000, np.uint16)).save(mine)
    before = mine.read_bytes()
    done = unflat(photo_file, "-o", tmp_path, "--depth", mine)
    assert done.returncode == 1
    assert "would be written over" in done.stderr
    assert mine.read_bytes() == before
    assert names(mine.parent) == {"depth.png"}


@pytest.mark.skipif(os.name == "nt", reason="pipes break otherwise there")
def test_a_reader_that_goes_away_is_no_problem() -> None:
    command = f"{sys.executable} -u -m unflat.core.cli models list --all | true"
    done = subprocess.run(command, shell=True, capture_output=True, text=True, check=False)
    assert done.stderr == ""


def test_bad_photos_do_not_stop_good_ones(photo_file: Path, tmp_path: Path) -> None:
    (tmp_path / "words.jpg").write_text("no picture")
    (tmp_path / "empty.png").write_bytes(b"")
    missing = tmp_path / "missing.jpg"
    (tmp_path / "folder").mkdir()
    bad = [tmp_path / "words.jpg", missing, tmp_path / "empty.png", tmp_path / "folder",
           tmp_path / ("a" * 300)]  # fmt: skip
    done = unflat(*bad[:2], photo_file, *bad[2:], "-o", tmp_path / "out")
    assert done.returncode == 1
    assert names(tmp_path / "out") == {"photo"}
    *lines, last = done.stderr.splitlines()
    assert [line.split(": ")[1] for line in lines] == list(map(str, bad))
    assert last == "unflat: 1 of 6 photos done"
    assert "Traceback" not in done.stderr


def test_names_stay_inside_the_output_folder(rgb: np.ndarray, tmp_path: Path) -> None:
    folder = tmp_path / "in"
    folder.mkdir()
    for name in ("...png", "..png", "dots. .png"):
        Image.fromarray(rgb).save(folder / name, "PNG")
    done = unflat(*sorted(folder.iterdir()), "-o", tmp_path / "out", "--outputs", "mesh")
    assert done.returncode == 0
    assert names(tmp_path / "out") == {"photo", "photo_2", "dots"}
    assert names(tmp_path) == {"in", "out"}


def test_folders_and_equal_names(photo_file: Path, rgb: np.ndarray, tmp_path: Path) -> None:
    folder = tmp_path / "many"
    folder.mkdir()
    Image.fromarray(rgb).save(folder / "photo.png")
    Image.fromarray(rgb).save(folder / "Photo.jpg")
    done = unflat(photo_file, folder, "-o", tmp_path / "out", "--outputs", "mesh")
    assert done.returncode == 0
    assert names(tmp_path / "out") == {"photo", "Photo_2", "photo_3"}


@pytest.mark.parametrize(
    "arguments",
    [
        (),
        ("photo.jpg",),
        ("photo.jpg", "-o", "out", "--outputs", "cake"),
        ("photo.jpg", "-o", "out", "--outputs", "relief"),
        ("photo.jpg", "-o", "out", "--model", "nope"),
        ("photo.jpg", "-o", "out", "--device", "cuda"),
        ("photo.jpg", "-o", "out", "--fov", "0"),
        ("photo.jpg", "-o", "out", "--fov", "60", "--camera", "c.json"),
        ("photo.jpg", "-o", "out", "--format", "fbx"),
        ("photo.jpg", "-o", "out", "--surface", "cake"),
        ("photo.jpg", "-o", "out", "--print-width", "0"),
        ("photo.jpg", "-o", "out", "--near-far-ratio", "nan"),
        ("photo.jpg", "-o", "out", "--known-distance", "1,2,3=4"),
        ("photo.jpg", "-o", "out", "--known-distance", "1,2,3,4"),
        ("photo.jpg", "-o", "out", "--known-distance", "1,2,3,4=0"),
        ("photo.jpg", "other.jpg", "-o", "out", "--known-distance", "1,2,3,4=5"),
        ("photo.jpg", "-o", "out", "--colormap", "nope"),
        ("photo.jpg", "photo.jpg", "-o", "out", "--depth", "d.npy"),
        ("models", "info", "nope"),
    ],
    ids=lambda arguments: " ".join(arguments) or "nothing",
)
def test_wrong_usage(arguments: tuple[str, ...], photo_file: Path) -> None:
    done = unflat(*arguments, cwd=photo_file.parent)
    assert done.returncode == 2
    assert "error" in done.stderr
    assert "Traceback" not in done.stderr
    assert names(photo_file.parent) == {"photo.jpg"}


@pytest.mark.parametrize("what", ["nan", "size", "unwritable", "camera", "place"])
def test_failures_of_one_photo(what: str, photo_file: Path, tmp_path: Path) -> None:
    shape, value = ((4, 4), 1.0) if what == "size" else ((96, 128), np.nan)
    np.save(tmp_path / "z.npy", np.full(shape, value))
    (tmp_path / "taken").write_text("a file")
    more = {
        "nan": ("-o", tmp_path / "out", "--depth", tmp_path / "z.npy"),
        "size": ("-o", tmp_path / "out", "--depth", tmp_path / "z.npy"),
        "unwritable": ("-o", tmp_path / "taken"),
        "camera": ("-o", tmp_path / "out", "--camera", tmp_path / "taken"),
        "place": ("-o", tmp_path / "out", "--known-distance", "1,2,999,4=5"),
    }[what]
    done = unflat(photo_file, *more)
    assert done.returncode == 1
    assert len(done.stderr.splitlines()) == 1
    assert done.stderr.startswith(f"unflat: {photo_file}: ")
    assert not (tmp_path / "out").exists()


def test_models_doctor_and_version() -> None:
    listed = unflat("models")
    assert "builtin" in listed.stdout
    assert "MIT" in listed.stdout
    assert "numpy" in unflat("doctor").stdout
    assert unflat("--version").stdout.startswith("unflat ")
    assert unflat("models", "info", "builtin").returncode == 0


@pytest.mark.skipif(sys.platform == "win32", reason="limits on file size are POSIX")
def test_a_disk_that_fills_up_leaves_nothing_behind(photo_file: Path, tmp_path: Path) -> None:
    code = (
        "import resource, sys; from unflat.core.cli import main;"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000)); sys.exit(main())"
    )
    target = tmp_path / "deep" / "out"
    command = [sys.executable, "-c", code, str(photo_file), "-o", str(target)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "can't be written" in done.stderr
    assert len(done.stderr.splitlines()) == 1
    assert not (tmp_path / "deep").exists()


@pytest.mark.skipif(sys.platform == "win32", reason="sends a POSIX signal")
@pytest.mark.parametrize(("end", "code"), [("SIGINT", 130), ("SIGTERM", 143)])
def test_ended_it_leaves_nothing_behind(
    end: str, code: int, rgb: np.ndarray, tmp_path: Path
) -> None:
    if signal.getsignal(getattr(signal, end)) == signal.SIG_IGN:
        pytest.skip(f"{end} is ignored here, as it is in jobs that a shell runs in the background")
    big = Image.fromarray(rgb).resize((3000, 2200))
    big.save(tmp_path / "big.png")
    command = [sys.executable, "-m", "unflat.core.cli", str(tmp_path / "big.png")]
    with subprocess.Popen(
        [*command, "-o", str(tmp_path / "out")], stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process:
        while process.poll() is None and not list(tmp_path.glob("out/big/.unflat-*")):
            time.sleep(0.01)
        process.send_signal(getattr(signal, end))
        _, errors = process.communicate(timeout=60)
    assert process.returncode == code
    assert b"Traceback" not in errors
    assert not (tmp_path / "out").exists()


def test_what_a_killed_process_left_is_swept(photo_file: Path, tmp_path: Path) -> None:
    old, young = (tmp_path / "photo" / f".unflat-{age}" for age in ("old", "young"))
    for folder in (old, young):
        folder.mkdir(parents=True)
    os.utime(old, (0, 0))
    assert unflat(photo_file, "-o", tmp_path, "--outputs", "mesh").returncode == 0
    assert not old.exists()
    assert young.exists()
