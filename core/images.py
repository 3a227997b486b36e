"""Photo: a picture from outside, checked, upright and in sRGB. Uses a library of `decoders.py`."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from . import metadata
from .arrays import AnyArray, BoolArray, ByteArray, FloatArray
from .camera import FULL_FRAME_DIAGONAL
from .decoders import Decoded, Exif, decode
from .errors import ImageError

MIN_SIDE = 16
MAX_PIXELS = 100_000_000
"""More than nearly any camera's single shot, and what 12 GB of memory allow."""

MAX_BYTES = 8 * MAX_PIXELS
"""16-bit RGBA without compression."""

SUFFIXES = (".jpg", ".jpeg", ".png", ".webp", ".tif", ".tiff", ".bmp", ".gif")
"""What a folder given in place of a photo is searched for."""

_OPAQUE = 128


@dataclass(frozen=True)
class EncodedImage:
    """The bytes of a picture file and its MIME type."""

    data: bytes
    mime: str


@dataclass(frozen=True)
class Photo:
    """An upright sRGB picture.

    rgb: (H, W, 3) uint8, sRGB.
    alpha: (H, W) uint8, 255 = opaque; None if the picture has no transparency.
    focal: focal length in pixels from EXIF, or None.
    name: the file's name without folder and suffix, or "photo".
    path: where it came from, or None for an array.
    original: the file as it is but for its metadata (which may tell where it was taken), if
        every viewer shows exactly `rgb` for it: a JPEG or PNG, 8 bits, upright, opaque, sRGB.
        Textures then need no second compression.
    """

    rgb: ByteArray
    alpha: ByteArray | None = None
    focal: float | None = None
    name: str = "photo"
    path: Path | None = None
    original: EncodedImage | None = None

    @property
    def width(self) -> int:
        return self.rgb.shape[1]

    @property
    def height(self) -> int:
        return self.rgb.shape[0]

    def rgb_float(self) -> FloatArray:
        """(H, W, 3) float32 in [0, 1], sRGB."""
        return self.rgb * np.float32(1 / 255)

    def opaque(self) -> BoolArray:
        """(H, W) bool: at least half opaque. Only such pixels become geometry."""
        if self.alpha is None:
            return np.ones(self.rgb.shape[:2], bool)
        return self.alpha >= _OPAQUE


def load(source: str | Path) -> Photo:
    """Read a picture file. Raises ImageError, or MissingLibraryError without any decoder."""
    path = Path(source)
    data = _read(path)
    decoded = decode(data, path, _check_size)
    height, width = decoded.pixels.shape[:2]
    rgb, alpha = _split(_upright(decoded.pixels, decoded.exif.orientation))
    if alpha is not None and not (alpha >= _OPAQUE).any():
        raise ImageError(f"{path.name} is fully transparent, so there is nothing to build.")
    return Photo(
        rgb=rgb,
        alpha=alpha,
        focal=focal_pixels(decoded.exif, width, height),
        name=path.stem,
        path=path,
        original=_original(data, decoded) if alpha is None else None,
    )


def from_array(array: AnyArray, name: str = "photo") -> Photo:
    """A Photo from an sRGB array: (H, W), (H, W, 1), (H, W, 3) or (H, W, 4).

    uint8, uint16, or float in [0, 1] (values outside are clipped). Raises ImageError.
    """
    pixels = array = np.asarray(array)
    if pixels.ndim == 2:
        pixels = pixels[..., None]
    if pixels.ndim != 3 or pixels.shape[2] not in (1, 2, 3, 4):
        raise ImageError(
            f"A photo array must have the shape (height, width, 3), not {array.shape}."
        )
    _check_size(pixels.shape[1], pixels.shape[0], name)
    if pixels.dtype.kind == "f":
        if not np.isfinite(pixels).all():
            raise ImageError("The photo array holds NaN or infinite values, replace them.")
        pixels = (np.clip(pixels, 0, 1) * 255 + 0.5).astype(np.uint8)
    elif pixels.dtype not in (np.uint8, np.uint16):
        raise ImageError(f"A photo array must be uint8, uint16 or float, not {pixels.dtype}.")
    rgb, alpha = _split(pixels)
    return Photo(rgb=rgb, alpha=alpha, name=name)


def find(paths: list[Path]) -> list[Path]:
    """The pictures meant by files and folders, in order; a folder means its pictures by name.

    Whatever is no folder with pictures is returned as it is, so that `load` can say what is wrong.
    """
    found: list[Path] = []
    for path in paths:
        found.extend(_inside(path) or [path])
    return found


