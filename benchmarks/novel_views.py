"""From aside, does a light mesh look truer than every pixel as a point? Needs Open3D and Pillow.

    python -m benchmarks.novel_views [--kilobytes 600]           four minutes on two cores
    python -m benchmarks.novel_views --size 640x360 --scenes 3   ten seconds

Scenes of training/, made of our own shapes, are rendered with exact depth from one camera, and from
5 % and 10 % of the median depth further right. The mesh of the first view, as fine as fits into the
kilobytes (GLB without its texture), and the cloud of all its pixels, each drawn as one, are seen
from there too. PSNR is over the surfaces that the first view shows as well; holes have the photo's
mean colour. The last column is the longest row of pixels that layers leave open at 10 %, between
others that they cover, where a surface is within the frame of the photo.

So that the truth is well defined, surfaces look the same from everywhere (`Renderer.diffuse`). Sky
has no depth: it is left out, and where there is any no one can say what layers lack ("-").
"""

from __future__ import annotations

import argparse
import itertools
from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np

from training import scenes
from training.render import Renderer
from training.stage import View
from training.textures import PatternBank
from unflat.core import glb, mesh, points, raster
from unflat.core.arrays import BoolArray, ByteArray, FloatArray
from unflat.core.camera import Pinhole
from unflat.core.depthmap import DepthKind, DepthMap
from unflat.core.images import EncodedImage, Photo
from unflat.core.mesh import TriangleMesh

SHIFTS = (0.05, 0.10)  # of the median depth
_FACES = 30_200  # to begin with: most such meshes have 580 kB
_SAME = 0.02  # relative difference of inverse depths up to which they are of one surface
_LEAST = 0.25  # of the pixels from aside must show what the photo shows, or the scene is left out


@dataclass(frozen=True)
class Aside:
    """What a camera `right` metres to the right sees of the scene.

    rgb: (H, W, 3) uint8; inside: (H, W) bool, surfaces within the frame of the photo;
    known: (H, W) bool, those of them that the photo shows.
    """

    right: float
    rgb: ByteArray
    inside: BoolArray
    known: BoolArray


@dataclass(frozen=True)
class Scene:
    """A photo with its exact depth, and the same place from aside."""

    photo: Photo
    depth: DepthMap
    camera: Pinhole
    aside: list[Aside]


def find(width: int, height: int) -> Iterator[Scene]:
    """Scenes of which cameras aside see enough again."""
    bank = PatternBank()
    for seed in itertools.count():
        stage, (light, views, *_) = scenes.build(seed)
        renderer = Renderer(stage, light, bank, threads=0)
        if (renderer.inverse_depth(views[0], width, height) > 0).mean() > _LEAST:
            scene = take(renderer, views[0], f"scene {seed}", width, height)
            if all(view.known.mean() > _LEAST for view in scene.aside):
                yield scene


def take(renderer: Renderer, view: View, name: str, width: int, height: int) -> Scene:
    """What a view, and those aside of it, see."""
    camera = Pinhole.from_fov(float(np.degrees(view.fov)), width, height)
    light, inverse = renderer.diffuse(view, width, height)
    white = float(np.quantile(light[inverse > 0].mean(axis=1), 0.95))
    columns, _ = points.pixel_centers(width, height)
    aside = []
    for shift in SHIFTS:
        right = shift / float(np.median(inverse[inverse > 0]))
        position = tuple(np.array(view.position) + right * view.pose()[:, 0])
        there = renderer.diffuse(replace(view, position=position), width, height)
        column = columns + camera.fx * right * there[1]
        inside = (there[1] > 0) & (column < width)
        first = np.take_along_axis(inverse, np.where(inside, column, 0).astype(np.intp), axis=1)
        known = inside & (np.abs(first - there[1]) < _SAME * there[1])
        aside.append(Aside(right, exposed(there[0], white), inside, known))
    z = np.divide(1, inverse, out=np.zeros_like(inverse), where=inverse > 0)
    depth = DepthMap.from_array(z, DepthKind.METRES)
    return Scene(Photo(exposed(light, white), name=name), depth, camera, aside)


def exposed(light: FloatArray, white: float) -> ByteArray:
    """Linear light (H, W, 3) as sRGB, about; `white` becomes nearly that."""
    return np.rint(np.clip(light * (0.8 / white), 0, 1) ** (1 / 2.2) * 255).astype(np.uint8)


def mesh_within(kilobytes: float, scene: Scene) -> tuple[TriangleMesh, float]:
    """About the finest mesh whose file, without its texture, is not larger; and its kilobytes."""
    faces, blank = _FACES, EncodedImage(b"", "image/png")
    while True:
        made = mesh.from_depth(scene.depth, scene.camera, max_faces=faces)
        size = sum(map(len, glb.encode(made, blank, "mesh", False, None))) / 1000
        if size <= kilobytes:
            return made, size
        faces = int(faces * 0.99 * kilobytes / size)


