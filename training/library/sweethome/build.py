"""An entry of a catalogue as a model."""

from __future__ import annotations

import posixpath

import numpy as np

from ..geometry import compact, on_the_ground
from ..store import Model
from ..wavefront import Mesh, count_faces, read_mesh
from .catalogue import LEFT_OUT, Entry, group_of
from .materials import Archive, finishes_of, is_glass, material_of

_SMALLEST = 0.04  # metres: what is smaller in all directions is left out
_MOST_TRIANGLES = 60_000
_MOST_FACES = 200_000  # of a tree or plant: its leaves are thinned
_THINNED = {"tree", "plant"}
_THINNED_TO = 50_000  # triangles, about
_BLOCK = 32  # neighbouring triangles that are kept or left together


def built(entry: Entry, archive: Archive, name: str, licence: str) -> Model | None:
    """The model of an entry; None where it is left out."""
    group = group_of(entry)
    if group == LEFT_OUT or entry.size.max() < _SMALLEST:
        return None
    data = archive.read(entry.path)
    if data is None or count_faces(data) > (_MOST_FACES if group in _THINNED else _MOST_TRIANGLES):
        return None
    mesh, folder = read_mesh(data), posixpath.dirname(entry.path)
    kept = _thinned(mesh.material) if group in _THINNED else np.ones(len(mesh.triangles), bool)
    if not 0 < kept.sum() <= _MOST_TRIANGLES:
        return None
    looks = finishes_of(mesh, archive, folder)
    vertices = _sized(mesh, entry)
    kept &= _has_area(vertices[mesh.triangles])
    if group != "table":  # a table keeps its top even if it is of glass
        kept &= ~np.array([is_glass(look) for look in looks])[mesh.material]
    if kept.sum() < 4:
        return None
    uv, has_uv = _coordinates(mesh, kept)
    used, rows = np.unique(mesh.material[kept], return_inverse=True)
    rows = rows.reshape(-1).astype(np.int32)
    materials = [
        material_of(looks[look], archive, folder, mapped=has_uv[rows == row].mean() > 0.5)
        for row, look in enumerate(used)
    ]
    uv[np.array([each.picture is None for each in materials])[rows]] = 0
    vertices, triangles = compact(vertices, mesh.triangles[kept])
    return Model(name, group, licence, on_the_ground(vertices), triangles, uv, rows, materials)


def _thinned(material: np.ndarray) -> np.ndarray:
    """(M,) bool, the triangles to keep of materials (M,): at most a fixed number, fewer leaves.

    The materials with the most triangles, the leaves, lose some; the small ones stay whole.
    """
    if len(material) <= _MOST_TRIANGLES:
        return np.ones(len(material), bool)
    counts = np.bincount(material)
    limit = _MOST_TRIANGLES  # of triangles per material, so that the sum fits
    while np.minimum(counts, limit).sum() > _THINNED_TO:
        limit = int(limit * 0.95)
    share = np.minimum(1, limit / np.maximum(counts, 1))
    blocks = np.random.default_rng(len(material)).random(len(material) // _BLOCK + 1)
    return np.repeat(blocks, _BLOCK)[: len(material)] < share[material]


def _sized(mesh: Mesh, entry: Entry) -> np.ndarray:
    """(N, 3) vertices in metres, of the catalogue's size, front towards -z (left-handed)."""
    vertices = mesh.vertices.astype(np.float64) @ entry.rotation.T
    used = vertices[np.unique(mesh.triangles)]
    low, high = used.min(axis=0), used.max(axis=0)
    extent = np.where(high - low > 1e-9, high - low, 1)
    return (vertices - (low + high) / 2) / extent * entry.size * (1, 1, -1)


def _has_area(corners: np.ndarray) -> np.ndarray:
    """(M,) bool, for triangles (M, 3, 3)."""
    sides = corners[:, 1:] - corners[:, :1]
    return np.linalg.norm(np.cross(sides[:, 0], sides[:, 1]), axis=1) > 1e-10


def _coordinates(mesh: Mesh, kept: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """uv (M, 3, 2) of the triangles that are kept, v down, and (M,) whether they have any."""
    corners = mesh.corners[kept]
    has_uv = (corners >= 0).all(axis=1)
    uv = np.zeros((*corners.shape, 2), np.float32)
    uv[has_uv] = mesh.uv[corners[has_uv]] * (1, -1) + (0, 1)
    return np.nan_to_num(uv, posinf=0, neginf=0), has_uv
