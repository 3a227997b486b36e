"""Rooms and corridors, and where photographers stand in them."""

from __future__ import annotations

import numpy as np

from . import furniture, tableware
from .figures import animal, person
from .furniture import Prop
from .shapes import box, cylinder
from .stage import Light, Stage, View, extent, field_of_view, surroundings, tilt
from .textures import paint

WALLS = ("plain", "plain", "plain", "cloudy", "stripes", "bricks", "tiles", "blotches", "dots")
FLOORS = ("grain", "grain", "tiles", "plain", "cloudy", "checker", "blotches", "picture")


def lamp_light(rng: np.random.Generator, spots: list[tuple[float, float, float]]) -> Light:
    """Warm or cold lamps at `spots`, with soft light from everywhere."""
    tint = np.array([1.0, rng.uniform(0.7, 1.0), rng.uniform(0.45, 1.05)])
    power = rng.uniform(0.5, 6.0)
    lamps = [(np.array(spot), tint * power) for spot in spots]
    flash = rng.uniform(0.5, 3.0) if rng.random() < 0.12 else 0.0
    ambient = tint * rng.uniform(0.25, 1.0)
    around = None
    if rng.random() < 0.4:
        around = surroundings(rng, ("indoors", "studio", "outdoors"), float(ambient.mean()))
    return Light(
        ambient,
        lamps=lamps,
        around=around,
        backdrop=None if around is None else np.ones(3),  # what openings show is not that panorama
        horizon=np.ones(3),
        zenith=np.ones(3),
        flash=flash,
    )


def wall(
    stage: Stage,
    start: tuple[float, float],
    end: tuple[float, float],
    h: float,
    look: Prop | None,
    gap: tuple[float, float, float] | None = None,
) -> None:
    """A wall between two floor points; `gap` is (centre, width, height) of an opening along it."""
    a, b = np.array(start), np.array(end)
    length, middle = float(np.hypot(*(b - a))), (a + b) / 2
    yaw = -float(np.arctan2(b[1] - a[1], b[0] - a[0]))
    surface = look[0][1] if look else paint(stage.rng, str(stage.rng.choice(WALLS)), (0.3, 2))
    pieces = [box(length, h, 0.1)]
    if gap:
        centre, wide, high = gap
        left, right = centre - wide / 2 + length / 2, length / 2 - centre - wide / 2
        pieces = [
            box(left, h, 0.1, (left / 2 - length / 2, 0, 0)),
            box(right, h, 0.1, (length / 2 - right / 2, 0, 0)),
            box(wide, max(h - high, 0.01), 0.1, (centre, high, 0)),
        ]
    stage.add([(piece, surface) for piece in pieces], (middle[0], 0, middle[1]), yaw)
    if stage.rng.random() < 0.6 and not gap:
        skirting = paint(stage.rng, "plain")
        stage.add([(box(length, 0.1, 0.13), skirting)], (middle[0], 0, middle[1]), yaw)


BACK, LEFT, RIGHT, FRONT = range(4)  # walls of a room


def shell(stage: Stage, w: float, d: float, h: float, opening: int | None) -> None:
    """Floor, walls, ceiling of a room over x in +-w/2, z in 0..d.

    An opening in the back, left or right wall leads to another room.
    """
    rng = stage.rng
    look = [(box(1, 1, 1), paint(rng, str(rng.choice(WALLS)), (0.3, 2)))]
    beyond = rng.uniform(1.5, 5.0)
    floor = paint(rng, str(rng.choice(FLOORS)), (0.25, 1.2))
    stage.add([(box(w + 2 * beyond, 0.1, d + 2 * beyond, (0, -0.1, d / 2)), floor)])
    stage.add(
        [(box(w + 2 * beyond, 0.1, d + 2 * beyond, (0, h, d / 2)), paint(rng, "plain", vivid=0.3))]
    )
    corners = [(-w / 2, 0), (-w / 2, d), (w / 2, d), (w / 2, 0)]
    for i, start, side in zip(range(4), corners, (LEFT, BACK, RIGHT, FRONT), strict=True):
        end = corners[(i + 1) % 4]
        span = abs(end[0] - start[0]) + abs(end[1] - start[1])
        wide = min(rng.uniform(0.8, 2.6), span * 0.6)
        gap = (rng.uniform(-0.15, 0.15) * span, wide, rng.uniform(1.95, h - 0.05))
        wall(
            stage,
            start,
            end,
            h,
            look if rng.random() < 0.7 else None,
            gap if side == opening else None,
        )
    if opening is not None:
        _next_room(stage, w, d, h, opening, beyond)
    if rng.random() < 0.3:
        rug = box(rng.uniform(1, 2.5), 0.015, rng.uniform(1, 3))
        stage.add(
            [
                (
                    rug,
                    paint(
                        rng, str(rng.choice(["picture", "stripes", "blotches", "dots"])), (0.3, 1.5)
                    ),
                )
            ],
            (rng.uniform(-0.5, 0.5), 0, d * rng.uniform(0.3, 0.7)),
            rng.normal(0, 0.2),
        )


