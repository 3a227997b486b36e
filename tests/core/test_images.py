"""Pictures from outside: every format comes in upright, in sRGB; every bad one with a sentence."""

from __future__ import annotations

import io
import math
import re
import struct
import zlib
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image, ImageCms
from PIL.PngImagePlugin import PngInfo

from unflat.core import images
from unflat.core.camera import FULL_FRAME_DIAGONAL
from unflat.core.decoders import Exif
from unflat.core.errors import ImageError


def saved(image: Image.Image, path: Path, **options: object) -> Path:
    image.save(path, **options)
    return path


@pytest.mark.parametrize("suffix", ["png", "tif", "webp", "bmp"])
def test_lossless_formats_keep_every_pixel(rgb: np.ndarray, tmp_path: Path, suffix: str) -> None:
    options = {"lossless": True} if suffix == "webp" else {}
    path = saved(Image.fromarray(rgb), tmp_path / f"a.{suffix}", **options)
    photo = images.load(path)
    np.testing.assert_array_equal(photo.rgb, rgb)
    assert photo.alpha is None
    assert photo.name == "a"


@pytest.mark.parametrize("suffix", ["jpg", "png"])
def test_own_bytes_are_kept_without_metadata(suffix: str, rgb: np.ndarray, tmp_path: Path) -> None:
    secret = "48.8584 N 2.2945 E"
    exif = Image.Exif()
    exif[0x010E] = secret
    exif.get_ifd(0x8769)[0xA405] = 28
    text = PngInfo()
    text.add_text("place", secret)
    options = {"quality": 95, "comment": secret} if suffix == "jpg" else {"pnginfo": text}
    path = saved(Image.fromarray(rgb), tmp_path / f"a.{suffix}", exif=exif, **options)
    assert secret.encode() in path.read_bytes()
    photo = images.load(path)
    assert np.abs(photo.rgb.astype(int) - rgb).mean() < 3
    assert photo.original is not None
    assert secret.encode() not in photo.original.data
    with Image.open(io.BytesIO(photo.original.data)) as again:
        assert Image.MIME[str(again.format)] == photo.original.mime
        np.testing.assert_array_equal(np.asarray(again), photo.rgb)


def test_16_bit_grey_png_keeps_its_brightness(tmp_path: Path) -> None:
    grey = np.linspace(0, 65535, 64 * 48).reshape(48, 64).astype(np.uint16)
    photo = images.load(saved(Image.fromarray(grey), tmp_path / "grey.png"))
    expected = np.rint(grey / 257)
    assert np.abs(photo.rgb[..., 0] - expected).max() <= 1
    assert (photo.rgb == photo.rgb[..., :1]).all()
    assert photo.original is None


def test_16_bit_colour_png_keeps_its_brightness(tmp_path: Path) -> None:
    values = np.linspace(0, 65535, 32 * 32 * 3).reshape(32, 32, 3).astype(">u2")
    rows = b"".join(b"\0" + row.tobytes() for row in values)

    def chunk(kind: bytes, data: bytes) -> bytes:
        return (
            struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        )

    head = struct.pack(">IIBBBBB", 32, 32, 16, 2, 0, 0, 0)
    path = tmp_path / "deep.png"
    path.write_bytes(
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", head)
        + chunk(b"IDAT", zlib.compress(rows))
        + chunk(b"IEND", b"")
    )
    photo = images.load(path)
    assert np.abs(photo.rgb - values / 257).max() <= 1
    assert photo.original is None


@pytest.mark.parametrize("mode", ["L", "P", "1", "CMYK", "LA"])
def test_other_colour_modes(rgb: np.ndarray, tmp_path: Path, mode: str) -> None:
    suffix = "jpg" if mode == "CMYK" else "png"
    source = Image.fromarray(rgb).convert(mode)
    photo = images.load(saved(source, tmp_path / f"a.{suffix}"))
    expected = np.asarray(source.convert("RGB")).astype(int)
    assert np.abs(photo.rgb - expected).mean() < 4


