"""Things that stand in rooms. A prop is a list of painted meshes on y = 0; its front is at -z."""

from __future__ import annotations

import numpy as np

from .models import or_model
from .shapes import Mesh, box, cylinder, ellipsoid, lathe, leaves, limb, place, sheet, tube
from .textures import Paint, paint

Prop = list[tuple[Mesh, Paint]]


def moved(prop: Prop, at: tuple[float, float, float], yaw: float = 0.0) -> Prop:
    """The prop turned by `yaw` radians and then moved."""
    return [(place(mesh, at, yaw), look) for mesh, look in prop]


def _wooden(rng: np.random.Generator) -> Paint:
    return paint(
        rng, "grain" if rng.random() < 0.6 else None, (0.6, 2.5), hue=rng.normal(0.07, 0.03)
    )


def _legs(w: float, h: float, d: float, thick: float, look: Paint) -> Prop:
    spots = [(sx * (w / 2 - thick), 0, sz * (d / 2 - thick)) for sx in (-1, 1) for sz in (-1, 1)]
    return [(box(thick, h, thick, spot), look) for spot in spots]


@or_model("table", size=lambda w, h, d, round_top=False: (w, h, d))
def table(rng: np.random.Generator, w: float, h: float, d: float, round_top: bool = False) -> Prop:
    """A table; its top is at height `h`."""
    look, thick = _wooden(rng), rng.uniform(0.02, 0.06)
    if round_top:
        top = lathe([(0, h - thick), (w / 2, h - thick), (w / 2, h), (0, h)], 40)
        foot = rng.uniform(0.03, 0.06)
        return [(top, look), (cylinder(foot, h), look), (cylinder(w / 4, 0.03), look)]
    return [(box(w, thick, d, (0, h - thick, 0)), look), *_legs(w, h - thick, d, 0.05, look)]


@or_model("chair", "chair", "armchair")
def chair(rng: np.random.Generator) -> Prop:
    seat, top = rng.uniform(0.42, 0.5), rng.uniform(0.8, 1.2)
    w, look = rng.uniform(0.4, 0.55), _wooden(rng)
    soft = paint(rng) if rng.random() < 0.5 else look
    parts: Prop = [(box(w, 0.06, w, (0, seat - 0.06, 0)), soft)]
    if rng.random() < 0.25:  # office chair
        parts.append((cylinder(0.03, seat), look))
        for a in np.arange(5) * 1.256:
            parts.append(
                (limb((0, 0.06, 0), (0.3 * np.cos(a), 0.04, 0.3 * np.sin(a)), 0.02, 0.02), look)
            )
    else:
        parts += _legs(w, seat, w, 0.035, look)
    if rng.random() < 0.5:
        parts.append((box(w, top - seat - 0.05, 0.05, (0, seat + 0.05, w / 2)), soft))
    else:
        for x in np.linspace(-w / 2 + 0.02, w / 2 - 0.02, rng.integers(2, 6)):
            parts.append((box(0.03, top - seat, 0.03, (x, seat, w / 2)), look))
        parts.append((box(w, 0.1, 0.03, (0, top - 0.1, w / 2)), look))
    return parts


@or_model("sofa", "sofa", "armchair")
def sofa(rng: np.random.Generator) -> Prop:
    w, d, seat = rng.uniform(0.8, 2.4), rng.uniform(0.75, 1.0), rng.uniform(0.35, 0.48)
    look, back, arm = paint(rng), rng.uniform(0.3, 0.6), rng.uniform(0.1, 0.25)
    parts: Prop = [(box(w, seat - 0.15, d, (0, 0.05, 0)), look)]
    count = max(1, round(w / 0.8))
    for i in range(count):
        x, each = (i + 0.5) * w / count - w / 2, w / count * 0.49
        parts.append((ellipsoid(each, 0.1, d * 0.45, (x, seat - 0.07, -0.05), 0.4), look))
        parts.append(
            (ellipsoid(each, back / 2, 0.12, (x, seat + back / 2, d / 2 - 0.12), 0.4), look)
        )
    for side in (-1, 1):
        parts.append((box(arm, seat + 0.2, d, (side * (w / 2 + arm / 2), 0.02, 0)), look))
    for _ in range(rng.integers(0, 4)):
        s, x = rng.uniform(0.15, 0.24), rng.uniform(-0.4, 0.4) * w
        cushion = ellipsoid(s, s, 0.07, squareness=0.5)
        parts.append((place(cushion, (x, seat + s, d / 2 - 0.28), pitch=0.3), paint(rng)))
    return parts


