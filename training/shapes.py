"""Meshes that props are made of.

A mesh is `(vertices (N, 3) float32, triangles (M, 3) int32)` in metres, in the frame of the world:
x right, y up, z away from the photographer. Unless a function says otherwise a mesh stands on
y = 0 and is centred on x = z = 0. Winding carries no meaning: the renderer shades both sides.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

Mesh = tuple[np.ndarray, np.ndarray]
Point = Sequence[float]

_BOX_CORNERS = np.array(
    [[x, y, z] for x in (-0.5, 0.5) for y in (0.0, 1.0) for z in (-0.5, 0.5)], np.float32
)
_BOX_TRIANGLES = np.array(
    [[0, 1, 3], [0, 3, 2], [4, 6, 7], [4, 7, 5], [0, 4, 5], [0, 5, 1],
     [2, 3, 7], [2, 7, 6], [0, 2, 6], [0, 6, 4], [1, 5, 7], [1, 7, 3]], np.int32
)  # fmt: skip


def rotation(yaw: float = 0.0, pitch: float = 0.0, roll: float = 0.0) -> np.ndarray:
    """Rotation (3, 3) float32: roll about z, then pitch about x, then yaw about y; radians."""
    cy, sy, cp, sp = np.cos(yaw), np.sin(yaw), np.cos(pitch), np.sin(pitch)
    cr, sr = np.cos(roll), np.sin(roll)
    about_y = np.array([[cy, 0, sy], [0, 1, 0], [-sy, 0, cy]])
    about_x = np.array([[1, 0, 0], [0, cp, -sp], [0, sp, cp]])
    about_z = np.array([[cr, -sr, 0], [sr, cr, 0], [0, 0, 1]])
    return (about_y @ about_x @ about_z).astype(np.float32)


def place(
    mesh: Mesh, at: Point = (0, 0, 0), yaw: float = 0.0, pitch: float = 0.0, roll: float = 0.0
) -> Mesh:
    """The mesh turned (radians) and then moved to `at`."""
    vertices = mesh[0]
    if yaw or pitch or roll:
        vertices = vertices @ rotation(yaw, pitch, roll).T
    return vertices + np.asarray(at, np.float32), mesh[1]


def merge(meshes: Sequence[Mesh]) -> Mesh:
    """All meshes as one."""
    starts = np.cumsum([0] + [len(vertices) for vertices, _ in meshes[:-1]])
    triangles = [faces + start for (_, faces), start in zip(meshes, starts, strict=True)]
    return np.concatenate([m[0] for m in meshes]), np.concatenate(triangles).astype(np.int32)


def box(width: float, height: float, depth: float, at: Point = (0, 0, 0)) -> Mesh:
    """A box that stands on `at`."""
    size = np.array([width, height, depth], np.float32)
    return _BOX_CORNERS * size + np.asarray(at, np.float32), _BOX_TRIANGLES


def _grid_triangles(rows: int, columns: int) -> np.ndarray:
    """Triangles (2 * (rows - 1) * (columns - 1), 3) of a grid of vertices stored row by row."""
    first = (np.arange(rows - 1)[:, None] * columns + np.arange(columns - 1)).reshape(-1, 1)
    lower = first + np.array([0, columns, 1])
    upper = first + np.array([1, columns, columns + 1])
    return np.concatenate([lower, upper]).astype(np.int32)


def lathe(profile: Sequence[Sequence[float]], segments: int = 28) -> Mesh:
    """A body of revolution about y; `profile` is (K, 2): radius and height, from one end on."""
    outline = np.asarray(profile, np.float32)
    angle = np.linspace(0, 2 * np.pi, segments + 1)
    ring = np.stack([np.cos(angle), np.zeros_like(angle), np.sin(angle)], axis=-1)
    vertices = outline[:, None, :1] * ring + outline[:, None, 1:] * np.array([0, 1, 0])
    return vertices.reshape(-1, 3).astype(np.float32), _grid_triangles(len(outline), segments + 1)


def cylinder(radius: float, height: float, at: Point = (0, 0, 0), top: float = 1.0) -> Mesh:
    """A closed cylinder, or a cone with `top` times the radius at the upper end."""
    mesh = lathe([(0, 0), (radius, 0), (radius * top, height), (0, height)])
    return place(mesh, at)


def ellipsoid(
    rx: float, ry: float, rz: float, at: Point = (0, 0, 0), squareness: float = 1.0
) -> Mesh:
    """A ball with these half axes, centred on `at`; below 1, `squareness` makes it box-like."""
    theta = np.linspace(0, np.pi, 15)[:, None]
    phi = np.linspace(0, 2 * np.pi, 25)[None]
    unit = np.stack(
        [np.sin(theta) * np.cos(phi), np.cos(theta) + 0 * phi, np.sin(theta) * np.sin(phi)], -1
    )
    unit = np.sign(unit) * np.abs(unit) ** squareness
    vertices = unit.reshape(-1, 3) * np.array([rx, ry, rz]) + np.asarray(at)
    return vertices.astype(np.float32), _grid_triangles(15, 25)


def blob(
    rng: np.random.Generator, radius: float, bumps: float = 0.2, at: Point = (0, 0, 0)
) -> Mesh:
    """A ball whose surface is pushed in and out by a few random waves; centred on `at`."""
    vertices, triangles = ellipsoid(1, 1, 1)
    waves = rng.normal(0, 2.2, (8, 3))
    push = np.sin(vertices @ waves.T + rng.uniform(0, 6.3, 8)).sum(axis=1) / 3
    vertices = vertices * (radius * (1 + bumps * push))[:, None] + np.asarray(at)
    return vertices.astype(np.float32), triangles


def tube(path: Sequence[Point], radius: float | Sequence[float], segments: int = 10) -> Mesh:
    """A round bar along `path` (K, 3); `radius` is one number or one for each point."""
    points = np.asarray(path, np.float64)
    along = np.gradient(points, axis=0)
    along /= np.linalg.norm(along, axis=1, keepdims=True) + 1e-9
    helper = np.where(np.abs(along[:, 1:2]) > 0.9, [[1.0, 0, 0]], [[0.0, 1, 0]])
    side = np.cross(along, helper)
    side /= np.linalg.norm(side, axis=1, keepdims=True) + 1e-9
    other = np.cross(along, side)
    radii = np.broadcast_to(np.asarray(radius, np.float64), (len(points),))[:, None, None]
    angle = np.linspace(0, 2 * np.pi, segments + 1)[None, :, None]
    ring = np.cos(angle) * side[:, None] + np.sin(angle) * other[:, None]
    vertices = points[:, None] + radii * ring
    return vertices.reshape(-1, 3).astype(np.float32), _grid_triangles(len(points), segments + 1)


def limb(start: Point, end: Point, thick: float, thin: float) -> Mesh:
    """A tapered bar with rounded ends: an arm, a leg, a sausage."""
    a, b = np.asarray(start, np.float64), np.asarray(end, np.float64)
    unit = (b - a) / (np.linalg.norm(b - a) + 1e-9)
    path = [a - unit * thick, a - unit * thick * 0.7, a, b, b + unit * thin * 0.7, b + unit * thin]
    return tube(path, [1e-3, thick * 0.7, thick, thin, thin * 0.7, 1e-3])


def sheet(heights: np.ndarray, width: float, depth: float) -> Mesh:
    """A height field (rows, columns) over `width` (x) by `depth` (z) metres, centred."""
    rows, columns = heights.shape
    x, z = np.meshgrid(
        np.linspace(-width / 2, width / 2, columns), np.linspace(-depth / 2, depth / 2, rows)
    )
    vertices = np.stack([x, heights, z], axis=-1).reshape(-1, 3)
    return vertices.astype(np.float32), _grid_triangles(rows, columns)


def prism(outline: Sequence[Sequence[float]], thickness: float) -> Mesh:
    """An outline (K, 2) in x and y, star-shaped about its mean, drawn out along z; centre z = 0."""
    points = np.asarray(outline, np.float32)
    count = len(points)
    front = np.column_stack([points, np.full(count, -thickness / 2)])
    back = np.column_stack([points, np.full(count, thickness / 2)])
    middle = points.mean(axis=0)
    centres = [[*middle, -thickness / 2], [*middle, thickness / 2]]
    i = np.arange(count)
    j = (i + 1) % count
    triangles = [
        np.column_stack([i, j, i + count]),
        np.column_stack([j, j + count, i + count]),
        np.column_stack([i, j, np.full(count, 2 * count)]),
        np.column_stack([i + count, j + count, np.full(count, 2 * count + 1)]),
    ]
    vertices = np.concatenate([front, back, np.array(centres)]).astype(np.float32)
    return vertices, np.concatenate(triangles).astype(np.int32)


def leaves(rng: np.random.Generator, count: int, size: float, reach: Point, at: Point) -> Mesh:
    """Loose square leaves at random angles inside an ellipsoid with half axes `reach`."""
    direction = rng.standard_normal((count, 3))
    direction /= np.linalg.norm(direction, axis=1, keepdims=True)
    centre = direction * np.asarray(reach) * rng.uniform(0.3, 1.0, (count, 1)) + np.asarray(at)
    a, b = rng.standard_normal((2, count, 3)) * size * 0.55
    corners = np.stack([centre - a, centre + b, centre + a, centre - b], axis=1)
    first = 4 * np.arange(count)[:, None]
    triangles = np.concatenate([first + np.array([0, 1, 2]), first + np.array([0, 2, 3])])
    return corners.reshape(-1, 3).astype(np.float32), triangles.astype(np.int32)
