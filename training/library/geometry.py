"""Two steps that every converter of models takes."""

from __future__ import annotations

import numpy as np


def compact(vertices: np.ndarray, triangles: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The vertices (n, 3) of (N, 3) that the triangles (M, 3) use, and these, int32, renumbered."""
    used, rows = np.unique(triangles, return_inverse=True)
    return vertices[used], rows.reshape(-1, 3).astype(np.int32)


def on_the_ground(vertices: np.ndarray) -> np.ndarray:
    """(N, 3) float32, moved so that they are centred on x = z = 0 and the lowest is at y = 0."""
    low, high = vertices.min(axis=0), vertices.max(axis=0)
    foot = ((low[0] + high[0]) / 2, low[1], (low[2] + high[2]) / 2)
    return (vertices - foot).astype(np.float32)
