"""The library folder, read: models by group, photo tiles by kind, posters and panoramas."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np

from ..gallery import SIZE, Gallery
from .geometry import compact


@dataclass
class Thing:
    """A model: vertices (N, 3) in metres, triangles (M, 3), uv (M, 3, 2), material (M,).

    `store.Model` tells its frame; the materials are rows of the library's.
    """

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
            vertices, triangles = compact(self.vertices, self.triangles[mine])
            found.append((int(material), vertices, triangles, self.uv[mine].astype(np.float32)))
        return found


class Library:
    """Everything in one folder; whatever is missing there is empty here.

    things: the models of each group.
    colours, picture, gloss: what their K materials look like; (K, 3) float32 linear light, (K,)
        rows of the gallery or -1, and (K,) 0..0.8.
    tiles: rows of the gallery for each kind of surface.
    metres: how long the side of such a tile is in the world, by row.
    posters: rows of the gallery.
    panoramas: (P, rows, columns, 3) float16 linear light for each kind of place.
    """

    def __init__(self, folder: Path) -> None:
        self._pictures = [np.zeros((0, SIZE, SIZE, 4), np.uint8)]
        self.things: dict[str, list[Thing]] = {}
        self.colours = np.zeros((0, 3), np.float32)
        self.picture = np.zeros(0, np.int32)
        self.gloss = np.zeros(0, np.float32)
        self.tiles: dict[str, list[int]] = {}
        self.metres: dict[int, float] = {}
        self.posters: list[int] = []
        self.panoramas: dict[str, np.ndarray] = {}
        for path in sorted(folder.glob("models_*.npz")):
            self._add_models(_arrays(path))
        if tiles := _arrays(folder / "tiles.npz"):
            self._add_tiles(tiles)
        if posters := _arrays(folder / "posters.npz"):
            self.posters = list(self._add_pictures(posters["pictures"]))
        if panoramas := _arrays(folder / "panoramas.npz"):
            kinds, pictures = panoramas["kinds"], panoramas["pictures"]
            self.panoramas = {str(kind): pictures[kinds == kind] for kind in np.unique(kinds)}

    @cached_property
    def gallery(self) -> Gallery:
        """All pictures of models, tiles and posters by row."""
        pictures = np.concatenate(self._pictures)
        self._pictures.clear()  # they would be in memory twice
        return Gallery(pictures)

    def _add_pictures(self, pictures: np.ndarray) -> range:
        """Keep (P, SIZE, SIZE, 3 or 4) uint8 pictures; returns their rows in the gallery."""
        if pictures.shape[-1] == 3:
            pictures = np.pad(pictures, [(0, 0)] * 3 + [(0, 1)], constant_values=255)
        start = sum(map(len, self._pictures))
        self._pictures.append(pictures)
        return range(start, start + len(pictures))

    def _add_models(self, stored: dict[str, np.ndarray]) -> None:
        first_picture = self._add_pictures(stored["pictures"]).start
        picture = np.where(stored["picture"] < 0, -1, stored["picture"] + first_picture)
        material = np.split(stored["material"] + len(self.colours), stored["triangle_ends"][:-1])
        self.colours = np.concatenate([self.colours, stored["colours"]])
        self.picture = np.concatenate([self.picture, picture])
        self.gloss = np.concatenate([self.gloss, stored["gloss"]])
        vertices = np.split(stored["vertices"], stored["vertex_ends"][:-1])
        triangles = np.split(stored["triangles"], stored["triangle_ends"][:-1])
        uv = np.split(stored["uv"], stored["triangle_ends"][:-1])
        every = zip(stored["groups"], vertices, triangles, uv, material, strict=True)
        for group, *arrays in every:
            self.things.setdefault(str(group), []).append(Thing(*arrays))

    def _add_tiles(self, stored: dict[str, np.ndarray]) -> None:
        rows = self._add_pictures(stored["pictures"])
        self.metres = dict(zip(rows, map(float, stored["metres"]), strict=True))
        for row, kind in zip(rows, stored["kinds"], strict=True):
            self.tiles.setdefault(str(kind), []).append(row)


def _arrays(path: Path) -> dict[str, np.ndarray]:
    """What an .npz file holds; nothing where there is none."""
    if not path.exists():
        return {}
    with np.load(path) as stored:
        return dict(stored)
