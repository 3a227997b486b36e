"""Result -> datablocks. One file per kind of datablock; `build` is the only door.

arrays        what Blender takes in bulk, made of a Result without touching Blender
collection    one collection per photo, its root, and where the result came from
camera        the matched camera, and fitting a scene's render to it
images        the photo and the depth image, packed
material      the photo as light or as paint
detail        the depth image as displacement of the mesh, in its material and as a modifier
mesh_data, point_cloud, relief_nodes    one kind of geometry each
rebuild       the shapes of a photo made again, in place
nodes         short words for wiring node trees
"""

from __future__ import annotations

import bpy

from ...core.pipeline import Result
from ...core.settings import Output
from . import camera, collection, detail, images, material, mesh_data, point_cloud, relief_nodes
from .arrays import SceneArrays, prepare, prepare_shapes
from .rollback import rollback

__all__ = ["SceneArrays", "build", "prepare", "prepare_shapes"]


def build(
    scene: bpy.types.Scene, result: Result, arrays: SceneArrays | None = None
) -> bpy.types.Collection:
    """Put a result into the scene and return its collection.

    `arrays` is what `prepare(result)` gave, for callers that let another thread do that part.
    Nothing of the scene that was there before is changed. If anything fails, nothing stays.
    """
    arrays = arrays or prepare(result)
    with rollback():
        home = collection.Home(scene, result)
        photo_image = images.photo(result.photo, arrays.photo_pixels)
        depth_image = images.depth(home.name, result.camera.size, arrays.depth_pixels)
        home.collection[collection.PHOTO_IMAGE] = photo_image
        home.collection[collection.DEPTH_IMAGE] = depth_image
        camera.add(home, result.camera, arrays.span, photo_image)
        kinds = _kinds(home, result, arrays, photo_image, depth_image)
        # Mesh, relief and points fill the same space, so only the first is shown at once.
        for extra in kinds[1:]:
            home.hide(extra)
        home.finish()
    return home.collection


def _kinds(
    home: collection.Home,
    result: Result,
    arrays: SceneArrays,
    photo_image: bpy.types.Image,
    depth_image: bpy.types.Image,
) -> list[bpy.types.Object]:
    """The objects with geometry, the one to show first."""
    made = []
    if arrays.mesh is not None and result.mesh is not None:
        surface = material.photo(home.name, photo_image, result.photo.alpha is not None)
        thing = home.add("Mesh", mesh_data.create(f"{home.name} Mesh", arrays.mesh, surface))
        source = detail.DepthSource(
            home.name, depth_image, result.camera, arrays.span, result.mesh.error
        )
        detail.displace(surface, source)
        detail.add_modifiers(thing, source)
        made.append(thing)
    if arrays.background is not None and result.background is not None:
        picture = images.photo(result.background.photo, arrays.background_pixels)
        picture.name = name = f"{home.name} Background"
        home.collection[collection.BACKGROUND_IMAGE] = picture
        surface = material.photo(name, picture, has_alpha=False)
        home.add("Background", mesh_data.create(name, arrays.background, surface))
    if Output.RELIEF in result.settings.outputs:
        surface = material.photo(f"{home.name} Relief", photo_image, result.photo.alpha is not None)
        made.append(relief_nodes.add(home, depth_image, surface, result, arrays.span))
    if arrays.points is not None:
        made.append(point_cloud.add(home, arrays.points))
    return made