def _next_room(stage: Stage, w: float, d: float, h: float, side: int, beyond: float) -> None:
    """The far wall, `beyond` metres behind the wall on this side, and things before it."""
    rng, out = stage.rng, {BACK: d, LEFT: w / 2, RIGHT: w / 2}[side]
    yaw = (0.0, -np.pi / 2, np.pi / 2)[side]
    long = (w if side == BACK else d) / 2 + beyond

    def spot(along: float, behind: float) -> tuple[float, float]:
        reach = out + behind
        return ((along, reach), (-reach, d / 2 + along), (reach, d / 2 + along))[side]

    wall(stage, spot(-long, beyond), spot(long, beyond), h, None)
    for _ in range(rng.integers(1, 4)):
        prop = furniture.STANDING[rng.integers(len(furniture.STANDING))](rng)
        x, z = spot(rng.uniform(-1, 1), beyond * rng.uniform(0.4, 0.8))
        stage.add(prop, (x, 0, z), yaw)


def _alongwall(
    stage: Stage, wall: int, w: float, d: float, h: float, fill: float
) -> list[np.ndarray]:
    """Furnish one wall (0 back, 1 left, 2 right, 3 front); returns boxes (x0, z0, x1, z1)."""
    rng = stage.rng
    length = w if wall in (0, 3) else d
    yaw = (0.0, -np.pi / 2, np.pi / 2, np.pi)[wall]

    def spot(s: float, off: float) -> tuple[float, float]:
        return ((s, d - off), (off - w / 2, d / 2 + s), (w / 2 - off, d / 2 + s), (s, off))[wall]

    taken, s = [], -length / 2 + rng.uniform(0.05, 0.5)
    while s < length / 2 - 0.4:
        if rng.random() < fill:
            prop = furniture.STANDING[rng.integers(len(furniture.STANDING))](rng)
            low, high = extent(prop)
            wide, back = float(high[0] - low[0]), float(high[2])
            if s + wide < length / 2:
                x, z = spot(s + wide / 2, back + 0.07)
                stage.add(prop, (x, 0, z), yaw)
                reach = max(wide / 2, float(high[2] - low[2]))
                taken.append(np.array([x - reach, z - reach, x + reach, z + reach]))
                if high[1] < 1.2 and rng.random() < 0.5:
                    small = tableware.ANYTHING[rng.integers(len(tableware.ANYTHING))](rng)
                    x, z = spot(s + wide * rng.uniform(0.3, 0.7), back * 0.9)
                    stage.add(small, (x, float(high[1]), z), yaw)
            s += wide + rng.uniform(0.05, 0.6)
        else:
            s += rng.uniform(0.3, 1.2)
    for _ in range(rng.integers(0, 4)):  # pictures, windows, doors, curtains
        at, choice = rng.uniform(-0.4, 0.4) * length, rng.random()
        x, z = spot(at, 0.08)
        if choice < 0.55:
            wide, high = rng.uniform(0.25, 1.3), rng.uniform(0.25, 1.0)
            stage.add(furniture.frame(rng, wide, high), (x, rng.uniform(1.0, 1.6), z), yaw)
        elif choice < 0.8:
            wide, high = rng.uniform(0.6, 1.8), rng.uniform(0.8, 1.4)
            stage.add(
                furniture.frame(rng, wide, high, "cloudy"), (x, rng.uniform(0.8, 1.1), z), yaw
            )
            if rng.random() < 0.5:
                stage.add(
                    furniture.curtain(rng, 0.5, h * 0.9), (*_beside(x, z, yaw, wide / 2),), yaw
                )
        else:
            stage.add(furniture.door(rng), (x, 0, z), yaw)
    return taken


