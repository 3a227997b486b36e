"""Models of the game 0 A.D. (Debian package 0ad-data, CC-BY-SA 3.0): nature, people, houses.

The package's art is one zip: "actors" (XML) say which meshes (.pmd), textures (.dds) and props
belong together; animations (.psa) put people and animals into poses. The game's frame is
left-handed like ours (x right, y up, z away) and its things look towards -z too.

    meshes.py    the binary files
    art.py       the zip, and how an actor may look
    skins.py     textures as pictures
    build.py     an actor as a model
    wishes.py    which actors, in which poses, how large
    choice.py    all of these as models
"""

from __future__ import annotations

import zipfile
from collections.abc import Iterator
from pathlib import Path

from ..store import Model
from .art import Art
from .choice import chosen

ARCHIVE = "usr/share/games/0ad/mods/public/public.zip"


def models(packages: Path) -> Iterator[Model]:
    """The models of the package unpacked below `packages`; none if it is not there."""
    if (packages / ARCHIVE).exists():
        with zipfile.ZipFile(packages / ARCHIVE) as files:
            yield from chosen(Art(files))
