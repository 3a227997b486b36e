"""What a render through the matched camera shows."""

from __future__ import annotations

from pathlib import Path

import bpy
import numpy as np
import pytest
from PIL import Image

from unflat.blender_addon import scene as scenes
from unflat.blender_addon.scene import camera as cameras
from unflat.blender_addon.scene.nodes import set_input
from unflat.core.images import from_array
from unflat.core.pipeline import Result, reconstruct
from unflat.core.settings import Output, Settings

from .helpers import child

KINDS = ("Mesh", "Relief", "Points")


def render(home: bpy.types.Collection, kind: str, file: Path) -> np.ndarray:
    """The photo's size (H, W, 4) int of what the scene's camera sees of one object."""
    scene = bpy.context.scene
    cameras.fit_render(scene, cameras.of(home))
    for other in (*KINDS, "Background"):
        for thing in home.objects:
            if thing.name.endswith(f" {other}"):
                thing.hide_render = other != kind
    scene.render.engine = "CYCLES"
    scene.cycles.samples = 8
    scene.cycles.use_denoising = False
    scene.cycles.pixel_filter_type = "BOX"
    scene.render.film_transparent = True
    scene.render.image_settings.file_format = "PNG"
    scene.render.filepath = str(file)
    bpy.ops.render.render(write_still=True)
    return np.asarray(Image.open(file).convert("RGBA")).astype(int)


@pytest.mark.parametrize("view", ["result", "levelled"])
@pytest.mark.parametrize("kind", KINDS)
def test_the_render_is_the_photo(
    view: str, kind: str, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    result = request.getfixturevalue(view)
    home = scenes.build(bpy.context.scene, result)
    picture = render(home, kind, tmp_path / "render.png")
    difference = np.abs(picture[..., :3] - result.photo.rgb).max(axis=-1)
    covered = picture[..., 3] == 255
    assert covered.mean() > 0.9  # the rest is along cut edges
    assert np.percentile(difference[covered], 95) <= 4
    assert difference[covered].mean() < 2


def test_lamps_light_the_photo_only_when_asked(result: Result, tmp_path: Path) -> None:
    home = scenes.build(bpy.context.scene, result)
    material = child(home, "Mesh").data.materials[0]
    slider = next(n for n in material.node_tree.nodes if n.type == "GROUP").inputs["Photo Light"]
    assert slider.default_value == 1.0
    slider.default_value = 0.0
    dark = render(home, "Mesh", tmp_path / "dark.png")
    assert dark[..., :3].max() <= 2  # no lamp in the scene


def test_transparent_pixels_stay_so(rgb: np.ndarray, slope: np.ndarray, tmp_path: Path) -> None:
    alpha = np.full((96, 128, 1), 255, np.uint8)
    alpha[:, :40] = 0
    photo = from_array(np.concatenate([rgb, alpha], axis=2), name="cut")
    result = reconstruct(photo, Settings(outputs=frozenset({Output.MESH})), depth=slope)
    picture = render(scenes.build(bpy.context.scene, result), "Mesh", tmp_path / "cut.png")
    assert picture[10:90, :38, 3].max() == 0
    assert picture[80:90, 45:125, 3].min() == 255


@pytest.mark.parametrize("way", ["material", "modifier"])
def test_a_coarse_mesh_gets_its_depth_back(rgb: np.ndarray, tmp_path: Path, way: str) -> None:
    """A bulge that a coarse mesh lacks comes back by subdividing and displacing."""
    v, u = np.mgrid[0:96, 0:128].astype(np.float32)
    z = 4 - 1.2 * np.exp(-((u - 64) ** 2 + (v - 48) ** 2) / 300)
    settings = Settings(max_error=0.5, edge_ratio=2.0, outputs=frozenset({Output.MESH}))
    result = reconstruct(from_array(rgb), settings, depth=z.astype(np.float32))
    home = scenes.build(bpy.context.scene, result)
    mesh = child(home, "Mesh")
    mesh.data.materials[0].displacement_method = "DISPLACEMENT"
    coarse = np.abs(_depth_pass(home, tmp_path) - z)[8:-8, 8:-8]
    nodes, subdivision = mesh.modifiers
    if way == "material":
        # Cycles would also subdivide adaptively; a fixed level is the same in all Blenders.
        for holder in (subdivision, mesh.cycles):
            if hasattr(holder, "use_adaptive_subdivision"):
                holder.use_adaptive_subdivision = False
        subdivision.render_levels, subdivision.show_render = 5, True
    else:
        set_input(nodes, "Level", 5)
        nodes.show_render = True
    fine = np.abs(_depth_pass(home, tmp_path) - z)[8:-8, 8:-8]
    assert np.percentile(fine, 90) < 0.02
    assert np.percentile(coarse, 90) > 5 * np.percentile(fine, 90)


def test_detail_is_off_at_first_and_is_not_added_twice(rgb: np.ndarray, tmp_path: Path) -> None:
    v, u = np.mgrid[0:96, 0:128].astype(np.float32)
    z = 4 - 1.2 * np.exp(-((u - 64) ** 2 + (v - 48) ** 2) / 300)
    settings = Settings(max_error=0.02, outputs=frozenset({Output.MESH}))
    result = reconstruct(from_array(rgb), settings, depth=z.astype(np.float32))
    home = scenes.build(bpy.context.scene, result)
    mesh = child(home, "Mesh")
    assert not any(m.show_viewport or m.show_render for m in mesh.modifiers)
    mesh.data.materials[0].displacement_method = "DISPLACEMENT"
    nodes = mesh.modifiers[0]
    nodes.show_render = True  # moved by the modifier, and the material finds nothing left to do
    shown = _depth_pass(home, tmp_path)
    assert np.percentile(np.abs(shown / z - 1)[8:-8, 8:-8], 95) < 0.003


def _depth_pass(home: bpy.types.Collection, folder: Path) -> np.ndarray:
    """z-depth (H, W) that Cycles sees, by a material of position instead of a compositor."""
    mesh = child(home, "Mesh")
    tree = mesh.data.materials[0].node_tree
    output = next(n for n in tree.nodes if n.type == "OUTPUT_MATERIAL")
    where = tree.nodes.new("ShaderNodeCameraData")
    light = tree.nodes.new("ShaderNodeEmission")
    tree.links.new(where.outputs["View Z Depth"], light.inputs["Color"])
    tree.links.new(light.outputs[0], output.inputs["Surface"])
    scene = bpy.context.scene
    cameras.fit_render(scene, cameras.of(home))
    scene.render.engine = "CYCLES"
    scene.cycles.samples = 4
    scene.cycles.use_denoising = False
    scene.render.image_settings.file_format = "OPEN_EXR"
    scene.render.image_settings.color_depth = "32"
    scene.render.filepath = str(folder / "depth.exr")
    bpy.ops.render.render(write_still=True)
    image = bpy.data.images.load(str(folder / "depth.exr"))
    pixels = np.empty(image.size[0] * image.size[1] * image.channels, np.float32)
    image.pixels.foreach_get(pixels)
    return pixels.reshape(image.size[1], image.size[0], image.channels)[::-1, :, 0]
