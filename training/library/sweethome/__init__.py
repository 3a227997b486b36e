"""Furniture of Debian's package sweethome3d-furniture: five zipped catalogues of OBJ models.

catalogue.py    what the catalogues say, and the group of each model
materials.py    files of an archive, and materials with their pictures
build.py        an entry of a catalogue as a model
"""

from __future__ import annotations

import zipfile
from collections.abc import Iterator
from pathlib import Path

from ..store import Model
from .build import built
from .catalogue import read_catalogue
from .materials import Archive

FOLDER = Path("usr/share/sweethome3d/furniture")
CATALOGUE = "PluginFurnitureCatalog.properties"
LICENCES = {
    "BlendSwap-CC-0": "CC0",
    "BlendSwap-CC-BY": "CC-BY-3.0",
    "Scopia": "CC-BY-3.0",
    "KatorLegaz": "CC-BY-3.0-US",
    "Reallusion": "CC-BY-3.0-US",
}


def models(packages: Path) -> Iterator[Model]:
    """The models of the catalogues unpacked below `packages`; none of those that are missing."""
    for source, licence in LICENCES.items():
        path = packages / FOLDER / f"{source}.sh3f"
        if not path.exists():
            continue
        with zipfile.ZipFile(path) as files:
            archive = Archive(files)
            for entry in read_catalogue(files.read(CATALOGUE).decode("latin-1")):
                model = built(entry, archive, f"{source}/{entry.identity}", licence)
                if model is not None:
                    yield model
