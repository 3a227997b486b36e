"""Streets and landscapes, and where photographers stand in them."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from . import street_props
from .figures import animal, person
from .shapes import box, leaves, place, sheet
from .stage import Light, Stage, View, field_of_view, surroundings, tilt
from .textures import paint, power_noise

Ground = Callable[[float, float], float]


def daylight(rng: np.random.Generator, size: float) -> Light:
    """Sun, overcast, dusk or night over a scene of about `size` metres."""
    light = _weather(rng, size)
    if rng.random() < 0.5:
        light.around = surroundings(rng, ("outdoors",), float(light.ambient.mean()) * 1.2)
    return light


def _weather(rng: np.random.Generator, size: float) -> Light:
    elevation, around = np.radians(rng.uniform(8, 70)), rng.uniform(0, 6.3)
    level = np.cos(elevation)
    sun = np.array([level * np.sin(around), np.sin(elevation), level * np.cos(around)])
    blue = np.array([0.25, 0.45, 0.85]) * rng.uniform(0.5, 1.2)
    pale = np.array([0.75, 0.85, 1.0]) * rng.uniform(0.7, 1.2)
    haze = float(rng.uniform(0, 2.0) ** 2 / size) * 0.5 if rng.random() < 0.7 else 0.0
    clouds, choice = rng.uniform(0, 1), rng.random()
    if choice < 0.55:
        warm = np.array([1.0, rng.uniform(0.75, 1.0), rng.uniform(0.5, 0.95)])
        warm *= rng.uniform(0.8, 2.5)
        soft = blue * 0.5 + 0.15
        return Light(soft, sun, warm, zenith=blue, horizon=pale, clouds=clouds, haze=haze)
    if choice < 0.85:
        grey = rng.uniform(0.6, 1.1) * np.array([0.95, 1.0, 1.05])
        dim, top = np.full(3, 0.15), grey * rng.uniform(0.6, 1)
        return Light(grey * 0.8, sun, dim, zenith=top, horizon=grey, clouds=clouds / 2, haze=haze)
    dusk = np.array([1.0, rng.uniform(0.35, 0.7), rng.uniform(0.15, 0.6)])
    if choice < 0.94:
        sun[1] *= 0.3
        sun, dim = sun / np.linalg.norm(sun), np.full(3, 0.2)
        return Light(dim, sun, dusk, zenith=blue * 0.5, horizon=dusk, clouds=clouds, haze=haze)
    lamps = []
    for _ in range(3):
        at = np.array([rng.uniform(-8, 8), rng.uniform(3, 6), rng.uniform(2, 25)])
        lamps.append((at, dusk * 20))
    return Light(np.full(3, 0.06), lamps=lamps, zenith=blue * 0.04, horizon=blue * 0.15)


def _far_hills(stage: Stage, distance: float, height: float) -> None:
    """A ridge right across the view, and behind."""
    rng = stage.rng
    rise = power_noise(rng, (24, 160), 2.2) * height
    rise *= np.sin(np.linspace(0, np.pi, 24))[:, None]
    look = paint(
        rng,
        str(rng.choice(["leafy", "cloudy", "blotches"])),
        (0.01, 0.1),
        hue=rng.uniform(0.2, 0.7),
        vivid=0.6,
    )
    stage.add([(sheet(rise, distance * 8, distance), look)], (0, -0.02 * distance, distance * 1.5))


def _lane_marks(stage: Stage, road: float, length: float) -> None:
    rng, white = stage.rng, paint(stage.rng, "plain", vivid=0.05)
    marks = [box(0.15, 0.012, length, (side * (road / 2 - 0.4), 0, length / 2)) for side in (-1, 1)]
    step = rng.uniform(3, 9)
    marks += [
        box(0.15, 0.012, step * 0.45, (0, 0, z)) for z in np.arange(0, min(length, 120), step)
    ]
    if rng.random() < 0.25:
        z = rng.uniform(6, 20)
        marks += [box(0.5, 0.012, 3, (x, 0, z)) for x in np.arange(-road / 2 + 0.5, road / 2, 1.0)]
    stage.add([(mark, white) for mark in marks])


def _side(stage: Stage, side: int, edge: float, length: float, style: float) -> None:
    """What stands along one side of a street: houses, trees, fences, or a field with bushes."""
    rng, z = stage.rng, _first(stage.rng)
    setback = rng.uniform(0, 2) if style < 0.5 else rng.uniform(1, 12)
    row_high = rng.uniform(4, 22)
    while z < length:
        wide = rng.uniform(5, 22)
        centre, choice = z + wide / 2, rng.random()
        if choice < (0.9 if style < 0.5 else 0.3 if style < 0.8 else 0.05):
            deep, high = rng.uniform(6, 15), max(2.6, row_high * rng.normal(1, 0.3))
            out = edge + setback + rng.uniform(0, 1.0)
            stage.add(
                street_props.house(rng, wide, high, deep),
                (side * (out + deep / 2), 0, centre),
                side * np.pi / 2,
            )
        elif choice < 0.95 and z < 90:
            for _ in range(rng.integers(1, 4)):
                x = edge + rng.uniform(0.5, 12)
                prop = street_props.tree(rng) if rng.random() < 0.65 else street_props.bush(rng)
                stage.add(prop, (side * x, 0, z + rng.uniform(0, wide)))
        if rng.random() < 0.25 and z < 80:
            stage.add(street_props.fence(rng, wide), (side * (edge + 0.3), 0, centre), np.pi / 2)
        z += wide + (0 if style < 0.5 and rng.random() < 0.8 else rng.uniform(0.5, 8))
    step = rng.uniform(6, 18)
    tall = rng.random() < 0.5
    for z in np.arange(rng.uniform(1, step), 90, step):
        choice = rng.random()
        if choice < 0.45:
            stage.add(street_props.post(rng), (side * (edge - 0.6), 0, z))
        elif tall and choice < 0.9:
            stage.add(street_props.tree(rng, rng.uniform(4, 12)), (side * (edge - 0.8), 0, z))


def _first(rng: np.random.Generator) -> float:
    """Where the first thing along a street begins, metres from the photographer."""
    return float(rng.uniform(-8, 6))


def _traffic(stage: Stage, road: float, walk: float) -> None:
    rng = stage.rng
    for side in (-1, 1):
        if rng.random() < 0.5:  # parked in a row
            z = rng.uniform(2.5, 12)
            while z < 70:
                if rng.random() < 0.7:
                    stage.add(
                        street_props.car(rng),
                        (side * (road / 2 - 1.0), 0, z),
                        np.pi * (rng.random() < 0.5),
                    )
                z += rng.uniform(5.5, 8)
        for _ in range(rng.integers(0, 3)):
            z = np.exp(rng.uniform(np.log(6), np.log(70)))
            stage.add(
                street_props.car(rng),
                (side * road * 0.2, 0, z),
                np.pi * (side < 0) + rng.normal(0, 0.05),
            )
        for _ in range(rng.integers(0, 5)):
            z = np.exp(rng.uniform(np.log(3), np.log(40)))
            x = side * (road / 2 + rng.uniform(0.2, max(walk, 0.4)))
            stage.add(person(rng), (x, 0.1, z), rng.uniform(0, 6.3))
        if rng.random() < 0.5:
            x, z = side * (road / 2 + rng.uniform(0.3, 1.5)), rng.uniform(2.5, 20)
            stage.add(street_props.bin_or_bench(rng), (x, 0.1, z), rng.uniform(0, 6.3))


def street(stage: Stage) -> tuple[Light, list[View], Ground]:
    """A road with what is usually beside it; the photographer stands on it or on the pavement."""
    rng = stage.rng
    road, walk, length = (
        rng.uniform(4, 16),
        rng.uniform(0.0, 4.5),
        float(rng.choice([60, 120, 250])),
    )
    tarmac = paint(rng, str(rng.choice(["plain", "cloudy", "leafy"])), (0.2, 1), vivid=0.15)
    kerb = paint(
        rng, str(rng.choice(["tiles", "plain", "cloudy", "bricks"])), (0.3, 1.5), vivid=0.4
    )
    land = paint(rng, str(rng.choice(["leafy", "leafy", "cloudy", "plain"])), (0.1, 0.8), hue=0.25)
    stage.add(
        [
            (box(3000, 0.1, 4000, (0, -0.14, 1000)), land),
            (box(road, 0.1, 3000, (0, -0.1, 1400)), tarmac),
        ]
    )
    if walk > 0.3:
        for side in (-1, 1):
            pavement = box(walk, 0.2, length + 100, (side * (road + walk) / 2, -0.1, length / 2))
            stage.add([(pavement, kerb)])
    if rng.random() < 0.75:
        _lane_marks(stage, road, length)
    style = rng.random()
    for side in (-1, 1):
        _side(stage, side, road / 2 + walk, length, style if rng.random() < 0.7 else rng.random())
    _traffic(stage, road, walk)
    if rng.random() < 0.4:
        wide = rng.uniform(15, 50)
        stage.add(
            street_props.house(rng, wide, rng.uniform(6, 30), 15),
            (rng.uniform(-10, 10), 0, length + 10),
        )
    if rng.random() < 0.6:
        _far_hills(stage, rng.uniform(200, 500), rng.uniform(10, 60))
    return daylight(rng, 90), [_street_view(rng, road, walk) for _ in range(4)], lambda x, z: 0.0


def _street_view(rng: np.random.Generator, road: float, walk: float) -> View:
    choice = rng.random()
    y, x = rng.uniform(1.1, 2.1), rng.uniform(-0.45, 0.45) * road
    yaw, pitch = rng.normal(0, 0.12), np.radians(rng.normal(3, 4))
    if choice < 0.2:  # across the street
        yaw = rng.choice([-1, 1]) * rng.uniform(0.4, 1.5)
        x = -np.sign(yaw) * (road / 2 + walk * 0.5)
    elif choice < 0.4:
        x = rng.choice([-1, 1]) * (road + walk) / 2
    elif choice < 0.48:
        y, pitch = rng.uniform(4, 14), np.radians(rng.uniform(5, 30))
    return View(
        (float(x), float(y), rng.uniform(-3, 4)),
        float(yaw),
        float(pitch),
        tilt(rng),
        field_of_view(rng),
    )


def landscape(stage: Stage) -> tuple[Light, list[View], Ground]:
    """Open ground with plants, rocks, perhaps water and hills far away."""
    rng = stage.rng
    half, n = rng.uniform(60, 400), 180
    relief = power_noise(rng, (n, n), rng.uniform(2.0, 3.0)) * rng.uniform(0.5, 0.25 * half**0.8)
    axis = np.linspace(-1, 1, n)
    away = (
        np.clip(np.hypot(axis[:, None] * half, axis[None] * half) / rng.uniform(8, 40), 0, 1) ** 1.5
    )
    relief = (relief - relief[n // 2, n // 2]) * away
    kind = str(rng.choice(["leafy", "leafy", "cloudy", "blotches", "plain"]))
    land = paint(rng, kind, (0.15, 1), hue=rng.uniform(0.08, 0.33))
    stage.add([(sheet(relief, 2 * half, 2 * half), land)])

    def ground(x: float, z: float) -> float:
        row = int(np.clip((z / half + 1) / 2 * (n - 1) + 0.5, 0, n - 1))
        column = int(np.clip((x / half + 1) / 2 * (n - 1) + 0.5, 0, n - 1))
        return float(relief[row, column])

    if rng.random() < 0.35:
        level = float(np.quantile(relief, rng.uniform(0.05, 0.5))) - 0.3
        water = paint(
            rng, str(rng.choice(["plain", "cloudy"])), (0.05, 0.3), hue=rng.uniform(0.5, 0.62)
        )
        stage.add([(box(6000, 0.1, 6000, (0, min(level, -0.4), 0)), water)])
    else:
        stage.add([(box(8000, 0.1, 8000, (0, float(relief.min()) - 0.5, 0)), land)])
    if rng.random() < 0.4:
        _path(stage, ground)
    _vegetation(stage, ground)
    if rng.random() < 0.7:
        _far_hills(stage, half * rng.uniform(1, 4), half * rng.uniform(0.1, 1.2))
    views = []
    for _ in range(4):
        x, z = rng.uniform(-3, 3, 2)
        high = rng.uniform(1.0, 2.0) if rng.random() < 0.8 else rng.uniform(3, 20)
        pitch = np.radians(rng.normal(4, 6))
        views.append(
            View(
                (x, ground(x, z) + high, z),
                rng.uniform(-0.5, 0.5),
                pitch,
                tilt(rng),
                field_of_view(rng),
            )
        )
    return daylight(rng, half), views, ground


def _path(stage: Stage, ground: Ground) -> None:
    """A trail that winds away from the photographer, lying on the ground."""
    rng = stage.rng
    z = np.linspace(-2, 45, 60)
    wide = rng.uniform(0.5, 2.0)
    middle = np.sin(z * rng.uniform(0.03, 0.12) + rng.uniform(0, 6)) * rng.uniform(0.5, 4)
    middle -= middle[3]
    strip = np.stack([middle - wide, middle + wide], axis=-1)
    heights = np.array(
        [[ground(x, far) + 0.04 for x in pair] for pair, far in zip(strip, z, strict=True)]
    )
    vertices, triangles = sheet(heights, 1, 1)
    vertices[:, 0], vertices[:, 2] = strip.reshape(-1), np.repeat(z, 2)
    stage.add([((vertices, triangles), paint(rng, "cloudy", (0.3, 1.2), hue=0.08, vivid=0.6))])


def _vegetation(stage: Stage, ground: Ground) -> None:
    rng = stage.rng
    choices = [street_props.tree, street_props.bush, street_props.rock, person, animal]
    odds = rng.dirichlet([1.2, 1.0, 0.7, 0.15, 0.15])
    for _ in range(int(np.exp(rng.uniform(np.log(4), np.log(90))))):
        z = np.exp(rng.uniform(np.log(3.0), np.log(90)))
        x = rng.uniform(-0.9, 0.9) * z
        prop = choices[rng.choice(5, p=odds)](rng)
        stage.add(prop, (x, ground(x, z) - 0.05, z), rng.uniform(0, 6.3))
    if rng.random() < 0.5:  # grass and flowers before the feet
        for _ in range(rng.integers(1, 12)):
            x, z = rng.uniform(-2.5, 2.5), rng.uniform(0.7, 5)
            look = paint(rng, "leafy", hue=rng.normal(0.27, 0.1))
            tuft = place(leaves(rng, 60, 0.1, (0.5, 0.25, 0.5), (0, 0.1, 0)))
            stage.add([(tuft, look)], (x, ground(x, z), z))
    if rng.random() < 0.25:
        z = rng.uniform(12, 60)
        x = rng.uniform(-0.6, 0.6) * z
        stage.add(
            street_props.house(rng, rng.uniform(5, 12), rng.uniform(3, 8), 8),
            (x, ground(x, z) - 0.3, z),
            rng.normal(0, 0.5),
        )
    if rng.random() < 0.2:
        z = rng.uniform(4, 20)
        stage.add(street_props.fence(rng, 40), (0, ground(0, z), z), rng.normal(0, 0.3))
