"""An actor as a model: its mesh in a pose and its props at their points."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from fnmatch import fnmatch
from functools import partial

import numpy as np
from PIL import Image

from ...gallery import SIZE
from ..geometry import compact, on_the_ground
from ..store import Material, Model
from .art import Art, Look, Skin
from .meshes import NO_BONE, Mesh, matrices, skinned
from .skins import Colour, cells, picture

LICENCE = "CC-BY-SA-3.0"

# In the names of props that we never want: the flat, the destroyed, and what is only an effect.
_UNWANTED = (
    "decal", "particle", "blood", "destruct", "smoke", "fire", "dust", "garrison_flag", "aura",
    "damage", "_dirt", "_mud", "water", "ground", "waypoint", "_field",
)  # fmt: skip
_DEEPEST = 4  # props of props of props


@dataclass
class Part:
    """A textured piece in the game's frame: positions (N, 3), uv (N, 2), triangles (M, 3)."""

    positions: np.ndarray
    uv: np.ndarray
    triangles: np.ndarray
    skin: Skin
    image: Image.Image


@dataclass
class Pose:
    """How an actor stands: in this animation, or else in one of its own with these names.

    time: which frame, 0..1; empty: patterns of the attach points that are left without props.
    """

    animation: str = ""
    own: tuple[str, ...] = ("idle",)
    time: float = 0.0
    empty: tuple[str, ...] = ()


def parts(
    art: Art,
    actor: str,
    random: np.random.Generator,
    pose: Pose,
    frame: np.ndarray | None = None,
    depth: int = 0,
) -> Iterator[Part]:
    """The actor's mesh and, at its points, its props' meshes.

    `frame` (4, 4) brings the actor's frame into that of the result.
    """
    frame = np.eye(4) if frame is None else frame
    look = art.look(actor, random)
    if not look.mesh:
        return
    mesh = art.mesh(look.mesh)
    positions, bones = _posed(art, look, mesh, pose, random)
    if look.skin.texture:
        moved = positions @ frame[:3, :3].T + frame[:3, 3]
        yield Part(moved, mesh.uv, mesh.triangles, look.skin, art.texture(look.skin.texture))
    for point, prop in _props(look, pose) if depth <= _DEEPEST else ():
        if point in mesh.points or point == "root":
            bone, offset = mesh.points.get(point, (NO_BONE, np.eye(4)))
            at = frame @ (bones[bone] if bone < len(bones) else np.eye(4)) @ offset
            try:
                yield from parts(art, prop, random, Pose(), at, depth + 1)
            except KeyError:
                continue  # the package does not hold it


def _props(look: Look, pose: Pose) -> Iterator[tuple[str, str]]:
    """Attach point and actor of the props that we want."""
    for point, props in look.props.items():
        if any(fnmatch(point, pattern) for pattern in pose.empty):
            continue
        for prop in props:
            torn = pose.animation and "cape" in prop  # capes move with the actor's own animations
            if prop and not torn and not any(word in prop.lower() for word in _UNWANTED):
                yield point, prop.removesuffix(".xml")


def _posed(
    art: Art, look: Look, mesh: Mesh, pose: Pose, random: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """The mesh's positions (N, 3) and its bones (B, 4, 4) in the pose, or as they were modelled."""
    files = [pose.animation] if pose.animation else _own_animations(look, pose.own)
    if files and len(mesh.rest):
        try:
            states = art.animation(files[random.integers(len(files))])
        except KeyError:
            return mesh.positions, mesh.rest
        if states.shape[1] == len(mesh.rest):
            bones = matrices(states[int(pose.time * (len(states) - 1))])
            return skinned(mesh, bones), bones
    return mesh.positions, mesh.rest


def _own_animations(look: Look, names: tuple[str, ...]) -> list[str]:
    """The files of the first of these names that begins any of the look's animations."""
    for name in names:
        files = [f for key, some in look.animations.items() if key.startswith(name) for f in some]
        if files:
            return files
    return []


def assembled(
    art: Art, found: list[Part], name: str, group: str, player: Colour, finest: int = 1
) -> Model:
    """The parts as one model, still in the game's frame and units.

    player: the colour, 0..1, of the player that owns it.
    finest: large textures are cut into up to finest x finest pictures.
    """
    triangles, uvs, rows, start = [], [], [], 0
    materials: list[Material] = []
    for part in found:
        triangles.append(part.triangles + start)
        start += len(part.positions)
        limit = min(finest, max(part.image.size) // SIZE)
        boxes, row, uv = cells(part.uv[part.triangles], limit)
        uvs.append(uv)
        rows.append(row + len(materials))
        for box in boxes:
            key = (part.skin, box, player)
            seen = art.once(key, partial(picture, part.image, part.skin, box, player))
            materials.append(Material(np.ones(3, np.float32), seen))
    return Model(
        name,
        group,
        LICENCE,
        np.concatenate([part.positions for part in found]).astype(np.float32),
        np.concatenate(triangles).astype(np.int32),
        np.concatenate(uvs).astype(np.float32),
        np.concatenate(rows).astype(np.int32),
        materials,
    )


def placed(model: Model, scale: float, sunk: bool) -> Model | None:
    """The model on the ground, `scale` metres for each unit; None where nothing is left of it.

    sunk: what lies below the game's y = 0 is cut off; otherwise the lowest vertex comes to stand
    on the ground.
    """
    vertices, kept = model.vertices * scale, np.ones(len(model.triangles), bool)
    if sunk:
        kept = (vertices[model.triangles][..., 1] > 0.02).any(axis=1)
        vertices[:, 1] = np.maximum(vertices[:, 1], 0)
    if not kept.any():
        return None
    vertices, triangles = compact(vertices, model.triangles[kept])
    return replace(
        model,
        vertices=on_the_ground(vertices),
        triangles=triangles,
        uv=model.uv[kept],
        material=model.material[kept],
    )
