"""Depth maps that the user brings: formats, units, and files that are none."""

from __future__ import annotations

import io
import pickle
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from unflat.core import depthfile
from unflat.core.depthmap import DepthKind
from unflat.core.errors import DepthError


@pytest.fixture
def z() -> np.ndarray:
    return np.linspace(0.5, 9, 20 * 30, dtype=np.float32).reshape(20, 30)


def test_npz_says_its_kind(z: np.ndarray, tmp_path: Path) -> None:
    valid = z > 1
    np.savez(tmp_path / "d.npz", depth=z, valid=valid, kind="relative")
    depth = depthfile.read(tmp_path / "d.npz")
    assert depth.kind is DepthKind.RELATIVE
    np.testing.assert_array_equal(depth.valid, valid)
    np.testing.assert_array_equal(depth.depth, np.where(valid, z, 0))
    assert depthfile.read(tmp_path / "d.npz", "inverse").kind is DepthKind.INVERSE


def test_plain_npz_and_npy_are_metres(z: np.ndarray, tmp_path: Path) -> None:
    np.savez(tmp_path / "d.npz", depth=z)
    np.save(tmp_path / "d.npy", z.astype(np.float64))
    for name in ("d.npz", "d.npy"):
        depth = depthfile.read(tmp_path / name)
        assert depth.kind is DepthKind.METRES
        np.testing.assert_allclose(depth.depth, z)


def test_integer_png_is_millimetres_or_inverse(z: np.ndarray, tmp_path: Path) -> None:
    path = tmp_path / "d.png"
    Image.fromarray((z * 1000).astype(np.uint16)).save(path)
    np.testing.assert_allclose(depthfile.read(path).depth, z, atol=1e-3)
    inverse = depthfile.read(path, DepthKind.INVERSE)
    np.testing.assert_allclose(inverse.depth, z * 1000, atol=1)


def test_integers_are_millimetres_in_arrays_too(z: np.ndarray) -> None:
    depth = depthfile.read((z * 1000).astype(np.uint16))
    np.testing.assert_allclose(depth.depth, z, atol=1e-3)


def write_exr(path: Path, channels: dict[str, np.ndarray]) -> Path:
    exr = pytest.importorskip("OpenEXR", reason="OpenEXR is not installed")
    header = {"compression": exr.ZIP_COMPRESSION, "type": exr.scanlineimage}
    exr.File(header, channels).write(str(path))
    return path


@pytest.mark.parametrize(
    "names", [("Z",), ("Y",), ("Z", "R", "G", "B"),
              ("ViewLayer.Depth.Z", "R", "ViewLayer.Normal.Z"),
              ("ViewLayer.Depth.V", "ViewLayer.Combined.R", "ViewLayer.Position.Z")],
)  # fmt: skip
def test_exr_depth_is_found_among_channels(
    names: tuple[str, ...], z: np.ndarray, tmp_path: Path
) -> None:
    others = {name: np.full_like(z, 77) for name in names[1:]}
    path = write_exr(tmp_path / "d.exr", {names[0]: z, **others})
    np.testing.assert_allclose(depthfile.read(path).depth, z)


def test_exr_without_depth_and_too_large(
    z: np.ndarray, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write_exr(tmp_path / "d.exr", {"R": z, "G": z, "B": z})
    with pytest.raises(DepthError, match="no depth channel"):
        depthfile.read(path)
    monkeypatch.setattr(depthfile, "MAX_PIXELS", 100)
    with pytest.raises(DepthError, match="too many pixels"):
        depthfile.read(path)


def test_partly_nan_is_partly_invalid(z: np.ndarray) -> None:
    z[3, 4] = np.nan
    depth = depthfile.read(z)
    assert not depth.valid[3, 4]
    assert depth.valid.sum() == z.size - 1


class Evil:
    def __reduce__(self) -> tuple[object, tuple[str]]:
        return (Path.touch, (Path("evil-was-here"),))


def hostile(kind: str) -> bytes:
    if kind == "pickle":
        buffer = io.BytesIO()
        np.save(buffer, np.array([Evil()], dtype=object), allow_pickle=True)
        return buffer.getvalue()
    if kind == "nan":
        buffer = io.BytesIO()
        np.save(buffer, np.full((20, 30), np.nan))
        return buffer.getvalue()
    return {"empty": b"", "text": b"words", "bare pickle": pickle.dumps({"a": 1})}[kind]


@pytest.mark.parametrize("kind", ["pickle", "nan", "empty", "text", "bare pickle"])
@pytest.mark.parametrize("suffix", [".npy", ".npz", ".png", ".exr"])
def test_bad_files(kind: str, suffix: str, tmp_path: Path) -> None:
    if suffix == ".exr":
        pytest.importorskip("OpenEXR", reason="OpenEXR is not installed")
    path = tmp_path / f"bad{suffix}"
    path.write_bytes(hostile(kind))
    with pytest.raises(DepthError) as caught:
        depthfile.read(path)
    assert str(caught.value).startswith("bad")
    assert not Path("evil-was-here").exists()


def test_zip_bomb(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(depthfile, "MAX_BYTES", 1_000_000)
    np.savez_compressed(tmp_path / "bomb.npz", depth=np.ones((1000, 1000)))
    assert (tmp_path / "bomb.npz").stat().st_size < 1_000_000
    with pytest.raises(DepthError, match="too much"):
        depthfile.read(tmp_path / "bomb.npz")


def test_what_is_no_depth_map(rgb: np.ndarray, tmp_path: Path) -> None:
    Image.fromarray(rgb).save(tmp_path / "photo.png")
    with pytest.raises(DepthError, match="colour"):
        depthfile.read(tmp_path / "photo.png")
    with pytest.raises(DepthError, match="no depth map"):
        depthfile.read(tmp_path / "none.png")
    with pytest.raises(DepthError, match="PNG, TIFF, EXR, NPZ or NPY"):
        depthfile.read(tmp_path / "depth.doc")
    with pytest.raises(DepthError, match="one of metres"):
        depthfile.read(np.ones((2, 2)), "feet")
