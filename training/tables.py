"""Things on tables and desks, seen by somebody who stands or sits before them."""

from __future__ import annotations

import numpy as np

from . import furniture, tableware
from .indoors import FLOORS, lamp_light, wall
from .shapes import box
from .stage import Light, Stage, View, extent, field_of_view, tilt
from .textures import paint


def _scatter(
    stage: Stage, choices: tuple, count: int, half: tuple[float, float], y: float, scale: float
) -> None:
    """Things on a surface around the origin, without pushing into each other (much)."""
    rng, placed = stage.rng, []
    for _ in range(count):
        thing = choices[rng.integers(len(choices))](rng)
        low, high = extent(thing)
        r = float(np.hypot(high[0] - low[0], high[2] - low[2])) / 2 * scale
        for _ in range(6):
            x, z = rng.uniform(-1, 1) * half[0], rng.uniform(-1, 1) * half[1]
            if all(np.hypot(x - a, z - b) > 0.75 * (r + q) for a, b, q in placed):
                placed.append((x, z, r))
                stage.add(thing, (x, y - float(low[1]) * scale, z), rng.uniform(0, 6.3), scale)
                break


def tabletop(stage: Stage) -> tuple[Light, list[View]]:
    """Things on a table, seen from above at an angle by somebody who stands or sits before it."""
    rng = stage.rng
    w, h, d = rng.uniform(0.5, 2.0), rng.uniform(0.4, 1.0), rng.uniform(0.5, 1.3)
    back, side, tall = (
        rng.uniform(0.0, 4.5) ** 1.3 + d / 2 + 0.05,
        rng.uniform(0.4, 4),
        rng.uniform(2.3, 3.2),
    )
    room_w = w + 2 * side
    floor = paint(rng, str(rng.choice(FLOORS)), (0.25, 1.5))
    stage.add([(box(room_w + 4, 0.1, back + 8, (0, -0.1, 0)), floor)])
    wall(stage, (-room_w / 2 - 2, back), (room_w / 2 + 2, back), tall, None)
    if rng.random() < 0.4:
        x = rng.choice([-1, 1]) * room_w / 2
        wall(stage, (x, -4), (x, back), tall, None)
    for _ in range(rng.integers(0, 5)):
        x, z = rng.uniform(-0.5, 0.5) * room_w, back - rng.uniform(0.3, 1.0)
        if z > d / 2 + 0.3:
            stage.add(
                furniture.STANDING[rng.integers(len(furniture.STANDING))](rng),
                (x, 0, z),
                rng.normal(0, 0.3),
            )
    for _ in range(rng.integers(0, 3)):
        a = rng.uniform(0, 6.3)
        stage.add(
            furniture.chair(rng), (np.sin(a) * (w / 2 + 0.2), 0, np.cos(a) * (d / 2 + 0.2)), a
        )
    stage.add(furniture.table(rng, w, h, d, rng.random() < 0.25))
    if rng.random() < 0.25:
        stage.add(
            [(box(w * rng.uniform(0.3, 0.9), 0.004, d * rng.uniform(0.3, 0.9)), paint(rng))],
            (0, h, 0),
        )
    scale = rng.uniform(0.8, 1.6)
    choices = tableware.KITCHEN if rng.random() < 0.6 else tableware.ANYTHING
    _scatter(stage, choices, int(rng.integers(1, 22)), (w * 0.42, d * 0.42), h, scale)
    if back < d and rng.random() < 0.7:
        _scatter(stage, tableware.DESK, 6, (w * 0.42, d * 0.2), h, 1.0)
    light = lamp_light(rng, [(rng.uniform(-1.5, 1.5), tall - 0.2, rng.uniform(-2, back - 0.3))])
    return light, [_table_view(rng, w, h, d) for _ in range(4)]


def _table_view(rng: np.random.Generator, w: float, h: float, d: float) -> View:
    target = np.array([rng.uniform(-0.3, 0.3) * w, h, rng.uniform(-0.3, 0.3) * d])
    down = np.radians(rng.uniform(8, 65) if rng.random() < 0.9 else rng.uniform(65, 88))
    reach, yaw = rng.uniform(0.45, 1.6), rng.normal(0, 0.5)
    ahead = np.array([np.sin(yaw) * np.cos(down), -np.sin(down), np.cos(yaw) * np.cos(down)])
    position = target - ahead * reach
    focus = float(reach) if rng.random() < 0.2 else None
    pitch = float(down - np.radians(rng.uniform(-3, 8)))
    return View(tuple(position), yaw, pitch, tilt(rng), field_of_view(rng), focus)


def desk(stage: Stage) -> tuple[Light, list[View]]:
    """A desk, sideboard or shop shelf against a wall, seen almost level."""
    rng = stage.rng
    w, h, d, tall = rng.uniform(1.0, 2.4), rng.uniform(0.65, 1.1), rng.uniform(0.5, 0.9), 2.7
    stage.add([(box(9, 0.1, 9, (0, -0.1, 0)), paint(rng, str(rng.choice(FLOORS)), (0.25, 1.5)))])
    wall(stage, (-4, d / 2 + 0.05), (4, d / 2 + 0.05), tall, None)
    if rng.random() < 0.4:
        x = rng.choice([-1, 1]) * (w / 2 + rng.uniform(0.1, 1))
        wall(stage, (x, -4), (x, d / 2), tall, None)
    stage.add(furniture.table(rng, w, h, d))
    _scatter(
        stage,
        tableware.DESK,
        int(rng.integers(5, 20)),
        (w * 0.45, d * 0.42),
        h,
        rng.uniform(0.9, 1.4),
    )
    for _ in range(rng.integers(0, 4)):
        wide, high = rng.uniform(0.2, 0.9, 2)
        stage.add(
            furniture.frame(rng, wide, high),
            (rng.uniform(-0.5, 0.5) * w, h + rng.uniform(0.1, 0.7), d / 2),
        )
    for _ in range(rng.integers(0, 3)):
        stage.add(
            furniture.chair(rng),
            (rng.uniform(-0.5, 0.5) * w, 0, -d / 2 - rng.uniform(0, 0.4)),
            np.pi + rng.normal(0, 0.6),
        )
    for side in (-1, 1):
        if rng.random() < 0.5:
            prop = furniture.STANDING[rng.integers(len(furniture.STANDING))](rng)
            stage.add(prop, (side * (w / 2 + 0.8), 0, 0), 0)
    views = []
    for _ in range(3):
        reach = rng.uniform(0.7, 2.5)
        x = rng.normal(0, 0.25) * w
        y = h + rng.uniform(0.1, 0.7)
        pitch = np.arctan2(y - h - rng.uniform(-0.1, 0.25), reach)
        yaw = float(np.arctan2(-x, reach)) + rng.normal(0, 0.2)
        views.append(View((x, y, -reach), yaw, float(pitch), tilt(rng), field_of_view(rng)))
    return lamp_light(rng, [(rng.uniform(-1, 1), 2.4, rng.uniform(-2, 0))]), views