def _beside(x: float, z: float, yaw: float, step: float) -> tuple[float, float, float]:
    inward = 0.08
    return (
        x + step * np.cos(yaw) - inward * np.sin(yaw),
        0.05,
        z - step * np.sin(yaw) - inward * np.cos(yaw),
    )


def _middle(stage: Stage, w: float, d: float) -> list[np.ndarray]:
    """A table with chairs, a person, clutter: what stands free in a room."""
    rng, taken = stage.rng, []
    crowded = rng.random() < 0.25  # a store room, a workshop, a cellar
    for _ in range(rng.integers(8, 22) if crowded else rng.integers(0, 5)):
        x, z = rng.uniform(-0.35, 0.35) * w, d * rng.uniform(0.2, 0.8)
        choice, yaw = rng.random(), rng.uniform(0, 6.3)
        if crowded:
            x, choice = rng.uniform(-0.48, 0.48) * w, 0.6 + 0.4 * choice
        reach = 0.4
        if choice < 0.3:
            tw, th, td = rng.uniform(0.6, 2.0), rng.uniform(0.4, 0.8), rng.uniform(0.5, 1.0)
            stage.add(furniture.table(rng, tw, th, td, rng.random() < 0.3), (x, 0, z), yaw)
            for _ in range(rng.integers(0, 5)):
                thing = tableware.ANYTHING[rng.integers(len(tableware.ANYTHING))](rng)
                stage.add(
                    thing,
                    (x + rng.normal(0, 0.15), th, z + rng.normal(0, 0.1)),
                    rng.uniform(0, 6.3),
                )
            for _ in range(rng.integers(0, 5)):
                a = rng.uniform(0, 6.3)
                cx, cz = x + np.sin(a) * (tw / 2 + 0.15), z + np.cos(a) * (td / 2 + 0.15)
                stage.add(furniture.chair(rng), (cx, 0, cz), a + rng.normal(0, 0.3))
            reach = 0.9
        elif choice < 0.5:
            stage.add(
                furniture.chair(rng) if rng.random() < 0.6 else furniture.sofa(rng), (x, 0, z), yaw
            )
            reach = 0.7
        elif choice < 0.65:
            stage.add(person(rng), (x, 0, z), yaw)
        elif choice < 0.72:
            stage.add(animal(rng, rng.uniform(0.4, 0.9)), (x, 0, z), yaw)
        elif choice < 0.9:
            stage.add(furniture.clutter(rng), (x, 0, z), yaw)
        else:
            stage.add(furniture.odd_piece(rng), (x, 0, z), yaw)
        taken.append(np.array([x - reach, z - reach, x + reach, z + reach]))
    for _ in range(rng.choice([0, 1, 2], p=[0.75, 0.17, 0.08])):  # pillars and pipes
        post = cylinder(rng.uniform(0.03, 0.2), 3.5)
        at = (rng.uniform(-0.4, 0.4) * w, 0, rng.uniform(0.1, 0.8) * d)
        stage.add([(post, paint(rng))], at)
    return taken