@or_model("bed")
def bed(rng: np.random.Generator) -> Prop:
    w, d, h = rng.uniform(0.9, 1.8), rng.uniform(1.9, 2.1), rng.uniform(0.35, 0.6)
    look, cloth = _wooden(rng), paint(rng)
    waves = rng.normal(0, 0.02, (14, 14))
    parts: Prop = [(box(w, h * 0.6, d), look), (box(w, h * 0.4, d, (0, h * 0.6, 0)), paint(rng))]
    parts.append((place(sheet(waves, w * 1.05, d * 0.75), (0, h + 0.04, -d * 0.12)), cloth))
    parts.append((box(w, rng.uniform(0.7, 1.2), 0.06, (0, 0, d / 2)), look))
    for x in np.linspace(-w / 4, w / 4, 2):
        parts.append((ellipsoid(0.3, 0.1, 0.2, (x, h + 0.1, d / 2 - 0.3), 0.6), paint(rng)))
    return parts


def _books(rng: np.random.Generator, w: float, h: float, d: float, y: float) -> Prop:
    parts: Prop = []
    x = -w / 2 + 0.02
    while x < w / 2 - 0.06 and len(parts) < 24:
        thick, high = rng.uniform(0.02, 0.07), h * rng.uniform(0.55, 0.9)
        if rng.random() < 0.85:
            deep = d * rng.uniform(0.5, 0.9)
            look = paint(rng, repeats=(3, 8))
            parts.append((box(thick, high, deep, (x + thick / 2, y, (d - deep) / 2 - 0.02)), look))
        x += thick * 1.08 + (rng.uniform(0.1, 0.4) if rng.random() < 0.1 else 0)
    return parts


@or_model("cupboard", share=0.5)
def shelf(rng: np.random.Generator) -> Prop:
    """An open bookcase."""
    w, h, d = rng.uniform(0.6, 1.8), rng.uniform(0.8, 2.3), rng.uniform(0.25, 0.4)
    look, floors = _wooden(rng), int(rng.integers(2, 7))
    parts: Prop = [(box(0.03, h, d, (side * w / 2, 0, 0)), look) for side in (-1, 1)]
    parts.append((box(w, h, 0.02, (0, 0, d / 2)), look))
    for i in range(floors + 1):
        y = i * h / floors
        parts.append((box(w, 0.03, d, (0, y, 0)), look))
        if i < floors and rng.random() < 0.8:
            parts += _books(rng, w, h / floors - 0.03, d, y + 0.03)
    return parts


@or_model("cupboard", "cupboard", "appliance")
def cabinet(rng: np.random.Generator) -> Prop:
    """A closed body with doors or drawers: cupboard, fridge, washing machine, chest."""
    w, h, d = rng.uniform(0.4, 1.6), rng.uniform(0.45, 2.1), rng.uniform(0.35, 0.7)
    look = _wooden(rng) if rng.random() < 0.6 else paint(rng, "plain")
    handle = paint(rng, "plain")
    parts: Prop = [(box(w, h, d), look)]
    columns, rows = int(rng.integers(1, 4)), int(rng.integers(1, 5))
    for i in range(columns):
        for j in range(rows):
            x, y = (i + 0.5) * w / columns - w / 2, j * h / rows
            front = box(w / columns * 0.94, h / rows * 0.94, 0.02, (x, y + 0.03 * h / rows, -d / 2))
            parts.append((front, look))
            parts.append((box(0.1, 0.015, 0.03, (x, y + 0.7 * h / rows, -d / 2 - 0.02)), handle))
    return parts


@or_model("floor_lamp", "table_lamp", size=lambda height=1.6: height)
def lamp(rng: np.random.Generator, height: float | None = None) -> Prop:
    """A floor or table lamp; about half are lit."""
    h = rng.uniform(1.2, 1.8) if height is None else height
    r, shade = 0.12 * h**0.5, rng.uniform(0.5, 1.0)
    metal, glow = paint(rng, "plain"), rng.choice([0.0, 1.5, 4.0])
    hood = lathe([(r * shade, h), (r, h - 0.18 * h**0.5)])
    return [
        (cylinder(r * 0.9, 0.03), metal),
        (cylinder(0.012, h * 0.95), metal),
        (hood, paint(rng, "plain", hue=0.12, vivid=0.3, glow=float(glow))),
    ]


@or_model("plant", size=lambda height=None: height)
def plant(rng: np.random.Generator, height: float | None = None) -> Prop:
    """A pot with leaves or stems."""
    h = rng.uniform(0.4, 1.6) if height is None else height
    pot, green = h * rng.uniform(0.2, 0.35), paint(rng, "leafy", hue=rng.normal(0.27, 0.05))
    r = pot * rng.uniform(0.35, 0.6)
    parts: Prop = [(lathe([(0, 0), (r * 0.7, 0), (r, pot), (r * 0.8, pot)]), paint(rng))]
    if rng.random() < 0.5:
        reach = (h * 0.3, (h - pot) * 0.5, h * 0.3)
        parts.append((leaves(rng, 150, h * 0.09, reach, (0, (h + pot) / 2, 0)), green))
    else:
        for _ in range(rng.integers(5, 16)):
            a, lean = rng.uniform(0, 6.3), rng.uniform(0.1, 0.5) * h
            t = np.linspace(0, 1, 6)[:, None]
            tip = np.array([[np.cos(a) * lean, 0, np.sin(a) * lean]])
            rise = (h - pot) * rng.uniform(0.5, 1.0)
            path = np.array([[0, pot * 0.9, 0]]) + tip * t**2 + np.array([[0, rise, 0]]) * t
            width = h * 0.03 * np.sin(np.linspace(0.5, 3.0, 6))
            parts.append((tube(path, width, 4), green))
    return parts


