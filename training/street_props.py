"""Things that stand outdoors: cars, houses, trees, posts, fences, rocks."""

from __future__ import annotations

import numpy as np

from .furniture import Prop
from .models import or_model
from .shapes import Mesh, blob, box, cylinder, ellipsoid, leaves, limb, place, prism
from .textures import Paint, paint

Outline = list[tuple[float, float]]  # (z, y) in metres, seen from the side


def _saloon(rng: np.random.Generator, length: float, height: float) -> list[Outline]:
    """Body, window band and roof of a car whose front is at z = 0."""
    waist, back = height * 0.58, length * rng.uniform(0.8, 0.98)
    body = [
        (0, 0.25),
        (length, 0.25),
        (length, waist * 0.95),
        (length * 0.3, waist),
        (0, waist * 0.75),
    ]
    top = [(back - length * 0.1, height), (length * 0.42, height)]
    band = [(length * 0.27, waist), (back, waist), *top]
    roof = [(z, y + 0.01) for z, y in top] + [(z, y - 0.06) for z, y in reversed(top)]
    return [body, band, roof]


def _box_shaped(slope: float, length: float, height: float) -> list[Outline]:
    """Body and window band of a van, a bus or a lorry."""
    low, high, nose = height * 0.55, height * 0.88, length * slope
    body = [(0, 0.25), (length, 0.25), (length, height), (nose, height), (0, low)]
    band = [
        (length * 0.06, low),
        (length * 0.95, low),
        (length * 0.95, high),
        (nose + length * 0.03, high),
    ]
    return [body, band]


def _side_view(outline: Outline, length: float, width: float) -> Mesh:
    """The outline drawn out across the car, centred on z = 0."""
    return place(prism([(length / 2 - z, y) for z, y in outline], width), yaw=np.pi / 2)


@or_model("vehicle", "vehicle", "vehicle", "cart", share=0.6)
def car(rng: np.random.Generator) -> Prop:
    """A car, van, bus or lorry; its length lies along z, its front looks to -z."""
    kind = int(rng.choice(4, p=[0.62, 0.22, 0.08, 0.08]))
    length = rng.uniform(*((3.6, 4.8), (4.4, 5.6), (8, 12), (6, 10))[kind])
    height = rng.uniform(*((1.35, 1.7), (1.8, 2.4), (2.9, 4.3), (2.8, 3.8))[kind])
    w, r = (1.75, 0.33) if kind < 2 else (2.4, 0.48)
    paints = [paint(rng, "plain", vivid=1.3), paint(rng, "plain", vivid=0.2)]
    dark = Paint(paints[1].pattern, 1.0, np.full((3, 3), 0.012, np.float32), 0.3)
    paints[1] = Paint(paints[1].pattern, 1.0, paints[1].colours * 0.15, 0.8)
    if kind == 0:
        outlines, widths = _saloon(rng, length, height), (w, w * 0.9, w * 0.92)
    else:
        slope = 0.02 if kind == 2 else rng.uniform(0.05, 0.2)
        outlines, widths = _box_shaped(slope, length, height), (w, w * 1.01)
    looks = (paints[0], paints[1], paints[0])
    parts: Prop = [
        (_side_view(outline, length, wide), look)
        for outline, wide, look in zip(outlines, widths, looks, strict=False)
    ]
    lit = float(rng.choice([0.0, 0.0, 2.0]))
    for end, hue in ((-1, 0.13), (1, 0.0)):
        for side in (-1, 1):
            at = (side * w / 2 - 0.11, r, end * length * 0.3)
            parts.append((place(cylinder(r, 0.22), at, roll=-np.pi / 2), dark))
            high = height * (0.42 if kind == 0 else 0.3)
            lens = box(0.3, 0.14, 0.04, (side * w * 0.36, high, end * length / 2))
            parts.append((lens, paint(rng, "plain", hue=hue, vivid=1.5, glow=lit)))
    plate = box(0.5, 0.12, 0.02, (0, 0.45, -length / 2 - 0.01))
    return [*parts, (plate, paint(rng, "writing", (1, 2)))]


