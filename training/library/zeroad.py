"""Models of the game 0 A.D. (Debian package 0ad-data, CC-BY-SA 3.0): nature, people, houses.

The package's art is one zip: "actors" (XML) say which meshes (.pmd), textures (.dds) and props
belong together; animations (.psa) put people and animals into poses. The game's frame is
left-handed like ours (x right, y up, z away) and its things look towards -z too.
"""

import io
import struct
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from fnmatch import fnmatch
from functools import partial
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
from PIL import Image

from training.library.store import PICTURE_SIZE, Material, Model

ARCHIVE = "usr/share/games/0ad/mods/public/public.zip"
LICENCE = "CC-BY-SA-3.0"
METRES_PER_UNIT = 0.43  # a man of the game is about 4 units tall
MAX_TRIANGLES = 30_000
NO_BONE = 255

# Words in the names of variants and props that we never want: the destroyed, dead and flat things.
UNWANTED_VARIANTS = ("death", "destr", "dead", "construction", "garrison", "ruin", "damage")
UNWANTED_PROPS = (
    "decal",
    "particle",
    "blood",
    "destruct",
    "smoke",
    "fire",
    "dust",
    "garrison_flag",
    "aura",
    "damage",
    "_dirt",
    "_mud",
    "water",
    "ground",
    "waypoint",
    "_field",
)


# ---------------------------------------------------------------- binary files


@dataclass
class Mesh:
    """A .pmd mesh: positions (N, 3), uv (N, 2) with v down, faces (M, 3), skin and prop points.

    bones (N, 4) uint8 rows of `rest` (255 = none), weights (N, 4), rest (B, 4, 4) bone to model,
    points: name -> (bone or 255, (4, 4) prop to bone).
    """

    positions: np.ndarray
    uv: np.ndarray
    faces: np.ndarray
    bones: np.ndarray
    weights: np.ndarray
    rest: np.ndarray
    points: dict[str, tuple[int, np.ndarray]]


def _matrices(states: np.ndarray) -> np.ndarray:
    """(B, 7) translations and quaternions (x, y, z, w) as (B, 4, 4) matrices."""
    x, y, z, w = (states[:, 3:] / np.linalg.norm(states[:, 3:], axis=1, keepdims=True)).T
    result = np.zeros((len(states), 4, 4))
    rows = (
        (1 - 2 * (y * y + z * z), 2 * (x * y - z * w), 2 * (x * z + y * w)),
        (2 * (x * y + z * w), 1 - 2 * (x * x + z * z), 2 * (y * z - x * w)),
        (2 * (x * z - y * w), 2 * (y * z + x * w), 1 - 2 * (x * x + y * y)),
    )
    result[:, :3, :3] = np.moveaxis(np.array(rows), -1, 0)
    result[:, :3, 3] = states[:, :3]
    result[:, 3, 3] = 1
    return result


def read_mesh(data: bytes) -> Mesh:
    """Read a .pmd file (versions 3 and 4)."""
    version, _, count = struct.unpack_from("<3I", data, 4)
    if data[:4] != b"PSMD" or version < 3:
        raise ValueError(f"not a mesh that we can read (version {version})")
    at, layers = 16, 1
    if version >= 4:
        (layers,) = struct.unpack_from("<I", data, at)
        at += 4
    record = np.dtype(
        [
            ("p", "<f4", 3),
            ("n", "<f4", 3),
            ("t", "<f4", (layers, 2)),
            ("b", "u1", 4),
            ("w", "<f4", 4),
        ]
    )
    vertices = np.frombuffer(data, record, count, at)
    at += record.itemsize * count
    (faces,) = struct.unpack_from("<I", data, at)
    triangles = np.frombuffer(data, "<u2", faces * 3, at + 4).reshape(-1, 3)
    at += 4 + faces * 6
    (bones,) = struct.unpack_from("<I", data, at)
    rest = np.frombuffer(data, "<f4", bones * 7, at + 4).reshape(-1, 7)
    at += 4 + bones * 28
    (props,) = struct.unpack_from("<I", data, at)
    at += 4
    points = {}
    for _ in range(props):
        (length,) = struct.unpack_from("<I", data, at)
        name = data[at + 4 : at + 4 + length].decode("latin1")
        at += 4 + length
        state = np.frombuffer(data, "<f4", 7, at).reshape(1, 7)
        points[name] = (data[at + 28], _matrices(state)[0])
        at += 29
    uv = vertices["t"][:, 0] * [1, -1] + [0, 1] if layers else np.zeros((count, 2))
    return Mesh(
        vertices["p"].astype(float),
        uv.astype(float),
        triangles.astype(np.int32),
        vertices["b"],
        vertices["w"].astype(float),
        _matrices(rest.astype(float)),
        points,
    )


