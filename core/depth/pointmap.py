"""What a network's point map leaves open: the focal length and a z-shift; and its normals."""

from __future__ import annotations

import numpy as np

from ..arrays import AnyArray, BoolArray, FloatArray
from ..camera import Pinhole
from ..points import pixel_centers

_SAMPLES = 64  # rows and columns that are asked
_ROUNDS = 50  # at most; few are ever needed
_SHORTEST, _LONGEST = 0.02, 100.0  # focal lengths over the longer side: 176 and 0.6 degrees
_SHORT = 1e-3  # less left of a unit vector is noise
_BAND = 64  # rows at a time, as whole maps of large photos would take gigabytes
_STEADY = 1e-6  # a step this small, as a share of the median z, changes nothing that shows


def recover(
    points: FloatArray, valid: BoolArray, focal: float | None = None
) -> tuple[float, float] | None:
    """(focal length in pixels, shift to add to z) that make a point map fit its pixels best.

    points: (H, W, 3), camera frame, up to a scale, z up to a shift. valid: (H, W), the pixels that
    count. focal: in pixels, if it is known. The picture's centre is on the axis. None where the
    points are those of no camera, or fewer than two of the pixels asked are valid.

    Least squares over f * x / (z + shift) - u and the same for y and v, as in MoGe (Wang et al.
    2025): for each shift the best focal length is known in closed form, so
    Gauss-Newton runs on the shift alone, and a step is halved until it helps.
    """
    height, width = valid.shape
    rows = np.arange(_SAMPLES) * height // _SAMPLES
    columns = np.arange(_SAMPLES) * width // _SAMPLES
    seen = valid[np.ix_(rows, columns)]
    if np.count_nonzero(seen) < 2:
        return None
    u, v = np.meshgrid(columns + 0.5 - width / 2, rows + 0.5 - height / 2)
    uv = np.stack([u, v], axis=-1)[seen]
    samples = points[np.ix_(rows, columns)][seen].astype(np.float64)
    with np.errstate(all="ignore"):  # a shift may put points on the camera's plane; it won't help
        found, shift = _fit(uv, samples[:, :2], samples[:, 2], focal)
    side = max(width, height)
    return (found, shift) if _SHORTEST * side < found < _LONGEST * side else None


def facing(normals: FloatArray, camera: Pinhole) -> FloatArray:
    """Unit vectors (H, W, 3) float32, none of which points away from the camera.

    A surface that is seen does not face away; a normal that does is turned until it is grazing.
    """
    u, v = pixel_centers(*camera.size)
    found = np.empty_like(normals)
    for start in range(0, len(normals), _BAND):
        band = slice(start, start + _BAND)
        rays = camera.unproject(*np.broadcast_arrays(u, v[band], np.float32(1)))
        rays /= np.linalg.norm(rays, axis=-1, keepdims=True)
        away = np.einsum("ijk,ijk->ij", normals[band], rays).clip(0)
        turned = normals[band] - away[..., None] * rays
        length = np.linalg.norm(turned, axis=-1, keepdims=True)
        found[band] = np.where(length > _SHORT, turned / np.maximum(length, _SHORT), -rays)
    return found


def _fit(uv: AnyArray, xy: AnyArray, z: AnyArray, given: float | None) -> tuple[float, float]:
    """(focal, shift) for pixels (N, 2) from the axis, and points (N, 2) and (N,) float64."""

    def projected(shift: float) -> tuple[float, AnyArray, AnyArray]:
        """The focal length, and x and y over z (N, 2) with what the pixels lack (N, 2)."""
        ratio = xy / (z + shift)[:, None]
        focal = given or float(np.sum(ratio * uv) / np.sum(ratio * ratio))
        return focal, ratio, focal * ratio - uv

    shift, smallest = 0.0, _STEADY * np.median(z)
    focal, ratio, off = projected(shift)
    for _ in range(_ROUNDS):
        step = _step(uv, ratio, z + shift, focal, off, fixed=given is not None)
        while smallest < abs(step) < np.inf:
            tried = projected(shift + step)
            if np.sum(tried[2] ** 2) < np.sum(off**2):
                break
            step /= 2
        else:
            break
        shift += step
        focal, ratio, off = tried
    return focal, shift


def _step(
    uv: AnyArray, ratio: AnyArray, z: AnyArray, focal: float, off: AnyArray, *, fixed: bool
) -> float:
    """The change of the shift that Gauss-Newton asks for."""
    slope = -ratio / z[:, None]  # of the ratio, as the shift grows
    bend = 0.0  # of the focal length
    if not fixed:
        bend = np.sum(slope * uv) - 2 * focal * np.sum(ratio * slope)
        bend /= np.sum(ratio * ratio)
    change = bend * ratio + focal * slope
    return float(-np.sum(change * off) / np.sum(change * change))
