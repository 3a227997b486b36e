"""A light mesh with its depth as displacement, beside a dense mesh: what Cycles sees. Needs bpy.

    python benchmarks/displacement.py [FOLDER ...] [--max-faces 5000]

FOLDER holds depth.npz and camera.json as `unflat` writes them; without one, the room of geometry.py
is measured. Both are rendered through the matched camera; differences are those of z where both are
seen, as shares of z, in percent.
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path

import bpy
import numpy as np
from geometry import read, room

import unflat.blender_addon as addon
from unflat.blender_addon import scene as scenes
from unflat.blender_addon.scene import camera as cameras
from unflat.blender_addon.scene.detail import NAME
from unflat.blender_addon.scene.nodes import set_input
from unflat.core import Settings, reconstruct
from unflat.core.camera import Pinhole
from unflat.core.depthmap import DepthMap
from unflat.core.settings import Output

_DENSE = 1e-5  # relative error
_LEVEL = 4  # of the modifier


def build(depth: DepthMap, camera: Pinhole, settings: Settings) -> bpy.types.Collection:
    """An empty file with one mesh in it."""
    bpy.ops.wm.read_factory_settings(use_empty=True)
    photo = np.full((*depth.depth.shape, 3), 128, np.uint8)
    result = reconstruct(photo, settings, depth=depth, camera=camera)
    return scenes.build(bpy.context.scene, result)


def mesh_of(home: bpy.types.Collection) -> bpy.types.Object:
    return next(thing for thing in home.objects if thing.name.endswith("Mesh"))


def seen(home: bpy.types.Collection) -> np.ndarray:
    """z-depth (H, W) of what Cycles sees at pixel centres; 0 where nothing is."""
    tree = mesh_of(home).data.materials[0].node_tree
    output = next(node for node in tree.nodes if node.type == "OUTPUT_MATERIAL")
    light, where = tree.nodes.new("ShaderNodeEmission"), tree.nodes.new("ShaderNodeCameraData")
    tree.links.new(where.outputs["View Z Depth"], light.inputs["Color"])
    tree.links.new(light.outputs[0], output.inputs["Surface"])
    scene = bpy.context.scene
    cameras.fit_render(scene, cameras.of(home))
    render = scene.render
    render.engine, render.film_transparent = "CYCLES", True
    scene.cycles.samples, scene.cycles.use_denoising = 1, False
    scene.cycles.pixel_filter_type = "BOX"
    scene.cycles.filter_width = 0.01
    if hasattr(scene.cycles, "feature_set"):
        scene.cycles.feature_set = "EXPERIMENTAL"  # adaptive subdivision, before Blender 5
    scene.cycles.dicing_rate = 2.0  # pixels; at 1 Cycles takes several gigabytes
    render.image_settings.file_format, render.image_settings.color_depth = "OPEN_EXR", "32"
    with tempfile.TemporaryDirectory() as folder:
        render.filepath = str(Path(folder) / "depth.exr")
        bpy.ops.render.render(write_still=True)
        image = bpy.data.images.load(render.filepath)
        pixels = np.empty(image.size[0] * image.size[1] * image.channels, np.float32)
        image.pixels.foreach_get(pixels)
    pixels = pixels.reshape(image.size[1], image.size[0], image.channels)[::-1]
    return np.where(pixels[..., 3] > 0.5, pixels[..., 0], 0)


def show(name: str, home: bpy.types.Collection, dense: np.ndarray) -> None:
    count, found = len(mesh_of(home).data.polygons), seen(home)
    both = (found > 0) & (dense > 0)
    off = 100 * np.abs(found[both] / dense[both] - 1)
    p50, p95, p99 = np.percentile(off, (50, 95, 99))
    print(
        f"{name:22} {count:8} triangles  median {p50:.4f} %  p95 {p95:.4f} %  p99 {p99:.4f} %  "
        f"of {100 * both.mean():.2f} % of the pixels",
        flush=True,
    )


def compare(depth: DepthMap, camera: Pinhole, max_faces: int) -> None:
    outputs = frozenset({Output.MESH})
    dense = seen(build(depth, camera, Settings(max_error=_DENSE, outputs=outputs)))
    light = Settings(max_faces=max_faces, outputs=outputs)
    show("as it is", build(depth, camera, light), dense)
    home = build(depth, camera, light)
    mesh = mesh_of(home)
    mesh.modifiers["Subdivision"].show_render = True
    mesh.data.materials[0].displacement_method = "DISPLACEMENT"
    show("adaptive subdivision", home, dense)
    home = build(depth, camera, light)
    modifier = mesh_of(home).modifiers[NAME]
    modifier.show_render = True
    set_input(modifier, "Level", _LEVEL)
    show(f"modifier, level {_LEVEL}", home, dense)


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("folders", nargs="*", type=Path)
    parser.add_argument("--max-faces", type=int, default=5000)
    options = parser.parse_args()
    addon.register()
    for depth, camera in map(read, options.folders) if options.folders else [room(1920, 1080)]:
        compare(depth, camera, options.max_faces)


if __name__ == "__main__":
    main()
