"""Furniture of Debian's package sweethome3d-furniture: five zipped catalogues of OBJ models.

From the repository root: python -m training.library.sweethome <unpacked package> <library folder>
"""

import argparse
import io
import posixpath
import re
import zipfile
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from training.library import wavefront
from training.library.store import PICTURE_SIZE, Material, Model, save_models

FOLDER = Path("usr/share/sweethome3d/furniture")
CATALOGUE = "PluginFurnitureCatalog.properties"
LICENCES = {
    "BlendSwap-CC-0": "CC0",
    "BlendSwap-CC-BY": "CC-BY-3.0",
    "Scopia": "CC-BY-3.0",
    "KatorLegaz": "CC-BY-3.0-US",
    "Reallusion": "CC-BY-3.0-US",
}
MOST_TRIANGLES = 60_000
MOST_FACES = 200_000  # of a tree or plant: its leaves are thinned
THINNED = {"tree", "plant"}
THINNED_TO = 50_000  # triangles, about
BLOCK = 32  # neighbouring triangles that are kept or left together
SMALLEST = 0.04  # metres: what is smaller in all directions is left out
GLASS = 0.5  # opacity below which a plain material lets the rays pass
SMALL = 0.6  # metres: what is smaller stands on tables, unless a rule below says otherwise

# The first rule whose pattern is found in "category|name|id" (lower case) gives the group.
LEFT_OUT = "left out"
RULES: list[tuple[str, str]] = [
    (
        LEFT_OUT,
        r"-whites|#rounded-|#square-|wall.?(double.?)?socket|fleche|stationnement|passage-pieton"
        r"|swimming-pool|elevator|billet|bague|#robe|blouson|#jupe|pantalon|#short|chaussette"
        r"|walllight|porch-light|wall-spotlight|wall-lamp|concrete-sidewalk|#rails|smoke-detector"
        r"|contemp_living_room|dispenser|tissue|towel rack|shower head|wall-hanger|intercom|cctv"
        r"|entry-bell|surveillance|letters_box|garden-faucet|hose-reel|hanger|diving-board"
        r"|bedroom.*(suit|hanging)|numberlock|towel2?$|showerdoor|shower curtain|#ruler|hood\|"
        r"|internal-unity|outdoorlamp|kitchentools|poplar",
    ),
    ("other", r"lying|carpet|rug$|tatami|doormat|bathmat|air-mattress|sleepingbag|clothes-horse"),
    ("other", r"dustbin|recycling|potty|skateboard|abdominal|treadmill|whiteboard|-basket"),
    ("person_sitting", r"characters\|sitting"),
    ("animal", r"^characters.*(horse|bulldog|siamese|#cat|#dog|rabbit|chicken)"),
    ("person", r"^characters"),
    ("tabletop", r"com_bath2?(_|$)|com_bath3_toalla|flashlight|candle|#complements2|camping ?lamp"),
    ("tabletop", r"japaneselantern|led_tv|aquarium|#frame[12]|#stove$|small-oven|cooktop|midi"),
    ("tabletop", r"tennis bat"),
    ("bathroom", r"^bathroom\|.*(basin|bath|toilets|bidet|urinal|vanity|lavatory|shower|radiator)"),
    ("door_window", r"^doors|window.?blind|#curtain"),
    ("staircase", r"^staircases"),
    ("vehicle", r"^vehicles|motorbike|wheelchair|rowboat|wheelbarrow|#mower"),
    ("ceiling_lamp", r"^lights.*(hanging|chandelier|ceiling|pendant|fluorescent|track)|ceilingfan"),
    ("outdoor", r"^lights.*(street|park|lamppost|outdoor)|rock[123]|tent$|goal"),
    ("outdoor", r"^exterior\|bench"),
    ("floor_lamp", r"^lights.*living_lamp"),
    ("table_lamp", r"^lights"),
    ("tree", r"christmas_tree"),
    ("plant", r"christmas tree|flower.?box|plant.?box|bonsai|living.*(bamboo|ficus|maceta)"),
    (
        "tree",
        r"^exterior.*(acacia|bamboo|pine|coconut|beech|cypress|ficus|maple|palm|blossom"
        r"|hedge|bush)",
    ),
    ("plant", r"plant|cactus|tulip|lily|orchid|yucca|spathi|succulent|flowers|augalas"),
    ("table", r"table tennis|football table|pool.?table|workbench|tablewithtablecloth"),
    ("instrument", r"piano\||guitar|xylophone"),
    ("bed", r"\|.*\bbed\||\b(crib|futon)\||mezzanine|bz-opened"),
    ("picture", r"wall-flat|dart_game|emergency|cuckoo"),
    ("sofa", r"sofa|couch"),
    ("armchair", r"armchair|relax ?chair|deck.?chair|beach.?chair|pool ?lounge|chair_deck"),
    ("armchair", r"mid-century-chair|ext_chair"),
    ("cupboard", r"tv ?stand|cabinet|wardrobe|bookcase|shelves|shelving|dresser|kitchensink"),
    ("cupboard", r"cupboard|fridge|refrigerator|oven|chest\||freezer|office_box|box_room|safe"),
    ("table", r"(desk|table)s?\||desk table|island|trestles|feet"),
    ("chair", r"chair|stool|class ?seat|bench\|.*#(bench|pianobench)$|puff|silla"),
    ("appliance", r"radiator|washing|dryer|heater|furnace|stove\||air condition|water.?cooler"),
    ("appliance", r"flipper|coffee machine|fireplace"),
    ("outdoor", r"barrel|bank|fence|railing|hydrant|trash|pallet|lantern|chimney|#cone|snowman"),
    ("outdoor", r"shippingcontainer|logs|step.?ladder"),
]


