"""One collection per photo: a root to move the whole by, and where it came from."""

from __future__ import annotations

import json

import bpy
from mathutils import Matrix

from ...core import __version__, frames
from ...core.depth import catalog
from ...core.pipeline import USER_DEPTH, Result
from .. import ids

EYE_HEIGHT = 1.6
"""Metres of the photo's camera above the root, so that the root stands on the photo's ground,
where no floor was found."""

_LONGEST_NAME = 40
"""Bytes; Blender 4 cuts names at 63, and " Depth Detail" and ".001" come after."""

PHOTO, KIND = "unflat_photo", "unflat_kind"
"""Custom properties: the photo's path, on the collection; "Mesh" and so on, on an object."""

SURFACES = ("Mesh", "Background", "Relief", "Points")
"""Kinds of objects that show the photo; all but the background fill the same space."""

PHOTO_IMAGE, DEPTH_IMAGE = "unflat_photo_image", "unflat_depth_image"
BACKGROUND_IMAGE = "unflat_background_image"
CAMERA, SPAN, MADE_WITH = "unflat_camera", "unflat_span", "unflat_settings"
DEPTH_KIND, SOURCE_KIND = "unflat_depth_kind", "unflat_source_kind"
"""Custom properties of the collection from which its shapes can be made again."""

MARK = "unflat_version"
"""Custom property that every collection and object of ours carries."""


class Home:
    """The collection of one photo while it is being built."""

    def __init__(self, scene: bpy.types.Scene, result: Result) -> None:
        self.scene = scene
        self.collection = bpy.data.collections.new(datablock_name(result.photo.name))
        self.name: str = self.collection.name
        scene.collection.children.link(self.collection)
        _describe(self.collection, result)
        self._hidden: list[bpy.types.Object] = []
        self.root = bpy.data.objects.new(self.name, None)
        self.root.empty_display_size = 0.5
        self.root.location = scene.cursor.location
        self._stand = (
            Matrix.Translation((0, 0, EYE_HEIGHT))
            if result.pose is None
            else Matrix(frames.stand_in_blender(result.pose))
        )
        self._link(self.root)

    def add(self, kind: str, data: bpy.types.ID, turn: Matrix | None = None) -> bpy.types.Object:
        """A new object, named after the photo and its kind, with the photo's camera as its origin.

        Its axes are those of `frames.to_blender`, before an own `turn` (4, 4).
        """
        thing = bpy.data.objects.new(f"{self.name} {kind}", data)
        thing[KIND] = kind
        thing.parent = self.root
        thing.matrix_basis = self._stand @ (turn or Matrix())
        self._link(thing)
        return thing

    def hide(self, thing: bpy.types.Object) -> None:
        """Build the object but do not show it: the eye and the camera in the outliner are off."""
        thing.hide_render = True
        self._hidden.append(thing)

    def finish(self) -> None:
        """Last step: what needs the objects to be known to the view layers."""
        for layer in self.scene.view_layers:
            for thing in self._hidden:
                thing.hide_set(True, view_layer=layer)

    def _link(self, thing: bpy.types.Object) -> None:
        thing[MARK] = __version__
        self.collection.objects.link(thing)


def datablock_name(text: str) -> str:
    """`text` as Blender can take it: valid UTF-8, and short enough to have its kind appended."""
    return text.encode("utf-8", "replace")[:_LONGEST_NAME].decode("utf-8", "ignore") or "photo"


def hide_older(scene: bpy.types.Scene, home: bpy.types.Collection) -> bool:
    """Hide what was made of a collection's photo before, where it has not been moved away.

    Two surfaces of one photo would lie in each other. Whether there was any.
    """
    found, photo = False, home[PHOTO]
    for older in scene.collection.children_recursive:
        if not photo or older == home or older.get(PHOTO) != photo or not is_local(older):
            continue
        root = root_of(older)
        if root is not None and (root.location - scene.cursor.location).length > 1e-3:
            continue
        for thing in older.objects:
            if thing.get(KIND) in SURFACES and not thing.hide_render:
                found, thing.hide_render = True, True
                for layer in scene.view_layers:
                    if thing.name in layer.objects:
                        thing.hide_set(True, view_layer=layer)
    return found


def is_local(thing: bpy.types.ID) -> bool:
    """Whether this belongs to the open file, which keeps what is changed of it."""
    return thing.library is None and thing.override_library is None


def is_ours(thing: bpy.types.ID) -> bool:
    """Whether this collection or object was made by Unflat."""
    return MARK in thing


def home_of(thing: bpy.types.Object | None) -> bpy.types.Collection | None:
    """The photo's collection that an object of ours is in, or None."""
    if thing is None or not is_ours(thing):
        return None
    return next((c for c in thing.users_collection if is_ours(c)), None)


def root_of(collection: bpy.types.Collection) -> bpy.types.Object | None:
    """The empty that the objects of a photo hang on, or None if it was removed."""
    return next((o for o in collection.objects if o.type == "EMPTY" and is_ours(o)), None)


def _describe(collection: bpy.types.Collection, result: Result) -> None:
    user_depth = result.model == USER_DEPTH
    licence = "" if user_depth else catalog.find(result.model).licence
    collection[MARK] = __version__
    collection["unflat_model"] = result.model
    collection["unflat_device"] = result.device
    collection["unflat_licence"] = licence
    collection[PHOTO] = _photo_path(result)
    collection["unflat_focal_source"] = result.camera.source.value
    collection[CAMERA] = json.dumps(result.camera.to_json())
    collection[SOURCE_KIND] = result.source_kind.value
    collection[DEPTH_KIND] = result.depth.kind.value
    collection[SPAN] = span_of(result)
    collection[MADE_WITH] = json.dumps(result.settings.to_json(), sort_keys=True)
    shown = getattr(collection, ids.SETTINGS)
    for name in ids.LIVE:
        setattr(shown, name, getattr(result.settings, name))
    collection["unflat_warnings"] = "\n".join(result.warnings)


def span_of(result: Result) -> tuple[float, float]:
    """(nearest, farthest) valid z-depth."""
    seen = result.depth.depth[result.depth.valid]
    return float(seen.min()), float(seen.max())


def remember(collection: bpy.types.Collection, result: Result) -> None:
    """Keep what the shapes were made again with; all else is as it was when they were first made.

    What the sidebar shows stays, as the artist may have gone on choosing.
    """
    made = json.loads(collection[MADE_WITH])
    made |= {name: getattr(result.settings, name) for name in ids.LIVE}
    collection[SPAN] = span_of(result)
    collection[MADE_WITH] = json.dumps(made, sort_keys=True)


def _photo_path(result: Result) -> str:
    return str(result.photo.path or "").encode("utf-8", "replace").decode()
