"""Batches of triangles of the hierarchy, alike in size, and what lies in them."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import numpy as np

from ..arrays import AnyArray, IntArray
from .samples import STEPS

CORNERS = np.array(
    [
        [(0, 0), (0, 2), (1, 1)],  # N of a square: (row, column) in halves of its side
        [(0, 2), (2, 2), (1, 1)],  # E
        [(2, 2), (2, 0), (1, 1)],  # S
        [(2, 0), (0, 0), (1, 1)],  # W
        [(0, 0), (0, 2), (2, 2)],  # above a falling diagonal
        [(0, 0), (2, 2), (2, 0)],  # below it
        [(0, 0), (0, 2), (2, 0)],  # above a rising diagonal
        [(0, 2), (2, 2), (2, 0)],  # below it
    ]
)


@dataclass(frozen=True)
class Tiles:
    """Triangles in squares of one size, either along the diagonals or between centre and sides.

    row, column: (n,) grid position of each square's first sample.
    kind: (n,), which triangle of its square: a row of CORNERS, 4 to 7 if `diagonal`, else 0 to 3.
    cut: (n,) uint16, how many links in it are cut; those between two halves count twice.
    """

    size: int
    diagonal: bool
    row: IntArray
    column: IntArray
    kind: IntArray
    cut: IntArray

    def __len__(self) -> int:
        return len(self.row)

    def only(self, chosen: AnyArray) -> Tiles:
        """Those of a mask or of indices."""
        row, column, kind = self.row[chosen], self.column[chosen], self.kind[chosen]
        return Tiles(self.size, self.diagonal, row, column, kind, self.cut[chosen])

    def corners(self) -> IntArray:
        """Row and column (n, 3, 2) of the corners."""
        return CORNERS[self.kind] * self.size // 2 + self.first()[:, None]

    def first(self) -> IntArray:
        """Row and column (n, 2) of each square's first sample."""
        return np.stack([self.row, self.column], axis=1)


@cache
def sides(size: int, diagonal: bool) -> list[tuple[IntArray, IntArray]]:
    """For each side of a triangle the links along it: STEPS (8, k) and start (8, k, 2)."""
    kinds = range(4, 8) if diagonal else range(4)
    sides = []
    for side in range(3):
        rows = []
        for kind in range(8):
            use = kind if kind in kinds else (4 if diagonal else 0)
            a, b = CORNERS[use][side] * size // 2, CORNERS[use][(side + 1) % 3] * size // 2
            count = int(np.abs(b - a).max())
            step = (b - a) // count
            if tuple(step) not in STEPS:
                a, b, step = b, a, -step
            direction = STEPS.index((int(step[0]), int(step[1])))
            rows.append([(direction, *(a + step * i)) for i in range(count)])
        table = np.array(rows)
        sides.append((table[..., 0], table[..., 1:]))
    return sides


@cache
def inside(size: int, diagonal: bool) -> tuple[IntArray, IntArray, IntArray]:
    """Samples of a triangle (8, k, 2), and of the links among them: step (8, m), ends (8, m, 2)."""
    samples, steps, ends = [], [], []
    grid = np.stack(np.meshgrid(range(size + 1), range(size + 1), indexing="ij"), -1).reshape(-1, 2)
    for kind in range(8):
        use = kind if (kind >= 4) == diagonal else (4 if diagonal else 0)
        corners = CORNERS[use] * size // 2
        areas = [cross(corners[(i + 1) % 3] - corners[i], grid - corners[i]) for i in range(3)]
        inner = (np.min(areas, axis=0) >= 0) | (np.max(areas, axis=0) <= 0)
        chosen = grid[inner]
        number = {tuple(at): i for i, at in enumerate(chosen.tolist())}
        links = [
            (k, i, number[row + STEPS[k][0], column + STEPS[k][1]])
            for (row, column), i in number.items()
            for k in (0, 1)
            if (row + STEPS[k][0], column + STEPS[k][1]) in number
        ]
        samples.append(chosen)
        steps.append([link[0] for link in links])
        ends.append([link[1:] for link in links])
    return np.array(samples), np.array(steps), np.array(ends)


def cross(a: AnyArray, b: AnyArray) -> AnyArray:
    """Twice the signed area between vectors (..., 2) as (row, column)."""
    return a[..., 1] * b[..., 0] - a[..., 0] * b[..., 1]