def room(stage: Stage) -> tuple[Light, list[View]]:
    """A furnished room seen from somewhere in it."""
    rng = stage.rng
    w, d, h = rng.uniform(2.4, 7), rng.uniform(2.6, 9), rng.uniform(2.3, 3.4)
    shell(stage, w, d, h, int(rng.choice((BACK, LEFT, RIGHT))) if rng.random() < 0.55 else None)
    taken = []
    for wall in range(4):
        taken += _alongwall(stage, wall, w, d, h, rng.uniform(0.3, 1.0))
    taken += _middle(stage, w, d)
    lights = [
        (rng.uniform(-0.4, 0.4) * w, h - 0.15, d * rng.uniform(0.2, 0.8))
        for _ in range(rng.integers(1, 3))
    ]
    if rng.random() < 0.5:
        for at in lights:
            stage.add(
                [(box(0.4, 0.05, 0.4), paint(rng, "plain", vivid=0.2, glow=4.0))],
                (at[0], h - 0.06, at[2]),
            )
            if rng.random() < 0.5:
                hanging = furniture.ceiling_lamp(rng)
                stage.add(hanging, (at[0], h - float(extent(hanging)[1][1]), at[2]))
    return lamp_light(rng, lights), [_room_view(rng, w, d, h, taken) for _ in range(4)]


def _room_view(
    rng: np.random.Generator, w: float, d: float, h: float, taken: list[np.ndarray]
) -> View:
    """A view of the room, or of something in it from a few steps away."""
    aim, spread, steps = np.array([0, d / 2]), 0.6, (0.0, 20.0)
    if taken and rng.random() < 0.55:
        chosen = taken[rng.integers(len(taken))]
        aim, spread, steps = (chosen[:2] + chosen[2:]) / 2, 0.25, (1.3, 4.5)
    for _ in range(20):
        x, z = rng.uniform(-0.44, 0.44) * w, d * rng.uniform(0.05, 0.95)
        away = float(np.hypot(aim[0] - x, aim[1] - z))
        blocked = any(b[0] < x < b[2] and b[1] < z < b[3] for b in taken)
        if not blocked and steps[0] < away < steps[1]:
            break
    y = min(rng.uniform(1.1, 1.75) if rng.random() < 0.75 else rng.uniform(0.4, 1.1), h - 0.3)
    yaw = float(np.arctan2(aim[0] - x, aim[1] - z)) + rng.normal(0, spread)
    pitch = np.radians(rng.normal(9, 9) + 4 * (y - 1.2))
    return View((x, y, z), yaw, pitch, tilt(rng), field_of_view(rng))


def corridor(stage: Stage) -> tuple[Light, list[View]]:
    """A long passage with doors, pillars and things along the walls."""
    rng = stage.rng
    w, d, h = rng.uniform(1.4, 4.5), rng.uniform(8, 30), rng.uniform(2.2, 4.5)
    shell(stage, w, d, h, BACK if rng.random() < 0.5 else None)
    step = rng.uniform(1.5, 4.0)
    for z in np.arange(step / 2, d, step):
        for side in (-1, 1):
            choice = rng.random()
            yaw = side * np.pi / 2
            if choice < 0.4:
                stage.add(furniture.door(rng), (side * (w / 2 - 0.07), 0, z), yaw)
            elif choice < 0.55:
                stage.add([(box(0.3, h, 0.3), paint(rng))], (side * (w / 2 - 0.1), 0, z))
            elif choice < 0.7:
                stage.add(furniture.frame(rng, 1.0, 0.8), (side * (w / 2 - 0.07), 1.1, z), yaw)
            elif choice < 0.78 and w > 2:
                stage.add(furniture.clutter(rng), (side * (w / 2 - 0.35), 0, z), rng.uniform(0, 6))
        if rng.random() < 0.5:
            stage.add(
                [(box(w * 0.4, 0.04, 0.5), paint(rng, "plain", vivid=0.1, glow=4.0))],
                (0, h - 0.06, z),
            )
    if rng.random() < 0.4:
        stage.add(
            person(rng), (rng.uniform(-0.25, 0.25) * w, 0, rng.uniform(2.5, d)), rng.uniform(0, 6.3)
        )
    lights = [(0, h - 0.3, z) for z in rng.uniform(0.5, d - 0.5, 3)]
    views = []
    for _ in range(3):
        z = rng.uniform(0.2, d * 0.4)
        yaw, pitch = rng.normal(0, 0.15), np.radians(rng.normal(4, 5))
        views.append(
            View(
                (rng.uniform(-0.3, 0.3) * w, rng.uniform(1.0, 1.7), z),
                yaw,
                pitch,
                tilt(rng),
                field_of_view(rng),
            )
        )
    return lamp_light(rng, lights), views
