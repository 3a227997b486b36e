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
        mean = source.gallery.means[picture].mean() if picture >= 0 else 1.0
        tint = colour(rng) / max(float(mean), 0.05)
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
    most: float = np.inf,
) -> list | None:
    """A random model of these groups as a prop, or None where there is none.

    `size` is its longest side in metres, or width, height and depth to stretch it to; without, it
    keeps its own size, give or take a little. Models longer than `most` metres are not taken.
    """
    source = library.active()
    found = [thing for g in groups for thing in source.things.get(g, ())] if source else []
    found = [thing for thing in found if thing.size.max() <= most]
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


def or_model(
    *groups: str, share: float = _SHARE, size: Callable | None = None, most: float = np.inf
) -> Callable:
    """Decorate a maker of props: a share of what it makes are models of these groups instead.

    `size` makes the size that `model` takes from the maker's own arguments; `most` is for `model`.
    """

    def decorate(make: Callable) -> Callable:
        @functools.wraps(make)
        def either(rng: np.random.Generator, *sizes: Any, **more: Any) -> list:
            if library.active() and rng.random() < share:
                found = model(rng, groups, size(*sizes, **more) if size else None, most)
                if found:
                    return found
            return make(rng, *sizes, **more)

        return either

    return decorate
