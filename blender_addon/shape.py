"""The values of `ids.LIVE` that an artist has chosen, as numbers that Settings takes."""

from __future__ import annotations

import bpy

from ..core.settings import RANGES
from . import ids


def chosen_shape(holder: bpy.types.PropertyGroup) -> dict[str, float]:
    """All of them, by name."""
    return {name: within_range(name, getattr(holder, name)) for name in ids.LIVE}


def within_range(name: str, value: float) -> float:
    """`value`, which Blender's rounding may have moved off the end of its slider."""
    low, high = RANGES[name]
    return min(max(value, low), high)
