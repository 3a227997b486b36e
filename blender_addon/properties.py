"""What the artist chooses. Defaults and ranges are those of `core.settings`.

No `from __future__ import annotations` here: Blender reads properties from annotations as values.
"""

from pathlib import Path
from zlib import crc32

import bpy
from bpy.props import (
    BoolProperty,
    EnumProperty,
    FloatProperty,
    IntProperty,
    PointerProperty,
    StringProperty,
)

from ..core.camera import DEFAULT_FOV
from ..core.depth.catalog import MODELS
from ..core.depthmap import DepthKind
from ..core.images import SUFFIXES
from ..core.settings import RANGES, Output, Settings
from . import ids, live, preferences

_DEFAULTS = Settings()

_HAS_RELATIVE = "is_path_supports_blend_relative" in bpy.types.StringProperty.bl_rna.properties
RELATIVE = {"PATH_SUPPORTS_BLEND_RELATIVE"} if _HAS_RELATIVE else set()
"""Of paths: they may begin with //, and Blenders that ask for it don't show that as a mistake."""

_BIGGEST_INT = 2**31 - 1

OUTPUTS = (
    (
        Output.MESH.name,
        "Mesh",
        "A surface with the photo on it, cut where the depth jumps",
        "MESH_DATA",
        1,
    ),
    (
        Output.POINTS.name,
        "Points",
        "A point for every pixel, with its colour",
        "POINTCLOUD_DATA",
        2,
    ),
    (
        Output.LAYERS.name,
        "Layers",
        "The mesh, and behind it the background that it hides, for a moving camera",
        "RENDERLAYERS",
        8,
    ),
    (
        Output.RELIEF.name,
        "Relief",
        "A grid that Geometry Nodes displace live by the depth image",
        "MOD_DISPLACE",
        4,
    ),
)

_DEPTH_KINDS = (
    ("FILE", "As the File Says", "What an NPZ of Unflat says of itself, metres for other files"),
    (DepthKind.METRES.name, "Metres", "Distances; whole numbers are millimetres"),
    (DepthKind.RELATIVE.name, "Relative", "Distances in no known unit, larger is farther"),
    (DepthKind.INVERSE.name, "Inverse Depth", "Nearness in no known unit, larger is nearer"),
)

FIT_CHOICES = (
    (
        "AUTO",
        "In a Fresh Scene",
        "Look through the photo's camera if the scene holds nothing but Blender's startup objects",
    ),
    ("ALWAYS", "Always", "Look through the photo's camera after every photo"),
    ("NEVER", "Never", "Leave the scene's camera, render size and colours as they are"),
)


def _number(model: str) -> int:
    """What .blend files keep of a model's id: it must not change with the catalogue."""
    return crc32(model.encode()) & _BIGGEST_INT


_MODELS = tuple(
    (card.id, card.title, f"{card.source}. Licence: {card.licence}", _number(card.id))
    for card in MODELS
)
"""Blender keeps no strings of a list that a function makes, so they are kept here."""


def _models(
    self: bpy.types.PropertyGroup, context: bpy.types.Context | None
) -> list[tuple[str, str, str, int]]:
    """Those that may be used commercially, unless others are asked for or chosen already."""
    everything = preferences.current().non_commercial
    chosen = self.get("model")
    return [
        item
        for item, card in zip(_MODELS, MODELS, strict=True)
        if everything or card.commercial or item[-1] == chosen
    ]


def _changed(self: bpy.types.PropertyGroup, context: bpy.types.Context) -> None:
    """Blender calls it when a value was set, by whomever."""
    if isinstance(self.id_data, bpy.types.Collection):
        live.changed(self.id_data)


