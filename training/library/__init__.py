"""Free models and photo textures that scenes are furnished with, read from a prepared folder.

`make_library.py` makes the folder once, from free packages. Without one, scenes are built from our
own shapes and patterns alone.

    contents.py     the folder, read: what the rest of training/ sees
    store.py        models and pictures as they are written into it
    wavefront.py    a reader of OBJ and MTL files
    sweethome/      furniture, plants, lamps and people of Sweet Home 3D
    zeroad/         trees, rocks, houses, animals and people of the game 0 A.D.
    tiles.py        photo textures that repeat        posters.py    pictures that hang on walls
    panoramas.py    light from all around             pictures.py, geometry.py    what these share
"""

from __future__ import annotations

from pathlib import Path

from .contents import Library, Thing

__all__ = ["Library", "Thing", "active", "use"]

_active: list[Library] = []


def use(folder: Path | None) -> None:
    """Furnish all further scenes of this process from this folder; None: from nothing."""
    _active[:] = [Library(folder)] if folder else []


def active() -> Library | None:
    """What scenes are furnished from at present."""
    return _active[0] if _active else None
