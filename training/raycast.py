"""Which surface each pixel of a view sees, by ray casting (Embree, through Open3D)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import open3d as o3d

from .gallery import Gallery
from .stage import Stage, View

_CREASE = 0.77  # cosine of the angle from which on an edge is sharp, not shaded smoothly
_LAYERS = 6  # of cut-out pictures (leaves, nets) that a ray may pass before it is stopped


@dataclass(frozen=True)
class Seen:
    """What a view of width x height pixels sees, pixels row by row; S of them see a surface.

    inverse: (height * width,) float32 inverse z-depth in 1/m; 0 = nothing.
    ways: (height * width, 3) float32 rays from the camera; their unit of length is z-depth.
    points: (S, 3) float32 in the world, metres; normals: (S, 3) towards the camera.
    part: (S,) int64 of the stage; mapped: (S,) bool, whether a picture's place is known;
    uv: (S, 2) float32 in that picture; density: (S,) picture repeats per metre.
    """

    width: int
    height: int
    inverse: np.ndarray
    ways: np.ndarray
    points: np.ndarray
    normals: np.ndarray
    part: np.ndarray
    mapped: np.ndarray
    uv: np.ndarray
    density: np.ndarray

    @property
    def surface(self) -> np.ndarray:
        """(height * width,) bool: which pixels see a surface."""
        return self.inverse > 0


class World:
    """All meshes of a stage, ready for rays."""

    def __init__(
        self, stage: Stage, picture: np.ndarray, gallery: Gallery | None, threads: int
    ) -> None:
        """`picture` (P,) of each part, -1 = none; the gallery knows which have holes."""
        vertices, self._triangles, self._part = stage.mesh()
        self._normals = _vertex_normals(vertices, self._triangles)
        self._uv, self._row = stage.corners()
        corners = vertices[self._triangles[self._row >= 0]]
        self._density = np.sqrt(_areas(self._uv) / np.maximum(_areas(corners), 1e-12))
        self._picture, self._gallery = picture, gallery
        self._scene = o3d.t.geometry.RaycastingScene(nthreads=threads)
        faces = o3d.core.Tensor(self._triangles.astype(np.uint32))
        self._scene.add_triangles(_tensor(vertices), faces)

    def inverse_depth(self, view: View, width: int, height: int) -> np.ndarray:
        """Inverse z-depth (height, width) float32 in 1/m at pixel centres; 0 = nothing."""
        distance = self._cast(_rays(view, width, height))["t_hit"]
        return _inverse(distance).reshape(height, width)

    def see(self, view: View, width: int, height: int) -> Seen:
        """Everything about the surfaces at pixel centres."""
        rays = _rays(view, width, height)
        hits = self._cast(rays)
        inverse = _inverse(hits["t_hit"])
        seen = inverse > 0
        origin, ways = rays[seen, :3], rays[seen, 3:]
        triangle = hits["primitive_ids"][seen].astype(np.int64)
        inside = hits["primitive_uvs"][seen]
        normals = self._smooth(hits["primitive_normals"][seen], triangle, inside)
        normals *= -np.sign((normals * ways).sum(axis=1, keepdims=True) + 1e-12)
        row = self._row[triangle]
        mapped = row >= 0
        uv, density = np.zeros((len(row), 2), np.float32), np.zeros(len(row), np.float32)
        uv[mapped] = self._corner_uv(row[mapped], inside[mapped])
        density[mapped] = self._density[row[mapped]]
        points = origin + ways / inverse[seen, None]
        part = self._part[triangle]
        return Seen(width, height, inverse, rays[:, 3:], points, normals, part, mapped, uv, density)

    def free(self, start: np.ndarray, aim: np.ndarray) -> np.ndarray:
        """1.0 where nothing stands between `start` and `start + aim` (N, 3), else 0.0; (N,).

        Here holes in pictures count as closed: leaves cast the shadow of their whole card.
        """
        rays = np.concatenate([start, aim], axis=1)
        hit = self._scene.test_occlusions(_tensor(rays), tnear=0.0, tfar=0.97).numpy()
        return (~hit).astype(np.float32)

    def _cast(self, rays: np.ndarray) -> dict[str, np.ndarray]:
        """Open3D's answers for rays (N, 6), which pass through holes in pictures."""
        found = self._scene.cast_rays(_tensor(rays))
        hits = {name: array.numpy().copy() for name, array in found.items()}
        used = self._picture[self._picture >= 0]
        if self._gallery is None or not self._gallery.holed[used].any():
            return hits
        going = np.flatnonzero(np.isfinite(hits["t_hit"]))
        for _ in range(_LAYERS):
            going = going[self._in_hole(hits, going)]
            if not len(going):
                break
            gone = hits["t_hit"][going] * 1.0001 + 1e-4
            onward = rays[going].copy()
            onward[:, :3] += onward[:, 3:] * gone[:, None]
            for name, array in self._scene.cast_rays(_tensor(onward)).items():
                hits[name][going] = array.numpy()
            hits["t_hit"][going] += gone
            going = going[np.isfinite(hits["t_hit"][going])]
        return hits

    def _in_hole(self, hits: dict[str, np.ndarray], some: np.ndarray) -> np.ndarray:
        """Which of `some` rays (K,) hit a hole of a picture, (K,) bool."""
        triangle = hits["primitive_ids"][some].astype(np.int64)
        row, picture = self._row[triangle], self._picture[self._part[triangle]]
        hole = (picture >= 0) & (row >= 0) & self._gallery.holed[picture]
        uv = self._corner_uv(row[hole], hits["primitive_uvs"][some[hole]])
        hole[hole] = ~self._gallery.opaque(picture[hole], uv)
        return hole

    def _corner_uv(self, row: np.ndarray, inside: np.ndarray) -> np.ndarray:
        """Picture coordinates (N, 2) of points `inside` (N, 2) the mapped triangles `row` (N,)."""
        a, b, c = np.moveaxis(self._uv[row], 1, 0)
        return a + (b - a) * inside[:, :1] + (c - a) * inside[:, 1:]

    def _smooth(self, flat: np.ndarray, triangle: np.ndarray, inside: np.ndarray) -> np.ndarray:
        """Unit normals (S, 3), smooth across triangles (normals `flat`) that meet at small angles.

        Winding carries no meaning, so where neighbours disagree the flat normal stays.
        """
        corners = self._normals[self._triangles[triangle]]
        along = np.einsum("skc,sc->sk", corners, flat)[..., None]
        corners = np.where(along > _CREASE, corners, flat[:, None])
        u, v = inside[:, :1], inside[:, 1:]
        smooth = corners[:, 0] * (1 - u - v) + corners[:, 1] * u + corners[:, 2] * v
        return smooth / (np.linalg.norm(smooth, axis=1, keepdims=True) + 1e-12)