def _inside(path: Path) -> list[Path]:
    """The pictures in a folder, without hidden ones; none if it is no folder or can't be read."""
    try:
        inside = sorted(path.iterdir())
    except OSError:
        return []
    pictures = (p for p in inside if p.suffix.lower() in SUFFIXES and not p.name.startswith("."))
    return [p for p in pictures if p.is_file()]


def focal_pixels(exif: Exif, width: int, height: int) -> float | None:
    """Focal length in pixels of a width x height picture from EXIF, or None.

    The 35 mm equivalent compares diagonals with 36 x 24 mm; else the focal length in millimetres
    is used with the sensor's pixel pitch, for the full-size picture that EXIF speaks of. Values
    that no lens has (field of view across the diagonal outside about 2 to 150 degrees) are ignored.
    """
    diagonal = math.hypot(width, height)
    if exif.focal_35mm:
        focal = exif.focal_35mm * diagonal / FULL_FRAME_DIAGONAL
    elif exif.focal_mm and exif.pixels_per_mm:
        shrunk = max(width, height) / exif.full_side if exif.full_side else 1.0
        focal = exif.focal_mm * exif.pixels_per_mm * shrunk
    else:
        return None
    return focal if 0.13 < focal / diagonal < 30 else None


def _read(path: Path) -> bytes:
    try:
        if path.is_dir():
            raise ImageError(f"The folder {path} holds no pictures ({', '.join(SUFFIXES)}).")
        if path.exists() and not path.is_file():
            raise ImageError(f"{path} is not a picture file, give a JPEG, PNG, WebP or TIFF.")
        if path.stat().st_size > MAX_BYTES:
            raise ImageError(f"{path.name} is too large a file for a photo, shrink it first.")
        data = path.read_bytes()
    except FileNotFoundError:
        raise ImageError(f"There is no file {path}, check the name.") from None
    except OSError as error:
        raise ImageError(f"{path} can't be read: {error.strerror or error}.") from None
    if not data:
        raise ImageError(f"{path.name} is an empty file, copy it again from its source.")
    return data


def _check_size(width: int, height: int, name: str) -> None:
    if min(width, height) < MIN_SIDE:
        raise ImageError(
            f"{name} is {width} x {height} pixels, but a photo needs at least "
            f"{MIN_SIDE} on each side."
        )
    if width * height > MAX_PIXELS:
        raise ImageError(
            f"{name} is {width} x {height} pixels, more than {MAX_PIXELS // 1_000_000} megapixels, "
            "so shrink it first."
        )


def _split(pixels: AnyArray) -> tuple[ByteArray, ByteArray | None]:
    """(H, W, 1..4) uint8 or uint16 -> RGB (H, W, 3) uint8 and alpha (H, W) uint8 or None."""
    if pixels.dtype == np.uint16:  # 65535 / 255 = 257; half of it rounds to the nearest
        pixels = ((pixels.astype(np.uint32) + 128) // 257).astype(np.uint8)
    channels = pixels.shape[2]
    colour = pixels[..., :3] if channels >= 3 else np.repeat(pixels[..., :1], 3, axis=2)
    alpha = np.ascontiguousarray(pixels[..., -1]) if channels in (2, 4) else None
    if alpha is not None and (alpha == 255).all():
        alpha = None
    return np.ascontiguousarray(colour), alpha


def _upright(array: AnyArray, orientation: int) -> AnyArray:
    """Undo the EXIF orientation (1 to 8) of an (H, W, C) array."""
    if orientation in (5, 6, 7, 8):
        array = np.swapaxes(array, 0, 1)
    if orientation in (3, 4, 7, 8):
        array = array[::-1]
    if orientation in (2, 3, 6, 7):
        array = array[:, ::-1]
    return array


def _original(data: bytes, decoded: Decoded) -> EncodedImage | None:
    if decoded.exif.orientation != 1 or not decoded.verbatim:
        return None
    if data.startswith(b"\xff\xd8\xff"):
        bare = metadata.strip_jpeg(data)
        return None if bare is None else EncodedImage(bare, "image/jpeg")
    if data.startswith(b"\x89PNG") and data[24] == 8:  # bits per sample, in the header
        bare = metadata.strip_png(data)
        return None if bare is None else EncodedImage(bare, "image/png")
    return None
