"""Small things that stand or lie on tables: cups, bottles, bowls, boxes, food, tools."""

from __future__ import annotations

import numpy as np

from .furniture import Prop, frame, lamp, plant, screen
from .models import or_model
from .shapes import blob, box, cylinder, ellipsoid, lathe, limb, place, prism, tube
from .textures import paint


def cup(rng: np.random.Generator) -> Prop:
    r, h = rng.uniform(0.03, 0.05), rng.uniform(0.06, 0.13)
    look, flare = paint(rng, repeats=(4, 12)), rng.uniform(0.65, 1.05)
    body = lathe(
        [(0, 0.002), (r * flare, 0), (r, h), (r * 0.9, h), (r * flare * 0.85, 0.01), (0, 0.01)]
    )
    parts: Prop = [(body, look)]
    if rng.random() < 0.6:
        parts.append(
            (cylinder(r * 0.9, 0.001, (0, h * rng.uniform(0.5, 0.9), 0)), paint(rng, "plain"))
        )
    if rng.random() < 0.6:
        a = np.linspace(-1.4, 1.4, 8)
        yaw = rng.uniform(0, 6.3)
        arc = np.stack([r * 0.85 + 0.03 * np.cos(a), h / 2 + h * 0.33 * np.sin(a), 0 * a], axis=-1)
        parts.append((place(tube(arc, 0.005), yaw=yaw), look))
    if rng.random() < 0.3:
        parts.append((lathe([(0, 0), (r, 0.001), (r * 2, 0.015), (r * 2, 0.018)]), look))
    return parts


def bottle(rng: np.random.Generator) -> Prop:
    r, h = rng.uniform(0.025, 0.05), rng.uniform(0.15, 0.33)
    neck, shoulder = r * rng.uniform(0.25, 0.7), rng.uniform(0.5, 0.8)
    outline = [(0, 0), (r, 0), (r, h * shoulder), (neck, h * (shoulder + 0.13)), (neck, h), (0, h)]
    parts: Prop = [(lathe(outline), paint(rng, repeats=(3, 10)))]
    parts.append((cylinder(neck * 1.15, h * 0.07, (0, h * 0.95, 0)), paint(rng, "plain")))
    label = lathe([(r * 1.02, h * 0.12), (r * 1.02, h * shoulder * 0.85)])
    parts.append((label, paint(rng, "picture", (5, 12))))
    return parts


def can(rng: np.random.Generator) -> Prop:
    r, h = rng.uniform(0.03, 0.07), rng.uniform(0.07, 0.22)
    kind = "picture" if rng.random() < 0.5 else None
    return [
        (cylinder(r, h), paint(rng, kind, (4, 12))),
        (cylinder(r * 1.03, 0.012, (0, h, 0)), paint(rng, "plain")),
    ]


def bowl(rng: np.random.Generator) -> Prop:
    r, h = rng.uniform(0.06, 0.14), rng.uniform(0.02, 0.09)
    outline = [
        (0, 0),
        (r * 0.5, 0),
        (r * 0.85, h * 0.5),
        (r, h),
        (r * 0.96, h),
        (r * 0.8, h * 0.5),
        (r * 0.45, 0.008),
        (0, 0.008),
    ]
    parts: Prop = [(lathe(outline), paint(rng, repeats=(3, 8)))]
    if rng.random() < 0.4:
        for _ in range(rng.integers(2, 9)):
            x, z = rng.uniform(-0.5, 0.5, 2) * r
            size = r * rng.uniform(0.15, 0.3)
            parts.append((blob(rng, size, 0.1, (x, h * 0.5 + size * 0.3, z)), paint(rng)))
    return parts


def carton(rng: np.random.Generator) -> Prop:
    """A food box, a book or a block; standing, lying or leaning."""
    w, h, d = rng.uniform(0.05, 0.22), rng.uniform(0.05, 0.28), rng.uniform(0.02, 0.09)
    look = paint(rng, str(rng.choice(["picture", "picture", "writing", "plain"])), (2, 9))
    if rng.random() < 0.45:
        return [(box(w, d, h), look)]
    return [(box(w, h, d), look)]


def book_pile(rng: np.random.Generator) -> Prop:
    parts: Prop = []
    y = 0.0
    for _ in range(rng.integers(1, 6)):
        w, h, d = rng.uniform(0.12, 0.22), rng.uniform(0.01, 0.04), rng.uniform(0.18, 0.3)
        yaw = rng.normal(0, 0.3)
        parts.append((place(box(w, h, d), (0, y, 0), yaw), paint(rng, "picture", (2, 6))))
        parts.append(
            (
                place(box(w * 0.98, h * 0.7, d * 1.005, (0, h * 0.15, 0)), (0, y, 0), yaw),
                paint(rng, "plain", vivid=0.1),
            )
        )
        y += h
    return parts


def paper(rng: np.random.Generator) -> Prop:
    kind = "writing" if rng.random() < 0.6 else "picture"
    sheet = box(rng.uniform(0.1, 0.3), rng.uniform(0.001, 0.012), rng.uniform(0.1, 0.4))
    return [(sheet, paint(rng, kind, (2, 6), vivid=0.3))]


