"""Sky, and whatever else has no depth above all surfaces: a card far behind them, never spikes."""

from __future__ import annotations

import numpy as np

from .. import windows
from ..arrays import BoolArray, ByteArray
from ..camera import Pinhole
from ..depthmap import DepthMap
from ..images import Photo
from . import fill
from .triangulate import TriangleMesh

_LEAST = 0.005  # of the photo; less is a hole and no sky
_AWAY = 3.0  # times the farthest distance
_RIM = 2  # pixels of the sky beside other things, which have some of their colour
_TURNS = 3  # that the sky may take around things


def sky(depth: DepthMap, photo: Photo) -> BoolArray:
    """Opaque pixels (H, W) without depth that hang together with the photo's upper border.

    None at all if they are few.
    """
    empty = ~depth.valid & photo.opaque()
    found = np.zeros_like(empty)
    found[0] = empty[0]
    for _ in range(_TURNS):
        found = _along(_along(found.T, empty.T).T, empty)
    return found if found.mean() >= _LEAST else np.zeros_like(found)


def _along(found: BoolArray, empty: BoolArray) -> BoolArray:
    """Whole runs of empty pixels in rows (H, W) if one of the run is found."""
    run = np.cumsum(~empty, axis=1) + np.arange(len(empty))[:, None] * (empty.shape[1] + 1)
    has = np.zeros(run.max() + 1, bool)
    has[run[found]] = True
    return np.asarray(has[run] & empty)


def card(seen: BoolArray, depth: DepthMap, camera: Pinhole) -> TriangleMesh:
    """Two triangles behind all z-depth, from the photo's top to the lowest of pixels (H, W)."""
    height, width = seen.shape
    lowest = int(np.flatnonzero(seen.any(axis=1))[-1]) + 1
    u = np.array([0, width, width, 0], np.float32)
    v = np.array([0, 0, lowest, lowest], np.float32)
    z = np.full(4, _AWAY * depth.depth.max(), np.float32)
    return TriangleMesh(
        vertices=camera.unproject(u, v, z),
        triangles=np.array([(0, 2, 1), (0, 3, 2)], np.int32),
        uv=np.stack([u / width, v / height], axis=1).astype(np.float32),
        error=0.0,
    )


def colors(seen: BoolArray, rgb: ByteArray) -> ByteArray:
    """The sky's colours (H, W, 3), smoothly carried on to where there is none.

    seen: (H, W), what of rgb (H, W, 3) is sky.
    """
    clean = seen & ~(windows.most((~seen).astype(np.float32), _RIM) > 0)
    filled = fill.smoothly(rgb.astype(np.float32), clean if clean.any() else seen)
    return np.rint(filled).clip(0, 255).astype(np.uint8)
