"""Cells cut at a depth edge are closed with the surface behind, so that no crack shows."""

from __future__ import annotations

import numpy as np

from ..arrays import FloatArray, IntArray


def close(
    cut: IntArray, inverse: FloatArray, edge_ratio: float
) -> tuple[IntArray, FloatArray, IntArray]:
    """Carry the farther surface on through cut triangles, under the edge of the nearer one.

    cut: (K, 3) indices into inverse depth (N,). A corner that lies more than `edge_ratio` before
    its triangle's farthest one gets a new vertex there, on the same ray, at the farthest depth:
    through the photo's camera the triangle is where it was, and from the side it is no rubber
    sheet. Returns the sample (E,) that shares the ray of each new vertex, their inverse depths
    (E,), and the triangles (K, 3), in which N + e means the e-th new vertex.
    """
    values = inverse[cut]
    farthest = np.broadcast_to(values.min(axis=1, keepdims=True), values.shape)
    moved = values > farthest * np.float32(edge_ratio)
    triangles = cut.copy()
    triangles[moved] = len(inverse) + np.arange(np.count_nonzero(moved), dtype=np.int32)
    return cut[moved], farthest[moved], triangles