@or_model("building", share=0.35, size=lambda w, h, d: (w, h, d))
def house(rng: np.random.Generator, w: float, h: float, d: float) -> Prop:
    """A building; the front (towards -z) and sides carry windows, real ones stick out a little."""
    kind = (
        "windows" if rng.random() < 0.6 else str(rng.choice(["bricks", "plain", "cloudy", "tiles"]))
    )
    wall, trim = paint(rng, kind, (0.1, 0.35)), paint(rng, "plain")
    parts: Prop = [(box(w, h, d), wall)]
    if kind != "windows":
        glass = paint(rng, "plain", vivid=0.3, glow=float(rng.choice([0, 0, 0, 1.0])))
        glass = Paint(glass.pattern, 1.0, glass.colours * 0.3, 0.8, glass.glow)
        columns, rows = max(1, round(w / 2.8)), max(1, round(h / 3))
        wide, high = rng.uniform(0.8, 1.5), rng.uniform(1.1, 1.9)
        for i in range(min(columns, 8)):
            for j in range(min(rows, 6)):
                at = ((i + 0.5) * w / columns - w / 2, j * 3 + 0.8, -d / 2)
                parts.append((box(wide, high, 0.1, at), glass))
                parts.append((box(wide * 1.2, 0.12, 0.35, (at[0], at[1] - 0.1, at[2])), trim))
    if rng.random() < 0.55 and h < 14:
        rise = rng.uniform(0.2, 0.5) * w
        gable = prism([(-w * 0.54, h), (w * 0.54, h), (0, h + rise)], d * 1.05)
        turned = prism([(-d * 0.54, h), (d * 0.54, h), (0, h + rise)], w * 1.05)
        roof = gable if rng.random() < 0.4 else place(turned, yaw=np.pi / 2)
        parts.append(
            (roof, paint(rng, str(rng.choice(["tiles", "stripes", "cloudy"])), (0.5, 2), hue=0.03))
        )
    else:
        parts.append((box(w * 1.02, 0.4, d * 1.02, (0, h, 0)), trim))
    for _ in range(rng.integers(0, 3)):
        x = rng.uniform(-0.4, 0.4) * w
        parts.append((box(1.1, 2.1, 0.1, (x, 0, -d / 2)), paint(rng)))
        parts.append((box(2.2, 0.1, 1.0, (x, 2.5, -d / 2 - 0.5)), paint(rng)))
    return parts


@or_model("tree", size=lambda height=None: height)
def tree(rng: np.random.Generator, height: float | None = None) -> Prop:
    h = rng.uniform(2.5, 11) if height is None else height
    hue = rng.normal(0.27, 0.06)
    green, bark = paint(rng, "leafy", (0.4, 2), hue=hue), paint(rng, "grain", hue=0.07, vivid=0.5)
    thick = h * rng.uniform(0.015, 0.04)
    choice = rng.random()
    if choice < 0.25:  # conifer
        parts: Prop = [(limb((0, 0, 0), (0, h * 0.5, 0), thick, thick * 0.7), bark)]
        low, r = h * rng.uniform(0.05, 0.25), h * rng.uniform(0.15, 0.28)
        for i in range(5):
            y = low + (h - low) * i / 5
            parts.append((cylinder(r * (1 - i / 5.5), (h - low) * 0.34, (0, y, 0), 0.05), green))
        return parts
    trunk = h * rng.uniform(0.25, 0.5)
    lean = rng.normal(0, 0.05, 2) * h
    parts = [(limb((0, 0, 0), (lean[0], trunk * 1.2, lean[1]), thick, thick * 0.6), bark)]
    crown = (h - trunk) * rng.uniform(0.35, 0.6)
    for _ in range(rng.integers(3, 7)):
        at = (
            np.array([lean[0], trunk + (h - trunk) * 0.5, lean[1]]) + rng.normal(0, 0.35, 3) * crown
        )
        parts.append((limb((lean[0], trunk, lean[1]), at, thick * 0.4, thick * 0.1), bark))
        if choice > 0.4:
            parts.append((blob(rng, crown * rng.uniform(0.4, 0.75), 0.15, tuple(at)), green))
        count = int(rng.integers(30, 160))
        parts.append((leaves(rng, count, h * 0.035, (crown * 0.8,) * 3, tuple(at)), green))
    return parts


