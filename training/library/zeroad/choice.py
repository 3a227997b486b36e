"""The models that we take from the game, made one after the other."""

from __future__ import annotations

import re
import zlib
from collections.abc import Iterator
from itertools import cycle, islice
from xml.etree.ElementTree import ParseError

import numpy as np

from ..store import Model
from .art import Art
from .build import Part, Pose, assembled, parts, placed
from .skins import Colour
from .wishes import ARMED, HANDS, MEN, METRES, NO_ANIMALS, PLAYERS, WISHES, WOMEN, Wish

_MOST_TRIANGLES = 30_000


def chosen(art: Art) -> Iterator[Model]:
    """Everything that we take, on the ground and in metres."""
    for wish in WISHES:
        yield from islice(_wished(art, wish), wish.most)
    yield from islice(_animals(art), 95)
    yield from _people(art)


def _wished(art: Art, wish: Wish) -> Iterator[Model]:
    """The wish's models: first one of every actor, then further variants."""
    patterns = tuple(wish.actors.split())
    actors = _without(wish.without, art.actors(*patterns))
    actors = _random(patterns).permutation(actors).tolist()  # so that all peoples get their share
    seen: set[tuple] = set()
    for draw in range(wish.draws):
        for actor in actors:
            name = f"0ad/{actor}/{draw}"
            found = _parts(art, actor, _random(name), Pose(time=0.2))
            if found and _is_new(found, seen):
                model = assembled(art, found, name, wish.group, _player(actor), wish.finest)
                model = placed(model, wish.scale, wish.sunk)
                if model and _fit(model, wish.height):
                    yield model


def _animals(art: Art) -> Iterator[Model]:
    """Some horses with their riders, and animals that stand, graze, walk and run."""
    riders = art.actors("units/*/cavalry_*_b_m", "units/*/cavalry_*_e_m")[::3][:16]
    animals = _without(NO_ANIMALS, art.actors("fauna/*")) + art.actors("fauna/horse_*")[::4]
    tasks = [(actor, ("idle", "walk")) for actor in riders]
    tasks += [(actor, own) for own in (("idle", "feeding"), ("walk", "run")) for actor in animals]
    seen: set[tuple] = set()
    for actor, own in tasks:
        name = f"0ad/{actor}/{own[0]}"
        random = _random(name)
        found = _parts(art, actor, random, Pose(own=own, time=random.uniform()))
        if found and (own[0] == "walk" or _is_new(found, seen)):
            model = assembled(art, found, name, "animal", _player(actor))
            model = placed(model, METRES, sunk=False)
            if model:
                yield model


def _people(art: Art) -> Iterator[Model]:
    """Women, men without arms and armed men, each in another pose."""
    women = art.actors("units/*/female_citizen", "units/*/*_f") * 2
    men = art.actors("units/*/infantry_*_[abc]", "units/*/healer", "units/*/minister")
    armed = art.actors("units/*/infantry_*_[abe]", "units/*/hero_infantry_*", "units/*/champion_*")
    men, armed = men[:: max(1, len(men) // 30)], armed[1 :: max(1, len(armed) // 26)]
    tasks = list(zip(women[:26], cycle(WOMEN.split()), strict=False))
    tasks += zip(men[:30], cycle(MEN.split()), strict=False)
    tasks += [(actor, "") for actor in armed[:24]]
    for k, (actor, animation) in enumerate(tasks):
        name = f"0ad/{actor}/{animation.split('/')[-1] or 'armed'}/{k}"
        random = _random(name)
        pose = Pose(own=ARMED[k % len(ARMED)], time=random.uniform())
        if animation:
            pose = Pose(f"biped/{animation}.dae", time=pose.time, empty=HANDS)
        found = _parts(art, actor, random, pose)
        if found:
            player = PLAYERS[random.integers(len(PLAYERS))]
            model = assembled(art, found, name, "person", player)
            model = placed(model, 0.95 * METRES, sunk=False)
            if model:
                yield model


def _random(*key: object) -> np.random.Generator:
    """Random numbers that are the same for the same key, on any machine."""
    return np.random.default_rng(zlib.crc32(repr(key).encode()))


def _without(pattern: str, actors: list[str]) -> list[str]:
    return [actor for actor in actors if not re.search(pattern, actor)]


def _player(actor: str) -> Colour:
    """The player's colour of an actor: one for all that a people builds."""
    return PLAYERS[_random(actor.split("/")[-2]).integers(len(PLAYERS))]


def _parts(art: Art, actor: str, random: np.random.Generator, pose: Pose) -> list[Part]:
    """The actor's parts; none if the package lacks some, or if they are too many triangles."""
    try:
        found = list(parts(art, actor, random, pose))
    except (KeyError, ValueError, IndexError, OSError, NotImplementedError, ParseError):
        return []
    return found if sum(len(part.triangles) for part in found) <= _MOST_TRIANGLES else []


def _is_new(found: list[Part], seen: set[tuple]) -> bool:
    """Whether these parts were not seen yet; remembers them."""
    key = tuple((part.skin.texture, len(part.triangles), part.uv.sum()) for part in found)
    is_new = key not in seen
    seen.add(key)
    return is_new


def _fit(model: Model, height: tuple[float, float]) -> bool:
    """Resize the model so that its height lies within the limits; False if it is too flat."""
    size = np.ptp(model.vertices, axis=0)
    wide = max(size[0], size[2])
    tall = max(size[1], 0.3 * wide)
    model.vertices *= np.float32(np.clip(tall, *height) / tall)
    return bool(size[1] > 0.08 * wide)
