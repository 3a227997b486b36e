"""The shapes of a photo made again, in place, from what its collection holds.

The depth image, the photo and the camera are in the file, so neither the photo's file nor a model
is needed. Objects stay what they are, with their places, materials and modifiers; only what they
show is exchanged.
"""

from __future__ import annotations

import json
from dataclasses import replace

import bpy
import numpy as np

from ...core import images as pictures
from ...core.camera import FocalSource, Pinhole
from ...core.depthmap import DepthKind, DepthMap
from ...core.errors import CancelledError, DepthError, ImageError, SettingsError
from ...core.images import Photo
from ...core.pipeline import Result
from ...core.settings import Output, Settings
from .. import ids
from ..shape import chosen_shape
from . import camera, collection, detail, images, mesh_data, point_cloud, relief_nodes
from .arrays import NOTHING, SceneArrays
from .rollback import rollback

_OUTPUTS = {
    "Mesh": Output.MESH,
    "Background": Output.LAYERS,
    "Relief": Output.RELIEF,
    "Points": Output.POINTS,
}


def can_rebuild(home: bpy.types.Collection) -> bool:
    """Whether the collection is this file's own, and of an Unflat that kept what this takes."""
    kept = (collection.DEPTH_IMAGE, collection.CAMERA, collection.MADE_WITH)
    datas = (thing.data for thing in home.objects if thing.data is not None)
    return all(map(collection.is_local, (home, *datas))) and all(name in home for name in kept)


def by_ratio(home: bpy.types.Collection) -> bool:
    """Whether a near/far ratio made distances of the photo's depth."""
    kinds = home.get(collection.SOURCE_KIND), home.get(collection.DEPTH_KIND)
    return kinds == (DepthKind.INVERSE.value, DepthKind.RELATIVE.value)


def is_changed(home: bpy.types.Collection) -> bool:
    """Whether the artist has chosen other settings than the shapes were made with."""
    chosen = chosen_shape(getattr(home, ids.SETTINGS))
    made = json.loads(home.get(collection.MADE_WITH, "{}"))
    return any(
        not np.isclose(value, made[name], rtol=1e-5, atol=0)
        for name, value in chosen.items()
        if name in made
    )


def settings_of(home: bpy.types.Collection) -> Settings:
    """What to make now: the shapes that there are and change, as the artist wants them."""
    try:
        made = Settings(**json.loads(home[collection.MADE_WITH]))
    except (ValueError, TypeError):
        raise SettingsError("Another Unflat made this photo's scene, generate it again.") from None
    chosen = chosen_shape(getattr(home, ids.SETTINGS))
    outputs = {output for kind, output in _OUTPUTS.items() if kind in _things(home)}
    if np.isclose(chosen["near_far_ratio"], made.near_far_ratio, rtol=1e-5):
        outputs.discard(Output.POINTS)
    return replace(
        made,
        outputs=frozenset(outputs),
        known_distance=None,  # what is remembered has its scale and stands as it should
        level=False,
        **chosen,
    )


def _things(home: bpy.types.Collection) -> dict[str, bpy.types.Object]:
    """Our objects by kind; copies that the artist made come later and are the artist's."""
    found: dict[str, bpy.types.Object] = {}
    for thing in home.objects:
        found.setdefault(thing.get(collection.KIND, ""), thing)
    return found


def camera_of(home: bpy.types.Collection) -> Pinhole:
    fields = json.loads(home[collection.CAMERA])
    return Pinhole(**fields | {"source": FocalSource(fields["source"])})


def depth_of(home: bpy.types.Collection) -> DepthMap:
    """The depth that the depth image holds. Raises DepthError."""
    image = home.get(collection.DEPTH_IMAGE)
    if image is None:
        raise DepthError("The depth image of this photo is gone, generate it again.")
    pixels = images.pixels(image)
    nearness, valid = pixels[..., 0], pixels[..., 3] > 0.5
    if not valid.any():
        raise DepthError("The depth image of this photo is empty, generate it again.")
    if by_ratio(home):
        return DepthMap(np.where(valid, nearness, np.float32(0)), valid, DepthKind.INVERSE)
    near, far = home[collection.SPAN]
    z = 1 / (1 / far + nearness.astype(np.float64) * (1 / near - 1 / far))
    kind = DepthKind(home[collection.DEPTH_KIND])
    return DepthMap(np.where(valid, z, 0).astype(np.float32), valid, kind)


def photo_of(home: bpy.types.Collection) -> Photo:
    """The photo that is in the file. Raises ImageError."""
    image = home.get(collection.PHOTO_IMAGE)
    if image is None or tuple(image.size) != camera_of(home).size:
        raise ImageError("The image of this photo is gone, generate it again.")
    return pictures.from_array(images.pixels(image), name=home.name)


def exchange(home: bpy.types.Collection, result: Result, arrays: SceneArrays) -> None:
    """Have the objects of a photo show another result. If anything fails, nothing has changed.

    Raises CancelledError if one of them is being edited, when Blender would ignore it.
    """
    things = _things(home)
    datas = {thing.data for thing in things.values() if thing.data is not None}
    # Copies that the artist made may share the mesh.
    if any(thing.mode != "OBJECT" for thing in bpy.data.objects if thing.data in datas):
        raise CancelledError("The photo's mesh is being edited, so it was not rebuilt.")
    with rollback():
        made = {
            kind: mesh_data.create(things[kind].data.name, shape, *things[kind].data.materials)
            for kind, shape in (("Mesh", arrays.mesh), ("Background", arrays.background or NOTHING))
            if kind in things and shape is not None
        }
        if "Points" in things and arrays.points is not None:
            made["Points"] = point_cloud.create(things["Points"].data.name, arrays.points)
            for material in things["Points"].data.materials:
                made["Points"].materials.append(material)
        picture = None
        if "Background" in made and result.background is not None:
            picture = images.photo(result.background.photo, arrays.background_pixels)
    if picture is not None:
        _repaint(home, things["Background"], picture)
    for kind, data in made.items():
        _swap(things[kind].data, data)
    if "Mesh" in made and result.mesh is not None:
        depth_image = home[collection.DEPTH_IMAGE]
        source = detail.DepthSource(
            home.name, depth_image, result.camera, arrays.span, result.mesh.error
        )
        detail.update(things["Mesh"], source)
    if "Relief" in things:
        edge_ratio = json.loads(home[collection.MADE_WITH])["edge_ratio"]
        before = relief_nodes.sliders(home[collection.SPAN], edge_ratio)
        now = relief_nodes.sliders(arrays.span, result.settings.edge_ratio)
        relief_nodes.update(things["Relief"], before, now)
    matched = camera.of(home)
    if matched is not None:
        camera.see(matched.data, arrays.span, matched.matrix_world.median_scale)
    collection.remember(home, result)


def _swap(old: bpy.types.ID, new: bpy.types.ID) -> None:
    """Exchange data, also for linked copies of its object, and take its name."""
    name = old.name
    old.user_remap(new)
    bpy.data.batch_remove([old])
    new.name = name


def _repaint(home: bpy.types.Collection, thing: bpy.types.Object, new: bpy.types.Image) -> None:
    """Exchange our image in the materials of the background; others there are the artist's."""
    old = home.get(collection.BACKGROUND_IMAGE)
    home[collection.BACKGROUND_IMAGE] = new
    for material in thing.data.materials:
        tree = material.node_tree if material is not None else None
        for node in tree.nodes if tree is not None else ():
            if node.type == "TEX_IMAGE" and node.image == old:
                node.image = new
    if old is not None and old.users == 0:
        name = old.name
        bpy.data.images.remove(old)
        new.name = name