def curtain(rng: np.random.Generator, w: float, h: float) -> Prop:
    """Hanging folds, `w` metres wide."""
    x = np.linspace(0, 1, 60)
    fold = 0.05 * np.sin(x * w * rng.uniform(20, 45)) + 0.02 * np.sin(x * w * 61)
    cloth = place(sheet(np.tile(fold, (4, 1)), w, h), pitch=np.pi / 2, at=(0, h / 2, 0))
    return [(cloth, paint(rng))]


def screen(rng: np.random.Generator, w: float | None = None) -> Prop:
    """A monitor or a television on a foot."""
    w = rng.uniform(0.4, 0.7) if w is None else w
    h, dark = w * rng.uniform(0.56, 0.75), paint(rng, "plain", vivid=0.1)
    shine = float(rng.choice([0.0, 0.6, 1.2]))
    panel = box(w * 0.95, h * 0.92, 0.005, (0, 0.1 + h * 0.04, -0.028))
    return [
        (box(w, h, 0.05, (0, 0.1, 0)), dark),
        (box(w * 0.3, 0.12, 0.03, (0, 0, 0.02)), dark),
        (box(w * 0.5, 0.02, 0.2), dark),
        (panel, paint(rng, "picture", (1, 3), glow=shine)),
    ]


@or_model("picture", share=0.08, size=lambda w, h, kind="picture": (w, h, 0.06))
def frame(rng: np.random.Generator, w: float, h: float, kind: str = "picture") -> Prop:
    """A picture, mirror, board or window pane in a frame, to hang on a wall; its back is z = 0."""
    rim = rng.uniform(0.02, 0.06)
    glow = rng.uniform(0.8, 3.0) if kind == "cloudy" else 0.0
    inner = box(w - 2 * rim, h - 2 * rim, 0.02, (0, rim, -0.015))
    look = paint(rng, kind, (0.6 / w, 1.6 / w), glow=glow)
    return [(box(w, h, 0.03, (0, 0, -0.005)), paint(rng, "plain")), (inner, look)]


@or_model("other", "outdoor", "instrument", "tabletop", share=0.5, most=1.5)
def clutter(rng: np.random.Generator, size: float = 0.4) -> Prop:
    """Something on the floor: a carton, a bag, a bucket, a ball, a pile."""
    s, choice = size * rng.uniform(0.4, 1.3), rng.random()
    if choice < 0.5:
        yaw, parts, y = rng.uniform(0, 6.3), [], 0.0
        for _ in range(rng.integers(1, 4)):
            w, h, d = s * rng.uniform(0.4, 1.2, 3)
            parts.append((place(box(w, h, d), (0, y, 0), yaw), paint(rng)))
            y, yaw = y + h, yaw + rng.normal(0, 0.3)
        return parts
    if choice < 0.7:
        r = s / 2
        return [(lathe([(0, 0), (r * 0.8, 0), (r, s), (r * 0.85, s * 0.9)]), paint(rng))]
    if choice < 0.85:
        return [(ellipsoid(s / 2, s / 2, s / 2, (0, s / 2, 0)), paint(rng))]
    return [(ellipsoid(s / 2, s / 3, s / 2.5, (0, s / 3, 0), 0.6), paint(rng))]


@or_model("door_window", size=lambda: (0.9, 2.05, 0.12))
def door(rng: np.random.Generator) -> Prop:
    """A door or a high window, to stand in a wall."""
    return frame(rng, 0.85, 2.05, "plain")


@or_model("ceiling_lamp", share=0.5)
def ceiling_lamp(rng: np.random.Generator) -> Prop:
    """A lamp that hangs; the ceiling is where it ends."""
    return [(limb((0, 0, 0), (0, 0.6, 0), 0.1, 0.01), paint(rng, glow=1.0))]


@or_model("bathroom", "appliance", "instrument", "staircase", "other", share=1.0, most=2.6)
def odd_piece(rng: np.random.Generator) -> Prop:
    """Whatever else may stand in a room."""
    return clutter(rng, 1.0)


STANDING = (sofa, cabinet, cabinet, shelf, shelf, bed, lamp, plant, chair, clutter, odd_piece)
