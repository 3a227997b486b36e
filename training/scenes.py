"""The door to the scene generator: one seed gives one scene and some photos of it.

The mix of places follows what people photograph, so that the position in the photo means here what
it means there: the camera is mostly level or slightly down and the ground runs away from its feet.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np

from .indoors import corridor, room
from .outdoors import landscape, street
from .render import Renderer
from .stage import Stage
from .subjects import close_up, cloth, cut_out, somebody, still_life, studio
from .tables import desk, tabletop
from .textures import PatternBank

VERSION = 5  # raise it when the same seed no longer gives the same scene

PLACES: dict[str, tuple[Callable, float]] = {
    "room": (room, 0.24),
    "tabletop": (tabletop, 0.14),
    "street": (street, 0.13),
    "somebody": (somebody, 0.11),
    "landscape": (landscape, 0.08),
    "desk": (desk, 0.08),
    "still_life": (still_life, 0.10),
    "studio": (studio, 0.03),
    "cut_out": (cut_out, 0.05),
    "corridor": (corridor, 0.03),
    "cloth": (cloth, 0.03),
    "close_up": (close_up, 0.01),
}
_LEAST_RANGE = 1.12  # photos whose depths differ by less than this factor teach nothing
_NEAREST = 0.15  # metres; a camera this close to a surface stands inside a thing


def build(seed: int, place: str | None = None) -> tuple[Stage, tuple]:
    """The stage of scene `seed` and what its builder returned: light, views, perhaps the ground."""
    rng = np.random.default_rng([VERSION, seed])
    names = list(PLACES)
    odds = np.array([share for _, share in PLACES.values()])
    drawn = names[rng.choice(len(names), p=odds / odds.sum())]
    stage = Stage(rng)
    return stage, PLACES[place or drawn][0](stage)


def _useful(inverse: np.ndarray, cut_out: bool) -> bool:
    """Whether a view shows enough surface, from a camera that is not inside of it."""
    solid = inverse > 0
    if solid.mean() < (0.06 if cut_out else 0.25):
        return False
    near, far = np.quantile(inverse[solid] if cut_out else inverse, (0.98, 0.02))
    return bool(1 / _NEAREST > near > (1 if cut_out else _LEAST_RANGE) * far)


def photos(
    seed: int, bank: PatternBank, width: int, height: int, count: int = 4, place: str | None = None
) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Up to `count` photos (height, width, 3) uint8 of scene `seed`, each with its inverse depth.

    Inverse depth is (height, width) float32 in 1/m at pixel centres, 0 for the sky,
    below 0 where it is unknown.
    """
    stage, (light, views, *_) = build(seed, place)
    renderer = Renderer(stage, light, bank)
    for view in views[:count]:
        preview = renderer.inverse_depth(view, width // 4, height // 4)
        if _useful(preview, light.unknown):
            yield renderer.photo(view, width, height)
