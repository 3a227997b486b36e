"""Picture files -> pixels, by the library at hand: Pillow, or the OpenImageIO inside Blender.

Photos are decoded nowhere else. A file is hostile until decoded: its size is checked from the
header before a pixel is unpacked. Imports Pillow or OpenImageIO.
"""

from __future__ import annotations

import io
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from . import icc
from .arrays import AnyArray
from .errors import ImageError, MissingLibraryError

_FORMATS = ("jpeg", "png", "webp", "tiff", "bmp", "gif")

CheckSize = Callable[[int, int, str], None]
"""Called with (width, height, file name); raises ImageError."""


@dataclass(frozen=True)
class Exif:
    """What a picture says of its camera; None where it is silent."""

    orientation: int = 1
    focal_35mm: float | None = None
    focal_mm: float | None = None
    pixels_per_mm: float | None = None
    full_side: float | None = None
    """Longer side in pixels of the picture as the camera made it."""


@dataclass(frozen=True)
class Decoded:
    """pixels: (H, W, 1 to 4) uint8 or uint16, sRGB, not yet turned upright; alpha last.

    verbatim: the file's own 8-bit values are exactly `pixels`: no profile, no CMYK, no palette.
    """

    pixels: AnyArray
    exif: Exif
    verbatim: bool


def decode(data: bytes, path: Path, check_size: CheckSize) -> Decoded:
    """Decode a picture file's bytes. Raises ImageError, or MissingLibraryError."""
    try:
        import PIL.Image  # noqa: F401
    except ImportError:
        return _decode_openimageio(path, check_size)
    return _decode_pillow(data, path, check_size)


def available() -> bool:
    """Whether `decode` has a library to work with."""
    from importlib.util import find_spec

    return any(find_spec(name) is not None for name in ("PIL", "OpenImageIO"))


def _broken(path: Path) -> ImageError:
    return ImageError(
        f"{path.name} is damaged or not a picture, give an intact JPEG, PNG, WebP or TIFF."
    )


# --- Pillow ---------------------------------------------------------------------------------


def _decode_pillow(data: bytes, path: Path, check_size: CheckSize) -> Decoded:
    from PIL import Image

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # our own size limit stands in for Pillow's warning
            with Image.open(io.BytesIO(data), formats=[name.upper() for name in _FORMATS]) as image:
                check_size(*image.size, path.name)
                image.load()
                exif = _pillow_exif(image)
                pixels, verbatim = _pillow_pixels(image)
    except ImageError:
        raise
    except Image.DecompressionBombError:
        raise ImageError(f"{path.name} has far too many megapixels, so shrink it first.") from None
    except MemoryError:
        raise ImageError(f"{path.name} does not fit into memory, shrink it first.") from None
    except Exception:  # decoders raise nearly anything on damaged data
        raise _broken(path) from None
    return Decoded(pixels, exif, verbatim)


def _pillow_pixels(image: Any) -> tuple[AnyArray, bool]:
    mode = image.mode
    if mode in ("I;16", "I;16B", "I;16L", "I"):  # 16-bit grey; "I" is how some files open
        values = np.asarray(image).astype(np.int64)
        return np.clip(values, 0, 65535).astype(np.uint16)[..., None], False
    if mode == "F":
        raise ImageError("Floating-point pictures can't be read yet, save a 16-bit PNG or TIFF.")
    has_alpha = mode in ("RGBA", "LA", "PA", "La", "RGBa") or "transparency" in image.info
    converted = _to_srgb(image, "RGBA" if has_alpha else "RGB")
    verbatim = mode in ("RGB", "L") and converted is None and not has_alpha
    if converted is None:
        converted = image.convert("RGBA" if has_alpha else "RGB")
    return np.asarray(converted), verbatim


def _to_srgb(image: Any, mode: str) -> Any | None:
    """The picture in sRGB if it carries another usable profile, else None."""
    from PIL import ImageCms

    profile = image.info.get("icc_profile")
    if not profile or image.mode not in ("RGB", "RGBA", "CMYK"):
        return None
    try:
        source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
        if "sRGB" in ImageCms.getProfileDescription(source):
            return None
        alpha = image.getchannel("A") if image.mode == "RGBA" else None
        base = image.convert("RGB") if alpha is not None else image
        target = ImageCms.createProfile("sRGB")
        result: Any = ImageCms.profileToProfile(base, source, target, outputMode="RGB")
    except (ImageCms.PyCMSError, OSError, ValueError):
        return None  # a damaged profile: show the numbers as they are, like every viewer
    if mode == "RGBA":
        result.putalpha(alpha if alpha is not None else 255)
    return result


