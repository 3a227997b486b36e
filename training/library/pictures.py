"""Pictures as free packages hold them: found, read, and told apart."""

from __future__ import annotations

import io
import re
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from ..gallery import SIZE

_ENDINGS = (".jpg", ".png", ".tga", ".dds", ".rgb", ".jpeg", ".webp")


@dataclass(frozen=True)
class Source:
    """Pictures of a package: `place` is a zip or a folder below where it was unpacked.

    wanted: pattern that a name matches from its start, lower case and without `prefix`.
    see_alpha: whether pictures with holes are left out; otherwise alpha is something else.
    """

    place: str
    credit: str
    prefix: str = ""
    wanted: str = "."
    see_alpha: bool = False

    def pictures(self, packages: Path) -> Iterator[tuple[str, Image.Image]]:
        """Credit and RGB picture of all that is wanted and readable; nothing without the place."""
        for name, content in self._files(packages / self.place):
            picture = _load(content, self.see_alpha)
            if picture is not None:
                yield f"{self.credit}: {name.removesuffix('.cached.dds')}", picture

    def _files(self, place: Path) -> Iterator[tuple[str, bytes]]:
        """Name without prefix, and content."""
        if place.is_dir():
            for path in sorted(place.rglob("*")):
                name = path.relative_to(place).as_posix()
                if self._wants(name):
                    yield name, path.read_bytes()
        elif place.exists():
            with zipfile.ZipFile(place) as archive:
                for path in sorted(archive.namelist()):
                    name = path.removeprefix(self.prefix)
                    if path.startswith(self.prefix) and self._wants(name):
                        yield name, archive.read(path)

    def _wants(self, name: str) -> bool:
        name = name.lower()
        return name.endswith(_ENDINGS) and re.match(self.wanted, name) is not None


def _load(content: bytes, see_alpha: bool) -> Image.Image | None:
    """The picture in RGB; None if it is unreadable or, where alpha counts, has holes."""
    try:
        picture = Image.open(io.BytesIO(content))
        picture.draft("RGB", (2048, 2048))  # a large JPEG need not be read in full
        picture.load()
    except (OSError, ValueError, NotImplementedError):
        return None
    if picture.mode in ("P", "LA", "PA"):
        picture = picture.convert("RGBA")
    if picture.mode == "RGBA":
        alpha = picture.getchannel("A")
        if not see_alpha:
            picture = picture.crop(alpha.getbbox() or (0, 0, 1, 1))
        elif (np.asarray(alpha) < 128).mean() > 0.02:
            return None
    return picture.convert("RGB")


class Duplicates:
    """Remembers pictures, to tell those that look almost the same."""

    def __init__(self, limit: float) -> None:
        """`limit` is the root mean square difference, of 255, up to which two are the same."""
        self._limit = limit
        self._thumbnails = np.zeros((0, 16 * 16 * 3), np.float32)

    def add(self, picture: np.ndarray) -> bool:
        """Remember a picture (SIZE, SIZE, 3); whether it was new."""
        blocks = picture.reshape(16, SIZE // 16, 16, SIZE // 16, 3)
        thumbnail = blocks.mean(axis=(1, 3), dtype=np.float32).ravel()
        squares = ((self._thumbnails - thumbnail) ** 2).mean(axis=1)
        if len(squares) and squares.min() < self._limit**2:
            return False
        self._thumbnails = np.concatenate([self._thumbnails, thumbnail[None]])
        return True