def read_animation(data: bytes) -> np.ndarray:
    """Read a .psa file: (F, B, 7) bone states of the frames."""
    (length,) = struct.unpack_from("<I", data, 12)
    bones, frames = struct.unpack_from("<2I", data, 20 + length)
    states = np.frombuffer(data, "<f4", bones * frames * 7, 28 + length)
    return states.reshape(frames, bones, 7).astype(float)


def _skinned(mesh: Mesh, pose: np.ndarray) -> np.ndarray:
    """(N, 3) positions of the mesh when its bones stand like `pose` (B, 4, 4)."""
    moves = pose @ np.linalg.inv(mesh.rest)
    moves = np.concatenate([moves, np.eye(4)[None]])
    rows = np.where(mesh.bones < len(mesh.rest), mesh.bones, len(mesh.rest)).astype(int)
    weights = np.where(mesh.bones < len(mesh.rest), mesh.weights, 0.0)
    loose = weights.sum(axis=1) < 1e-6
    weights[loose, 0], rows[loose] = 1.0, len(mesh.rest)
    weights /= weights.sum(axis=1, keepdims=True)
    blended = np.einsum("nk,nkij->nij", weights, moves[rows])
    return np.einsum("nij,nj->ni", blended[:, :3, :3], mesh.positions) + blended[:, :3, 3]


# ---------------------------------------------------------------- actors


@dataclass
class Look:
    """What one choice among an actor's variants gives."""

    mesh: str = ""
    texture: str = ""
    material: str = ""
    colour: tuple[float, float, float] | None = None
    props: dict[str, list[str]] | None = None
    animations: dict[str, list[str]] | None = None


