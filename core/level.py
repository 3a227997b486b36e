"""Which way is up in a photo, and how high its camera stands: the floor by a robust fit."""

from __future__ import annotations

from dataclasses import dataclass
from math import cos, radians
from typing import Any, NamedTuple

import numpy as np

from .arrays import AnyArray, BoolArray
from .camera import Pinhole
from .depthmap import DepthMap

_STEEPEST = cos(radians(45))
"""Of the angle between a floor's normal and the picture's up: what is steeper is a wall."""

_LONGER = 256  # samples along the picture's longer side: the fit needs no more
_PATCHES = (8, 16)  # samples along the sides of the patches that propose a plane
_CANDIDATES = 12  # proposals that are refined
_FEW = 2000  # samples for that; then the best is refined by all of them
_NEAR = 0.03  # share of its distance by which a sample may be off a plane and still lie in it
_ALIKE = cos(radians(20))  # of the angle between a plane and a patch that is part of it
_LEAST = 0.1  # share of all samples that must lie in the floor
_MOST_OTHER = 0.3  # share of the patches in it that may face elsewhere: it would cut through things
_ROUNDS = 15  # of refining: more change nothing any more
_BELOW = 0.25  # share of the camera's height; floors outdoors are not even, tables are higher
_MOST_BELOW = 0.1  # share of all samples that may be that far below: mirrors, stairs, mistakes


@dataclass(frozen=True)
class Pose:
    """How a camera stands over the floor.

    up: unit vector in the camera frame (x right, y down, z forward), away from the floor.
    height: of the camera above the floor, in the unit of the depth.
    """

    up: tuple[float, float, float]
    height: float

    def to_json(self) -> dict[str, Any]:
        """The fields that camera.json has for it; its `height` is that of the picture."""
        return {"up": self.up, "height_above_floor": self.height}

    @property
    def rotation(self) -> AnyArray:
        """(3, 3) float64: camera frame -> levelled frame, whose y is straight down.

        The levelled frame has the camera at its origin too, and its z is the camera's view axis
        laid level, so that what is straight ahead stays so.
        """
        down = -np.array(self.up)
        right = np.cross(down, (0, 0, 1))
        right /= np.linalg.norm(right)
        return np.stack([right, down, np.cross(right, down)])