def _tensor(array: np.ndarray) -> o3d.core.Tensor:
    return o3d.core.Tensor(np.ascontiguousarray(array, np.float32))


def _rays(view: View, width: int, height: int) -> np.ndarray:
    """Origins and directions (height * width, 6) float32 through pixel centres."""
    focal = max(width, height) / 2 / np.tan(view.fov / 2)
    u = (np.arange(width) + 0.5 - width / 2) / focal
    v = (np.arange(height) + 0.5 - height / 2) / focal
    x, y = np.meshgrid(u, v)
    forward = np.stack([x, y, np.ones_like(x)], axis=-1).reshape(-1, 3) @ view.pose().T
    rays = np.empty((len(forward), 6), np.float32)
    rays[:, :3], rays[:, 3:] = view.position, forward
    return rays


def _inverse(distance: np.ndarray) -> np.ndarray:
    return np.where(np.isfinite(distance), 1 / np.maximum(distance, 1e-6), 0)


def _vertex_normals(vertices: np.ndarray, triangles: np.ndarray) -> np.ndarray:
    """Unit normals (N, 3) float32, weighted by the areas of the triangles around."""
    a, b, c = (vertices[triangles[:, k]] for k in range(3))
    faces = np.cross(b - a, c - a)
    corner = triangles.reshape(-1)
    normals = np.stack(
        [np.bincount(corner, np.repeat(faces[:, k], 3), len(vertices)) for k in range(3)], axis=-1
    )
    length = np.linalg.norm(normals, axis=1, keepdims=True)
    return (normals / np.maximum(length, 1e-20)).astype(np.float32)


def _areas(corners: np.ndarray) -> np.ndarray:
    """Areas (K,) of triangles with corners (K, 3, 2) or (K, 3, 3)."""
    a, b = corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0]
    square = (a * a).sum(1) * (b * b).sum(1) - (a * b).sum(1) ** 2
    return np.sqrt(np.maximum(square, 0)) / 2