@dataclass
class Entry:
    """A model of a catalogue. size: (3,) metres, right, up, forth; rotation: (3, 3)."""

    source: str
    identity: str
    name: str
    category: str
    path: str
    size: np.ndarray
    rotation: np.ndarray


def models(packages: Path) -> Iterator[Model]:
    """The models of the catalogues below the folder of an unpacked package."""
    for source in LICENCES:
        archive = packages / FOLDER / f"{source}.sh3f"
        if archive.exists():
            with zipfile.ZipFile(archive) as files:
                for entry in catalogue(files.read(CATALOGUE).decode("latin-1"), source):
                    model = _model(entry, files)
                    if model is not None:
                        yield model


def catalogue(text: str, source: str) -> list[Entry]:
    """The models that a catalogue's properties describe."""
    rows: dict[str, dict[str, str]] = defaultdict(dict)
    for key, number, value in re.findall(r"^(\w+)#(\d+)\s*=\s*(.*?)\s*$", text, re.MULTILINE):
        rows[number][key] = value
    return [_entry(row, source) for row in rows.values() if {"id", "model", "width"} <= set(row)]


def _entry(row: dict[str, str], source: str) -> Entry:
    rotation = np.array(row.get("modelRotation", "1 0 0 0 1 0 0 0 1").split(), dtype=np.float64)
    return Entry(
        source,
        row["id"].split("#")[-1],
        row.get("name", ""),
        row.get("category", ""),
        row["model"].lstrip("/"),
        np.array([float(row[key]) / 100 for key in ("width", "height", "depth")]),
        rotation.reshape(3, 3),
    )


def group_of(entry: Entry) -> str:
    """The group of a model, from its catalogue entry."""
    words = f"{entry.category}|{entry.name}|#{entry.identity}".lower()
    for group, pattern in RULES:
        if re.search(pattern, words):
            return group
    if entry.size.max() < SMALL:
        return "tabletop"
    return {"exterior": "outdoor", "bathroom": "bathroom"}.get(entry.category.lower(), "other")


def _model(entry: Entry, files: zipfile.ZipFile) -> Model | None:
    """The model of an entry; None where it is left out."""
    group = group_of(entry)
    if group == LEFT_OUT or entry.size.max() < SMALLEST:
        return None
    data = _read(files, entry.path)
    most = MOST_FACES if group in THINNED else MOST_TRIANGLES
    if data is None or wavefront.count_faces(data) > most:
        return None
    mesh = wavefront.read_mesh(data)
    kept = _thinned(mesh.material) if group in THINNED else np.ones(len(mesh.triangles), bool)
    if not 0 < kept.sum() <= MOST_TRIANGLES:
        return None
    folder = posixpath.dirname(entry.path)
    finishes = _finishes(mesh, folder, files)
    vertices = _placed(mesh, entry)
    if group != "table":  # a table keeps its top even if it is of glass
        kept &= ~np.array([_is_glass(finish) for finish in finishes])[mesh.material]
    corners = vertices[mesh.triangles]
    area = np.linalg.norm(
        np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0]), axis=1
    )
    kept &= area > 1e-10
    if kept.sum() < 4:
        return None
    return _assembled(entry, group, mesh, vertices, kept, finishes, folder, files)


