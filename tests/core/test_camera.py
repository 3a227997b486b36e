"""The pinhole camera, the choice of the focal length, and camera files."""

from __future__ import annotations

import json
import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from unflat.core import camera as cameras
from unflat.core.camera import FocalSource, Pinhole
from unflat.core.errors import CameraError

sizes = st.integers(16, 8000)
focals = st.floats(100, 50_000)


def test_a_hand_computed_case() -> None:
    camera = Pinhole(100, 200, 50, 40, 100, 80)
    point = camera.unproject(*(np.array([n], np.float32) for n in (60, 20, 5)))
    np.testing.assert_allclose(point, [[0.5, -0.5, 5]])
    np.testing.assert_allclose(camera.project(point), [[60, 20]])


@given(focals, focals, sizes, sizes, st.floats(0.01, 1000), st.data())
def test_project_undoes_unproject(
    fx: float, fy: float, width: int, height: int, z: float, data: st.DataObject
) -> None:
    camera = Pinhole(fx, fy, width * 0.4, height * 0.6, width, height)
    u = np.float32(data.draw(st.floats(0, width, width=32)))
    v = np.float32(data.draw(st.floats(0, height, width=32)))
    back = camera.project(camera.unproject(u, v, np.float32(z)))
    np.testing.assert_allclose(back, [u, v], atol=2e-6 * max(width, height) + 1e-4)


@given(st.floats(1, 170), sizes, sizes)
def test_fov_and_back(degrees: float, width: int, height: int) -> None:
    assert Pinhole.from_fov(degrees, width, height).fov == pytest.approx(degrees)


@given(focals, sizes, sizes, sizes, sizes)
def test_resizing_keeps_the_field_of_view(f: float, w: int, h: int, w2: int, h2: int) -> None:
    camera = Pinhole.from_focal(f, w, h)
    assert camera.resized(w2, h2).fov == pytest.approx(camera.fov)


def test_user_then_exif_then_model_then_default() -> None:
    given_camera = Pinhole(70, 70, 50, 50, 100, 100)
    known = {"exif_focal": 90.0, "model_focal": 95.0}
    chosen = cameras.choose(200, 200, given=given_camera, fov=50.0, **known)
    assert (chosen.fx, chosen.cx, chosen.width) == (140, 100, 200)
    chosen = cameras.choose(200, 100, fov=50.0, **known)
    assert (chosen.source, chosen.fov) == (FocalSource.USER, pytest.approx(50))
    assert cameras.choose(200, 100, **known).source is FocalSource.EXIF
    assert cameras.choose(200, 100, model_focal=95.0).source is FocalSource.MODEL
    default = cameras.choose(100, 200)
    assert default.source is FocalSource.DEFAULT
    across_longer = 2 * math.degrees(math.atan(100 / default.fy))
    assert across_longer == pytest.approx(cameras.DEFAULT_FOV)


def test_a_camera_for_another_shape_is_refused() -> None:
    with pytest.raises(CameraError, match="200 x 100"):
        cameras.choose(200, 100, given=Pinhole(70, 70, 50, 50, 100, 100))


@pytest.mark.parametrize("bad", [0, -1, math.nan, math.inf, 1e-40, 1e300])
def test_impossible_focal_lengths(bad: float) -> None:
    with pytest.raises(CameraError):
        Pinhole.from_focal(bad, 10, 10)


@pytest.mark.parametrize("degrees", [0, -5, 180, math.nan])
def test_impossible_fields_of_view(degrees: float) -> None:
    with pytest.raises(CameraError):
        Pinhole.from_fov(degrees, 10, 10)


def test_camera_files_round_trip(camera: Pinhole, tmp_path: Path) -> None:
    path = tmp_path / "camera.json"
    path.write_text(json.dumps(camera.to_json()))
    loaded = cameras.load(path)
    assert loaded == camera
    fields = camera.to_json()
    del fields["source"]
    assert Pinhole.from_json(fields).source is FocalSource.FILE


def test_who_gives_a_camera_file_does_not_guess(camera: Pinhole, tmp_path: Path) -> None:
    path = tmp_path / "camera.json"
    for written, read in ((FocalSource.DEFAULT, FocalSource.FILE), (FocalSource.EXIF,) * 2):
        path.write_text(json.dumps(replace(camera, source=written).to_json()))
        assert cameras.load(path).source is read


@pytest.mark.parametrize(
    "text",
    ["", "nonsense", "[1, 2]", "{}", '{"fx": "a"}', "[" * 100_000,
     '{"fx": 1, "fy": 1, "cx": 1, "cy": 1, "width": 1e999, "height": 2}',
     '{"fx": NaN, "fy": 1, "cx": 1, "cy": 1, "width": 4, "height": 2}'],
)  # fmt: skip
def test_bad_camera_files(text: str, tmp_path: Path) -> None:
    path = tmp_path / "camera.json"
    path.write_text(text)
    with pytest.raises(CameraError):
        cameras.load(path)


def test_missing_camera_file(tmp_path: Path) -> None:
    with pytest.raises(CameraError, match="can't be read"):
        cameras.load(tmp_path / "none.json")
