"""Photos of somebody or something: portraits, groups, single objects, still lifes, close-ups."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from . import furniture, street_props, tableware
from .figures import animal, person, sitter
from .furniture import Prop
from .indoors import room
from .outdoors import daylight, landscape, street
from .shapes import box, place, rotation, sheet
from .stage import Light, Stage, View, extent, field_of_view, surroundings, tilt
from .tables import desk
from .textures import Paint, colour, paint, power_noise


def _subject(rng: np.random.Generator) -> Prop:
    """One thing worth a photo of its own."""
    choice = rng.random()
    if choice < 0.35:
        return sitter(rng) if rng.random() < 0.15 else person(rng)
    if choice < 0.55:
        return animal(rng)
    if choice < 0.75:
        return furniture.STANDING[rng.integers(len(furniture.STANDING))](rng)
    if choice < 0.83:
        return street_props.car(rng)
    return tableware.ANYTHING[rng.integers(len(tableware.ANYTHING))](rng)


def _frame_up(rng: np.random.Generator, at: np.ndarray, low: np.ndarray, high: np.ndarray) -> View:
    """A view in which a prop at `at` with these corners, or its upper part, fills the photo."""
    size = high - low
    crop = rng.uniform(0.25, 1.0) if rng.random() < 0.5 else 1.0
    middle = at + np.array([0, high[1] - size[1] * crop / 2, 0])
    fov, yaw = min(field_of_view(rng), 1.2), rng.uniform(-0.6, 0.6)
    tall = max(size[1] * crop, 0.8 * np.hypot(size[0], size[2]) * crop)
    reach = tall / 2 / np.tan(fov * 0.38) * rng.uniform(0.95, 2.4) + size[2] / 2
    down = np.radians(np.clip(rng.normal(6, 9), -8, 50))
    if size[1] < 0.5:  # small things are looked down on
        down = np.radians(rng.uniform(5, 50))
    ahead = np.array([np.sin(yaw) * np.cos(down), -np.sin(down), np.cos(yaw) * np.cos(down)])
    position = middle - ahead * reach
    position[1] = max(position[1], low[1] + 0.1)
    focus = float(reach) if rng.random() < 0.35 else None
    return View(tuple(position), yaw, float(down), tilt(rng), fov, focus)


def somebody(stage: Stage) -> tuple[Light, list[View]]:
    """People, an animal or a thing in the foreground of a room, a street or a landscape."""
    rng = stage.rng
    place_of = (room, street, landscape)[rng.choice(3, p=[0.35, 0.3, 0.35])]
    found = place_of(stage)
    light, views = found[0], found[1]
    ground = found[2] if len(found) > 2 else lambda x, z: 0.0
    chosen = views[0]
    count = int(rng.choice([1, 1, 2, 3, 5]))
    reach = rng.uniform(0.8, 3.5) * (1 + 0.15 * count)
    kind = rng.random()
    for i in range(count):
        aside = (i - (count - 1) / 2) * rng.uniform(0.35, 0.8) / reach + rng.normal(0, 0.06)
        far = reach * rng.uniform(0.9, 1.3)
        x = chosen.position[0] + np.sin(chosen.yaw + aside) * far
        z = chosen.position[2] + np.cos(chosen.yaw + aside) * far
        prop = person(rng) if kind < 0.75 else animal(rng) if kind < 0.9 else _subject(rng)
        stage.add(
            prop, (float(x), ground(float(x), float(z)), float(z)), chosen.yaw + rng.normal(0, 0.6)
        )
    level = replace(chosen, pitch=float(np.radians(rng.normal(5, 6))))
    blurred = replace(level, focus=float(reach), fov=chosen.fov * rng.uniform(0.6, 1.0))
    return light, [chosen, level, blurred]


def _backdrop_colour(rng: np.random.Generator) -> np.ndarray:
    """Black, white or any colour (3,), linear light."""
    choice = rng.random()
    return np.full(3, 0.01) if choice < 0.3 else np.full(3, 0.9) if choice < 0.6 else colour(rng)


def studio(stage: Stage) -> tuple[Light, list[View]]:
    """One thing before a plain or patterned backdrop, as in catalogues and portraits."""
    rng = stage.rng
    prop, yaw = _subject(rng), rng.normal(0, 0.7)
    low, high = extent(prop)
    size = float(np.max(high - low))
    stage.add(prop, (0, 0, 0), yaw)
    around = None
    if rng.random() < 0.3:
        around = surroundings(rng, ("outdoors", "indoors", "night"), rng.uniform(0.4, 1.0))
    if around is None:
        _backdrop(stage, size)
    low, high = extent([(place(mesh, yaw=yaw), look) for mesh, look in prop])
    key = np.array([rng.uniform(-1, 1), rng.uniform(0.5, 2), -1.5]) * size * 2
    lamps = [(key, np.ones(3) * rng.uniform(2, 8) * size**2)]
    light = Light(np.full(3, rng.uniform(0.2, 1.0)), lamps=lamps, around=around)
    light.unknown = around is not None
    if not around and rng.random() < 0.5:
        light.around = surroundings(
            rng, ("indoors", "studio", "outdoors"), float(light.ambient.mean())
        )
    return light, [_frame_up(rng, np.zeros(3), low, high) for _ in range(3)]


def _backdrop(stage: Stage, size: float) -> None:
    """A wall, and mostly a floor, behind a thing of this size in metres."""
    rng = stage.rng
    tone = _backdrop_colour(rng).astype(np.float32)
    plain = Paint(int(paint(rng, "plain").pattern), 0.5 / size, np.stack([tone, tone, tone]))
    look = plain if rng.random() < 0.65 else paint(rng, repeats=(0.2 / size, 1.5 / size))
    glow = float(rng.choice([0.0, 1.0]))
    look = replace(look, glow=glow)
    back = size * rng.uniform(0.6, 4)
    stage.add([(box(60 * size, 40 * size, 0.1 * size, (0, -20 * size, 0)), look)], (0, 0, back))
    if rng.random() < 0.75:
        floor = look if rng.random() < 0.6 else paint(rng, repeats=(0.3 / size, 2 / size))
        stage.add([(box(60 * size, 0.01, 20 * size, (0, -0.01, 0)), floor)])


def cut_out(stage: Stage) -> tuple[Light, list[View]]:
    """One thing on a single colour, as if cut out of its photo; the rest has no depth."""
    rng = stage.rng
    prop = person(rng) if rng.random() < 0.5 else _subject(rng)
    yaw = rng.normal(0, 0.7)
    turned = [(place(mesh, yaw=yaw), look) for mesh, look in prop]
    stage.add(turned)
    low, high = extent(turned)
    size = float(np.max(high - low))
    key = np.array([rng.uniform(-1, 1), rng.uniform(0.5, 2), -1.5]) * size * 2
    lamps = [(key, np.ones(3) * rng.uniform(1, 8) * size**2)]
    ambient = np.full(3, rng.uniform(0.3, 1.2))
    light = Light(ambient, lamps=lamps, backdrop=_backdrop_colour(rng), unknown=True)
    if rng.random() < 0.5:
        light.around = surroundings(rng, ("indoors", "studio", "outdoors"), float(ambient.mean()))
    views = [_frame_up(rng, np.zeros(3), low, high) for _ in range(3)]
    return light, [replace(view, focus=None) for view in views]


def _pile(stage: Stage, depth: float, wide: float) -> None:
    """Things of all kinds at 1 to 1 + depth metres, scaled to about the same size."""
    rng = stage.rng
    for _ in range(rng.integers(5, 32)):
        z = 1.0 + depth * rng.random()
        choice = rng.random()
        if choice < 0.6:
            prop, scale = (
                tableware.ANYTHING[rng.integers(len(tableware.ANYTHING))](rng),
                rng.uniform(1.0, 4),
            )
        elif choice < 0.8:
            w, h, d = rng.uniform(0.1, 0.6, 3)
            prop, scale = (
                [(place(box(w, h, d), roll=rng.normal(0, 0.15)), paint(rng, repeats=(1, 6)))],
                1.0,
            )
        else:
            prop = furniture.STANDING[rng.integers(len(furniture.STANDING))](rng)
            scale = rng.uniform(0.25, 0.6)
        # What stands farther back stands higher, so that it is seen over what is before it.
        y = 0.0 if rng.random() < 0.6 else rng.uniform(0, 0.7) * (z - 0.7) / (0.3 + depth)
        stage.add(prop, (rng.uniform(-1, 1) * wide * z, y, z), rng.uniform(0, 6.3), scale)


def _drape(rng: np.random.Generator, w: float, h: float) -> Prop:
    """A cloth hung up or thrown over something: folds of all sizes, leaning away upwards."""
    rough = power_noise(rng, (90, 90), rng.uniform(2.2, 3.4))
    mesh = sheet((rough - 0.5) * rng.uniform(0.05, 0.9), w, h)
    turn = rotation(rng.normal(0, 0.4), rng.uniform(-1.5, -0.1), rng.normal(0, 0.3))
    return [((mesh[0] @ turn.T, mesh[1]), paint(rng, repeats=(0.7, 5)))]


def still_life(stage: Stage) -> tuple[Light, list[View]]:
    """Many things of one size before and behind each other on a floor before a wall, seen level."""
    rng = stage.rng
    depth, wide = rng.uniform(0.8, 3), rng.uniform(0.6, 1.4)
    stage.add([(box(30, 0.1, 30, (0, -0.1, 0)), paint(rng, repeats=(0.5, 4)))])
    wall = paint(
        rng,
        str(rng.choice(["plain", "picture", "cloudy", "stripes", "grain", "checker"])),
        (0.5, 3),
    )
    stage.add([(box(30, 12, 0.1, (0, -2, 1.3 + depth)), wall)], yaw=rng.normal(0, 0.12))
    if rng.random() < 0.35:
        slats = paint(rng, "grain", (1, 4))
        for i in range(12):
            for lean in (-0.8, 0.8):
                bar = place(box(0.05, 4, 0.01), (i * 0.25 - 1.5, -1, 1.0 + depth), roll=lean)
                stage.add([(bar, slats)])
    for _ in range(rng.integers(1, 4) if rng.random() < 0.35 else 0):
        at = (rng.normal(0, 0.6), rng.uniform(0, 0.5), 1.1 + depth * rng.uniform(0.2, 1.0))
        stage.add(_drape(rng, *rng.uniform(0.6, 2.5, 2)), at)
    _pile(stage, depth, wide)
    views = []
    for _ in range(3):
        y = rng.uniform(0.15, 0.9)
        pitch = np.radians(rng.normal(6, 8)) + 0.25 * (y - 0.3)
        views.append(
            View(
                (rng.normal(0, 0.2), y, rng.uniform(-0.3, 0.4)),
                rng.normal(0, 0.15),
                float(pitch),
                tilt(rng),
                field_of_view(rng),
            )
        )
    lamps = [
        (np.array([rng.uniform(-2, 2), rng.uniform(1, 3), rng.uniform(-1, 0.5)]), np.ones(3) * 4)
    ]
    return Light(np.full(3, rng.uniform(0.3, 1.0)), lamps=lamps), views


def cloth(stage: Stage) -> tuple[Light, list[View]]:
    """Close-ups of surfaces: draped cloth, boards, relief; some things may lie on them."""
    rng = stage.rng
    for i in range(rng.integers(1, 5)):
        at = (
            rng.normal(0, 0.5) * (i > 0),
            rng.normal(-0.2, 0.4) * (i > 0),
            1.2 + 0.5 * i + rng.uniform(0, 0.6),
        )
        stage.add(_drape(rng, rng.uniform(1.2, 5), rng.uniform(1.2, 5)), at)
    stage.add(
        [(box(40, 30, 0.1, (0, -12, 0)), paint(rng, repeats=(0.3, 2)))], (0, 0, rng.uniform(3, 6))
    )
    for _ in range(rng.integers(0, 6)):
        w, h, d = rng.uniform(0.1, 1.2, 3)
        prop = [(box(w, h, d), paint(rng, repeats=(0.7, 4)))]
        if rng.random() < 0.5:
            prop = tableware.ANYTHING[rng.integers(len(tableware.ANYTHING))](rng)
        stage.add(
            prop,
            (rng.normal(0, 0.7), rng.uniform(-1.4, 0.1), rng.uniform(0.9, 2.5)),
            rng.uniform(0, 6.3),
            rng.uniform(1, 3),
        )
    view = View(
        (0, rng.normal(0.1, 0.2), rng.uniform(-0.6, 0)),
        rng.normal(0, 0.1),
        rng.normal(0.1, 0.12),
        tilt(rng),
        field_of_view(rng),
    )
    lamps = [(np.array([rng.uniform(-2, 2), rng.uniform(0.5, 2), -0.5]), np.ones(3) * 3)]
    return Light(np.full(3, rng.uniform(0.3, 1.0)), lamps=lamps), [
        view,
        replace(view, yaw=view.yaw + 0.3),
    ]


def close_up(stage: Stage) -> tuple[Light, list[View]]:
    """One small thing large in the photo, on a table or before plants, with a soft background."""
    rng = stage.rng
    if rng.random() < 0.5:
        light, _ = desk(stage)
        height = 1.5
        stage.add([(box(1.5, 0.03, 1.5), paint(rng, "grain", (0.6, 3)))], (0, height - 0.03, -1.2))
    else:
        light, height = daylight(rng, 40), 0.0
        stage.add([(box(400, 0.1, 400, (0, -0.1, 0)), paint(rng, "leafy", (0.4, 2), hue=0.27))])
        for _ in range(rng.integers(4, 20)):
            z = rng.uniform(0.3, 9)
            prop = (
                street_props.bush(rng, rng.uniform(0.2, 1.2))
                if rng.random() < 0.7
                else street_props.tree(rng)
            )
            stage.add(prop, (rng.uniform(-0.8, 0.8) * (z + 1), 0, z))
    choice = rng.random()
    prop = tableware.ANYTHING[rng.integers(len(tableware.ANYTHING))](rng)
    if choice < 0.35:
        prop = animal(rng, 0.5)
    elif choice < 0.5:
        prop = tableware.vase(rng)
    yaw = rng.uniform(0, 6.3)
    turned = [(place(mesh, yaw=yaw), look) for mesh, look in prop]
    low, high = extent(turned)
    at = np.array([0, height - float(low[1]), -1.2])
    stage.add(turned, tuple(at))
    views = [_frame_up(rng, at, low, high) for _ in range(3)]
    return light, [
        replace(view, focus=view.focus or float(rng.uniform(0.3, 0.8))) for view in views[:1]
    ] + views[1:]
