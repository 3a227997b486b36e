"""Depth to mesh: how fast, how light, how true; beside Open3D's ways, and up to 24 megapixels.

    python benchmarks/geometry.py [FOLDER ...] [--max-error 0.001] [--max-faces N] [--rivals]
    python benchmarks/geometry.py --growth

FOLDER holds depth.npz and camera.json as `unflat` writes them; without one, a room with spheres and
boxes is measured at 1920x1080. Errors are those of z at pixel centres more than two pixels away
from depth edges, as shares of z. `--rivals` adds a Poisson surface and a decimated dense grid of as
many triangles (needs Open3D; a minute). Seconds differ between machines; compare ratios.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np

from unflat.core import mesh, points, raster
from unflat.core.camera import Pinhole
from unflat.core.depthmap import DepthKind, DepthMap
from unflat.core.mesh import TriangleMesh

_EDGE = 1.1
_GROWTH = ((640, 480), (1280, 960), (2560, 1920), (4000, 3000), (6000, 4000))


def room(width: int, height: int) -> tuple[DepthMap, Pinhole]:
    """A floor, two walls, and things before them, by their exact depth."""
    camera = Pinhole.from_fov(60, width, height)
    u, v = points.pixel_centers(width, height)
    x, y = (u - camera.cx) / camera.fx, (v - camera.cy) / camera.fy
    inverse = np.maximum(np.maximum(y / 1.4, (1 - 0.4 * x) / 7), (x + 0.1) / 3)
    rng = np.random.default_rng(3)
    for _ in range(14):
        z, r = rng.uniform(2, 6), rng.uniform(0.15, 0.7)
        cx, cy = rng.uniform(-0.5, 0.5) * z, 1.4 - r
        if rng.random() < 0.5:  # a sphere: |t (x, y, 1) - c| = r
            a, b, c = x * x + y * y + 1, x * cx + y * cy + z, cx * cx + cy * cy + z * z - r * r
            hit = b * b - a * c
            near = np.where(hit > 0, a / (b - np.sqrt(np.maximum(hit, 0))), 0)
        else:  # the front of a box, turned a little
            turn = rng.normal(0, 0.3)
            near = (np.cos(turn) + np.sin(turn) * x) / (z * np.cos(turn) + cx * np.sin(turn))
            inside = (np.abs(x / near - cx) < r) & (np.abs(y / near - cy) < r)
            near = np.where(inside, near, 0)
        inverse = np.maximum(inverse, near)
    return DepthMap.from_array(1 / inverse, DepthKind.METRES), camera


def read(folder: Path) -> tuple[DepthMap, Pinhole]:
    """What a run of `unflat` saved."""
    values = json.loads((folder / "camera.json").read_text())
    camera = Pinhole(*(values[name] for name in ("fx", "fy", "cx", "cy", "width", "height")))
    with np.load(folder / "depth.npz") as file:
        return DepthMap.from_array(file["depth"], DepthKind.METRES), camera


def errors(surface: TriangleMesh, depth: DepthMap, camera: Pinhole) -> dict[str, float]:
    """Median, p95, p99 of the error in percent, and percent of the pixels that see anything."""
    hits = raster.rasterize(surface.vertices, surface.triangles, camera)
    z = np.zeros(depth.depth.shape)
    z[hits.seen] = raster.interpolate(hits, surface.vertices, surface.triangles, surface.vertices)[
        :, 2
    ]
    padded = np.pad(np.where(depth.valid, depth.depth, np.inf), 2, mode="edge")
    windows = [padded[i : i + z.shape[0], j : j + z.shape[1]] for i in range(5) for j in range(5)]
    least, most = np.minimum.reduce(windows), np.maximum.reduce(windows)
    asked = depth.valid & (most < least * _EDGE)
    seen = asked & hits.seen
    error = np.abs(z[seen] / depth.depth[seen] - 1) * 100
    found = dict(zip(("median", "p95", "p99"), np.percentile(error, (50, 95, 99)), strict=True))
    return found | {"covered": 100 * seen.sum() / asked.sum()}


def timed(make: Callable[[], TriangleMesh], runs: int) -> tuple[TriangleMesh, float]:
    """What it makes, and the median of its seconds."""
    seconds = []
    for _ in range(runs):
        began = time.perf_counter()
        made = make()
        seconds.append(time.perf_counter() - began)
    return made, statistics.median(seconds)


def show(name: str, made: TriangleMesh, seconds: float, depth: DepthMap, camera: Pinhole) -> None:
    index = 2 if len(made.vertices) < 65536 else 4
    kilobytes = (3 * index * len(made.triangles) + 20 * len(made.vertices)) / 1000
    found = errors(made, depth, camera)
    print(f"{name:22} {len(made.triangles):8} triangles {kilobytes:8.0f} kB {seconds:8.2f} s  "
          + "  ".join(f"{key} {value:.4f} %" for key, value in found.items()))  # fmt: skip


def poisson(depth: DepthMap, camera: Pinhole, count: int) -> TriangleMesh:
    """Open3D: normals, Poisson reconstruction, decimation."""
    import open3d as o3d

    at = points.unproject(depth, camera)[depth.valid]
    cloud = o3d.geometry.PointCloud(o3d.utility.Vector3dVector(at))
    cloud.estimate_normals(o3d.geometry.KDTreeSearchParamKNN(16))
    cloud.orient_normals_towards_camera_location((0, 0, 0))
    surface, density = o3d.geometry.TriangleMesh.create_from_point_cloud_poisson(cloud, depth=9)
    surface.remove_vertices_by_mask(np.asarray(density) < np.quantile(density, 0.02))
    return _from_open3d(surface.simplify_quadric_decimation(count))


def grid(depth: DepthMap, camera: Pinhole, count: int) -> TriangleMesh:
    """Two triangles for each cell of four pixels, decimated by Open3D's quadric errors."""
    import open3d as o3d

    index = np.arange(depth.depth.size).reshape(depth.depth.shape)
    a, b, c, d = index[:-1, :-1], index[:-1, 1:], index[1:, :-1], index[1:, 1:]
    cells = np.concatenate([np.stack([a, c, d], -1), np.stack([a, d, b], -1)]).reshape(-1, 3)
    z = depth.depth.ravel()[cells]
    cells = cells[(z.min(axis=1) > 0) & (z.max(axis=1) < z.min(axis=1) * _EDGE)]
    at = points.unproject(depth, camera).reshape(-1, 3)
    surface = o3d.geometry.TriangleMesh(
        o3d.utility.Vector3dVector(at), o3d.utility.Vector3iVector(cells)
    )
    surface.remove_unreferenced_vertices()
    return _from_open3d(surface.simplify_quadric_decimation(count))


