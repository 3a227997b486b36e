"""A depth map that the user already has: PNG, TIFF, EXR, NPZ or NPY -> DepthMap.

Imports Pillow and OpenEXR for the formats that need them. Blender has neither; there its own
OpenImageIO reads them.
"""

from __future__ import annotations

import io
import zipfile
from pathlib import Path

import numpy as np

from . import decoders
from .arrays import AnyArray
from .depthmap import DepthKind, DepthMap
from .errors import DepthError, MissingLibraryError
from .images import MAX_PIXELS

KIND_TEXT = "Depth kind"
"""Keyword of the PNG text that tells the kind of a depth.png written by Unflat."""

MAX_BYTES = 8 * MAX_PIXELS + 1_000_000


def read(source: str | Path | DepthMap | AnyArray, kind: DepthKind | str | None = None) -> DepthMap:
    """Read and check a depth map.

    `kind` None means what a file written by Unflat says, else metres. Integers of kind METRES
    are millimetres, as depth cameras write them. For what is invalid see `DepthMap.from_array`.
    Raises DepthError, or MissingLibraryError for an EXR without OpenEXR.
    """
    try:
        chosen = None if kind is None else DepthKind(kind)
    except ValueError:
        names = ", ".join(k.value for k in DepthKind)
        raise DepthError(f"The depth kind must be one of {names}, not '{kind}'.") from None
    if isinstance(source, DepthMap):
        return source
    name, values, valid, said = "The depth map", np.asarray(source), None, None
    if isinstance(source, str | Path):
        name = Path(source).name
        values, valid, said = _read_file(Path(source))
    kind = chosen or said or DepthKind.METRES
    if kind is DepthKind.METRES and values.dtype.kind in "iu":
        values = values.astype(np.float32) / np.float32(1000)
    return DepthMap.from_array(values, kind, valid, name)


def _read_file(path: Path) -> tuple[AnyArray, AnyArray | None, DepthKind | None]:
    """Values, valid mask if the file has one, and kind if the file says so."""
    readers = {
        ".npz": _read_npz,
        ".npy": _read_npy,
        ".png": _read_picture,
        ".tif": _read_picture,
        ".tiff": _read_picture,
        ".exr": _read_exr,
    }
    reader = readers.get(path.suffix.lower())
    if reader is None:
        raise DepthError(f"{path.name} is no depth map, give a PNG, TIFF, EXR, NPZ or NPY file.")
    try:
        if not path.is_file():
            raise DepthError(f"There is no depth map {path}, check the name.")
        if path.stat().st_size > MAX_BYTES:
            raise DepthError(f"{path.name} is too large for a depth map, shrink it first.")
        return reader(path)
    except (DepthError, MissingLibraryError):
        raise
    except Exception:  # whatever a damaged file makes a decoder raise
        raise DepthError(f"{path.name} is damaged or not a depth map, save it again.") from None


def _read_npz(path: Path) -> tuple[AnyArray, AnyArray | None, DepthKind | None]:
    with zipfile.ZipFile(path) as archive:
        if sum(entry.file_size for entry in archive.infolist()) > 2 * MAX_BYTES:
            raise DepthError(f"{path.name} unpacks to too much for a depth map, shrink it first.")
    with np.load(path, allow_pickle=False) as file:
        if "depth" not in file:
            raise DepthError(f"{path.name} holds no array named 'depth', save it under that name.")
        kind = DepthKind(str(file["kind"])) if "kind" in file else None
        return file["depth"], file.get("valid"), kind


def _read_npy(path: Path) -> tuple[AnyArray, AnyArray | None, DepthKind | None]:
    return np.load(io.BytesIO(path.read_bytes()), allow_pickle=False), None, None


def _read_picture(path: Path) -> tuple[AnyArray, AnyArray | None, DepthKind | None]:
    try:
        from PIL import Image
    except ImportError:
        return _read_by_openimageio(
            path, "Reading it needs one more library, run: pip install pillow"
        )
    with Image.open(path, formats=("PNG", "TIFF")) as image:
        if image.width * image.height > MAX_PIXELS:
            raise DepthError(f"{path.name} has too many pixels, shrink it first.")
        if image.mode not in ("I;16", "I;16B", "I;16L", "I", "F", "L"):
            raise DepthError(f"{path.name} is a colour picture, give a grey 16-bit depth map.")
        said = image.info.get(KIND_TEXT) if image.format == "PNG" else None
        return np.asarray(image), None, DepthKind(said) if said else None


def _read_exr(path: Path) -> tuple[AnyArray, AnyArray | None, DepthKind | None]:
    try:
        import OpenEXR
    except ImportError:
        return _read_by_openimageio(
            path, "Reading EXR needs one more library, run: pip install OpenEXR"
        )
    with OpenEXR.File(str(path), header_only=True) as file:  # sizes first: it may be a bomb
        low, high = file.header()["dataWindow"]
        if (high[0] - low[0] + 1) * (high[1] - low[1] + 1) > MAX_PIXELS:
            raise DepthError(f"{path.name} has too many pixels, shrink it first.")
    with OpenEXR.File(str(path), separate_channels=True) as file:
        channels = file.channels()
        name = _depth_channel(list(channels))
        if name is None:
            raise DepthError(f"{path.name} has no depth channel, name it Z.")
        return np.asarray(channels[name].pixels), None, None


def _read_by_openimageio(
    path: Path, missing: str
) -> tuple[AnyArray, AnyArray | None, DepthKind | None]:
    """Inside Blender, which has no other library; `missing` is said where it is missing too."""

    def check_size(width: int, height: int, name: str) -> None:
        if width * height > MAX_PIXELS:
            raise DepthError(f"{name} has too many pixels, shrink it first.")

    channels, texts = decoders.read_channels(path, check_size, missing)
    if path.suffix.lower() != ".exr" and len(channels) > 1:
        raise DepthError(f"{path.name} is a colour picture, give a grey 16-bit depth map.")
    name = _depth_channel(list(channels))
    if name is None:
        raise DepthError(f"{path.name} has no depth channel, name it Z.")
    said = texts.get(KIND_TEXT)
    return channels[name], None, DepthKind(said) if said else None


def _depth_channel(names: list[str]) -> str | None:
    """The channel that holds depth: Z, a layer called depth, or the only channel."""
    by_name = {name.lower(): name for name in names}
    for wanted in ("z", "depth", "depth.z", "depth.v"):
        for lower, name in by_name.items():
            if lower == wanted or (wanted.startswith("depth") and lower.endswith(f".{wanted}")):
                return name
    return names[0] if len(names) == 1 else None
