"""Photo tiles, posters and panoramas for the library folder, from unpacked free packages.

`root` is where `dpkg -x` put the Debian packages, so it holds `usr/`. Packages that are not
there are skipped. Nothing here is random: the same packages give the same files.
"""

from __future__ import annotations

import base64
import io
import re
import tempfile
import zipfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from PIL import Image

SIZE = 128  # pixels per side of a tile or poster
PANORAMA = (192, 384)  # rows and columns
BRIGHTEST = 60000.0  # of a panorama, below float16's 65504

GAMES = "usr/share/games"

# Maps of other things than colour, and pictures that are no surface.
SKIP = (
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


def make_tiles(root: Path, target: Path) -> None:
    """Write the tiles file from the texture packages below root."""
    seen = _Seen(6.0)
    pictures, kinds, metres, sources = [], [], [], []
    for source, picture in _textures(root):
        kind = _kind(source)
        for tile in _square_tiles(picture):
            if _is_dull(tile) or not seen.add(tile):
                continue
            pictures.append(tile)
            kinds.append(kind)
            metres.append(METRES[kind])
            sources.append(source)
    np.savez_compressed(
        target,
        pictures=np.stack(pictures),
        kinds=np.array(kinds),
        metres=np.array(metres, np.float32),
        sources=np.array(sources),
    )


# Side of a tile in the world, in metres.
METRES = {
    "wood": 1.0,
    "stone": 2.0,
    "brick": 1.5,
    "concrete": 2.0,
    "wall": 2.0,
    "metal": 1.5,
    "fabric": 1.0,
    "grass": 2.0,
    "ground": 2.0,
    "roof": 2.0,
    "road": 4.0,
    "tile": 1.5,
    "foliage": 1.5,
    "facade": 6.0,
    "any": 1.5,
}

# The first pattern that occurs in the file's name, or else in its folder's, gives the kind.
KINDS = [
    ("facade", r"window|facade|bungalow"),
    ("roof", r"roof|shingle|thatch"),
    ("brick", r"brick"),
    ("foliage", r"hedge|leaves|leafs|jungle|foliage|ivy|shrub|plants"),
    ("wood", r"wood|bark|crate|plank|laminate|(?<!s)tree|^box0|table|chest|wardrobe|bridge_wood"),
    ("road", r"street|asphalt|road|pavement|paving|sidewalk|2ln|park1|rail"),
    ("fabric", r"carpet|textil|jute|curtain|clothes|couch|seat|bed0|fabric|basket"),
    ("concrete", r"concrete|crete|cement|conc0|con_block"),
    ("metal", r"metal|mtl|rust|steel|stainless|pewter|clang|vent|pipe|container|trak5|support"),
    ("grass", r"grass|field|tundra|savanna_grass"),
    ("stone", r"cliff|rock|stone|marble|marmor|slate|granite|egyptsoc|volcano|mountain"),
    (
        "ground",
        r"dirt|hay|straw|sand|ground|soil|mud|snow|(?<![a-z])ice|desert|gravel|pebble"
        r"|forest|farmland|furrow|clay|beach|dune|forrest|terrain|peat|savanna|shore|chips|sahara|steppe|tropic|temp_"
        r"|medit|polar",
    ),
    ("tile", r"tile|floor|kitchen|ceiling"),
    ("wall", r"wall|stucco|plaster|base"),
]


FACADES = r"tex_mattn/wall(00[789]|05[2378]|065)"  # with windows, though the name is no hint


def _kind(source: str) -> str:
    folder, _, name = source.lower().rpartition("/")
    folder = re.split(r"[/ ]", folder)[-1]
    if re.search(FACADES, f"{folder}/{name}"):
        return "facade"
    for text in (name, folder):
        for kind, pattern in KINDS:
            if re.search(pattern, text):
                return _of_package(kind, source)
    return _of_package("any", source)


def _of_package(kind: str, source: str) -> str:
    """Nexuiz's walls without a material in their name are plates of metal."""
    return "metal" if kind in ("wall", "any") and "nexuiz" in source else kind


def _textures(root: Path) -> Iterator[tuple[str, Image.Image]]:
    """Credit and picture of every texture worth a look."""
    games = root / GAMES
    packages = [
        (games / "ufoai/base/0textures.pk3", "textures/", "ufoai-textures, GPL-2+", r"."),
        (games / "nexuiz/data/textures.pk3", "textures/", "nexuiz-textures, GPL-2", NEXUIZ),
        (games / "0ad/mods/public/public.zip", "art/textures/terrain/types/",
         "0ad-data, CC-BY-SA-3.0", AD),
        (games / "torcs/data/textures", "", "torcs-data, GPL-2+", TORCS),
    ]  # fmt: skip
    for place, prefix, credit, wanted in packages:
        for name, content in _files(place, prefix, f"^(?!.*({SKIP})){wanted}"):
            loaded = _load(content, see_alpha="0ad" not in credit)
            if loaded is not None:
                yield f"{credit}: {name.removesuffix('.cached.dds')}", loaded


# All of 0 A.D. but its plain colours; folders of Nexuiz with more than trims and machines; roads,
# ground and walls of TORCS.
AD = r"(?!(blackness|whiteness|dirttest|purple|neon|yellow|blue|red|gray|green|brown)\b)"
NEXUIZ = (
    r"(aggressor|base|cake|desertfactory_(stone|wood|metal|misc)|egyptsoc_(floor|mat|wall)|eX"
    r"|evil[1-9]_\w*(floor|metal|mtl|wall|wood|roof|base|support)|evil9|final_rage|kaznexctf2"
    r"|morphed|rustymetal_tex|savdm6ish|stormkeep|stralenex1|strength|terrain_data|terraintex"
    r"|trak[45]|tznex01|dsi|dsi_textures|e8)/"
).lower()
TORCS = r"(tr-(asphalt|concrete|dirt|grass|gravel|road1|sand|snow|stone|wall)|concrete|rock|grassg)"


ENDINGS = (".jpg", ".png", ".tga", ".dds", ".rgb", ".jpeg", ".webp")


def _files(place: Path, prefix: str, pattern: str) -> Iterator[tuple[str, bytes]]:
    """Name below prefix and content of the pictures in a zip or a folder, by a name pattern."""
    wanted = re.compile(pattern)
    if place.is_dir():
        for path in sorted(place.rglob("*")):
            short = path.relative_to(place).as_posix()
            if path.suffix.lower() in ENDINGS and wanted.search(short.lower()):
                yield short, path.read_bytes()
    elif place.exists():
        with zipfile.ZipFile(place) as archive:
            for name in sorted(archive.namelist()):
                short = name.removeprefix(prefix)
                is_picture = name.startswith(prefix) and name.lower().endswith(ENDINGS)
                if is_picture and wanted.search(short.lower()):
                    yield short, archive.read(name)


def _load(content: bytes, see_alpha: bool = True) -> Image.Image | None:
    """The picture in RGB; None if it is unreadable or, where alpha counts, has holes."""
    try:
        picture = Image.open(io.BytesIO(content))
        picture.draft("RGB", (2048, 2048))  # a large JPEG need not be read in full
        picture.load()
    except (OSError, ValueError, NotImplementedError):
        return None
    if picture.mode in ("P", "LA", "PA"):
        picture = picture.convert("RGBA")
    if see_alpha and picture.mode == "RGBA":
        if (np.asarray(picture)[..., 3] < 128).mean() > 0.02:
            return None
    elif picture.mode == "RGBA":
        picture = picture.crop(picture.getchannel("A").getbbox() or (0, 0, 1, 1))
    return picture.convert("RGB")


def _square_tiles(picture: Image.Image) -> list[np.ndarray]:
    """Seamless (SIZE, SIZE, 3) tiles in the picture.

    A picture twice as wide as high, or the other way round, gives its two halves if these are
    seamless, and otherwise itself, drawn twice.
    """
    width, height = picture.size
    if min(width, height) < 64:
        return []
    if min(width, height) >= 4 * SIZE:
        picture = picture.reduce(min(width, height) // (2 * SIZE))
        width, height = picture.size
    ratio = width / height
    if 0.98 < ratio < 1.02:
        return [_resize(picture, SIZE, SIZE)] if _is_seamless(picture) else []
    if not (0.49 < ratio < 0.51 or 1.96 < ratio < 2.04):
        return []
    wide = ratio > 1
    side = min(width, height)
    cuts = [(0, 0, side, side), (width - side, height - side, width, height)]
    halves = [half for half in map(picture.crop, cuts) if _is_seamless(half)]
    if halves:
        return [_resize(half, SIZE, SIZE) for half in halves]
    if not _is_seamless(picture):
        return []
    half = _resize(picture, SIZE, SIZE // 2) if wide else _resize(picture, SIZE // 2, SIZE)
    return [np.concatenate([half, half], axis=0 if wide else 1)]


def _resize(picture: Image.Image, width: int, height: int) -> np.ndarray:
    """(height, width, 3) uint8; the filter reaches over the edges to the other side."""
    pixels = np.asarray(picture)
    rows, columns = pixels.shape[0] // 4, pixels.shape[1] // 4
    wrapped = np.pad(pixels, ((rows, rows), (columns, columns), (0, 0)), mode="wrap")
    box = (columns, rows, columns + picture.width, rows + picture.height)
    size = (width, height)
    margin = (picture.width / 8, picture.height / 8)
    box = (box[0] - margin[0], box[1] - margin[1], box[2] + margin[0], box[3] + margin[1])
    larger = (size[0] * 5 // 4, size[1] * 5 // 4)
    image = Image.fromarray(wrapped).resize(larger, Image.Resampling.LANCZOS, box=box)
    left, top = width // 8, height // 8
    return np.asarray(image)[top : top + height, left : left + width]


def _is_seamless(picture: Image.Image) -> bool:
    """Whether the steps across the wrap are like those between other neighbours."""
    small = picture.resize((SIZE, SIZE), Image.Resampling.BOX)
    pixels = np.asarray(small, np.float32)
    return all(_wraps(p) for p in (pixels, pixels.transpose(1, 0, 2)))


def _wraps(pixels: np.ndarray) -> bool:
    """Whether the last row of (rows, columns, 3) goes on in the first."""
    steps = np.abs(pixels - np.roll(pixels, 1, axis=0)).mean(axis=(1, 2))
    inside = steps[1:]
    return bool(steps[0] <= max(np.quantile(inside, 0.97), 1.35 * np.median(inside)) + 1.0)


def _is_dull(tile: np.ndarray) -> bool:
    """Nearly black or of a single colour."""
    return tile.mean() < 28 or tile.std(axis=(0, 1)).max() < 2.5


class _Seen:
    """Remembers pictures, to tell those that look almost the same."""

    def __init__(self, limit: float):
        self.limit = limit  # root mean square difference, of 255
        self.thumbnails = np.zeros((0, 16 * 16 * 3), np.float32)

    def add(self, picture: np.ndarray) -> bool:
        """Remember the picture; whether it was new."""
        thumbnail = _thumbnail(picture)
        squares = ((self.thumbnails - thumbnail) ** 2).mean(axis=1)
        if len(squares) and squares.min() < self.limit**2:
            return False
        self.thumbnails = np.concatenate([self.thumbnails, thumbnail[None]])
        return True


def _thumbnail(picture: np.ndarray) -> np.ndarray:
    block = SIZE // 16
    return picture.reshape(16, block, 16, block, 3).mean(axis=(1, 3), dtype=np.float32).ravel()


def make_panoramas(bpy_folder: Path, npm_folder: Path, target: Path) -> None:
    """Write the panoramas file: Poly Haven's pictures in Blender and in @pmndrs/assets (CC0)."""
    pictures, kinds, sources = [], [], []
    for source, content in _panorama_files(bpy_folder, npm_folder):
        picture = _area_resize(_mend_sun(_read_exr(content)))
        if any(_same_light(picture, other) for other in pictures):
            continue
        pictures.append(picture)
        kinds.append(_light_kind(source.rpartition("/")[2].removesuffix(".exr")))
        sources.append(source)
    np.savez_compressed(
        target,
        pictures=np.stack(pictures).astype(np.float16),
        kinds=np.array(kinds),
        sources=np.array(sources),
    )


def _panorama_files(bpy_folder: Path, npm_folder: Path) -> Iterator[tuple[str, bytes]]:
    """Credit and content of the EXR files."""
    for path in sorted(bpy_folder.glob("*/datafiles/studiolights/world/*.exr")):
        yield f"Blender, Poly Haven, CC0: world/{path.name}", path.read_bytes()
    for path in sorted(npm_folder.glob("hdri/*.exr.js")):
        text = path.read_text().partition("base64,")[2]
        encoded = re.match(r"[A-Za-z0-9+/=]*", text).group()
        name = path.name.removesuffix(".js")
        yield f"@pmndrs/assets, Poly Haven, CC0: hdri/{name}", base64.b64decode(encoded)


def _read_exr(content: bytes) -> np.ndarray:
    """Linear light (rows, columns, 3) float32."""
    import OpenEXR  # only this needs it

    with tempfile.NamedTemporaryFile(suffix=".exr") as file:
        file.write(content)
        file.flush()
        channels = OpenEXR.File(file.name).channels()
        if "RGB" in channels:
            return np.array(channels["RGB"].pixels, np.float32)
        return np.stack([np.array(channels[c].pixels, np.float32) for c in "RGB"], axis=-1)


def _mend_sun(pixels: np.ndarray) -> np.ndarray:
    """Give a sun that the compression left with one colour (in "park") all three.

    The compression works in blocks of 8 x 8; such a block gets its brightest colour, and where
    even that is dark, as beside the sun, the median of the block's bright pixels.
    """
    pixels = np.clip(np.nan_to_num(pixels, posinf=BRIGHTEST), 0, BRIGHTEST)
    high, low = pixels.max(axis=-1), pixels.min(axis=-1)
    broken = np.argwhere((high > 100) & (low < 0.001 * high))
    for row, column in np.unique(broken // 8 * 8, axis=0):
        block = np.s_[row : row + 8, column : column + 8]
        bright = high[block]
        filled = np.where(bright > 20, bright, np.median(bright[bright > 20]))
        pixels[block] = filled[..., None]
    return pixels


def _area_resize(pixels: np.ndarray) -> np.ndarray:
    """Area average of (rows, columns, 3) to the size of a panorama."""
    rows, columns = (_overlaps(n, m) for n, m in zip(pixels.shape[:2], PANORAMA, strict=True))
    return np.einsum("ai,ijc,bj->abc", rows, pixels, columns, optimize=True)


def _overlaps(old: int, new: int) -> np.ndarray:
    """(new, old): share of each old cell in each new one; rows sum to one."""
    ends = np.arange(new + 1) * (old / new)
    cells = np.arange(old)
    shared = np.minimum(ends[1:, None], cells + 1) - np.maximum(ends[:-1, None], cells)
    return (np.clip(shared, 0, None) * (new / old)).astype(np.float32)


def _same_light(first: np.ndarray, second: np.ndarray) -> bool:
    """Whether two panoramas show the same place, whatever the exposure."""
    logs = [np.log(p.reshape(24, 8, 48, 8, 3).mean(axis=(1, 3, 4)) + 1e-3) for p in (first, second)]
    return bool(np.corrcoef(logs[0].ravel(), logs[1].ravel())[0, 1] > 0.97)


INDOORS = ("apartment", "bridge", "esplanade", "hall", "interior", "lab", "lobby", "warehouse",
           "workshop")  # fmt: skip


def _light_kind(name: str) -> str:
    if name in ("night", "studio"):
        return name
    return "indoors" if name in INDOORS else "outdoors"


def make_posters(root: Path, target: Path) -> None:
    """Write the posters file: crops of wallpapers, loading screens and painted pictures."""
    seen = _Seen(14.0)
    pictures, sources = [], []
    for source, picture in _wallpapers(root):
        for crop in _crops(picture):
            if crop.std(axis=(0, 1)).max() > 14 and seen.add(crop):
                pictures.append(crop)
                sources.append(source)
    np.savez_compressed(target, pictures=np.stack(pictures), sources=np.array(sources))


def _wallpapers(root: Path) -> Iterator[tuple[str, Image.Image]]:
    """Credit and picture of what may hang on a wall."""
    share = root / "usr/share"
    packages = [
        (share / "backgrounds/gnome", "", "gnome-backgrounds, CC-BY-SA-3.0 or GPL-2+", r"."),
        (share / "backgrounds", "", "lomiri- or ukui-wallpapers, CC-BY or -SA", r"^[^/]+$"),
        (share / "wallpapers", "", "plasma-workspace-wallpapers, GPL-2+",
         r".*images/(2560x1600|[35]\d+x2\d+)\."),
        (root / GAMES / "0ad/mods/public/public.zip", "art/textures/ui/loading/tips/",
         "0ad-data, CC-BY-SA-3.0", r"."),
        (root / GAMES / "ufoai/base/0textures.pk3", "textures/tex_pics/",
         "ufoai-textures, GPL-2+", r"(?!.*_nm)(art|land|cow|asia|dragon|science|trakt)"),
    ]  # fmt: skip
    for place, prefix, credit, wanted in packages:
        for name, content in _files(place, prefix, wanted):
            picture = _load(content, see_alpha=False)
            if picture is not None and min(picture.size) >= 64:
                yield f"{credit}: {name.removesuffix('.cached.dds')}", picture


def _crops(picture: Image.Image) -> Iterator[np.ndarray]:
    """(SIZE, SIZE, 3): the whole height at up to three places, and parts of large pictures."""
    picture.thumbnail((2048, 2048), Image.Resampling.BOX)
    side = min(picture.size)
    parts = [(1.0, 0.5, 0.5)]
    if max(picture.size) > 1.5 * side:
        parts += [(0.95, 0.0, 0.0), (0.95, 1.0, 1.0)]
    if side >= 512:
        parts += [(0.55, 0.2, 0.8), (0.4, 0.7, 0.6)]
    for share, right, down in parts:
        size = round(side * share)
        left, top = round((picture.width - size) * right), round((picture.height - size) * down)
        crop = picture.crop((left, top, left + size, top + size))
        yield np.asarray(crop.resize((SIZE, SIZE), Image.Resampling.LANCZOS))
