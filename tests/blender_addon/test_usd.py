"""The core's USDZ files in Blender: in their place, seen as the photo through their camera."""

from __future__ import annotations

from pathlib import Path

import bpy
import numpy as np
import pytest
from PIL import Image

from unflat.core import frames
from unflat.core.export import save
from unflat.core.pipeline import Result

from .helpers import positions, seen_at

pytest.importorskip("pxr", reason="OpenUSD is not installed")


@pytest.mark.parametrize("view", ["result", "levelled"])
def test_a_usdz_opens_as_the_photo(
    view: str, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    result: Result = request.getfixturevalue(view)
    save(result, tmp_path, formats=("usd",))
    bpy.ops.wm.usd_import(filepath=str(tmp_path / "mesh.usdz"))
    scene = bpy.context.scene
    mesh = next(thing for thing in bpy.data.objects if thing.type == "MESH")
    scene.camera = next(thing for thing in bpy.data.objects if thing.type == "CAMERA")
    bpy.context.view_layer.update()

    assert result.mesh is not None
    place = np.array(mesh.matrix_world)
    world = positions(mesh.data) @ place[:3, :3].T + place[:3, 3]
    expected = frames.to_blender(result.mesh.vertices)
    if result.pose is not None:
        stand = frames.stand_in_blender(result.pose)
        expected = expected @ stand[:3, :3].T + stand[:3, 3]
    np.testing.assert_allclose(world, expected, atol=1e-4)

    scene.render.resolution_x, scene.render.resolution_y = result.camera.size
    scene.render.pixel_aspect_x = result.camera.fy / result.camera.fx  # here above 1
    seen = seen_at(positions(mesh.data), mesh, scene)
    assert np.abs(seen - result.mesh.uv * result.camera.size).max() < 0.1
    picture = _render(scene, tmp_path / "render.png")
    covered = picture[..., 3] == 255
    assert covered.mean() > 0.9
    difference = np.abs(picture[..., :3] - result.photo.rgb).max(axis=-1)
    assert np.percentile(difference[covered], 95) <= 6  # a new JPEG


def _render(scene: bpy.types.Scene, file: Path) -> np.ndarray:
    """(H, W, 4) int."""
    scene.render.engine = "CYCLES"
    scene.cycles.samples = 8
    scene.cycles.use_denoising = False
    scene.cycles.pixel_filter_type = "BOX"
    scene.render.film_transparent = True
    scene.view_settings.view_transform = "Standard"
    scene.render.filepath = str(file)
    bpy.ops.render.render(write_still=True)
    return np.asarray(Image.open(file).convert("RGBA")).astype(int)
