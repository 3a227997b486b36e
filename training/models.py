"""Models of the library as props, in place of our own shapes where there are any."""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np

from . import library
from .textures import Paint, colour, paint

_SHARE = 0.75  # of props that are models where the library has some of their kind


def _worn(rng: np.random.Generator, material: int, source: library.Library) -> Paint:
    """How a material of a model looks this time: often as designed, sometimes repainted."""
    picture, tint = int(source.picture[material]), source.colours[material]
    gloss = float(source.gloss[material])
    if picture < 0 and rng.random() < 0.35:
        return paint(rng)
    if rng.random() < 0.2:
        mean = source.gallery.means[picture] if picture >= 0 else tint
        tint = colour(rng) / max(float(mean.mean()), 0.05)
    tint = np.clip(tint * np.exp(rng.normal(0, 0.15, 3)), 0, 4).astype(np.float32)
    if picture < 0:
        tint = np.clip(tint, 0.01, 0.95)
        plain = paint(rng, "plain")
        tones = tint * rng.uniform(0.8, 1.0, (3, 1)).astype(np.float32)
        return Paint(plain.pattern, plain.repeats, tones, gloss)
    return Paint(0, 1.0, np.stack([tint] * 3), gloss, 0.0, picture)


def model(
    rng: np.random.Generator,
    groups: tuple[str, ...],
    size: float | tuple[float, float, float] | None = None,
) -> list | None:
    """A random model of these groups as a prop, or None where there is none.

    `size` is its longest side in metres, or width, height and depth to stretch it to; without, it
    keeps its own size, give or take a little.
    """
    source = library.active()
    found = [thing for g in groups for thing in source.things.get(g, ())] if source else []
    if not found:
        return None
    thing = found[rng.integers(len(found))]
    stretch = np.exp(rng.normal(0, 0.06, 3)) * np.exp(rng.normal(0, 0.08))
    if size is not None:
        own = thing.size if isinstance(size, tuple) else thing.size.max()
        stretch = np.asarray(size) / np.maximum(own, 1e-3)
    stretch = stretch.astype(np.float32)
    prop = []
    for material, vertices, triangles, uv in thing.parts:
        look = _worn(rng, material, source)
        if source.picture[material] >= 0:
            look = replace(look, uv=uv)
        prop.append(((vertices * stretch, triangles), look))
    return prop


def or_model(*groups: str, share: float = _SHARE, size: Callable | None = None) -> Callable:
    """Decorate a maker of props: a share of what it makes are models of these groups instead.

    `size` makes the size that `model` takes from the maker's own arguments.
    """

    def decorate(make: Callable) -> Callable:
        @functools.wraps(make)
        def either(rng: np.random.Generator, *sizes: Any, **more: Any) -> list:
            if library.active() and rng.random() < share:
                found = model(rng, groups, size(*sizes, **more) if size else None)
                if found:
                    return found
            return make(rng, *sizes, **more)

        return either

    return decorate
