"""The zip in a real Blender: installed, in background mode, and in a window.

UNFLAT_BLENDER is a command line that takes Blender's arguments ("blender"). UNFLAT_BLENDER_WINDOW
is one to which the path of a script is added, to run it in a window ("blender --python"). Without
them the tests are skipped. UNFLAT_TEST_INSTALL is the address of a package index that the engine
may be installed from in it, too.
Pictures and figures stay in build/gui: inside the repository, because a Blender in a box may see
nothing else.
"""

from __future__ import annotations

import json
import os
import shlex
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image, ImageCms

from unflat.core import images
from unflat.core.depth.builtin.network import BuiltinNetwork
from unflat.core.errors import UnflatError

ROOT = Path(__file__).parents[2]
OUT = ROOT / "build" / "gui"
BLENDER, WINDOW = os.environ.get("UNFLAT_BLENDER"), os.environ.get("UNFLAT_BLENDER_WINDOW")

pytestmark = pytest.mark.skipif(not BLENDER, reason="UNFLAT_BLENDER is not set")
needs_window = pytest.mark.skipif(not WINDOW, reason="UNFLAT_BLENDER_WINDOW is not set")

FROZEN = 2.0
"""Seconds after which an artist believes that Blender hangs."""


@pytest.fixture(scope="module")
def zip_file() -> Path:
    """The add-on, built by this Blender."""
    shutil.rmtree(OUT, ignore_errors=True)
    OUT.mkdir(parents=True)
    command = [sys.executable, "blender_addon/build_zip.py", "-o", str(OUT)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return Path(done.stdout.strip())


@pytest.fixture(scope="module")
def photo(zip_file: Path) -> Path:
    """A photo of 1920 x 1080: a ball on a striped floor before a wall. Its depth lies beside it."""
    v, u = np.mgrid[0:1080, 0:1920]
    floor = v > 600
    stripes = ((u - 960) / (v - 500).clip(1) * 4).astype(int) % 2
    rgb = np.stack([90 + v // 12, 120 + v // 16, 170 - v // 16], axis=-1)
    rgb[floor] = np.array([150, 110, 70]) + 40 * stripes[floor][:, None]
    ball = (u - 1100) ** 2 + (v - 640) ** 2
    inside = ball < 200**2
    rgb[inside] = np.array([200, 60, 50]) * (1 - ball[inside] / 60_000)[:, None]
    path = zip_file.parent / "photo.jpg"
    Image.fromarray(rgb.astype(np.uint8)).save(path, quality=92)
    millimetres = np.where(inside, 2000, np.where(floor, 400_000 // (v - 500).clip(1), 4000))
    Image.fromarray(millimetres.astype(np.uint16)).save(zip_file.parent / "depth.png")
    return path


def run(command: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run Blender from the repository, with settings of its own where it heeds them."""
    environment = os.environ | {"BLENDER_USER_RESOURCES": str(OUT / "home")}
    return subprocess.run(
        [*shlex.split(command), *arguments],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=900,
    )


def script(name: str, zip_file: Path, photo: Path) -> str:
    """A file that runs `name`.main(), with what it needs to know: no environment may pass."""
    known = {
        "UNFLAT_GUI_OUT": str(OUT),
        "UNFLAT_GUI_ZIP": str(zip_file),
        "UNFLAT_GUI_PHOTO": str(photo),
        "UNFLAT_GUI_DEPTH": str(photo.with_name("depth.png")),
        "UNFLAT_GUI_INDEX": os.environ.get("UNFLAT_TEST_INSTALL", ""),
    }
    path = OUT / f"run_{name}.py"
    path.write_text(
        f"import os, sys\nos.environ.update({known!r})\n"
        f"sys.path.append({str(Path(__file__).parent)!r})\nimport {name}\n{name}.main()\n"
    )
    return str(path)


def figures(name: str) -> dict[str, Any]:
    return json.loads((OUT / f"figures_{name}.json").read_text())


def test_the_zip_installs_from_the_command_line(zip_file: Path) -> None:
    command = ("--command", "extension", "install-file", "-r", "user_default", "--enable")
    done = run(BLENDER, "--factory-startup", *command, str(zip_file))
    assert done.returncode == 0, done.stderr
    assert "Installed" in done.stdout
    assert "Traceback" not in done.stdout + done.stderr
    assert "Policy violation" not in done.stdout + done.stderr


def test_in_background_mode(zip_file: Path, photo: Path) -> None:
    file = script("background_generate", zip_file, photo)
    start = ("--background", "--factory-startup", "--python-exit-code", "1")
    done = run(BLENDER, *start, "--python", file)
    assert done.returncode == 0, done.stdout + done.stderr
    kinds = figures("background")["kinds"]
    assert kinds[:3] == ["CAMERA", "EMPTY", "MESH"]
    assert len(kinds) == 5


@pytest.fixture(scope="module")
def pictures(zip_file: Path) -> dict[str, Any]:
    """Files of all kinds, good and bad, and what Pillow's side of the core makes of the good."""
    folder = zip_file.parent / "pictures"
    folder.mkdir()
    v, u = np.mgrid[0:96, 0:128]
    rgb = np.stack([u * 2, v * 2.5, 255 - u - v], axis=-1).astype(np.uint8)
    picture = Image.fromarray(rgb)
    exif = Image.Exif()
    exif[0x0112] = 6
    exif.get_ifd(0x8769)[0xA405] = 28
    picture.save(folder / "turned.jpg", exif=exif, quality=95)
    picture.save(folder / "plain.png")
    picture.save(folder / "plain.tif")
    # A profile whose red and green primaries have changed places, under another name.
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    profile = profile.replace(b"rXYZ", b"tXYZ").replace(b"gXYZ", b"rXYZ").replace(b"tXYZ", b"gXYZ")
    profile = profile.replace("sRGB".encode("utf-16-be"), "GRBx".encode("utf-16-be"))
    picture.save(folder / "swapped.png", icc_profile=profile)
    picture.save(folder / "swapped.jpg", icc_profile=profile, quality=95)
    picture.save(folder / "plain.webp", lossless=True)
    picture.convert("L").save(folder / "grey.png")
    picture.convert("CMYK").save(folder / "cmyk.jpg", quality=95)
    Image.fromarray((u * 500).astype(np.uint16)).save(folder / "deep.png")
    alpha = np.where(u < 64, 0, 200).astype(np.uint8)
    Image.fromarray(np.dstack([rgb, alpha])).save(folder / "alpha.png")
    Image.new("RGB", (1, 1)).save(folder / "tiny.png")
    jpeg = (folder / "turned.jpg").read_bytes()
    (folder / "cut.jpg").write_bytes(jpeg[: len(jpeg) // 2])
    (folder / "words.jpg").write_text("no picture")
    (folder / "empty.jpg").touch()
    expected: dict[str, Any] = {}
    for path in sorted(folder.iterdir()):
        try:
            photo = images.load(path)
        except UnflatError as error:
            expected[path.name] = str(error)
        else:
            quarters = photo.rgb[:: photo.height // 2, :: photo.width // 2].astype(int)
            expected[path.name] = (photo, quarters)
    return expected


def test_the_network_says_the_same_in_blender(zip_file: Path, photo: Path) -> None:
    """Blender's numpy is another one, with another library for matrix products."""
    Image.open(photo).resize((640, 360)).save(OUT / "small.png")
    file = script("predict_builtin", zip_file, photo)
    start = ("--background", "--factory-startup", "--python-exit-code", "1")
    done = run(BLENDER, *start, "--python", file)
    assert done.returncode == 0, done.stdout + done.stderr
    theirs = np.load(OUT / "prediction.npy")
    ours = BuiltinNetwork.load().predict(images.load(OUT / "small.png").rgb_float())
    np.testing.assert_allclose(theirs, ours, atol=1e-3 * np.ptp(ours))


def test_pictures_are_read_as_on_the_command_line(
    pictures: dict[str, Any], zip_file: Path, photo: Path
) -> None:
    file = script("read_pictures", zip_file, photo)
    start = ("--background", "--factory-startup", "--python-exit-code", "1")
    done = run(BLENDER, *start, "--python", file)
    assert done.returncode == 0, done.stdout + done.stderr
    seen = figures("pictures")
    assert set(seen) == set(pictures)
    for name, expected in pictures.items():
        found = seen[name]
        if isinstance(expected, str):
            assert found == expected
            continue
        truth, quarters = expected
        assert tuple(found["shape"]) == truth.rgb.shape, name
        np.testing.assert_allclose(found["quarters"], quarters, atol=3, err_msg=name)
        assert found["opaque"] == truth.opaque().mean(), name
        assert found["focal"] == pytest.approx(truth.focal), name
        assert found["own_bytes"] == (truth.original is not None), name


def test_a_blend_file_without_installing_anything(photo: Path) -> None:
    blend, job = OUT / "scene.blend", OUT / "job.json"
    job.write_text(json.dumps({"photo": str(photo), "blend": str(blend)}))
    start = ("--background", "--factory-startup", "--python-exit-code", "1")
    done = run(BLENDER, *start, "--python", "blender_addon/headless.py", "--", str(job))
    assert done.returncode == 0, done.stdout + done.stderr
    assert blend.stat().st_size > 100_000
    job.write_text(json.dumps({"photo": "missing.jpg", "blend": str(OUT / "none.blend")}))
    done = run(BLENDER, *start, "--python", "blender_addon/headless.py", "--", str(job))
    assert done.returncode == 1
    assert done.stderr.strip().endswith("There is no file missing.jpg, check the name.")
    assert not (OUT / "none.blend").exists()


@pytest.mark.skipif(sys.platform != "linux", reason="looks at processes as Linux shows them")
def test_no_worker_outlives_a_killed_blender(zip_file: Path, photo: Path) -> None:
    start = ("--background", "--factory-startup", "--python-exit-code", "1")
    done = run(BLENDER, *start, "--python", script("kill_blender", zip_file, photo))
    assert done.returncode == 0, done.stdout + done.stderr
    assert figures("killed")["worker_gone_after"] < 2


@needs_window
def test_in_a_window(zip_file: Path, photo: Path) -> None:
    done = run(WINDOW, script("show_generate", zip_file, photo))
    assert done.returncode == 0, done.stdout + done.stderr
    # Limits that only a frozen Blender misses, on any machine; the figures stay in build/gui.
    assert figures("cancel")["seconds"] < FROZEN
    told = figures("default")
    assert told["longest_gap_before_import"] < FROZEN + figures("redraws")["longest_gap"], told
    assert told["import_seconds"] < 10 * FROZEN, told
    check_pictures("1_empty", "2_photo", "3_running", "4_default_done", "5_cancelled", "6_undone")


def check_pictures(*names: str) -> None:
    for name in names:
        picture = np.asarray(Image.open(OUT / f"{name}.png").convert("RGB"))
        assert picture.std() > 5, f"{name} is blank"


@needs_window
@pytest.mark.skipif(
    "UNFLAT_TEST_INSTALL" not in os.environ, reason="UNFLAT_TEST_INSTALL is not set"
)
def test_the_engine_in_a_window(zip_file: Path, photo: Path) -> None:
    """Installed from the preferences, used, cancelled half-way, used again."""
    done = run(WINDOW, script("show_engine", zip_file, photo))
    assert done.returncode == 0, done.stdout + done.stderr
    assert figures("engine_cancel")["seconds"] < 2 * FROZEN
    for name in ("install", "engine_5_done", "engine_7_again"):
        assert figures(name)["longest_gap"] < 2 * FROZEN, name
    check_pictures("engine_1_missing", "engine_4_ready", "engine_5_done", "engine_7_again")