def seen_mesh(scene: Scene, made: TriangleMesh, right: float) -> tuple[FloatArray, BoolArray]:
    """Colours (H, W, 3) float32, and whether anything is seen (H, W), from the right."""
    vertices = made.vertices - np.float32([right, 0, 0])
    hits = raster.rasterize(vertices, made.triangles, scene.camera)
    uv = raster.interpolate(hits, vertices, made.triangles, made.uv)
    picture = np.zeros(scene.photo.rgb.shape, np.float32)
    picture[hits.seen] = bilinear(scene.photo.rgb, uv)
    return picture, hits.seen


def seen_cloud(scene: Scene, right: float) -> tuple[FloatArray, BoolArray]:
    """The same of all the photo's pixels that have depth, as points of one pixel each."""
    valid, camera = scene.depth.valid, scene.camera
    at = points.unproject(scene.depth, camera)[valid] - np.float32([right, 0, 0])
    column, row = np.floor(camera.project(at)).astype(np.intp).T
    order = np.argsort(-at[:, 2], kind="stable")  # the nearest comes last and stays
    order = order[(column[order] >= 0) & (column[order] < camera.width)]
    picture, seen = np.zeros(scene.photo.rgb.shape, np.float32), np.zeros_like(valid)
    picture[row[order], column[order]] = scene.photo.rgb[valid][order]
    seen[row[order], column[order]] = True
    return picture, seen


def bilinear(texture: ByteArray, uv: FloatArray) -> FloatArray:
    """Colours (N, 3) float32 of a texture (H, W, 3) at uv (N, 2), from its top left corner."""
    last = np.array(texture.shape[1::-1]) - 1
    at = np.clip(uv * (last + 1) - 0.5, 0, last).astype(np.float32)
    column, row = low = np.minimum(at.astype(np.intp), last - 1).T
    x, y = (at.T - low)[..., None]
    above, below = (
        texture[row + i, column] * (1 - x) + texture[row + i, column + 1] * x for i in (0, 1)
    )
    return (above * (1 - y) + below * y).astype(np.float32)


def psnr(picture: FloatArray, seen: BoolArray, scene: Scene, view: Aside) -> float:
    """Of the surfaces that the photo shows too, in dB."""
    shown = np.where(seen[..., None], picture, scene.photo.rgb.mean(axis=(0, 1)))
    off = (shown[view.known] - view.rgb[view.known]) / 255
    return float(-10 * np.log10(np.mean(off**2)))


def widest_hole(scene: Scene, front: TriangleMesh, view: Aside) -> int:
    """The longest row of pixels that mesh and background leave open between others."""
    seen = seen_mesh(scene, front, view.right)[1]
    behind = mesh.background(front, scene.depth, scene.camera, scene.photo)
    if behind:
        seen |= seen_mesh(scene, behind.mesh, view.right)[1]
    left, right = (np.logical_or.accumulate(side, axis=1) for side in (seen, seen[:, ::-1]))
    holes = view.inside & ~seen & left & right[:, ::-1]
    steps = np.diff(np.pad(holes, ((0, 0), (1, 1))).astype(np.int8), axis=1)
    return int((np.nonzero(steps < 0)[1] - np.nonzero(steps > 0)[1]).max(initial=0))


def compare(scene: Scene, kilobytes: float) -> bool:
    """Print the scene's row; whether the mesh is at least as true as the cloud from everywhere."""
    made, size = mesh_within(kilobytes, scene)
    cells, wins = [], []
    for view in scene.aside:
        both = seen_mesh(scene, made, view.right), seen_cloud(scene, view.right)
        true = [psnr(*each, scene, view) for each in both]
        holes = [100 * (view.known & ~seen).sum() / view.known.sum() for _, seen in both]
        cells.append("{:5.2f} {:5.2f} dB  {:5.2f} {:5.2f} %".format(*true, *holes))
        wins.append(true[0] >= true[1])
    sky = not scene.depth.valid.all()
    hole = "-" if sky else f"{widest_hole(scene, made, scene.aside[-1])} px"
    print(f"{scene.photo.name:>8} {size:4.0f} kB | {' | '.join(cells)} | {hole:>5}", flush=True)
    return all(wins)


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--size", default="1920x1080", help="not higher than wide")
    parser.add_argument("--scenes", type=int, default=10)
    parser.add_argument("--kilobytes", type=float, default=600)
    options = parser.parse_args()
    print("PSNR of mesh, cloud and holes of both at 5 % | at 10 % | widest hole of layers")
    found = itertools.islice(find(*map(int, options.size.split("x"))), options.scenes)
    wins = sum(compare(scene, options.kilobytes) for scene in found)
    print(f"the mesh is at least as true as the cloud on {wins} of {options.scenes} scenes")


if __name__ == "__main__":
    main()