def fruit(rng: np.random.Generator) -> Prop:
    parts: Prop = []
    look = paint(rng, repeats=(2, 8), vivid=1.4)
    for _ in range(rng.integers(1, 5)):
        r = rng.uniform(0.025, 0.06)
        x, z = rng.normal(0, 0.05, 2)
        parts.append((blob(rng, r, 0.06, (x, r, z)), look))
    return parts


def tool(rng: np.random.Generator) -> Prop:
    """A pen, a spoon, a cable, a drill-like thing with a grip."""
    choice = rng.random()
    if choice < 0.4:
        half, r = rng.uniform(0.05, 0.14), rng.uniform(0.004, 0.014)
        return [(limb((-half, r, 0), (half, r, 0), r, r * rng.uniform(0.5, 1.0)), paint(rng))]
    if choice < 0.65:
        t = np.linspace(0, 1, 24)
        wave = np.cumsum(rng.normal(0, 0.25, (24, 2)), axis=0)
        path = np.stack(
            [np.cumsum(np.cos(wave[:, 0])), 0.1 + 0 * t, np.cumsum(np.sin(wave[:, 0]))], -1
        )
        return [
            (tube((path - path.mean(axis=0)) * 0.02 + [0, 0.004, 0], 0.003, 5), paint(rng, "plain"))
        ]
    look, dark = paint(rng), paint(rng, "plain")
    body = place(cylinder(0.035, 0.2), (-0.1, 0.17, 0), roll=-np.pi / 2)
    return [
        (body, look),
        (box(0.045, 0.15, 0.04, (-0.05, 0.03, 0)), dark),
        (box(0.11, 0.05, 0.07, (-0.05, 0, 0)), look),
    ]


def toy(rng: np.random.Generator) -> Prop:
    """A cone, a prism, a brick with studs, a ball, a figure of balls."""
    choice, look = rng.random(), paint(rng)
    r, h = rng.uniform(0.03, 0.08), rng.uniform(0.05, 0.25)
    if choice < 0.3:
        return [(cylinder(r, h, top=float(rng.choice([0.02, 0.5]))), look)]
    if choice < 0.5:
        w, d = rng.uniform(0.06, 0.2), rng.uniform(0.04, 0.08)
        studs = [
            (cylinder(0.012, 0.012, (x, 0.05, 0)), look)
            for x in np.arange(-w / 2 + 0.02, w / 2, 0.035)
        ]
        return [(box(w, 0.05, d), look), *studs]
    if choice < 0.7:
        triangle = [(-r, 0), (r, 0), (rng.uniform(-r, r), h)]
        return [(prism(triangle, r), look)]
    y, parts = 0.0, []
    for _ in range(rng.integers(1, 4)):
        parts.append((ellipsoid(r, r, r, (0, y + r, 0)), paint(rng)))
        y, r = y + 1.7 * r, r * 0.75
    return parts


def vase(rng: np.random.Generator) -> Prop:
    h = rng.uniform(0.1, 0.35)
    t = np.linspace(0, 1, 14)
    r = h * (0.22 + 0.1 * np.sin(t * rng.uniform(3, 8) + rng.uniform(0, 6.3)))
    outline = np.stack([r, t * h], axis=-1)
    parts: Prop = [(lathe(np.vstack([[[0, 0]], outline])), paint(rng))]
    if rng.random() < 0.4:
        for _ in range(rng.integers(2, 9)):
            tip = np.array([*rng.normal(0, 0.07, 2), h + rng.uniform(0.05, 0.25)])[[0, 2, 1]]
            stem = paint(rng, "leafy", hue=0.28)
            parts.append((limb((0, h * 0.8, 0), tip, 0.003, 0.003), stem))
            parts.append((blob(rng, rng.uniform(0.015, 0.045), 0.3, tip), paint(rng, vivid=1.4)))
    return parts


def keyboard(rng: np.random.Generator) -> Prop:
    look = paint(rng, "tiles", (5, 9), vivid=0.1)
    return [(box(rng.uniform(0.3, 0.45), 0.02, 0.15), look)]


def standing_frame(rng: np.random.Generator) -> Prop:
    w, h = rng.uniform(0.1, 0.25, 2)
    return [(place(mesh, pitch=-0.2), look) for mesh, look in frame(rng, w, h)]


def desk_lamp(rng: np.random.Generator) -> Prop:
    return lamp(rng, rng.uniform(0.3, 0.55))


def small_plant(rng: np.random.Generator) -> Prop:
    return plant(rng, rng.uniform(0.15, 0.5))


def monitor(rng: np.random.Generator) -> Prop:
    return screen(rng)


_KITCHEN = (cup, cup, bottle, bottle, can, can, bowl, bowl, carton, carton, fruit, tool, toy, vase)
_DESK = (
    *(monitor, monitor, keyboard, cup, can, book_pile, book_pile, carton, paper, paper),
    *(tool, standing_frame, desk_lamp, small_plant, bottle, toy),
)


@or_model("tabletop", share=1.0)
def thing(rng: np.random.Generator) -> Prop:
    """Any small thing."""
    return _KITCHEN[rng.integers(len(_KITCHEN))](rng)


KITCHEN = (*_KITCHEN, *(thing,) * 9)
DESK = (*_DESK, *(thing,) * 10)
ANYTHING = (*dict.fromkeys((*_KITCHEN, *_DESK)), *(thing,) * 12)