class Shape:
    """Properties that may change after a photo has been built."""

    near_far_ratio: FloatProperty(
        name="Near to Far",
        description="How many times farther the farthest pixel is than the nearest, "
        "for models that don't know distances",
        default=_DEFAULTS.near_far_ratio,
        min=RANGES["near_far_ratio"][0],
        max=RANGES["near_far_ratio"][1],
        soft_max=50.0,
        update=_changed,
        options={"SKIP_SAVE"},
    )
    edge_ratio: FloatProperty(
        name="Edge Cut",
        description="Neighbours whose distances differ by more than this ratio are cut apart; "
        "lower cuts more",
        default=_DEFAULTS.edge_ratio,
        min=RANGES["edge_ratio"][0],
        max=RANGES["edge_ratio"][1],
        soft_max=2.0,
        precision=3,
        step=1,
        update=_changed,
        options={"SKIP_SAVE"},
    )
    max_error: FloatProperty(
        name="Max Error",
        description="How far the mesh may be off the depth, as a share of the distance; "
        "larger makes it lighter",
        default=_DEFAULTS.max_error,
        min=RANGES["max_error"][0],
        max=RANGES["max_error"][1],
        soft_min=0.0001,
        soft_max=0.05,
        precision=4,
        step=0.1,
        update=_changed,
        options={"SKIP_SAVE"},
    )
    max_faces: IntProperty(
        name="Max Faces",
        description="The mesh has at most this many triangles",
        default=_DEFAULTS.max_faces,
        min=int(RANGES["max_faces"][0]),
        max=min(int(RANGES["max_faces"][1]), _BIGGEST_INT),
        soft_min=1000,
        step=10_000,
        update=_changed,
        options={"SKIP_SAVE"},
    )


class Choices(Shape):
    """Properties shared by the scene's settings and the operator."""

    outputs: EnumProperty(
        name="Outputs",
        description="What to build from the photo",
        items=OUTPUTS,
        default={output.name for output in _DEFAULTS.outputs},
        options={"ENUM_FLAG", "SKIP_SAVE"},
    )
    fov: FloatProperty(
        name="Field of View",
        description="Degrees that the photo shows from its left edge to its right edge",
        default=DEFAULT_FOV,
        min=RANGES["fov"][0],
        max=RANGES["fov"][1],
        precision=1,
        step=100,
        options={"SKIP_SAVE"},
    )
    tiles: IntProperty(
        name="Tiles",
        description="Across and down, that the model looks at besides the whole photo, for more "
        "detail; takes longer",
        default=_DEFAULTS.tiles,
        min=int(RANGES["tiles"][0]),
        max=int(RANGES["tiles"][1]),
        options={"SKIP_SAVE"},
    )
    level: BoolProperty(
        name="Level Floor",
        description="Find the floor in the photo, and lay it flat on the scene's ground",
        default=_DEFAULTS.level,
        options={"SKIP_SAVE"},
    )
    depth_filepath: StringProperty(
        name="Depth Map",
        description="A depth map of the photo's size to use instead of a model: "
        "PNG, TIFF, EXR, NPZ or NPY",
        subtype="FILE_PATH",
        options={"SKIP_SAVE"} | RELATIVE,
    )
    depth_kind: EnumProperty(
        name="Holds",
        description="What the numbers of the depth map mean",
        items=_DEPTH_KINDS,
        options={"SKIP_SAVE"},
    )
    camera_filepath: StringProperty(
        name="Camera",
        description="A camera.json with the photo's known intrinsics; "
        "it goes before the field of view",
        subtype="FILE_PATH",
        options={"SKIP_SAVE"} | RELATIVE,
    )
    fit_render: EnumProperty(
        name="Look Through",
        description="When to make the photo's camera the scene's camera, "
        "with the photo's size and true colours",
        items=FIT_CHOICES,
        options={"SKIP_SAVE"},
    )


class UNFLAT_PG_shape(Shape, bpy.types.PropertyGroup):
    """What the sidebar shows of a photo in the scene; a change has its shapes made again."""


class UNFLAT_PG_settings(Choices, bpy.types.PropertyGroup):
    """What the sidebar shows, saved with the scene."""

    photo: StringProperty(
        name="Photo",
        description="The photo to turn into a scene: " + ", ".join(s[1:].upper() for s in SUFFIXES),
        subtype="FILE_PATH",
        options=RELATIVE,
    )
    model: EnumProperty(
        name="Model",
        description="What estimates the depth of the photo",
        items=_models,
        default=_number(_DEFAULTS.model),
    )
    use_fov: BoolProperty(
        name="Set Field of View",
        description="Use this field of view instead of what the photo file or the model says",
        default=False,
    )


def absolute(path: str) -> Path | None:
    """A path as typed by the artist, // and ~ resolved; None if empty."""
    return Path(bpy.path.abspath(path)).expanduser() if path.strip() else None


def attach() -> None:
    setattr(bpy.types.Collection, ids.SETTINGS, PointerProperty(type=UNFLAT_PG_shape))
    setattr(bpy.types.Scene, ids.SETTINGS, PointerProperty(type=UNFLAT_PG_settings))


def detach() -> None:
    delattr(bpy.types.Collection, ids.SETTINGS)
    delattr(bpy.types.Scene, ids.SETTINGS)


CLASSES = (UNFLAT_PG_shape, UNFLAT_PG_settings)
