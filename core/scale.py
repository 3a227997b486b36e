"""The true size of a scene, from one distance that the user knows."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from .arrays import FloatArray
from .camera import Pinhole
from .depthmap import FARTHEST, NEAREST, DepthKind, DepthMap
from .errors import SettingsError


def to_known_distance(
    depth: DepthMap, camera: Pinhole, known: tuple[float, float, float, float, float]
) -> DepthMap:
    """z-depth scaled to METRES so that the surface at two places in the photo is as far apart as
    said.

    known: (x1, y1, x2, y2, metres), places in pixels; (0, 0) is the photo's top left corner.

    All depths get one factor, so the picture stays what it is. Raises SettingsError.
    """
    *places, metres = known
    ends = [_surface_at(depth, camera, x, y) for x, y in (places[:2], places[2:])]
    apart = float(np.linalg.norm(ends[1] - ends[0]))
    factor = np.float32(metres / apart)
    seen = depth.depth[depth.valid] * factor
    if seen.min() < NEAREST or seen.max() >= FARTHEST:
        raise SettingsError(
            f"A known distance of {metres:g} m there would make the scene too small or too large, "
            "check both places."
        )
    return replace(depth, depth=depth.depth * factor, kind=DepthKind.METRES)


def _surface_at(depth: DepthMap, camera: Pinhole, x: float, y: float) -> FloatArray:
    """The point (3,) float32 seen at (x, y), by the median depth of the 3 x 3 pixels around.

    Of an even number the nearer of the middle two, so that no depth between two surfaces comes
    out. Raises SettingsError.
    """
    width, height = depth.size
    if not (0 <= x <= width and 0 <= y <= height):
        raise SettingsError(
            f"The known distance has an end at {x:g}, {y:g}, but the photo is {width} x {height} "
            "pixels."
        )
    column, row = min(int(x), width - 1), min(int(y), height - 1)
    around = np.s_[max(row - 1, 0) : row + 2, max(column - 1, 0) : column + 2]
    seen = depth.depth[around][depth.valid[around]]
    if seen.size == 0:
        raise SettingsError(
            f"The known distance has an end at {x:g}, {y:g}, where there is no depth, so choose "
            "another place."
        )
    z = np.quantile(seen, 0.5, method="lower")
    return camera.unproject(*np.array([x, y, z], np.float32))
