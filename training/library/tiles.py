"""Photo textures that repeat without a seam, by the kind of surface they show."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from PIL import Image

from ..gallery import SIZE
from .pictures import Duplicates, Source
from .store import save_pictures

# The first pattern that occurs in the file's name, or else in its folder's, gives the kind. The
# number is the side of a tile in the world, in metres.
_KINDS = {
    "facade": (6.0, r"window|facade|bungalow"),
    "roof": (2.0, r"roof|shingle|thatch"),
    "brick": (1.5, r"brick"),
    "foliage": (1.5, r"hedge|leaves|leafs|jungle|foliage|ivy|shrub|plants"),
    "wood": (1.0, r"wood|bark|crate|plank|laminate|(?<!s)tree|^box0|table|chest|wardrobe"),
    "road": (4.0, r"street|asphalt|road|pavement|paving|sidewalk|2ln|park1|rail"),
    "fabric": (1.0, r"carpet|textil|jute|curtain|clothes|couch|seat|bed0|fabric|basket"),
    "concrete": (2.0, r"concrete|crete|cement|conc0|con_block"),
    "metal": (
        1.5,
        r"metal|mtl|rust|steel|stainless|pewter|clang|vent|pipe|container|trak5|support",
    ),
    "grass": (2.0, r"grass|field|tundra"),
    "stone": (2.0, r"cliff|rock|stone|marble|marmor|slate|granite|egyptsoc|volcano|mountain"),
    "ground": (
        2.0,
        r"dirt|hay|straw|sand|ground|soil|mud|snow|(?<![a-z])ice|desert|gravel|pebble|forest"
        r"|farmland|furrow|clay|beach|dune|forrest|terrain|peat|savanna|shore|chips|sahara|steppe"
        r"|tropic|temp_|medit|polar",
    ),
    "tile": (1.5, r"tile|floor|kitchen|ceiling"),
    "wall": (2.0, r"wall|stucco|plaster|base"),
    "any": (1.5, r"(?!)"),  # the rest
}
_FACADES = r"tex_mattn/wall(00[789]|05[2378]|065)"  # with windows, though the name is no hint

_SKIP = (
    # maps of other things than colour, and pictures that are no surface
    r"_(nm|norm|nmm|gloss|glow|gm|sm|pls|bump|local|luma|pants|shirt|rm|spec|fx\d*|blend|add|n|ao)\."
    r"|sky|skies|/env|lava|light|glass|water|liquid|portal|teleport|jumppad|jumpspawn|screen|sign"
    r"|logo|arrow|fence|grate|grid|ladder|door|button|number|warn|symbol|slime|caulk|tex_common"
    r"|tex_alien|tex_ufo|tex_anim|tex_vehicles|tex_pics|tex_lights|tex_tech|-\d\.|fire|smoke"
    # not seen on any wall or ground, or much too often in one package
    r"|parallax|height|coral|ocean|sea_|tex_terrain|spawn|flag|tire|bask_board|hazard|exit|dvds|gas00"
    r"|jgong|phone|pingpong|drinks|verbot|zulu|crossing|twoway|tin0|tetra|circle|tmpjp|pit\.|-both"
    r"|_way_|toilet|tripe|office_sep|helipad|map00|pharmacy|table00[12]|bollard|railway|kitchen002"
    r"|notes|boxen|e8cell|large_(blue|red)|misc/pad\.|clean\.|dirty\.|volcanic.ground|/cell"
    r"|display_|_msg|corral_c|bloodyskull"
)
# Folders of Nexuiz with more than trims and machines.
_NEXUIZ = (
    r"(aggressor|base|cake|desertfactory_(stone|wood|metal|misc)|egyptsoc_(floor|mat|wall)|ex"
    r"|evil[1-9]_\w*(floor|metal|mtl|wall|wood|roof|base|support)|evil9|final_rage|kaznexctf2"
    r"|morphed|rustymetal_tex|savdm6ish|stormkeep|stralenex1|strength|terrain_data|terraintex"
    r"|trak[45]|tznex01|dsi|dsi_textures|e8)/"
)
# All of 0 A.D. but its plain colours.
_AD = r"(?!(blackness|whiteness|dirttest|purple|neon|yellow|blue|red|gray|green|brown)\b)"
# Roads, ground and walls of TORCS.
_TORCS = (
    r"(tr-(asphalt|concrete|dirt|grass|gravel|road1|sand|snow|stone|wall)|concrete|rock|grassg)"
)
_WITHOUT = f"(?!.*({_SKIP}))"
_GAMES = "usr/share/games"
_SOURCES = (
    Source(f"{_GAMES}/ufoai/base/0textures.pk3", "ufoai-textures, GPL and others, per file",
           "textures/", _WITHOUT, see_alpha=True),
    Source(f"{_GAMES}/nexuiz/data/textures.pk3", "nexuiz-textures, GPL-2+", "textures/",
           _WITHOUT + _NEXUIZ, see_alpha=True),
    Source(f"{_GAMES}/0ad/mods/public/public.zip", "0ad-data, CC-BY-SA-3.0",
           "art/textures/terrain/types/", _WITHOUT + _AD),
    Source(f"{_GAMES}/torcs/data/textures", "torcs-data, GPL-2+", "", _WITHOUT + _TORCS,
           see_alpha=True),
)  # fmt: skip


def save_tiles(packages: Path, target: Path) -> None:
    """Write the tiles of the texture packages unpacked below `packages`."""
    found = list(_tiles(packages))
    kinds = [_kind(credit) for _, credit in found]
    metres = np.array([_KINDS[kind][0] for kind in kinds], np.float32)
    sources = [credit for _, credit in found]
    save_pictures(target, [tile for tile, _ in found], kinds=kinds, metres=metres, sources=sources)


def _tiles(packages: Path) -> Iterator[tuple[np.ndarray, str]]:
    """Tiles (SIZE, SIZE, 3) and credits, each that is worth a look once."""
    seen = Duplicates(6.0)
    for source in _SOURCES:
        for credit, picture in source.pictures(packages):
            for tile in _square_tiles(picture):
                if not _is_dull(tile) and seen.add(tile):
                    yield tile, credit


def _kind(credit: str) -> str:
    """The kind of surface that a picture's name or else its folder speaks of."""
    path = credit.lower()
    if re.search(_FACADES, path):
        return "facade"
    folder, _, name = path.rpartition("/")
    folder = re.split(r"[/ ]", folder)[-1]
    spoken_of = (kind for text in (name, folder) for kind in _KINDS if _speaks_of(kind, text))
    kind = next(spoken_of, "any")
    # Nexuiz's walls without a material in their name are plates of metal.
    return "metal" if kind in ("wall", "any") and "nexuiz" in path else kind