def _from_open3d(surface: object) -> TriangleMesh:
    vertices = np.asarray(surface.vertices, np.float32)
    return TriangleMesh(vertices, np.asarray(surface.triangles), vertices[:, :2], np.nan)


def growth() -> None:
    """Seconds from 0.3 to 24 megapixels, the exponent, and the process's memory at its highest."""
    import resource  # not on Windows

    unit = 1e9 if sys.platform == "darwin" else 1e6
    sizes, seconds = [], []
    for width, height in _GROWTH:
        depth, camera = room(width, height)
        _, took = timed(partial(mesh.from_depth, depth, camera, keep=False), 1)
        memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / unit
        print(f"{width}x{height}: {took:.2f} s, at most {memory:.2f} GB in all")
        sizes.append(width * height)
        seconds.append(took)
    exponent = np.polyfit(np.log(sizes), np.log(seconds), 1)[0]
    print(f"seconds grow with pixels to the power {exponent:.2f}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folders", nargs="*", type=Path)
    parser.add_argument("--max-error", type=float, default=0.001)
    parser.add_argument("--max-faces", type=int)
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--rivals", action="store_true")
    parser.add_argument("--growth", action="store_true")
    options = parser.parse_args()
    if options.growth:
        growth()
        return
    scenes = [(folder.name, *read(folder)) for folder in options.folders]
    for name, depth, camera in scenes or [("room", *room(1920, 1080))]:
        limits = {"max_error": options.max_error, "max_faces": options.max_faces}
        make = partial(mesh.from_depth, depth, camera, keep=False, **limits)
        made, seconds = timed(make, options.runs)
        show(name, made, seconds, depth, camera)
        for rival in (poisson, grid) if options.rivals else ():
            other, took = timed(partial(rival, depth, camera, len(made.triangles)), 1)
            show(f"  {rival.__name__}", other, took, depth, camera)
            print(f"  {took / seconds:.0f} times as long")


if __name__ == "__main__":
    main()
