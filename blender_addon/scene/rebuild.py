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
from ...core.arrays import FloatArray
from ...core.camera import FocalSource, Pinhole
from ...core.depthmap import DepthKind, DepthMap
from ...core.errors import DepthError, ImageError, SettingsError
from ...core.images import Photo
from ...core.pipeline import Result
from ...core.settings import Output, Settings
from .. import ids
from . import camera, collection, detail, images, mesh_data, point_cloud, relief_nodes
from .arrays import NOTHING, SceneArrays
from .rollback import rollback

_OUTPUTS = {
    "Mesh": Output.MESH,
    "Background": Output.LAYERS,
    "Relief": Output.RELIEF,
    "Points": Output.POINTS,
}
_COLORED = frozenset({Output.LAYERS, Output.POINTS})


def can_rebuild(home: bpy.types.Collection) -> bool:
    """Whether the collection is of an Unflat that kept what this takes."""
    return collection.DEPTH_IMAGE in home and collection.CAMERA in home


def by_ratio(home: bpy.types.Collection) -> bool:
    """Whether a near/far ratio made distances of the photo's depth."""
    kinds = home.get(collection.SOURCE_KIND), home.get(collection.DEPTH_KIND)
    return kinds == (DepthKind.INVERSE.value, DepthKind.RELATIVE.value)


def is_changed(home: bpy.types.Collection) -> bool:
    """Whether the artist has chosen other settings than the shapes were made with."""
    shown, made = getattr(home, ids.SETTINGS), json.loads(home.get(collection.SETTINGS, "{}"))
    return any(
        not np.isclose(getattr(shown, name), made[name], rtol=1e-5, atol=0)
        for name in ids.LIVE
        if name in made
    )


def settings_of(home: bpy.types.Collection) -> Settings:
    """What to make now: the shapes that there are and change, as the artist wants them."""
    kinds = {thing.get(collection.KIND) for thing in home.objects}
    try:
        made = Settings(**json.loads(home[collection.SETTINGS]))
    except (KeyError, ValueError, TypeError):
        raise SettingsError("Another Unflat made this photo's scene, generate it again.") from None
    shown = getattr(home, ids.SETTINGS)
    outputs = {output for kind, output in _OUTPUTS.items() if kind in kinds}
    if shown.near_far_ratio == np.float32(made.near_far_ratio):
        outputs.discard(Output.POINTS)
    return replace(
        made,
        outputs=frozenset(outputs),
        known_distance=None,  # what is remembered has its scale and stands as it should
        level=False,
        **{name: getattr(shown, name) for name in ids.LIVE},
    )


def camera_of(home: bpy.types.Collection) -> Pinhole:
    fields = json.loads(home[collection.CAMERA])
    return Pinhole(**fields | {"source": FocalSource(fields["source"])})


def depth_of(home: bpy.types.Collection) -> DepthMap:
    """The depth that the depth image holds. Raises DepthError."""
    image = home.get(collection.DEPTH_IMAGE)
    if image is None:
        raise DepthError("The depth image of this photo is gone, generate it again.")
    pixels = _pixels(image)
    nearness, valid = pixels[..., 0], pixels[..., 3] > 0.5
    if not valid.any():
        raise DepthError("The depth image of this photo is empty, generate it again.")
    if by_ratio(home):
        return DepthMap(np.where(valid, nearness, np.float32(0)), valid, DepthKind.INVERSE)
    near, far = home[collection.SPAN]
    z = 1 / (1 / far + nearness.astype(np.float64) * (1 / near - 1 / far))
    kind = DepthKind(home[collection.DEPTH_KIND])
    return DepthMap(np.where(valid, z, 0).astype(np.float32), valid, kind)


def photo_of(home: bpy.types.Collection, settings: Settings) -> Photo:
    """The photo; black, because that is for nothing, if no shape has colours of its own.

    What is transparent has no valid depth either. Raises ImageError.
    """
    pinhole, image = camera_of(home), home.get(collection.PHOTO_IMAGE)
    if not settings.outputs & _COLORED:
        black = np.broadcast_to(np.uint8(0), (pinhole.height, pinhole.width, 3))
        return Photo(black, None, name=home.name)
    if image is None or tuple(image.size) != pinhole.size:
        raise ImageError("The image of this photo is gone, generate it again.")
    return pictures.from_array(_pixels(image)[..., :3], name=home.name)


def exchange(home: bpy.types.Collection, result: Result, arrays: SceneArrays) -> None:
    """Have the objects of a photo show another result. If anything fails, nothing has changed."""
    things = {thing.get(collection.KIND): thing for thing in home.objects}
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
        if "Background" in made and result.background is not None:
            picture = images.photo(result.background.photo, arrays.background_pixels)
            _repaint(things["Background"], picture)
    for kind, data in made.items():
        _swap(things[kind], data)
    if "Mesh" in made and result.mesh is not None:
        depth_image = home[collection.DEPTH_IMAGE]
        source = detail.DepthSource(
            home.name, depth_image, result.camera, arrays.span, result.mesh.error
        )
        detail.update(things["Mesh"], source)
    if "Relief" in things:
        relief_nodes.update(things["Relief"], result.settings, arrays.span)
    matched = camera.of(home)
    if matched is not None:
        camera.see(matched.data, arrays.span, matched.matrix_world.median_scale)
    collection.remember(home, result)


def _swap(thing: bpy.types.Object, data: bpy.types.ID) -> None:
    """Exchange an object's data; the old is removed if nothing else uses it."""
    old, name = thing.data, thing.data.name
    thing.data = data
    if old.users == 0:
        bpy.data.batch_remove([old])
        data.name = name


def _repaint(thing: bpy.types.Object, picture: bpy.types.Image) -> None:
    """Exchange the image in the materials of an object."""
    for material in thing.data.materials:
        for node in material.node_tree.nodes if material is not None else ():
            if node.type == "TEX_IMAGE":
                old, node.image = node.image, picture
                if old is not None and old.users == 0:
                    name = old.name
                    bpy.data.images.remove(old)
                    picture.name = name


def _pixels(image: bpy.types.Image) -> FloatArray:
    """(H, W, 4) float32, top row first."""
    width, height = image.size
    pixels = np.empty(width * height * image.channels, np.float32)
    image.pixels.foreach_get(pixels)
    return pixels.reshape(height, width, image.channels)[::-1]
