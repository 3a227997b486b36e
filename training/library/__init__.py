"""Free models and photo textures that scenes are furnished with, read from a prepared folder.

`make_library.py` makes the folder from Debian packages once. Without one, scenes are built from our
own shapes and patterns alone.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np

from ..gallery import SIZE, Gallery


@dataclass
class Thing:
    """A model: vertices (N, 3), triangles (M, 3), uv (M, 3, 2), material (M,); see store.py."""

    vertices: np.ndarray
    triangles: np.ndarray
    uv: np.ndarray
    material: np.ndarray

    @cached_property
    def size(self) -> np.ndarray:
        """Width, height and depth in metres, (3,)."""
        return self.vertices.max(axis=0) - self.vertices.min(axis=0)

    @cached_property
    def parts(self) -> list[tuple[int, np.ndarray, np.ndarray, np.ndarray]]:
        """For each material: its row, vertices (n, 3), triangles (m, 3) of them, uv (m, 3, 2)."""
        found = []
        for material in np.unique(self.material):
            mine = self.material == material
            used, triangles = np.unique(self.triangles[mine], return_inverse=True)
            uv = self.uv[mine].astype(np.float32)
            triangles = triangles.reshape(-1, 3).astype(np.int32)
            found.append((int(material), self.vertices[used], triangles, uv))
        return found


class Library:
    """Everything in one folder; whatever is missing there is empty here."""

    def __init__(self, folder: Path) -> None:
        self._pictures: list[np.ndarray] = []
        self._rows = 0
        self.tiles: dict[str, list[int]] = {}
        self.metres: dict[int, float] = {}
        self.posters: list[int] = []
        self.things: dict[str, list[Thing]] = {}
        self.panoramas: dict[str, np.ndarray] = {}
        colours, pictures, gloss = [], [], []
        for path in sorted(folder.glob("models_*.npz")):
            with np.load(path) as stored:
                start = self._hold(stored["pictures"])
                self._add_things(stored, sum(len(c) for c in colours))
                colours.append(stored["colours"])
                pictures.append(np.where(stored["picture"] >= 0, stored["picture"] + start, -1))
                gloss.append(stored["gloss"])
        self.colours = np.concatenate([np.zeros((0, 3), np.float32), *colours])
        self.picture = np.concatenate([np.zeros(0, np.int32), *pictures])
        self.gloss = np.concatenate([np.zeros(0, np.float32), *gloss])
        if (folder / "tiles.npz").exists():
            with np.load(folder / "tiles.npz") as stored:
                start = self._hold(stored["pictures"])
                for row, (kind, metres) in enumerate(
                    zip(stored["kinds"], stored["metres"], strict=True), start
                ):
                    self.tiles.setdefault(str(kind), []).append(row)
                    self.metres[row] = float(metres)
        if (folder / "posters.npz").exists():
            with np.load(folder / "posters.npz") as stored:
                start = self._hold(stored["pictures"])
                self.posters = list(range(start, self._rows))
        if (folder / "panoramas.npz").exists():
            with np.load(folder / "panoramas.npz") as stored:
                kinds = stored["kinds"]
                self.panoramas = {str(k): stored["pictures"][kinds == k] for k in np.unique(kinds)}

    def _hold(self, pictures: np.ndarray) -> int:
        """Keep (P, SIZE, SIZE, 3 or 4) pictures; returns the row of the first."""
        start = self._rows
        if pictures.shape[-1] == 3:
            solid = np.full((*pictures.shape[:3], 1), 255, np.uint8)
            pictures = np.concatenate([pictures, solid], axis=-1)
        self._pictures.append(pictures)
        self._rows += len(pictures)
        return start

    def _add_things(self, stored: np.lib.npyio.NpzFile, first_material: int) -> None:
        vertices, triangles, uv = stored["vertices"], stored["triangles"], stored["uv"]
        material = stored["material"] + first_material
        v = t = 0
        for group, to_v, to_t in zip(
            stored["groups"], stored["vertex_ends"], stored["triangle_ends"], strict=True
        ):
            thing = Thing(vertices[v:to_v], triangles[t:to_t], uv[t:to_t], material[t:to_t])
            self.things.setdefault(str(group), []).append(thing)
            v, t = to_v, to_t

    @cached_property
    def gallery(self) -> Gallery:
        """All pictures of models, tiles and posters by row."""
        return Gallery(np.concatenate([np.zeros((0, SIZE, SIZE, 4), np.uint8), *self._pictures]))


_active: list[Library] = []


def use(folder: Path | None) -> None:
    """Furnish all further scenes of this process from this folder; None: from nothing."""
    _active[:] = [Library(folder)] if folder else []


def active() -> Library | None:
    """What scenes are furnished from at present."""
    return _active[0] if _active else None