def find_floor(depth: DepthMap, camera: Pinhole) -> Pose | None:
    """The floor under z-depth, or None where there is none.

    It is the plane that most of the picture lies in, of those that look up, within 45 degrees of
    the picture's own up, and have next to nothing below them. On a plane g.p = 1 inverse depth is
    affine in the picture, so small patches of it propose planes; the best are refined with weights
    that fall to zero for what does not lie in them (Tukey's biweight).
    """
    x, y, inverse, valid = _samples(depth, camera)
    found = [_patches(x, y, inverse, valid, size) for size in _PATCHES]
    patches = _Patches(*(np.concatenate(arrays) for arrays in zip(*found, strict=True)))
    if not len(patches.planes):
        return None
    rays = np.stack([*np.broadcast_arrays(x[None], y[:, None], 1.0)], axis=-1)
    points = rays[valid] / inverse[valid][:, None]
    few = points[:: -(-len(points) // _FEW)]
    candidates = [_refined(plane, few) for plane in _promising(patches)]
    floors = [plane for plane in candidates if _is_floor(plane, few, patches)]
    if not floors:
        return None
    plane = _refined(max(floors, key=lambda plane: _lying_in(plane, few)), points)
    if not _is_floor(plane, points, patches):
        return None
    length = float(np.linalg.norm(plane))
    right, down, forward = (plane / length).tolist()
    return Pose((-right, -down, -forward), 1 / length)


def _samples(depth: DepthMap, camera: Pinhole) -> tuple[AnyArray, AnyArray, AnyArray, BoolArray]:
    """x (w,) and y (h,) of rays with z = 1, inverse depth and valid (h, w), thinned; float64."""
    step = -(-max(depth.size) // _LONGER)
    first = step // 2
    valid = depth.valid[first::step, first::step]
    inverse = np.divide(
        1.0, depth.depth[first::step, first::step], where=valid, out=np.zeros(valid.shape)
    )
    rows, columns = (np.arange(n) * step + first + 0.5 for n in valid.shape)
    return (columns - camera.cx) / camera.fx, (rows - camera.cy) / camera.fy, inverse, valid


class _Patches(NamedTuple):
    """Small squares of the picture.

    planes: (n, 3), g of the plane that fits to each.
    centers: (n, 3), the point of that plane in the middle of the patch.
    """

    planes: AnyArray
    centers: AnyArray


def _patches(x: AnyArray, y: AnyArray, inverse: AnyArray, valid: BoolArray, size: int) -> _Patches:
    """Those of size x size samples that are all valid."""
    height, width = (n // size * size for n in valid.shape)
    if not height or not width:
        return _Patches(np.empty((0, 3)), np.empty((0, 3)))
    grid = (height // size, size, width // size, size)
    values = inverse[:height, :width].reshape(grid)
    along = np.arange(size) - (size - 1) / 2  # least squares on a regular grid
    along /= size * (along @ along)
    gx = np.einsum("iajb,b->ij", values, along) / (x[1] - x[0])
    gy = np.einsum("iajb,a->ij", values, along) / (y[1] - y[0])
    middle_x = x[:width].reshape(-1, size).mean(axis=1)
    middle_y = y[:height].reshape(-1, size).mean(axis=1)[:, None]
    mean = values.mean(axis=(1, 3))
    planes = np.stack([gx, gy, mean - gx * middle_x - gy * middle_y], axis=-1)
    rays = np.stack([*np.broadcast_arrays(middle_x, middle_y, 1.0)], axis=-1)
    whole = valid[:height, :width].reshape(grid).all(axis=(1, 3))
    return _Patches(planes[whole], rays[whole] / mean[whole][:, None])


def _promising(patches: _Patches) -> AnyArray:
    """The few planes (m, 3) that look up, hold many of the patches and have few below them.

    What is below counts four times, or a large table wins over what is seen of the floor.
    """
    directions = patches.planes / np.linalg.norm(patches.planes, axis=1)[:, None]
    up = directions[:, 1] >= _STEEPEST
    off = patches.planes[up] @ patches.centers.T - 1
    alike = directions[up] @ directions.T > _ALIKE
    score = ((np.abs(off) < _NEAR) & alike).sum(axis=1) - 4 * (off > _BELOW).sum(axis=1)
    return patches.planes[up][np.argsort(-score, kind="stable")[:_CANDIDATES]]


def _refined(plane: AnyArray, points: AnyArray) -> AnyArray:
    """The plane (3,) that fits best to those of points (n, 3) that lie in it.

    off = g.p - 1 is by which share of its distance a point is off along its ray; what is off by
    more than `reach` does not count. The reach falls from 10 % to what the scatter asks for.
    """
    reach = 0.1
    for _ in range(_ROUNDS):
        off = points @ plane - 1
        weight = np.clip(1 - (off / reach) ** 2, 0, None)
        inside = weight > 0
        if inside.sum() < 3:
            return plane
        near, w = points[inside], weight[inside, None] ** 2
        plane = np.linalg.lstsq((near * w).T @ near, (near * w).sum(axis=0), rcond=None)[0]
        scatter = 1.4826 * float(np.median(np.abs(off[inside])))
        reach = max(0.7 * reach, min(4.685 * scatter, reach))
    return plane


def _lying_in(plane: AnyArray, points: AnyArray) -> float:
    """Share of points (n, 3) in the plane."""
    return float(np.mean(np.abs(points @ plane - 1) < _NEAR))


def _is_floor(plane: AnyArray, points: AnyArray, patches: _Patches) -> bool:
    """Whether the plane looks up, enough of points (n, 3) lie in it, along it, and few below."""
    length = np.linalg.norm(plane)
    inside = patches.planes[np.abs(patches.centers @ plane - 1) < _NEAR]
    other = inside @ plane < _ALIKE * length * np.linalg.norm(inside, axis=1)
    return bool(
        plane[1] >= _STEEPEST * length
        and _lying_in(plane, points) >= _LEAST
        and np.mean(points @ plane - 1 > _BELOW) <= _MOST_BELOW
        and np.count_nonzero(other) <= _MOST_OTHER * len(inside)
    )