@or_model("bush", "plant", size=lambda size=None: size)
def bush(rng: np.random.Generator, size: float | None = None) -> Prop:
    s = rng.uniform(0.4, 2.0) if size is None else size
    green = paint(rng, "leafy", (0.6, 3), hue=rng.normal(0.27, 0.06))
    parts: Prop = [
        (leaves(rng, 120, s * 0.1, (s * 0.6, s * 0.45, s * 0.6), (0, s * 0.45, 0)), green)
    ]
    for _ in range(rng.integers(1, 4)):
        x, z = rng.normal(0, 0.3, 2) * s
        parts.append((blob(rng, s * rng.uniform(0.25, 0.5), 0.2, (x, s * 0.35, z)), green))
    return parts


def post(rng: np.random.Generator) -> Prop:
    """A street lamp, a sign or a bollard."""
    h, look = rng.uniform(0.8, 7), paint(rng, "plain", vivid=0.5)
    parts: Prop = [(cylinder(rng.uniform(0.03, 0.1), h), look)]
    if h > 4:
        parts.append((limb((0, h, 0), (rng.uniform(-1.5, 1.5), h + 0.3, 0), 0.05, 0.05), look))
    elif h > 1.6 and rng.random() < 0.7:
        w, high = rng.uniform(0.3, 0.9, 2)
        parts.append(
            (box(w, high, 0.03, (0, h - high, -0.06)), paint(rng, "picture", (1, 3), vivid=1.3))
        )
    return parts


def fence(rng: np.random.Generator, length: float) -> Prop:
    """A wall, a hedge or a picket fence along x."""
    h, choice = rng.uniform(0.6, 2.2), rng.random()
    if choice < 0.35:
        return [
            (
                box(length, h, 0.25),
                paint(rng, str(rng.choice(["bricks", "cloudy", "plain"])), (0.4, 1.5)),
            )
        ]
    if choice < 0.65:
        green = paint(rng, "leafy", (0.6, 2), hue=0.27)
        return [
            (box(length, h, 0.7), green),
            (leaves(rng, 300, 0.14, (length / 2, h * 0.2, 0.4), (0, h, 0)), green),
        ]
    look = paint(rng)
    parts: Prop = [(box(length, 0.08, 0.05, (0, y * h, 0)), look) for y in (0.25, 0.8)]
    for x in np.linspace(-length / 2, length / 2, int(min(40, length / rng.uniform(0.2, 1.5))) + 2):
        parts.append((box(0.09, h, 0.05, (x, 0, 0)), look))
    return parts


@or_model("rock", share=0.6, size=lambda size=None: size)
def rock(rng: np.random.Generator, size: float | None = None) -> Prop:
    s = rng.uniform(0.2, 1.6) if size is None else size
    look = paint(
        rng, str(rng.choice(["cloudy", "blotches", "leafy"])), (0.5, 3), hue=0.1, vivid=0.4
    )
    return [(blob(rng, s * 0.6, 0.3, (0, s * 0.25, 0)), look)]


@or_model("outdoor", most=3.0)
def bin_or_bench(rng: np.random.Generator) -> Prop:
    look = paint(rng)
    if rng.random() < 0.5:
        return [(box(0.6, rng.uniform(0.8, 1.3), 0.7), look)]
    return [
        (box(1.6, 0.06, 0.45, (0, 0.42, 0)), look),
        (box(1.6, 0.4, 0.05, (0, 0.5, 0.22)), look),
        (box(0.08, 0.42, 0.4, (-0.6, 0, 0)), look),
        (box(0.08, 0.42, 0.4, (0.6, 0, 0)), look),
    ]


def ball(rng: np.random.Generator) -> Prop:
    r = rng.uniform(0.1, 0.16)
    return [(ellipsoid(r, r, r, (0, r, 0)), paint(rng, repeats=(3, 8)))]