def _pillow_exif(image: Any) -> Exif:
    try:
        tags = image.getexif()
        camera = tags.get_ifd(0x8769)
        return _exif(
            orientation=tags.get(0x0112),
            focal_35mm=camera.get(0xA405),
            focal_mm=camera.get(0x920A),
            resolution=camera.get(0xA20E),
            unit=camera.get(0xA210, 2),
            sides=(camera.get(0xA002), camera.get(0xA003)),
        )
    except Exception:  # damaged EXIF must not cost the user the picture
        return Exif()


def _exif(
    *,
    orientation: Any,
    focal_35mm: Any,
    focal_mm: Any,
    resolution: Any,
    unit: Any,
    sides: tuple[Any, Any],
) -> Exif:
    """EXIF numbers, each None unless it is a sensible positive one."""

    def positive(value: Any) -> float | None:
        try:
            number = float(value)
        except (TypeError, ValueError, ZeroDivisionError):
            return None
        return number if 0 < number < 1e7 else None

    unit_mm = {2: 25.4, 3: 10.0, 4: 1.0, 5: 0.001}.get(unit)  # EXIF 2.32, FocalPlaneResolutionUnit
    pitch = positive(resolution)
    known = [side for side in map(positive, sides) if side]
    return Exif(
        orientation=orientation if orientation in range(1, 9) else 1,
        focal_35mm=positive(focal_35mm),
        focal_mm=positive(focal_mm),
        pixels_per_mm=pitch / unit_mm if pitch and unit_mm else None,
        full_side=max(known, default=None),
    )


# --- OpenImageIO ----------------------------------------------------------------------------


def read_channels(
    path: Path, check_size: CheckSize, missing: str
) -> tuple[dict[str, AnyArray], dict[str, str]]:
    """A depth file's channels (H, W) by name, in its own number type, and its texts by keyword.

    By OpenImageIO. Raises MissingLibraryError, which says `missing`, without it.
    """
    oiio = _openimageio(missing)
    source = oiio.ImageInput.open(str(path))
    if source is None:
        oiio.geterror()  # else it is printed when Blender quits
        raise _broken(path)
    try:
        spec = source.spec()
        check_size(spec.width, spec.height, path.name)
        pixels = source.read_image(0, 0, 0, spec.nchannels, str(spec.format))
        if pixels is None or source.has_error:
            source.geterror()
            raise _broken(path)
        texts = {a.name: a.value for a in spec.extra_attribs if isinstance(a.value, str)}
        return dict(zip(spec.channelnames, np.moveaxis(pixels, -1, 0), strict=True)), texts
    finally:
        source.close()


def _openimageio(missing: str) -> Any:
    try:
        import OpenImageIO
    except ImportError:
        raise MissingLibraryError(missing) from None
    return OpenImageIO


def _decode_openimageio(path: Path, check_size: CheckSize) -> Decoded:
    oiio = _openimageio("No library to read pictures is installed, run: pip install pillow")
    wish = oiio.ImageSpec()
    wish.attribute("oiio:UnassociatedAlpha", 1)  # else colours come multiplied by alpha
    source = oiio.ImageInput.open(str(path), wish)
    if source is None:
        oiio.geterror()  # else it is printed when Blender quits
        raise _broken(path)
    integers = (oiio.UINT8, oiio.UINT16)
    try:
        spec = source.spec()
        if source.format_name() not in _FORMATS or spec.format.basetype not in integers:
            raise _broken(path)
        check_size(spec.width, spec.height, path.name)
        wide = spec.format.size() > 1
        pixels = source.read_image(0, 0, 0, min(spec.nchannels, 4), "uint16" if wide else "uint8")
        if pixels is None or source.has_error:
            source.geterror()
            raise _broken(path)
        colour_space = str(spec.getattribute("oiio:ColorSpace") or "sRGB").lower()
        verbatim = not wide and spec.nchannels in (1, 3) and "srgb" in colour_space
        verbatim = verbatim and spec.getattribute("jpeg:ColorSpace") in (None, "YCbCr", "RGB")
        pixels = np.asarray(pixels)
        profile = spec.getattribute("ICCProfile")
        if profile is not None:
            converted = icc.to_srgb(pixels, np.asarray(profile, np.uint8).tobytes())
            if converted is not None:
                pixels, verbatim = converted, False
        return Decoded(pixels, _openimageio_exif(spec), verbatim)
    finally:
        source.close()


def _openimageio_exif(spec: Any) -> Exif:
    get = spec.getattribute
    return _exif(
        orientation=get("Orientation"),
        focal_35mm=get("Exif:FocalLengthIn35mmFilm"),
        focal_mm=get("Exif:FocalLength"),
        resolution=get("Exif:FocalPlaneXResolution"),
        unit=get("Exif:FocalPlaneResolutionUnit") or 2,
        sides=(get("Exif:PixelXDimension"), get("Exif:PixelYDimension")),
    )
