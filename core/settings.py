"""Settings: everything a user may choose about a reconstruction, checked once, here."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Any

from .errors import SettingsError


class Output(StrEnum):
    """What a reconstruction builds besides depth and camera."""

    MESH = "mesh"
    POINTS = "points"
    LAYERS = "layers"
    """The mesh, and behind it the background that it hides; for a moving camera."""
    DETAIL = "detail"
    """The mesh, and what it lacks of the depth as displacement and normal map; exists only in
    files, as the mesh in a Blender scene has it from the depth image."""
    RELIEF = "relief"
    """A grid that the depth image displaces live; exists only in a Blender scene."""
    SURFACE = "surface"
    """One surface through the points, made by Open3D; exists only in files."""
    PRINT = "print"
    """A bas-relief for 3D printing; exists only in files."""

    @property
    def is_only_in_files(self) -> bool:
        """Whether no Blender scene has it."""
        return self in (Output.DETAIL, Output.SURFACE, Output.PRINT)


class SurfaceMethod(StrEnum):
    """How a surface is laid through points."""

    POISSON = "poisson"
    """Smooth, without holes where points are few (Kazhdan and Hoppe 2013)."""
    BALL = "ball"
    """Joins points that a rolling ball touches at once (Bernardini et al. 1999)."""
    ALPHA = "alpha"
    """Joins points with nothing else in the sphere around them (Edelsbrunner and Muecke 1994)."""


PRECISIONS = ("auto", "full", "fast")

RANGES: dict[str, tuple[float, float]] = {
    "tiles": (1, 4),
    "fov": (1, 170),
    "near_far_ratio": (1.01, 10_000),
    "edge_ratio": (1.001, 1_000),
    "max_error": (1e-6, 1),
    "max_faces": (100, 100_000_000),
    "print_width": (10, 1_000),
    "print_height": (0.5, 100),
    "print_base": (0.2, 100),
}
"""Lowest and highest value of each number in `Settings`; user interfaces show the same."""


@dataclass(frozen=True)
class Settings:
    """Choices for one reconstruction. Raises SettingsError for a value out of range.

    model: id of a model in `depth.catalog`.
    device: "auto", "cpu", "cuda", "cuda:1", "mps" or "xpu"; a model names what it can use.
    precision: "auto" is the fastest way whose depth is within 0.5 % of float32's on average; "full"
        is float32 by torch alone; "fast" is bfloat16 on processors that know it, some 1 or 2 % off.
    tiles: across and down, that the model looks at besides the whole photo, for more detail at
        the price of time; 1 = the whole alone.
    fov: horizontal field of view in degrees; None = from EXIF, the model, or a default.
    near_far_ratio: how many times farther the farthest pixel is than the nearest, where the model
        gives inverse depth only up to scale and shift. 5 is the median of measured photos.
    edge_ratio: neighbours whose depths differ by more than this ratio are cut apart.
    max_error: how far the mesh may be off the depth, as a share of it; larger makes it lighter.
    max_faces: the mesh has at most this many triangles, even where that takes larger errors and
        loses what is a few pixels wide; so have the background of layers, surface and print.
    known_distance: (x1, y1, x2, y2, metres): two places in the photo, in pixels from its top left
        corner, and how far apart the surface is there. It scales everything; None = as it is.
    level: whether to find the floor, and to have what is built stand on it upright.
    surface: how the surface is made; a SurfaceMethod.
    print_width, print_height, print_base: millimetres from left to right, of the relief, and of
        the plate below it.
    outputs: what to build; layers and detail are more than the mesh, and so include it.
    """

    model: str = "builtin"
    device: str = "auto"
    precision: str = "auto"
    tiles: int = 1
    fov: float | None = None
    near_far_ratio: float = 5.0
    edge_ratio: float = 1.1
    max_error: float = 0.001
    max_faces: int = 1_500_000
    known_distance: tuple[float, float, float, float, float] | None = None
    level: bool = False
    surface: SurfaceMethod = SurfaceMethod.POISSON
    print_width: float = 100.0
    print_height: float = 8.0
    print_base: float = 2.0
    outputs: frozenset[Output] = frozenset({Output.MESH, Output.POINTS})

    def __post_init__(self) -> None:
        try:
            object.__setattr__(self, "outputs", frozenset(Output(o) for o in self.outputs))
        except (TypeError, ValueError):
            names = ", ".join(o.value for o in Output)
            raise SettingsError(f"The outputs must be among {names}.") from None
        try:
            object.__setattr__(self, "surface", SurfaceMethod(self.surface))
        except ValueError:
            names = ", ".join(method.value for method in SurfaceMethod)
            raise SettingsError(f"The surface must be one of {names}.") from None
        if self.precision not in PRECISIONS:
            raise SettingsError(f"The precision must be one of {', '.join(PRECISIONS)}.")
        if not isinstance(self.tiles, int):
            raise SettingsError(f"The tiles must be a whole number, not {self.tiles}.")
        if self.outputs & {Output.LAYERS, Output.DETAIL}:
            object.__setattr__(self, "outputs", self.outputs | {Output.MESH})
        if self.known_distance is not None:
            object.__setattr__(self, "known_distance", _known_distance(self.known_distance))
        for name, (low, high) in RANGES.items():
            value = getattr(self, name)
            if name == "fov" and value is None:
                continue
            if not isinstance(value, int | float) or not low <= value <= high:  # NaN fails too
                title = name.replace("_", " ")
                raise SettingsError(f"The {title} must be {low:g} to {high:g}, not {value}.")

    def to_json(self) -> dict[str, Any]:
        """The fields as JSON types; `Settings(**fields)` is the inverse."""
        return asdict(self) | {"outputs": sorted(output.value for output in self.outputs)}


def _known_distance(given: Iterable[float]) -> tuple[float, float, float, float, float]:
    """Five finite numbers, the places a pixel apart at least. Raises SettingsError."""
    try:
        x1, y1, x2, y2, metres = (float(number) for number in given)
    except (TypeError, ValueError):
        raise SettingsError(
            "A known distance needs five numbers: x1, y1, x2, y2, metres."
        ) from None
    if not 1 <= math.hypot(x2 - x1, y2 - y1) < math.inf:  # NaN fails too
        raise SettingsError("A known distance goes between two different pixels of the photo.")
    if not 0 < metres < math.inf:
        raise SettingsError(f"A known distance must be above 0 m, not {metres:g}.")
    return x1, y1, x2, y2, metres
