"""People and animals made of limbs; feet on y = 0, looking to -z."""

from __future__ import annotations

import numpy as np

from .furniture import Prop
from .models import or_model
from .shapes import Point, blob, ellipsoid, limb, place
from .textures import Paint, paint


def _along(start: np.ndarray, angle: float, side: float, length: float) -> np.ndarray:
    """The end of a bone that hangs from `start`: `angle` swings it to -z, `side` to +x."""
    down = np.array([np.sin(side), -np.cos(angle) * np.cos(side), -np.sin(angle) * np.cos(side)])
    return start + down * length


def _arm(
    rng: np.random.Generator, shoulder: np.ndarray, side: int, h: float, looks: list[Paint]
) -> Prop:
    raised = rng.random() < 0.25
    swing = rng.uniform(-0.4, 1.2) if not raised else rng.uniform(1.2, 3.0)
    out = side * abs(rng.normal(0.25, 0.25))
    elbow = _along(shoulder, swing, out, 0.17 * h)
    hand = _along(
        elbow, swing + abs(rng.normal(0.5, 0.6)), out - side * rng.uniform(0, 0.9), 0.15 * h
    )
    return [
        (limb(shoulder, elbow, 0.032 * h, 0.026 * h), looks[0]),
        (limb(elbow, hand, 0.026 * h, 0.017 * h), looks[1]),
        (ellipsoid(0.022 * h, 0.03 * h, 0.022 * h, tuple(hand)), looks[2]),
    ]


def _leg(
    rng: np.random.Generator, hip: np.ndarray, side: int, h: float, looks: list[Paint], sits: bool
) -> Prop:
    swing = rng.uniform(1.3, 1.7) if sits else rng.normal(0.05, 0.25)
    bend = rng.uniform(1.2, 1.7) if sits else abs(rng.normal(0, 0.3))
    out = side * abs(rng.normal(0.07, 0.1))
    knee = _along(hip, swing, out, 0.24 * h)
    ankle = _along(knee, swing - bend, out * 0.3, 0.23 * h)
    toe = ankle + np.array([side * 0.02 * h, -0.02 * h, -0.1 * h])
    return [
        (limb(hip, knee, 0.05 * h, 0.036 * h), looks[0]),
        (limb(knee, ankle, 0.036 * h, 0.025 * h), looks[0]),
        (limb(ankle, toe, 0.025 * h, 0.02 * h), looks[1]),
    ]


@or_model("person", share=0.65, size=lambda height=None: height)
def person(rng: np.random.Generator, height: float | None = None) -> Prop:
    """A clothed person in a random pose; the lowest point is on y = 0."""
    return _figure(rng, height, sits=False)


@or_model("person_sitting", share=0.65)
def sitter(rng: np.random.Generator) -> Prop:
    """Somebody who sits, without a seat."""
    return _figure(rng, None, sits=True)


def _figure(rng: np.random.Generator, height: float | None, sits: bool) -> Prop:
    h = rng.uniform(1.05, 1.95) if height is None else height
    skin = paint(rng, "plain", hue=rng.normal(0.06, 0.015), vivid=1.2)
    top, trousers, shoes, hair = paint(rng), paint(rng), paint(rng), paint(rng, "leafy", vivid=0.6)
    sleeve = top if rng.random() < 0.6 else skin
    wide, deep = rng.uniform(0.1, 0.13) * h, rng.uniform(0.055, 0.085) * h
    hip = np.array([0, 0.5 * h, 0.0])
    neck = hip + np.array([rng.normal(0, 0.03), 0.31, rng.normal(0, 0.03)]) * h
    parts: Prop = [
        (ellipsoid(wide, 0.2 * h, deep, tuple((hip + neck) / 2 + [0, 0.01 * h, 0]), 0.75), top),
        (ellipsoid(wide * 0.9, 0.07 * h, deep, tuple(hip), 0.8), trousers),
        (limb(neck, neck + np.array([0, 0.05 * h, 0]), 0.03 * h, 0.03 * h), skin),
    ]
    head = neck + np.array([rng.normal(0, 0.01), 0.11, -0.01]) * h
    parts.append((ellipsoid(0.045 * h, 0.065 * h, 0.055 * h, tuple(head)), skin))
    parts.append(
        (
            ellipsoid(0.05 * h, 0.06 * h, 0.055 * h, tuple(head + np.array([0, 0.018, 0.014]) * h)),
            hair,
        )
    )
    if rng.random() < 0.2:
        parts.append(
            (
                ellipsoid(0.09 * h, 0.012 * h, 0.09 * h, tuple(head + np.array([0, 0.05, 0]) * h)),
                hair,
            )
        )
    dress = rng.random() < 0.15 and not sits
    for side in (-1, 1):
        shoulder = neck + np.array([side * wide * 0.95 / h, -0.01, 0]) * h
        parts += _arm(rng, shoulder, side, h, [top, sleeve, skin])
        joint = hip + np.array([side * wide * 0.5, -0.03 * h, 0])
        parts += _leg(rng, joint, side, h, [skin if dress else trousers, shoes], sits)
    if dress:
        parts.append((limb(hip, hip - [0, 0.22 * h, 0], wide * 0.9, wide * 1.2), top))
    lowest = min(mesh[0][:, 1].min() for mesh, _ in parts)
    return [(place(mesh, (0, -lowest, 0)), look) for mesh, look in parts]


@or_model("animal", share=0.65, size=lambda length=None: length)
def animal(rng: np.random.Generator, length: float | None = None) -> Prop:
    """A four-legged animal, from cat to cow; turned anyhow: our own look to +x, models to -z."""
    s = rng.uniform(0.4, 2.0) if length is None else length
    fur, legs = (
        paint(rng, "leafy", (1 / s, 4 / s), hue=rng.normal(0.08, 0.05), vivid=0.8),
        s * rng.uniform(0.15, 0.4),
    )
    fat, y = s * rng.uniform(0.13, 0.24), 0.0
    y = legs + fat * 0.8
    chest, rump = np.array([0.3 * s, y, 0]), np.array([-0.3 * s, y + rng.normal(0, 0.03) * s, 0])
    parts: Prop = [(limb(rump, chest, fat * 0.95, fat), fur)]
    for x in (chest[0], rump[0]):
        for side in (-1, 1):
            top = np.array([x, y - fat * 0.3, side * fat * 0.55])
            foot = np.array([x + rng.normal(0, 0.07) * s, 0.03 * s, side * fat * 0.6])
            parts.append((limb(top, foot, fat * 0.4, fat * 0.2), fur))
    lift = rng.uniform(-0.2, 0.35) * s
    head = chest + np.array([0.25 * s, lift, rng.normal(0, 0.06) * s])
    parts.append((limb(chest, head, fat * 0.6, fat * 0.45), fur))
    size = fat * rng.uniform(0.5, 0.85)
    parts.append((blob(rng, size, 0.08, tuple(head)), fur))
    snout: Point = tuple(head + np.array([1.1, -0.25, 0]) * size)
    parts.append((limb(head, snout, size * 0.5, size * 0.3), fur))
    for side in (-1, 1):
        ear = head + np.array([-0.1 * size, size * rng.uniform(0.9, 1.4), side * size * 0.6])
        parts.append(
            (limb(head + np.array([0, 0.6, side * 0.5]) * size, ear, size * 0.25, size * 0.08), fur)
        )
    tail = rump + np.array([-0.3 * s, rng.uniform(-0.2, 0.25) * s, rng.normal(0, 0.1) * s])
    parts.append((limb(rump, tail, fat * 0.2, fat * 0.12), fur))
    return parts