class Art:
    """The game's art archive; meshes, textures and actors are read once."""

    def __init__(self, root: Path) -> None:
        self.zip = zipfile.ZipFile(root / ARCHIVE)
        self.names = set(self.zip.namelist())
        self._cache: dict[str, object] = {}

    def once(self, key: str, read):
        if key not in self._cache:
            self._cache[key] = read()
        return self._cache[key]

    def actors(self, *patterns: str) -> list[str]:
        """The actors (paths below art/actors without .xml) that match a pattern."""
        names = [n[11:-4] for n in self.names if n.startswith("art/actors/") and n.endswith(".xml")]
        return sorted(n for n in names if any(fnmatch(n, pattern) for pattern in patterns))

    def xml(self, path: str) -> ElementTree.Element:
        """The root element of an XML file below art/."""
        return self.once(path, lambda: ElementTree.fromstring(self.zip.read(f"art/{path}")))

    def mesh(self, path: str) -> Mesh:
        """The compiled mesh of art/meshes/<path>."""
        return self.once(path, lambda: read_mesh(self.zip.read(_compiled("meshes", path, "pmd"))))

    def animation(self, path: str) -> np.ndarray:
        """(F, B, 7) bone states of art/animation/<path>."""
        name = _compiled("animation", path, "psa")
        return self.once(name, lambda: read_animation(self.zip.read(name)))

    def texture(self, path: str) -> Image.Image:
        """The RGBA picture art/textures/skins/<path>."""
        name = f"art/textures/skins/{path}.cached.dds"
        if name not in self.names:
            name = next(
                n
                for e in (".png", ".dds", ".tga")
                if (n := f"art/textures/skins/{Path(path).with_suffix(e)}.cached.dds") in self.names
            )
        return self.once(name, lambda: Image.open(io.BytesIO(self.zip.read(name))).convert("RGBA"))

    def look(self, actor: str, random: np.random.Generator) -> Look:
        """One of the actor's looks: a variant of each group, later groups over earlier ones."""
        root = self.xml(f"actors/{actor}.xml")
        if root.tag == "qualitylevels":
            root = self._best_quality(root)
        look = Look(
            material=(root.findtext("material") or "default.xml").strip(), props={}, animations={}
        )
        for group in root.findall("group"):
            self._apply(_chosen(group, random), look)
        return look

    def _best_quality(self, root: ElementTree.Element) -> ElementTree.Element:
        inline = root.find("inline")
        return inline if inline is not None else next(root.iter("actor"))

    def _apply(self, variant: ElementTree.Element | None, look: Look) -> None:
        if variant is None:
            return
        if variant.get("file"):
            self._apply(self.xml(f"variants/{variant.get('file')}"), look)
        if variant.findtext("mesh"):
            look.mesh = variant.findtext("mesh").strip()
        for texture in variant.iterfind("textures/texture"):
            if texture.get("name") == "baseTex":
                look.texture = texture.get("file")
        colour = variant.findtext("color")
        if colour:
            look.colour = tuple(int(part) / 255 for part in colour.split()[:3])
        props: dict[str, list[str]] = {}
        for prop in variant.iterfind("props/prop"):
            props.setdefault(prop.get("attachpoint", "root"), []).append(prop.get("actor") or "")
        look.props.update(props)
        animations: dict[str, list[str]] = {}
        for animation in variant.iterfind("animations/animation"):
            if animation.get("file"):
                name = (animation.get("name") or "").lower()
                animations.setdefault(name, []).append(animation.get("file"))
        look.animations.update(animations)


def _compiled(folder: str, path: str, ending: str) -> str:
    """The archive's name of a compiled mesh or animation."""
    return f"art/{folder}/{Path(path).with_suffix('')}.dae.cached.{ending}"


def _chosen(group: ElementTree.Element, random: np.random.Generator) -> ElementTree.Element | None:
    """A variant of the group, by its frequencies; never a dead or destroyed one."""
    variants = [
        v
        for v in group.findall("variant")
        if not any(word in f"{v.get('name')} {v.get('file')}".lower() for word in UNWANTED_VARIANTS)
    ]
    if not variants:
        return None
    often = np.array([float(v.get("frequency") or 0) for v in variants])
    if often.sum() == 0:
        return variants[0]
    return variants[random.choice(len(variants), p=(often > 0) / (often > 0).sum())]


# ---------------------------------------------------------------- putting models together


@dataclass
class Part:
    """A textured piece in the game's frame: positions (N, 3), uv (N, 2), faces (M, 3)."""

    positions: np.ndarray
    uv: np.ndarray
    faces: np.ndarray
    texture: str
    material: str
    colour: tuple[float, float, float] | None


@dataclass
class Pose:
    """How the outermost actor stands: an animation file, or the names of its own that will do.

    time: which frame, 0..1; empty: patterns of the attach points that are left without props.
    """

    animation: str = ""
    own: tuple[str, ...] = ("idle",)
    time: float = 0.0
    empty: tuple[str, ...] = ()


