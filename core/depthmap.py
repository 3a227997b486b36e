"""DepthMap: what a network or a file says about distance, and how it becomes z-depth."""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum

import numpy as np

from .arrays import BoolArray, FloatArray
from .camera import Pinhole
from .errors import DepthError, SettingsError

NEAREST, FARTHEST = 1e-6, 1e9
"""Distances that a map may hold, the farthest excluded: renderers write 1e10 for "nothing"."""

_DENSE = 0.75  # of the pixels have neighbours: sensors' maps with holes 0.97, laser scans 0 to 0.6


class DepthKind(StrEnum):
    """What the numbers of a depth map mean."""

    METRES = "metres"
    """z-depth in metres."""
    RELATIVE = "relative"
    """z-depth up to an unknown scale."""
    INVERSE = "inverse"
    """1/z up to an unknown scale and shift; larger is nearer. What MiDaS-like networks give."""


@dataclass(frozen=True)
class DepthMap:
    """Depth for every pixel of a photo.

    depth: (H, W) float32, in the unit of `kind`; 0 where invalid.
    valid: (H, W) bool; at least one pixel is valid, and valid depth is finite (z-depth: > 0).
    camera: the photo's camera once it is known; its size is (W, H).
    """

    depth: FloatArray
    valid: BoolArray
    kind: DepthKind
    camera: Pinhole | None = None

    @classmethod
    def from_array(
        cls,
        depth: object,
        kind: DepthKind,
        valid: object | None = None,
        name: str = "The depth map",
    ) -> DepthMap:
        """Check an array of any number type from outside; `name` begins the error's sentence.

        Values that are not finite are invalid, and so are distances and inverse depths <= 0
        (0 is how files mark "nothing here") and distances outside NEAREST to FARTHEST. Raises
        DepthError.
        """
        array = np.asarray(depth)
        if array.ndim == 3 and array.shape[-1] == 1:
            array = array[..., 0]
        if array.ndim != 2 or array.size == 0 or array.dtype.kind not in "fiu":
            raise DepthError(
                f"{name} must be one (height, width) array of numbers, not {array.dtype} "
                f"of shape {array.shape}."
            )
        with np.errstate(over="ignore"):  # becomes infinite, and so invalid
            values = array.astype(np.float32)
        mask = np.isfinite(values) & (values > 0)
        if kind is not DepthKind.INVERSE:
            mask &= (values >= NEAREST) & (values < FARTHEST)
        if valid is not None:
            given = np.asarray(valid)
            if given.dtype.kind not in "biuf":
                raise DepthError(f"{name} has a valid mask of {given.dtype}, give true and false.")
            if given.shape != array.shape:
                raise DepthError(
                    f"{name} has shape {array.shape} but its valid mask {given.shape}, "
                    "so give both the same shape."
                )
            mask &= given.astype(bool)
        if not mask.any():
            raise DepthError(f"{name} has no valid pixel: all are NaN, infinite, zero or negative.")
        return cls(np.where(mask, values, np.float32(0)), mask, kind)

    @property
    def size(self) -> tuple[int, int]:
        """(width, height) in pixels."""
        return self.depth.shape[1], self.depth.shape[0]

    @property
    def sparse(self) -> bool:
        """Whether many valid pixels lack a neighbour, as where a laser scanner saw but lines."""
        here, beside, below = self.valid[:-1, :-1], self.valid[:-1, 1:], self.valid[1:, :-1]
        return bool((here & beside & below).sum() < _DENSE * here.sum())

    def masked(self, keep: BoolArray) -> DepthMap:
        """The same map, valid only where `keep` (H, W) is also true. Raises DepthError."""
        valid = self.valid & keep
        if not valid.any():
            raise DepthError(
                "No pixel of the photo is both opaque and has depth, so nothing is left."
            )
        return replace(self, valid=valid, depth=np.where(valid, self.depth, np.float32(0)))

    def check_size(self, width: int, height: int) -> None:
        """Raises DepthError unless the map has the size of a width x height photo."""
        if self.size != (width, height):
            raise DepthError(
                f"The depth map is {self.size[0]} x {self.size[1]} pixels but the photo is "
                f"{width} x {height}, so give a depth map of the photo's size."
            )

    def with_camera(self, camera: Pinhole) -> DepthMap:
        """The same map, seen by `camera`. Raises DepthError if the sizes differ."""
        self.check_size(*camera.size)
        return replace(self, camera=camera)

    def to_distances(self, near_far_ratio: float) -> DepthMap:
        """z-depth: METRES as they are, RELATIVE scaled, INVERSE through the ratio.

        An unknown scale is settled by saying that the nearest valid pixel is at z = 1; an unknown
        shift of inverse depth by saying that the farthest is at z = near_far_ratio (> 1).
        """
        if self.kind is DepthKind.METRES:
            return self
        if self.kind is DepthKind.RELATIVE:
            return replace(self, depth=self.depth / self.depth[self.valid].min())
        if not near_far_ratio > 1:
            raise SettingsError(f"The near/far ratio must be above 1, not {near_far_ratio:g}.")
        share = self.normalized()
        far = np.float32(1 / near_far_ratio)
        z = 1 / (far + share * (1 - far))
        depth = np.where(self.valid, z, np.float32(0))
        return replace(self, depth=depth, kind=DepthKind.RELATIVE)

    def normalized(self) -> FloatArray:
        """Nearness (H, W) float32 in [0, 1]: inverse depth from the farthest to the nearest.

        0 also where invalid; 1 everywhere if all valid pixels are equally far.
        """
        inverse = self.depth if self.kind is DepthKind.INVERSE else self.inverse()
        seen = inverse[self.valid]
        low, high = float(seen.min()), float(seen.max())
        share = (inverse - low) / (high - low) if high > low else np.ones_like(inverse)
        return np.where(self.valid, share, 0).astype(np.float32)

    def inverse(self) -> FloatArray:
        """1/z (H, W) float32 of a map of distances; 0 where invalid."""
        return np.divide(1, self.depth, out=np.zeros_like(self.depth), where=self.valid)
