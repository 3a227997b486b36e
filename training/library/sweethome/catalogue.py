"""What a catalogue says about its models, and the group that this makes of each."""

from __future__ import annotations

import re
from collections import defaultdict
from dataclasses import dataclass

import numpy as np

LEFT_OUT = "left out"
_SMALL = 0.6  # metres: what is smaller stands on tables, unless a rule below says otherwise

# The first rule whose pattern is found in "category|name|#id" (lower case) gives the group.
_RULES = [
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
    """A model of a catalogue.

    path: of its OBJ file in the archive.
    size: (3,) metres, to the right, up and forth, of the model after its rotation (3, 3).
    """

    identity: str
    name: str
    category: str
    path: str
    size: np.ndarray
    rotation: np.ndarray


def read_catalogue(text: str) -> list[Entry]:
    """The models that a catalogue's properties describe."""
    rows: dict[str, dict[str, str]] = defaultdict(dict)
    for key, number, value in re.findall(r"^(\w+)#(\d+)\s*=\s*(.*?)\s*$", text, re.MULTILINE):
        rows[number][key] = value
    return [_entry(row) for row in rows.values() if {"id", "model", "width"} <= set(row)]


def _entry(row: dict[str, str]) -> Entry:
    rotation = np.array(row.get("modelRotation", "1 0 0 0 1 0 0 0 1").split(), np.float64)
    return Entry(
        row["id"].split("#")[-1],
        row.get("name", ""),
        row.get("category", ""),
        row["model"].lstrip("/"),
        np.array([float(row[key]) / 100 for key in ("width", "height", "depth")]),
        rotation.reshape(3, 3),
    )


def group_of(entry: Entry) -> str:
    """The group of a model; LEFT_OUT for what no photo shows, or not as a thing of its own."""
    words = f"{entry.category}|{entry.name}|#{entry.identity}".lower()
    for group, pattern in _RULES:
        if re.search(pattern, words):
            return group
    if entry.size.max() < _SMALL:
        return "tabletop"
    return {"exterior": "outdoor", "bathroom": "bathroom"}.get(entry.category.lower(), "other")