def test_alpha_becomes_the_valid_mask(rgb: np.ndarray, tmp_path: Path) -> None:
    alpha = np.full(rgb.shape[:2], 255, np.uint8)
    alpha[:, :20] = 0
    path = saved(Image.fromarray(np.dstack([rgb, alpha])), tmp_path / "cut.png")
    photo = images.load(path)
    np.testing.assert_array_equal(photo.opaque(), alpha == 255)
    assert photo.original is None


def test_an_opaque_alpha_channel_is_dropped(rgb: np.ndarray, tmp_path: Path) -> None:
    alpha = np.full((*rgb.shape[:2], 1), 255, np.uint8)
    path = saved(Image.fromarray(np.concatenate([rgb, alpha], axis=2)), tmp_path / "a.png")
    assert images.load(path).alpha is None


@pytest.mark.parametrize("orientation", range(1, 9))
def test_exif_orientation(rgb: np.ndarray, tmp_path: Path, orientation: int) -> None:
    """What each of the eight values means is written out here by hand (TIFF 6.0, tag 274)."""
    stored_from_upright = {
        1: lambda a: a,
        2: lambda a: a[:, ::-1],
        3: lambda a: a[::-1, ::-1],
        4: lambda a: a[::-1],
        5: lambda a: a.swapaxes(0, 1),
        6: lambda a: a.swapaxes(0, 1)[::-1],
        7: lambda a: a.swapaxes(0, 1)[::-1, ::-1],
        8: lambda a: a.swapaxes(0, 1)[:, ::-1],
    }
    stored = np.ascontiguousarray(stored_from_upright[orientation](rgb))
    exif = Image.Exif()
    exif[0x0112] = orientation
    path = saved(Image.fromarray(stored), tmp_path / "a.png", exif=exif)
    photo = images.load(path)
    np.testing.assert_array_equal(photo.rgb, rgb)
    assert (photo.original is not None) == (orientation == 1)


def test_focal_length_from_exif(rgb: np.ndarray, tmp_path: Path) -> None:
    exif = Image.Exif()
    exif.get_ifd(0x8769)[0xA405] = 28
    path = saved(Image.fromarray(rgb), tmp_path / "a.jpg", exif=exif)
    focal = images.load(path).focal
    assert focal == pytest.approx(28 * math.hypot(128, 96) / math.hypot(36, 24))


def test_focal_length_from_millimetres_and_sensor_pitch() -> None:
    exif = Exif(focal_mm=35, pixels_per_mm=4000 / 24, full_side=4000)
    assert images.focal_pixels(exif, 1000, 750) == pytest.approx(35 / 24 * 1000)


@given(st.floats(1, 1200), st.integers(16, 9000), st.integers(16, 9000))
def test_35_mm_equivalent_keeps_the_diagonal_view(focal: float, width: int, height: int) -> None:
    pixels = images.focal_pixels(Exif(focal_35mm=focal), width, height)
    ratio = focal / FULL_FRAME_DIAGONAL
    if pixels is None:
        assert not 0.13 < ratio < 30
    else:
        assert pixels / math.hypot(width, height) == pytest.approx(ratio)


def test_another_profile_is_converted_to_srgb(rgb: np.ndarray, tmp_path: Path) -> None:
    srgb = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    photo = images.load(saved(Image.fromarray(rgb), tmp_path / "srgb.png", icc_profile=srgb))
    np.testing.assert_array_equal(photo.rgb, rgb)
    assert photo.original is not None
    # A profile whose red and green primaries have changed places, under another name.
    names = {b"rXYZ": b"gXYZ", b"gXYZ": b"rXYZ"}
    swapped = re.sub(b"[rg]XYZ", lambda tag: names[tag[0]], srgb)
    swapped = swapped.replace("sRGB".encode("utf-16-be"), "GRBx".encode("utf-16-be"))
    photo = images.load(saved(Image.fromarray(rgb), tmp_path / "other.png", icc_profile=swapped))
    assert np.abs(photo.rgb.astype(int) - rgb[..., [1, 0, 2]]).max() <= 2
    assert photo.original is None
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("LAB")).tobytes()
    kept = images.load(saved(Image.fromarray(rgb), tmp_path / "lab.png", icc_profile=profile))
    np.testing.assert_array_equal(kept.rgb, rgb)  # a profile that can't apply is ignored


