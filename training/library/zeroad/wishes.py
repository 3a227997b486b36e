"""What we take from the game: which actors and poses, how large and how many of them."""

from __future__ import annotations

from dataclasses import dataclass

from .skins import Colour

METRES = 0.43  # for each of the game's units; a man is about 4 units tall

PLAYERS: tuple[Colour, ...] = (
    (0.1, 0.25, 0.6), (0.55, 0.07, 0.07), (0.2, 0.4, 0.12), (0.85, 0.7, 0.2), (0.8, 0.78, 0.7),
    (0.35, 0.2, 0.12), (0.4, 0.15, 0.4), (0.75, 0.4, 0.12), (0.2, 0.2, 0.22),
)  # fmt: skip


@dataclass
class Wish:
    """Things that we want.

    actors: file patterns; without: a pattern that disqualifies.
    most: how many models to keep; draws: how many variants of an actor to look for.
    scale: metres for each unit; height: the model is resized to lie within, metres.
    finest: see `assembled`; sunk: see `placed`.
    """

    group: str
    actors: str
    without: str
    most: int
    height: tuple[float, float]
    scale: float = METRES
    draws: int = 1
    finest: int = 1
    sunk: bool = True


_EYE = "props/special/eyecandy"
WISHES = (
    Wish(
        "tree",
        "flora/trees/* props/flora/cypress_*",
        "_top|_needles|_leaves|branches|grass|fern|bush|test|decal|_fruit|potted",
        most=115,
        height=(3.0, 14.0),
        scale=0.5,
        draws=3,
    ),
    Wish(
        "bush",
        "props/flora/* flora/trees/*bush* flora/bushes/* fungi/*",
        "decal|cypress|fallen|water|lil|flora/berries|cliff|branches|log|harvest|leaves",
        most=100,
        height=(0.25, 2.2),
    ),
    Wish(
        "rock",
        "geology/*",
        "decal|water|cliff|shoreline",
        most=60,
        height=(0.35, 3.0),
        draws=2,
    ),
    Wish(
        "building",
        "structures/*/* special/greek_stoa special/pers_ishtar_gate",
        "trireme|bireme|ship|boat|siege|quinq|sail|dock|fndn|destruct|plot|wall_|pentek|skiff"
        "|merchant|crannog|uffington|fishing|juggern|ram|bridge|gate|struct_b|_decor|_struct|field"
        "|wonder|special/old|construction|pyramid|hill|palisade|corral",
        most=120,
        height=(3.5, 30.0),
        scale=0.7,
        finest=2,
    ),
    Wish(
        "outdoor",
        f"{_EYE}/* structures/*/wall_short structures/*/wall_medium temp/fence*"
        " structures/*/*corral props/special/palisade_rocks_s*"
        " props/special/palisade_rocks_tower structures/gravestone temp/statue_pers_bull"
        " props/structures/construction/fence_* props/structures/*/market_[ab]_stall*"
        " props/structures/*/kart_tc_stall* props/structures/celts/celt_tavern_table*"
        " props/structures/han/b*x props/structures/romans/rome_tent"
        " props/structures/kushites/statue_* props/structures/mercenaries/kush_nuba_camp_hay*"
        " props/structures/*/*_armorstand_wood",
        "decal|ground|road|puddle|wave|water_|cart|chariot|basket|vase|amphor|sack|runway|iceberg"
        "|detail|dead|floating|cypress|colonnade|shipwreck|forest|stick|wood_s|brick|control_tower"
        "|delimit|temple_unf|sword_heap|_water|wheel_laying|table1_short|anvil|table_eyecandy"
        "|iber_shields|awning_wood_large|kush_nuba_camp_pottery|horns|bridge",
        most=110,
        height=(0.3, 5.0),
        finest=2,
    ),
    Wish(
        "cart",
        f"{_EYE}/*cart* {_EYE}/*chariot* props/special/wagon* props/structures/*/*_cart*"
        " units/*/siege_* units/*/trader_h props/structures/britons/workshop_chariot_0*",
        "tower|ladder|broken|scaf|pivot|persians/farmstead_cart",
        most=30,
        height=(0.5, 5.0),
    ),
    Wish(
        "tabletop",
        f"{_EYE}/*basket* {_EYE}/*vase* {_EYE}/amphorae {_EYE}/*sack* {_EYE}/anvil {_EYE}/produce*"
        " props/structures/mercenaries/kush_nuba_camp_pottery* props/structures/celts/*barrel*"
        " props/structures/celts/*bucket* props/structures/*/*vases* props/structures/*/*baskets*",
        "water|building_05",
        most=35,
        height=(0.12, 0.6),
        scale=0.3,
        draws=2,
        finest=4,
    ),
    Wish(
        "tabletop",
        "props/units/helmets/*",
        "crest|plume|feather",
        most=24,
        height=(0.15, 0.45),
        scale=0.45,
        sunk=False,
    ),
)

NO_ANIMALS = "fish|tuna|shark|whale|dragon|circle|flaming|crow|hawk|seagull|horse_"

# Animations of bipeds; the armed have their own.
MEN = (
    "citizen/idle_relax_m citizen/idle_relax_m_a citizen/idle_relax_m_b citizen/walk_relax_m"
    " citizen/idle_relax_m_c gatherer/gather_wood citizen/idle_relax_m_d citizen/jog_m"
    " gatherer/idle_hoe_02 citizen/idle_relax_m_e citizen/pray fisher/hele_idle_a"
    " citizen/idle_relax_m_f gatherer/carry_wood_m citizen/build citizen/idle_relax_m_g"
    " gatherer/farming citizen/walk_relax_m_aggresive citizen/idle_relax_m_h fisher/pers_idle_b"
    " gatherer/gather_meat citizen/idle_relax_m_i citizen/run citizen/idle_relax_m_k"
    " fisher/maur_idle_a gatherer/seeding citizen/idle_minister_01"
)
WOMEN = (
    "citizen/idle_relax_f citizen/walk_relax_f citizen/idle_relax_f_long gatherer/gather_fruit_f"
    " gatherer/idle_carry_grain_f citizen/idle_relax_f_short citizen/jog_f gatherer/farming"
    " gatherer/carry_meat_f citizen/pray gatherer/gather_berries citizen/build"
)
ARMED = (("idle",), ("walk",), ("attack_melee", "attack_ranged", "idle"), ("run",))
HANDS = ("weapon*", "shield*", "projectile", "ammo", "sheath*", "quiver*")  # attach points
