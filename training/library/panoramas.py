"""Light from all around: Poly Haven's panoramas as Blender and @pmndrs/assets bring them (CC0)."""

from __future__ import annotations

import base64
import importlib.util
import re
import tempfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from .store import save_pictures

_SHAPE = (192, 384)  # rows and columns
_BRIGHTEST = 60000.0  # below float16's 65504
_INDOORS = {"apartment", "bridge", "esplanade", "hall", "interior", "lab", "lobby", "warehouse",
            "workshop"}  # fmt: skip


def save_panoramas(packages: Path, target: Path) -> None:
    """Write the panoramas of an installed bpy and of the npm package unpacked below `packages`."""
    pictures: list[np.ndarray] = []
    sources = []
    for credit, content in _files(packages):
        picture = _shrunk(_mend_sun(_read_exr(content)))
        if not any(_same_light(picture, other) for other in pictures):
            pictures.append(picture)
            sources.append(credit)
    kinds = [_kind(credit.rpartition("/")[2].removesuffix(".exr")) for credit in sources]
    halves = [picture.astype(np.float16) for picture in pictures]
    save_pictures(target, halves, kinds=kinds, sources=sources)


def _files(packages: Path) -> Iterator[tuple[str, bytes]]:
    """Credit and content of the EXR files."""
    blender = importlib.util.find_spec("bpy")
    for folder in (blender and blender.submodule_search_locations) or ():
        for path in sorted(Path(folder).glob("*/datafiles/studiolights/world/*.exr")):
            yield f"Blender, Poly Haven, CC0: world/{path.name}", path.read_bytes()
    for path in sorted(packages.glob("package/hdri/*.exr.js")):
        encoded = re.search(r"base64,([A-Za-z0-9+/=]*)", path.read_text())
        if encoded:
            name = path.name.removesuffix(".js")
            yield f"@pmndrs/assets, Poly Haven, CC0: hdri/{name}", base64.b64decode(encoded[1])


def _kind(name: str) -> str:
    if name in ("night", "studio"):
        return name
    return "indoors" if name in _INDOORS else "outdoors"


def _read_exr(content: bytes) -> np.ndarray:
    """Linear light (rows, columns, 3) float32."""
    import OpenEXR  # only this needs it

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "panorama.exr"
        path.write_bytes(content)
        with OpenEXR.File(str(path), separate_channels=True) as file:
            channels = file.channels()
            return np.stack([np.array(channels[c].pixels, np.float32) for c in "RGB"], axis=-1)


def _mend_sun(pixels: np.ndarray) -> np.ndarray:
    """Give a sun that the compression left with one colour (in "park") all three.

    The compression works in blocks of 8 x 8; such a block gets its brightest colour, and where
    even that is dark, as beside the sun, the median of the block's bright pixels.
    """
    pixels = np.clip(np.nan_to_num(pixels, posinf=_BRIGHTEST), 0, _BRIGHTEST)
    high, low = pixels.max(axis=-1), pixels.min(axis=-1)
    broken = np.argwhere((high > 100) & (low < 0.001 * high))
    for row, column in np.unique(broken // 8 * 8, axis=0):
        block = np.s_[row : row + 8, column : column + 8]
        bright = high[block]
        filled = np.where(bright > 20, bright, np.median(bright[bright > 20]))
        pixels[block] = filled[..., None]
    return pixels


def _shrunk(pixels: np.ndarray) -> np.ndarray:
    """(*_SHAPE, 3), each texel the mean of the area that it covers in (rows, columns, 3)."""
    rows, columns = (_overlaps(n, m) for n, m in zip(pixels.shape[:2], _SHAPE, strict=True))
    return np.einsum("ai,ijc,bj->abc", rows, pixels, columns, optimize=True)


def _overlaps(old: int, new: int) -> np.ndarray:
    """(new, old): share of each old cell in each new one; rows sum to one."""
    ends = np.arange(new + 1) * (old / new)
    cells = np.arange(old)
    shared = np.minimum(ends[1:, None], cells + 1) - np.maximum(ends[:-1, None], cells)
    return (np.clip(shared, 0, None) * (new / old)).astype(np.float32)


def _same_light(first: np.ndarray, second: np.ndarray) -> bool:
    """Whether two panoramas show the same place, whatever the exposure."""
    logs = [np.log(p.reshape(24, 8, 48, 8, 3).mean(axis=(1, 3, 4)) + 1e-3) for p in (first, second)]
    return bool(np.corrcoef(logs[0].ravel(), logs[1].ravel())[0, 1] > 0.97)
