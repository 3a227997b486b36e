"""The game's compiled meshes (.pmd) and animations (.psa), and how a mesh follows its bones."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

NO_BONE = 255


@dataclass
class Mesh:
    """A mesh, its bones and the points where props are attached, in the game's units.

    positions: (N, 3) as modelled.
    uv: (N, 2), u right, v down.
    triangles: (M, 3) int32 rows of the positions.
    bones, weights: (N, 4) uint8 rows of `rest` (NO_BONE: none), and how much each one moves.
    rest: (B, 4, 4) from bone to model, as modelled.
    points: name -> (row of `rest` or NO_BONE, (4, 4) from prop to bone).
    """

    positions: np.ndarray
    uv: np.ndarray
    triangles: np.ndarray
    bones: np.ndarray
    weights: np.ndarray
    rest: np.ndarray
    points: dict[str, tuple[int, np.ndarray]]


class _Stream:
    """Bytes, read one thing after the other."""

    def __init__(self, data: bytes, at: int) -> None:
        self._data, self._at = data, at

    def array(self, dtype: str | list, count: int) -> np.ndarray:
        found = np.frombuffer(self._data, dtype, count, self._at)
        self._at += found.nbytes
        return found

    def number(self) -> int:
        return int(self.array("<u4", 1)[0])

    def text(self) -> str:
        return self.array("u1", self.number()).tobytes().decode("latin1")


def read_mesh(data: bytes) -> Mesh:
    """Read a .pmd file (versions 3 and 4)."""
    file = _Stream(data, 4)
    version, _, count = file.array("<u4", 3)
    if data[:4] != b"PSMD" or version < 3:
        raise ValueError(f"not a mesh that we can read (version {version})")
    layers = file.number() if version >= 4 else 1
    record = [("position", "<f4", 3), ("normal", "<f4", 3), ("uv", "<f4", (layers, 2)),
              ("bones", "u1", 4), ("weights", "<f4", 4)]  # fmt: skip
    vertices = file.array(record, count)
    triangles = file.array("<u2", 3 * file.number()).reshape(-1, 3)
    rest = file.array("<f4", 7 * file.number()).reshape(-1, 7)
    points = {}
    for _ in range(file.number()):
        name, state = file.text(), file.array("<f4", 7)
        points[name] = (int(file.array("u1", 1)[0]), matrices(state[None])[0])
    uv = vertices["uv"][:, 0] * [1, -1] + [0, 1] if layers else np.zeros((count, 2))
    return Mesh(
        vertices["position"].astype(float),
        uv,
        triangles.astype(np.int32),
        vertices["bones"],
        vertices["weights"].astype(float),
        matrices(rest.astype(float)),
        points,
    )


def read_animation(data: bytes) -> np.ndarray:
    """Read a .psa file: (F, B, 7) states of the bones in each frame, see `matrices`."""
    file = _Stream(data, 12)
    file.text()  # its name
    file.number()  # the length of a frame
    bones, frames = file.number(), file.number()
    return file.array("<f4", frames * bones * 7).reshape(frames, bones, 7).astype(float)


def matrices(states: np.ndarray) -> np.ndarray:
    """(B, 7) translations and quaternions (x, y, z, w) as (B, 4, 4) matrices."""
    x, y, z, w = (states[:, 3:] / np.linalg.norm(states[:, 3:], axis=1, keepdims=True)).T
    rows = (
        (1 - 2 * (y * y + z * z), 2 * (x * y - z * w), 2 * (x * z + y * w)),
        (2 * (x * y + z * w), 1 - 2 * (x * x + z * z), 2 * (y * z - x * w)),
        (2 * (x * z - y * w), 2 * (y * z + x * w), 1 - 2 * (x * x + y * y)),
    )
    result = np.tile(np.eye(4), (len(states), 1, 1))
    result[:, :3, :3] = np.moveaxis(np.array(rows), -1, 0)
    result[:, :3, 3] = states[:, :3]
    return result


def skinned(mesh: Mesh, bones: np.ndarray) -> np.ndarray:
    """(N, 3) positions of the mesh when its bones stand like (B, 4, 4)."""
    still = len(mesh.rest)  # a bone that never moves, for vertices without any
    moves = np.concatenate([bones @ np.linalg.inv(mesh.rest), np.eye(4)[None]])
    known = mesh.bones < still
    rows = np.where(known, mesh.bones, still).astype(int)
    weights = np.where(known, mesh.weights, 0.0)
    loose = weights.sum(axis=1) < 1e-6
    weights[loose, 0], rows[loose] = 1.0, still
    weights /= weights.sum(axis=1, keepdims=True)
    blended = np.einsum("nk,nkij->nij", weights, moves[rows])
    return np.einsum("nij,nj->ni", blended[:, :3, :3], mesh.positions) + blended[:, :3, 3]
