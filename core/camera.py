"""The pinhole camera of a photo, and the choice of its focal length."""

from __future__ import annotations

import json
import math
from dataclasses import asdict, dataclass, replace
from enum import StrEnum
from pathlib import Path
from typing import Any

import numpy as np

from .arrays import FloatArray
from .errors import CameraError

DEFAULT_FOV = 55.0
"""Degrees across the photo's longer side where nothing is known: a 35 mm lens on full frame."""

FULL_FRAME_DIAGONAL = math.hypot(36.0, 24.0)
"""Millimetres. "35 mm equivalent" compares diagonals (CIPA DCG-001)."""


_SHORTEST, _LONGEST = 1e-5, 1e4  # focal lengths over the picture's longer side


class FocalSource(StrEnum):
    """Who said what the focal length is."""

    USER = "user"
    FILE = "file"
    EXIF = "exif"
    MODEL = "model"
    DEFAULT = "default"


@dataclass(frozen=True)
class Pinhole:
    """A camera without distortion; all lengths in pixels of a width x height picture.

    Pixel (0, 0) covers [0, 1] x [0, 1]. A point (x, y, z) of the camera frame is seen at
    (fx * x / z + cx, fy * y / z + cy). Raises CameraError for values that no camera can have.
    """

    fx: float
    fy: float
    cx: float
    cy: float
    width: int
    height: int
    source: FocalSource = FocalSource.USER

    def __post_init__(self) -> None:
        numbers = (self.fx, self.fy, self.cx, self.cy)
        if not all(math.isfinite(n) for n in numbers) or min(self.fx, self.fy) <= 0:
            raise CameraError(
                f"A camera needs finite numbers and positive focal lengths, not fx={self.fx}, "
                f"fy={self.fy}, cx={self.cx}, cy={self.cy}."
            )
        if self.width < 1 or self.height < 1:
            raise CameraError(f"A camera needs a picture size, not {self.width} x {self.height}.")
        side = max(self.size)
        if not all(_SHORTEST < f / side < _LONGEST for f in (self.fx, self.fy)):
            raise CameraError(
                f"No lens has a focal length of {self.fx:g} x {self.fy:g} pixels for a picture of "
                f"{self.width} x {self.height}, so check the camera."
            )

    @classmethod
    def from_focal(
        cls, focal: float, width: int, height: int, source: FocalSource = FocalSource.USER
    ) -> Pinhole:
        """A camera with square pixels and a centred principal point; `focal` in pixels."""
        return cls(focal, focal, width / 2, height / 2, width, height, source)

    @classmethod
    def from_fov(
        cls, degrees: float, width: int, height: int, source: FocalSource = FocalSource.USER
    ) -> Pinhole:
        """A camera that sees `degrees` from the photo's left edge to its right edge."""
        if not 1 <= degrees <= 170:
            raise CameraError(f"The field of view must be 1 to 170 degrees, not {degrees:g}.")
        focal = width / 2 / math.tan(math.radians(degrees) / 2)
        return cls.from_focal(focal, width, height, source)

    @property
    def size(self) -> tuple[int, int]:
        """(width, height) of the picture in pixels."""
        return self.width, self.height

    @property
    def fov(self) -> float:
        """Horizontal field of view in degrees, from the left edge to the right edge."""
        left, right = self.cx / self.fx, (self.width - self.cx) / self.fx
        return math.degrees(math.atan(left) + math.atan(right))

    def resized(self, width: int, height: int) -> Pinhole:
        """The same camera for a scaled copy of its picture."""
        sx, sy = width / self.width, height / self.height
        return replace(
            self,
            fx=self.fx * sx,
            fy=self.fy * sy,
            cx=self.cx * sx,
            cy=self.cy * sy,
            width=width,
            height=height,
        )

    def unproject(self, u: FloatArray, v: FloatArray, z: FloatArray) -> FloatArray:
        """Points (..., 3) float32, camera frame, at pixels u, v (...) and z-depth z (...)."""
        x = (u - np.float32(self.cx)) * (z / np.float32(self.fx))
        y = (v - np.float32(self.cy)) * (z / np.float32(self.fy))
        return np.stack([x, y, z], axis=-1).astype(np.float32, copy=False)

    def project(self, points: FloatArray) -> FloatArray:
        """Pixel positions (..., 2) float32 of points (..., 3) with z > 0 in the camera frame."""
        x, y, z = np.moveaxis(points, -1, 0)
        uv = np.stack([self.fx * x / z + self.cx, self.fy * y / z + self.cy], axis=-1)
        return uv.astype(np.float32)

    def to_json(self) -> dict[str, Any]:
        """The fields of camera.json."""
        return asdict(self) | {"source": self.source.value}

    @classmethod
    def from_json(cls, fields: object) -> Pinhole:
        """The inverse of `to_json`; without `source` it is "file". Raises CameraError."""
        if not isinstance(fields, dict):
            raise CameraError("A camera file must hold one JSON object with fx, fy, cx and cy.")
        try:
            fx, fy, cx, cy = (float(fields[name]) for name in ("fx", "fy", "cx", "cy"))
            width, height = int(fields["width"]), int(fields["height"])
            source = FocalSource(fields.get("source", FocalSource.FILE))
        except KeyError as error:
            raise CameraError(f"The camera file lacks {error}, add it.") from None
        except (TypeError, ValueError, OverflowError):
            raise CameraError(
                "In a camera file fx, fy, cx, cy, width and height must be numbers, "
                "and source a known word."
            ) from None
        return cls(fx, fy, cx, cy, width, height, source)


def load(path: str | Path) -> Pinhole:
    """Read a camera.json. Raises CameraError.

    What was a default when it was written is no guess any more, as somebody gives it now.
    """
    path = Path(path)
    try:
        if path.stat().st_size > 1_000_000:
            raise CameraError(f"{path} is too large for a camera file, give a camera.json.")
        found = Pinhole.from_json(json.loads(path.read_text(encoding="utf-8")))
    except OSError as error:
        raise CameraError(
            f"The camera file {path} can't be read: {error.strerror or error}."
        ) from None
    except (ValueError, RecursionError):
        raise CameraError(f"{path} is not a JSON camera file as Unflat writes it.") from None
    guessed = found.source is FocalSource.DEFAULT
    return replace(found, source=FocalSource.FILE) if guessed else found


def choose(
    width: int,
    height: int,
    *,
    given: Pinhole | None = None,
    fov: float | None = None,
    exif_focal: float | None = None,
    model_focal: float | None = None,
) -> Pinhole:
    """The camera of a width x height photo: user > EXIF > model > default.

    `given` is the user's own camera and wins; one made for another size is scaled if its picture
    has the same shape. `fov` is the user's, in degrees across the width. `exif_focal` and
    `model_focal` are in pixels of this photo. Raises CameraError.
    """
    if given is not None:
        if abs(given.width * height - given.height * width) > max(given.size) + max(width, height):
            raise CameraError(
                f"The camera is for a {given.width} x {given.height} picture but the photo is "
                f"{width} x {height}, so give a camera of the photo's shape."
            )
        return given.resized(width, height)
    if fov is not None:
        return Pinhole.from_fov(fov, width, height, FocalSource.USER)
    if exif_focal is not None:
        return Pinhole.from_focal(exif_focal, width, height, FocalSource.EXIF)
    if model_focal is not None:
        return Pinhole.from_focal(model_focal, width, height, FocalSource.MODEL)
    focal = max(width, height) / 2 / math.tan(math.radians(DEFAULT_FOV) / 2)
    return Pinhole.from_focal(focal, width, height, FocalSource.DEFAULT)