def _thinned(material: np.ndarray) -> np.ndarray:
    """(M,) bool, the triangles to keep of materials (M,): at most a fixed number, fewer leaves.

    The materials with the most triangles, the leaves, lose some; the small ones stay whole.
    """
    if len(material) <= MOST_TRIANGLES:
        return np.ones(len(material), bool)
    counts = np.bincount(material)
    limit = MOST_TRIANGLES  # of triangles per material, so that the sum fits
    while np.minimum(counts, limit).sum() > THINNED_TO:
        limit = int(limit * 0.95)
    share = np.minimum(1, limit / np.maximum(counts, 1))
    blocks = np.random.default_rng(len(material)).random(len(material) // BLOCK + 1)
    return np.repeat(blocks, BLOCK)[: len(material)] < share[material]


def _assembled(
    entry: Entry,
    group: str,
    mesh: wavefront.Mesh,
    vertices: np.ndarray,
    kept: np.ndarray,
    finishes: list[wavefront.Finish],
    folder: str,
    files: zipfile.ZipFile,
) -> Model:
    """The model of the triangles kept (M,) bool, without vertices and materials of the others."""
    used, triangles = np.unique(mesh.triangles[kept], return_inverse=True)
    rows, material = np.unique(mesh.material[kept], return_inverse=True)
    corners = mesh.corners[kept]
    has_uv = (corners >= 0).all(axis=1)
    uv = np.zeros((*corners.shape, 2), np.float32)
    uv[has_uv] = mesh.uv[corners[has_uv]] * (1, -1) + (0, 1)
    uv = np.nan_to_num(uv, posinf=0, neginf=0)
    material = material.reshape(-1)
    mapped = [bool(has_uv[material == k].mean() > 0.5) for k in range(len(rows))]
    materials = [
        _material(finishes[row], is_mapped, folder, files)
        for row, is_mapped in zip(rows, mapped, strict=True)
    ]
    uv[np.array([material.picture is None for material in materials])[material]] = 0
    return Model(
        f"{entry.source}/{entry.identity}",
        group,
        LICENCES[entry.source],
        _on_the_ground(vertices[used]).astype(np.float32),
        triangles.reshape(-1, 3).astype(np.int32),
        uv,
        material.astype(np.int32),
        materials,
    )


def _placed(mesh: wavefront.Mesh, entry: Entry) -> np.ndarray:
    """(N, 3) vertices in metres, of the catalogue's size, front towards -z (left-handed)."""
    vertices = mesh.vertices.astype(np.float64) @ entry.rotation.T
    used = vertices[np.unique(mesh.triangles)]
    low, high = used.min(axis=0), used.max(axis=0)
    extent = np.where(high - low > 1e-9, high - low, 1)
    return (vertices - (low + high) / 2) / extent * entry.size * (1, 1, -1)


def _on_the_ground(vertices: np.ndarray) -> np.ndarray:
    low, high = vertices.min(axis=0), vertices.max(axis=0)
    return vertices - ((low[0] + high[0]) / 2, low[1], (low[2] + high[2]) / 2)


def _finishes(mesh: wavefront.Mesh, folder: str, files: zipfile.ZipFile) -> list[wavefront.Finish]:
    """The finish of each of the mesh's material names; a plain one where it is not to be found."""
    found: dict[str, wavefront.Finish] = {}
    for library in mesh.libraries:
        for name in (library, *library.split()):
            found |= wavefront.read_materials(_read(files, f"{folder}/{name}") or b"")
    return [found.get(name, wavefront.Finish()) for name in mesh.names]


def _is_glass(finish: wavefront.Finish) -> bool:
    return finish.opacity < GLASS and finish.picture is None


def _material(
    finish: wavefront.Finish, mapped: bool, folder: str, files: zipfile.ZipFile
) -> Material:
    """The material of a finish; without coordinates the picture's mean takes its place."""
    picture = _picture(finish, folder, files)
    colour = np.clip(finish.diffuse, 0, 1)
    if picture is not None:
        brightest = colour.max()
        colour = colour / brightest if brightest > 0.05 else np.ones(3)
        if not mapped:
            colour = colour * picture[..., :3].mean(axis=(0, 1)) / 255
            picture = None
    linear = np.clip(colour**2.2, 0.01, 1 if picture is not None else 0.9)
    sharpness = np.clip(finish.shininess / 100, 0, 1)
    gloss = float(np.clip(finish.specular.mean() * sharpness * 0.6, 0, 0.8))
    return Material(linear.astype(np.float32), picture, gloss)


def _picture(finish: wavefront.Finish, folder: str, files: zipfile.ZipFile) -> np.ndarray | None:
    """(128, 128, 4) uint8, the picture of a finish with its mask as alpha."""
    picture = _image(finish.picture, folder, files)
    if picture is None:
        return None
    mask = _image(finish.mask, folder, files)
    if mask is not None and finish.mask != finish.picture:
        grey = mask.getchannel("A")
        picture.putalpha(grey if grey.getextrema()[0] < 255 else mask.convert("L"))
    return np.array(picture)


def _image(name: str | None, folder: str, files: zipfile.ZipFile) -> Image.Image | None:
    """A picture of the archive as RGBA, even where its name has the author's folders before it."""
    if not name:
        return None
    for alike in (name, posixpath.basename(name), name.split()[-1]):
        data = _read(files, f"{folder}/{alike}")
        if data is not None:
            break
    else:
        return None
    try:
        with Image.open(io.BytesIO(data)) as image:
            return image.convert("RGBA").resize((PICTURE_SIZE,) * 2, Image.Resampling.BOX)
    except (OSError, ValueError):
        return None


def _read(files: zipfile.ZipFile, path: str) -> bytes | None:
    """A file of the archive; upper and lower case are alike where the exact name is missing."""
    path = posixpath.normpath(path)
    if path not in files.NameToInfo:
        alike = [name for name in files.NameToInfo if name.lower() == path.lower()]
        if not alike:
            return None
        path = alike[0]
    return files.read(path)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("packages", type=Path, help="the folder that the package was unpacked in")
    parser.add_argument("library", type=Path, help="the library folder to write to")
    arguments = parser.parse_args()
    save_models(arguments.library / "models_sweethome.npz", models(arguments.packages))


if __name__ == "__main__":
    main()