def _posed(
    art: Art, look: Look, mesh: Mesh, pose: Pose, random: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """The mesh's positions (N, 3) and its bones (B, 4, 4) in the pose, or as they were modelled."""
    files = [pose.animation] if pose.animation else []
    for name in pose.own if not files else ():
        fitting = [key for key in look.animations if key.startswith(name)]
        files = files or [file for key in fitting for file in look.animations[key]]
    if not files or not len(mesh.rest):
        return mesh.positions, mesh.rest
    try:
        states = art.animation(files[random.integers(len(files))])
    except KeyError:
        return mesh.positions, mesh.rest
    if states.shape[1] != len(mesh.rest):
        return mesh.positions, mesh.rest
    bones = _matrices(states[int(pose.time * (len(states) - 1))])
    return _skinned(mesh, bones), bones


def _parts(
    art: Art, actor: str, frame: np.ndarray, random: np.random.Generator, pose: Pose, depth: int = 0
) -> Iterator[Part]:
    """The actor's mesh and, at its prop points, its props' meshes."""
    look = art.look(actor, random)
    if not look.mesh:
        return
    mesh = art.mesh(look.mesh)
    positions, bones = _posed(art, look, mesh, pose, random)
    if look.texture:
        moved = positions @ frame[:3, :3].T + frame[:3, 3]
        yield Part(moved, mesh.uv, mesh.faces, look.texture, look.material, look.colour)
    if depth > 4:
        return
    for point, props in look.props.items():
        if any(fnmatch(point, pattern) for pattern in pose.empty):
            continue
        if point not in mesh.points and point != "root":
            continue
        bone, offset = mesh.points.get(point, (NO_BONE, np.eye(4)))
        at = frame @ (bones[bone] if bone < len(bones) else np.eye(4)) @ offset
        for prop in props:
            torn = pose.animation and "cape" in prop  # capes move with the actor's own animations
            if prop and not torn and not any(word in prop.lower() for word in UNWANTED_PROPS):
                try:
                    yield from _parts(art, prop.removesuffix(".xml"), at, random, Pose(), depth + 1)
                except (KeyError, StopIteration):
                    continue  # a prop that the package does not hold


def _picture(art: Art, part: Part, box: tuple[float, ...], player: np.ndarray) -> np.ndarray:
    """(128, 128, 4) uint8 of the part's texture within box (left, top, right, bottom in 0..1).

    Alpha counts as transparency only for materials that say so; for others it is where the
    player's colour shines through, or nothing.
    """
    image = art.texture(part.texture)
    width, height = image.size
    corners = (box[0] * width, box[1] * height, box[2] * width, box[3] * height)
    piece = image.crop(tuple(round(corner) for corner in corners))
    if max(piece.size) > 2 * PICTURE_SIZE:
        piece = piece.reduce(max(piece.size) // (2 * PICTURE_SIZE))
    pixels = np.asarray(piece, np.float32).copy()
    alpha = pixels[..., 3:] / 255
    see_through = part.material.startswith(("basic_trans", "trans_", "alpha"))
    if part.material.startswith(("player", "object")):
        tint = player if part.material.startswith("player") or not part.colour else part.colour
        pixels[..., :3] *= alpha + (1 - alpha) * np.asarray(tint)
    premultiplied = pixels[..., :3] * alpha
    size = (PICTURE_SIZE, PICTURE_SIZE)

    def small(channel: np.ndarray) -> np.ndarray:
        picture = Image.fromarray(channel.astype(np.float32), "F")
        return np.asarray(picture.resize(size, Image.BOX))

    result = np.stack([small(pixels[..., k]) for k in range(4)], axis=2)
    if see_through:
        weight = result[..., 3:] / 255
        inked = np.stack([small(premultiplied[..., k]) for k in range(3)], axis=2)
        result[..., :3] = np.where(weight > 0.02, inked / np.maximum(weight, 0.02), result[..., :3])
    else:
        result[..., 3] = 255
    return np.clip(result + 0.5, 0, 255).astype(np.uint8)


def _cells(uv: np.ndarray, finest: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The cells of the texture in which triangles lie, so that large textures keep their detail.

    uv (M, 3, 2) moved to start in 0..1. Returns the cells' corners (M, 2) and sides (M,) as parts
    of the texture: the smallest of the sides 1, 1/2 .. 1/finest that holds
    the triangle; 1 for those that repeat the texture. Also the moved uv.
    """
    uv = uv - np.floor(uv.min(axis=1, keepdims=True) + 1e-3)
    low, high = uv.min(axis=1), uv.max(axis=1)
    corner, side = np.zeros((len(uv), 2)), np.ones(len(uv))
    parts = 2
    while parts <= finest:
        step = 1 / parts
        first = np.clip(np.floor((low - 0.002) / step) * step, 0, 1 - step)
        fits = ((high + 0.002 <= first + step) & (low >= first)).all(axis=1)
        corner[fits], side[fits] = first[fits], step
        parts *= 2
    return corner, side, uv


def _assembled(
    art: Art, parts: list[Part], name: str, group: str, finest: int, player: np.ndarray
) -> Model:
    """The parts as one model, still in the game's units."""
    starts = np.cumsum([0] + [len(part.positions) for part in parts])
    triangles, uvs, rows, materials = [], [], [], []
    for part, start in zip(parts, starts, strict=False):
        corner_uv = part.uv[part.faces]
        image = art.texture(part.texture)
        limit = min(finest, max(1, max(image.size) // PICTURE_SIZE))
        corner, side, moved = _cells(corner_uv, limit)
        keys, which = np.unique(
            np.concatenate([corner, side[:, None]], axis=1), axis=0, return_inverse=True
        )
        which = np.ravel(which)
        uvs.append((moved - corner[:, None]) / side[:, None, None])
        rows.append(which + len(materials))
        triangles.append(part.faces + start)
        for left, top, span in keys:
            box = (left, top, left + span, top + span)
            key = f"{part.texture} {part.material} {part.colour} {box} {player}"
            picture = art.once(key, partial(_picture, art, part, box, player))
            materials.append(Material(np.ones(3, np.float32), picture, 0.0))
    return Model(
        name,
        group,
        LICENCE,
        np.concatenate([part.positions for part in parts]).astype(np.float32),
        np.concatenate(triangles).astype(np.int32),
        np.concatenate(uvs).astype(np.float32),
        np.concatenate(rows).astype(np.int32),
        materials,
    )


def _placed(model: Model, scale: float, ground: bool) -> Model:
    """The model in metres on y = 0, centred.

    ground: the game's y = 0 is the ground, what lies below is cut off; otherwise the lowest
    vertex comes to stand on it.
    """
    points = model.vertices * scale
    if ground:
        keep = (points[model.triangles][:, :, 1] > 0.02).any(axis=1)
        points[:, 1] = np.maximum(points[:, 1], 0)
        model.triangles, model.uv = model.triangles[keep], model.uv[keep]
        model.material = model.material[keep]
    if not len(model.triangles):
        model.vertices = points[:0]
        return model
    used, rows = np.unique(model.triangles, return_inverse=True)
    model.triangles = rows.reshape(-1, 3).astype(np.int32)
    points = points[used]
    low, high = points.min(axis=0), points.max(axis=0)
    model.vertices = (points - [(low[0] + high[0]) / 2, low[1], (low[2] + high[2]) / 2]).astype(
        np.float32
    )
    return model


# ---------------------------------------------------------------- which models

PLAYERS = np.array(
    [
        (0.1, 0.25, 0.6),
        (0.55, 0.07, 0.07),
        (0.2, 0.4, 0.12),
        (0.85, 0.7, 0.2),
        (0.8, 0.78, 0.7),
        (0.35, 0.2, 0.12),
        (0.4, 0.15, 0.4),
        (0.75, 0.4, 0.12),
        (0.2, 0.2, 0.22),
    ]
)


@dataclass
class Wish:
    """Actors that we want: patterns, words that disqualify, and how to size them.

    scale: metres per unit of the game; height: the model is resized to lie within it, metres.
    draws: how many of an actor's variants to look for; most: how many models to keep.
    """

    group: str
    patterns: tuple[str, ...]
    without: tuple[str, ...] = ()
    scale: float = METRES_PER_UNIT
    height: tuple[float, float] = (0.0, 99.0)
    draws: int = 1
    most: int = 100
    finest: int = 1
    ground: bool = True


EYECANDY = "props/special/eyecandy/"
WISHES = (
    Wish(
        "tree",
        ("flora/trees/*", "props/flora/cypress_*"),
        (
            "_top",
            "_branches",
            "_needles",
            "_leaves",
            "branches",
            "grass",
            "fern",
            "bush",
            "test",
            "decal",
            "_fruit",
            "potted",
        ),
        0.5,
        (3.0, 14.0),
        3,
        115,
    ),
    Wish(
        "bush",
        ("props/flora/*", "flora/trees/*bush*", "flora/bushes/*", "fungi/*"),
        (
            "decal",
            "cypress",
            "fallen",
            "water",
            "lil",
            "flora/berries",
            "cliff",
            "branches",
            "log",
            "harvest",
            "leaves",
        ),
        METRES_PER_UNIT,
        (0.25, 2.2),
        1,
        100,
    ),
    Wish(
        "rock",
        ("geology/*",),
        ("decal", "water", "cliff", "shoreline"),
        METRES_PER_UNIT,
        (0.35, 3.0),
        2,
        60,
    ),
    Wish(
        "building",
        ("structures/*/*", "special/greek_stoa", "special/pers_ishtar_gate"),
        (
            "trireme",
            "bireme",
            "ship",
            "boat",
            "siege",
            "quinq",
            "sail",
            "dock",
            "fndn",
            "destruct",
            "plot",
            "wall_",
            "pentek",
            "rowboat",
            "skiff",
            "merchant",
            "crannog",
            "uffington",
            "fishing",
            "juggern",
            "ram",
            "bridge",
            "gate",
            "struct_b",
            "_decor",
            "_struct",
            "field",
            "wonder",
            "special/old",
            "construction",
            "pyramid",
            "warship",
            "hill",
            "fireship",
            "palisade",
            "corral",
        ),
        0.7,
        (3.5, 30.0),
        1,
        120,
        2,
    ),
    Wish(
        "outdoor",
        (
            EYECANDY + "*",
            "structures/*/wall_short",
            "structures/*/wall_medium",
            "temp/fence*",
            "structures/*/*corral",
            "props/special/palisade_rocks_s*",
            "props/special/palisade_rocks_tower",
            "structures/gravestone",
            "temp/statue_pers_bull",
            "props/structures/construction/fence_*",
            "props/structures/*/market_[ab]_stall*",
            "props/structures/*/kart_tc_stall*",
            "props/structures/celts/celt_tavern_table*",
            "props/structures/han/b*x",
            "props/structures/romans/rome_tent",
            "props/structures/kushites/statue_*",
            "props/structures/mercenaries/kush_nuba_camp_hay*",
            "props/structures/*/*_armorstand_wood",
        ),
        (
            "decal",
            "ground",
            "road",
            "puddle",
            "wave",
            "water_",
            "cart",
            "chariot",
            "basket",
            "vase",
            "amphor",
            "sack",
            "runway",
            "iceberg",
            "detail",
            "dead",
            "floating",
            "rope_bridge",
            "cypress",
            "colonnade",
            "shipwreck",
            "forest",
            "stick",
            "wood_s",
            "brick",
            "control_tower",
            "delimit",
            "temple_unf",
            "sword_heap",
            "_water",
            "wheel_laying",
            "table1_short",
            "anvil",
            "table_eyecandy",
            "iber_shields",
            "awning_wood_large",
            "kush_nuba_camp_pottery",
            "horns",
            "bridge",
        ),
        METRES_PER_UNIT,
        (0.3, 5.0),
        1,
        110,
        2,
    ),
    Wish(
        "cart",
        (
            EYECANDY + "*cart*",
            EYECANDY + "*chariot*",
            "props/special/wagon*",
            "props/structures/*/*_cart*",
            "units/*/siege_*",
            "units/*/trader_h",
            "props/structures/britons/workshop_chariot_0*",
        ),
        ("tower", "ladder", "broken", "scaf", "pivot", "persians/farmstead_cart"),
        METRES_PER_UNIT,
        (0.5, 5.0),
        1,
        30,
    ),
    Wish(
        "tabletop",
        (
            EYECANDY + "*basket*",
            EYECANDY + "*vase*",
            EYECANDY + "amphorae",
            EYECANDY + "*sack*",
            EYECANDY + "anvil",
            EYECANDY + "produce*",
            "props/structures/mercenaries/kush_nuba_camp_pottery*",
            "props/structures/celts/*barrel*",
            "props/structures/celts/*bucket*",
            "props/structures/*/*vases*",
            "props/structures/*/*baskets*",
        ),
        ("water", "building_05"),
        0.3,
        (0.12, 0.6),
        2,
        35,
        4,
    ),
    Wish(
        "tabletop",
        ("props/units/helmets/*",),
        ("crest", "plume", "feather"),
        0.45,
        (0.15, 0.45),
        1,
        24,
        1,
        False,
    ),
)

MEN = (
    "citizen/idle_relax_m",
    "citizen/idle_relax_m_a",
    "citizen/idle_relax_m_b",
    "citizen/walk_relax_m",
    "citizen/idle_relax_m_c",
    "gatherer/gather_wood",
    "citizen/idle_relax_m_d",
    "citizen/jog_m",
    "gatherer/idle_hoe_02",
    "citizen/idle_relax_m_e",
    "citizen/pray",
    "fisher/hele_idle_a",
    "citizen/idle_relax_m_f",
    "gatherer/carry_wood_m",
    "citizen/build",
    "citizen/idle_relax_m_g",
    "gatherer/farming",
    "citizen/walk_relax_m_aggresive",
    "citizen/idle_relax_m_h",
    "fisher/pers_idle_b",
    "gatherer/gather_meat",
    "citizen/idle_relax_m_i",
    "citizen/run",
    "citizen/idle_relax_m_k",
    "fisher/maur_idle_a",
    "gatherer/seeding",
    "citizen/idle_minister_01",
)
WOMEN = (
    "citizen/idle_relax_f",
    "citizen/walk_relax_f",
    "citizen/idle_relax_f_long",
    "gatherer/gather_fruit_f",
    "gatherer/idle_carry_grain_f",
    "citizen/idle_relax_f_short",
    "citizen/jog_f",
    "gatherer/farming",
    "gatherer/carry_meat_f",
    "citizen/pray",
    "gatherer/gather_berries",
    "citizen/build",
)


def models(packages: Path) -> Iterator[Model]:
    """The models of the unpacked Debian package 0ad-data (the folder that holds usr/)."""
    art = Art(packages)
    for wish in WISHES:
        yield from _wished(art, wish)
    yield from _animals(art)
    yield from _people(art)


def _random(*key: object) -> np.random.Generator:
    return np.random.default_rng(zlib.crc32(repr(key).encode()))


def _player(actor: str) -> np.ndarray:
    """The player's colour of an actor: one for all that a people builds."""
    return PLAYERS[_random(actor.split("/")[-2]).integers(len(PLAYERS))]


def _built(
    art: Art,
    actor: str,
    name: str,
    group: str,
    pose: Pose,
    finest: int,
    random: np.random.Generator,
    seen: set,
) -> Model | None:
    """The model in the game's units; None if it is empty, too large or was seen already."""
    try:
        parts = list(_parts(art, actor, np.eye(4), random, pose))
    except (KeyError, ValueError, StopIteration, RuntimeError):
        return None
    key = (pose.animation, *((part.texture, len(part.faces), part.uv.sum()) for part in parts))
    triangles = sum(len(part.faces) for part in parts)
    if key in seen or not 0 < triangles <= MAX_TRIANGLES:
        return None
    seen.add(key)
    player = _player(actor) if group != "person" else PLAYERS[random.integers(len(PLAYERS))]
    return _assembled(art, parts, name, group, finest, player)


def _fitted(model: Model, scale: float, height: tuple[float, float], ground: bool) -> Model | None:
    """The model on the ground in metres, resized so that its height lies within the limits."""
    model = _placed(model, scale, ground)
    if not len(model.vertices):
        return None
    size = model.vertices.max(axis=0) - model.vertices.min(axis=0)
    tall = max(size[1], 0.3 * max(size[0], size[2]))
    model.vertices *= np.float32(np.clip(tall, *height) / tall)
    return model if size[1] > 0.08 * max(size[0], size[2]) else None


def _wished(art: Art, wish: Wish) -> Iterator[Model]:
    """The wish's models: first one of every actor, then further variants."""
    actors = [a for a in art.actors(*wish.patterns) if not any(w in a for w in wish.without)]
    actors = list(_random(wish.patterns).permutation(actors))  # so that all peoples get their share
    seen: set = set()
    count = 0
    for draw in range(wish.draws):
        for actor in actors:
            if count >= wish.most:
                return
            name = f"0ad/{actor}/{draw}"
            random = _random(name)
            model = _built(art, actor, name, wish.group, Pose(time=0.2), wish.finest, random, seen)
            model = model and _fitted(model, wish.scale, wish.height, wish.ground)
            if model is not None:
                count += 1
                yield model


def _animals(art: Art, most: int = 95) -> Iterator[Model]:
    """Animals that stand, graze, walk and run; some horses with their riders."""
    unwanted = (
        "fish",
        "tuna",
        "shark",
        "whale",
        "dragon",
        "circle",
        "flaming",
        "crow",
        "hawk",
        "seagull",
        "horse_",
    )
    actors = [a for a in art.actors("fauna/*") if not any(w in a for w in unwanted)]
    actors += art.actors("fauna/horse_*")[::4]
    riders = art.actors("units/*/cavalry_*_b_m", "units/*/cavalry_*_e_m")[::3][:16]
    tasks = [(a, own) for own in (("idle", "feeding"), ("walk", "run")) for a in actors]
    tasks = [(a, ("idle", "walk")) for a in riders] + tasks
    seen: set = set()
    count = 0
    for actor, own in tasks:
        name = f"0ad/{actor}/{own[0]}"
        random = _random(name)
        pose = Pose(own=own, time=random.uniform())
        model = _built(
            art, actor, name, "animal", pose, 1, random, seen if own[0] != "walk" else set()
        )
        model = model and _placed(model, METRES_PER_UNIT, False)
        if model is not None and count < most:
            count += 1
            yield model


def _people(art: Art, most: int = 80) -> Iterator[Model]:
    """Women, men without arms and armed men, each in another pose."""
    women = art.actors("units/*/female_citizen", "units/*/*_f")
    men = art.actors("units/*/infantry_*_[abc]", "units/*/healer", "units/*/minister")
    soldiers = art.actors(
        "units/*/infantry_*_[abe]", "units/*/hero_infantry_*", "units/*/champion_*"
    )
    hands = ("weapon*", "shield*", "projectile", "ammo", "sheath*", "quiver*")
    tasks = [(a, WOMEN[k % len(WOMEN)], hands) for k, a in enumerate(women * 2)][:26]
    step = max(1, len(men) // 30)
    tasks += [(a, MEN[k % len(MEN)], hands) for k, a in enumerate(men[::step])][:30]
    step = max(1, len(soldiers) // 26)
    tasks += [(a, "", ()) for a in soldiers[1::step]][:26]
    for k, (actor, animation, empty) in enumerate(tasks[:most]):
        name = f"0ad/{actor}/{animation.split('/')[-1] or 'armed'}/{k}"
        random = _random(name)
        own = (("idle",), ("walk",), ("attack_melee", "attack_ranged", "idle"), ("run",))[k % 4]
        file = f"biped/{animation}.dae" if animation else ""
        pose = Pose(file, own, random.uniform(), empty)
        model = _built(art, actor, name, "person", pose, 1, random, set())
        if model is not None:
            yield _placed(model, 0.95 * METRES_PER_UNIT, False)
