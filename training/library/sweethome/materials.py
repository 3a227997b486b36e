"""Materials as the catalogues' MTL files and pictures give them."""

from __future__ import annotations

import io
import posixpath
import zipfile

import numpy as np
from PIL import Image

from ...gallery import SIZE
from ..store import Material
from ..wavefront import Finish, Mesh, read_materials

_GLASS = 0.5  # opacity below which a plain material lets the rays pass


class Archive:
    """A zip; upper and lower case are alike where the exact name is missing."""

    def __init__(self, files: zipfile.ZipFile) -> None:
        self._files = files
        self._names = {name.lower(): name for name in reversed(files.namelist())}

    def read(self, path: str) -> bytes | None:
        """A file; None if there is none."""
        path = posixpath.normpath(path)
        try:
            return self._files.read(path)
        except KeyError:
            name = self._names.get(path.lower())
            return self._files.read(name) if name else None

    def picture(self, folder: str, name: str | None) -> Image.Image | None:
        """A picture as SIZE x SIZE RGBA, even where its name has the author's folders before it."""
        for alike in (name, posixpath.basename(name), name.split()[-1]) if name else ():
            data = self.read(f"{folder}/{alike}")
            if data is not None:
                break
        else:
            return None
        try:
            with Image.open(io.BytesIO(data)) as image:
                return image.convert("RGBA").resize((SIZE, SIZE), Image.Resampling.BOX)
        except (OSError, ValueError):
            return None


def finishes_of(mesh: Mesh, archive: Archive, folder: str) -> list[Finish]:
    """The finish of each of the mesh's material names; a plain one where it is not to be found."""
    found: dict[str, Finish] = {}
    for library in mesh.libraries:
        for name in (library, *library.split()):
            found |= read_materials(archive.read(f"{folder}/{name}") or b"")
    return [found.get(name, Finish()) for name in mesh.names]


def is_glass(finish: Finish) -> bool:
    """Whether rays pass through it."""
    return finish.opacity < _GLASS and finish.picture is None


def material_of(finish: Finish, archive: Archive, folder: str, mapped: bool) -> Material:
    """The material of a finish; where it is not mapped, its picture's mean takes its place."""
    picture = _picture(finish, archive, folder)
    colour = np.clip(finish.diffuse, 0, 1)
    if picture is not None:
        brightest = colour.max()
        colour = colour / brightest if brightest > 0.05 else np.ones(3)
        if not mapped:
            colour = colour * picture[..., :3].mean(axis=(0, 1)) / 255
            picture = None
    linear = np.clip(colour**2.2, 0.01, 1 if picture is not None else 0.9)
    sharpness = np.clip(finish.shininess / 100, 0, 1)
    gloss = float(np.clip(finish.specular.mean() * sharpness * 0.6, 0, 0.8))
    return Material(linear.astype(np.float32), picture, gloss)


def _picture(finish: Finish, archive: Archive, folder: str) -> np.ndarray | None:
    """(SIZE, SIZE, 4) uint8, the picture of a finish with its mask as alpha."""
    picture = archive.picture(folder, finish.picture)
    if picture is None:
        return None
    mask = archive.picture(folder, finish.mask)
    if mask is not None and finish.mask != finish.picture:
        grey = mask.getchannel("A")
        picture.putalpha(grey if grey.getextrema()[0] < 255 else mask.convert("L"))
    return np.array(picture)