def _speaks_of(kind: str, text: str) -> bool:
    return re.search(_KINDS[kind][1], text) is not None


def _square_tiles(picture: Image.Image) -> list[np.ndarray]:
    """Seamless (SIZE, SIZE, 3) tiles in the picture.

    A picture twice as wide as high, or the other way round, gives its two halves if these are
    seamless, and otherwise itself, drawn twice.
    """
    side = min(picture.size)
    if side < 64:
        return []
    if side >= 4 * SIZE:
        picture = picture.reduce(side // (2 * SIZE))
    width, height = picture.size
    side, ratio = min(width, height), width / height
    if 0.98 < ratio < 1.02:
        return [_shrunk(picture, SIZE, SIZE)] if _is_seamless(picture) else []
    if not (0.49 < ratio < 0.51 or 1.96 < ratio < 2.04):
        return []
    cuts = [(0, 0, side, side), (width - side, height - side, width, height)]
    halves = [half for half in map(picture.crop, cuts) if _is_seamless(half)]
    if halves:
        return [_shrunk(half, SIZE, SIZE) for half in halves]
    if not _is_seamless(picture):
        return []
    if ratio > 1:
        return [np.tile(_shrunk(picture, SIZE, SIZE // 2), (2, 1, 1))]
    return [np.tile(_shrunk(picture, SIZE // 2, SIZE), (1, 2, 1))]


def _shrunk(picture: Image.Image, width: int, height: int) -> np.ndarray:
    """(height, width, 3) uint8; the filter reaches over the edges to the other side."""
    pixels = np.asarray(picture)
    rows, columns = pixels.shape[0] // 4, pixels.shape[1] // 4
    wrapped = np.pad(pixels, ((rows, rows), (columns, columns), (0, 0)), mode="wrap")
    right, down = picture.width / 8, picture.height / 8  # margins that are cut off again
    box = (columns - right, rows - down,
           columns + picture.width + right, rows + picture.height + down)  # fmt: skip
    larger = (width * 5 // 4, height * 5 // 4)
    image = Image.fromarray(wrapped).resize(larger, Image.Resampling.LANCZOS, box=box)
    left, top = width // 8, height // 8
    return np.asarray(image)[top : top + height, left : left + width]


def _is_seamless(picture: Image.Image) -> bool:
    """Whether the steps across the wrap are like those between other neighbours."""
    pixels = np.asarray(picture.resize((SIZE, SIZE), Image.Resampling.BOX), np.float32)
    return _wraps(pixels) and _wraps(pixels.transpose(1, 0, 2))


def _wraps(pixels: np.ndarray) -> bool:
    """Whether the last row of (rows, columns, 3) goes on in the first."""
    steps = np.abs(pixels - np.roll(pixels, 1, axis=0)).mean(axis=(1, 2))
    inside = steps[1:]
    return bool(steps[0] <= max(np.quantile(inside, 0.97), 1.35 * np.median(inside)) + 1.0)


def _is_dull(tile: np.ndarray) -> bool:
    """Nearly black or of a single colour."""
    return tile.mean() < 28 or tile.std(axis=(0, 1)).max() < 2.5