def bomb() -> bytes:
    """A valid PNG header of 20000 x 20000 pixels with next to no data."""
    head = struct.pack(">IIBBBBB", 20000, 20000, 8, 2, 0, 0, 0)
    body = b"IHDR" + head
    data = zlib.compress(b"\0" * 1000)
    idat = b"IDAT" + data
    return (
        b"\x89PNG\r\n\x1a\n"
        + struct.pack(">I", 13)
        + body
        + struct.pack(">I", zlib.crc32(body))
        + struct.pack(">I", len(data))
        + idat
        + struct.pack(">I", zlib.crc32(idat))
    )


def truncated(rgb: np.ndarray) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(rgb).save(buffer, "JPEG", quality=95)
    return buffer.getvalue()[: buffer.tell() // 2]


def tiny() -> bytes:
    buffer = io.BytesIO()
    Image.new("RGB", (1, 1)).save(buffer, "PNG")
    return buffer.getvalue()


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"", "empty"),
        (b"these are only words", "not a picture"),
        (truncated(np.zeros((96, 128, 3), np.uint8)), "damaged"),
        (tiny(), "at least 16"),
        (bomb(), "megapixels"),
        (b"\x89PNG\r\n\x1a\n" + b"\xff" * 64, "damaged"),
        (b"II*\0" + b"\xff" * 64, "damaged"),
    ],
    ids=["empty", "text", "truncated", "tiny", "bomb", "junk png", "junk tiff"],
)
def test_bad_pictures_get_one_sentence(data: bytes, words: str, tmp_path: Path) -> None:
    path = tmp_path / "bad.jpg"
    path.write_bytes(data)
    with pytest.raises(ImageError, match=words) as caught:
        images.load(path)
    assert str(caught.value).endswith(".")
    assert "\n" not in str(caught.value)


def test_missing_file_and_folder(tmp_path: Path) -> None:
    with pytest.raises(ImageError, match="no file"):
        images.load(tmp_path / "none.jpg")
    assert images.find([tmp_path]) == [tmp_path]
    with pytest.raises(ImageError, match="holds no pictures"):
        images.load(tmp_path)
    with pytest.raises(ImageError, match="can't be read"):
        images.load(tmp_path / ("a" * 300))


def test_folders_mean_their_pictures(rgb: np.ndarray, tmp_path: Path) -> None:
    pictures = [tmp_path / name for name in ("a.JPG", "b.png", "c.bmp", "d.gif")]
    for path in (*pictures, tmp_path / "notes.txt", tmp_path / "._a.jpg"):
        path.write_bytes(b"")
    (tmp_path / "folder.jpg").mkdir()
    other = tmp_path / "x.doc"
    assert images.find([other, tmp_path]) == [other, *pictures]


def test_arrays(rgb: np.ndarray) -> None:
    np.testing.assert_array_equal(images.from_array(rgb / 255).rgb, rgb)
    np.testing.assert_array_equal(images.from_array(rgb.astype(np.uint16) * 257).rgb, rgb)
    assert images.from_array(rgb[..., 0]).rgb.shape == rgb.shape
    for bad in (rgb[0], rgb.astype(int), np.full((20, 20, 3), np.nan)):
        with pytest.raises(ImageError):
            images.from_array(bad)


@given(st.binary(max_size=300))
def test_hostile_bytes_never_raise_anything_else(data: bytes) -> None:
    from unflat.core import decoders

    for start in (b"\xff\xd8\xff\xe0", b"\x89PNG\r\n\x1a\n", b"II*\0", b"RIFF", b"GIF89a", b"BM"):
        with pytest.raises(ImageError):
            decoders.decode(start + data, Path("hostile"), images._check_size)
