"""Collects painted props into one mesh, and holds the light and the camera of a scene."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from . import library
from .environment import Environment
from .furniture import Prop
from .shapes import Mesh, merge, place, rotation
from .textures import Paint, wear_patterns


@dataclass(frozen=True)
class View:
    """A camera. World frame: x right, y up, z away, metres; angles in radians."""

    position: tuple[float, float, float]
    yaw: float = 0.0  # positive turns to the right
    pitch: float = 0.0  # positive looks down
    roll: float = 0.0
    fov: float = 1.0  # across the longer side of the photo
    focus: float | None = None  # distance in metres of the sharp plane; None: all is sharp

    def pose(self) -> np.ndarray:
        """Rotation (3, 3) float32 from the camera (x right, y down, z forward) to the world."""
        return rotation(self.yaw, self.pitch, self.roll) * np.array([1, -1, 1], np.float32)


@dataclass
class Light:
    """What shines on a scene; colours are linear light (3,)."""

    ambient: np.ndarray
    sun: np.ndarray | None = None  # unit vector towards the sun
    sun_colour: np.ndarray = field(default_factory=lambda: np.zeros(3))
    lamps: list[tuple[np.ndarray, np.ndarray]] = field(default_factory=list)  # position, colour
    zenith: np.ndarray = field(default_factory=lambda: np.zeros(3))
    horizon: np.ndarray = field(default_factory=lambda: np.zeros(3))
    clouds: float = 0.0  # 0 none, 1 much
    haze: float = 0.0  # share of light lost per metre
    flash: float = 0.0  # light at the camera, falling with the square of the distance
    backdrop: np.ndarray | None = None  # a colour instead of a sky
    unknown: bool = False  # whether what is seen behind all surfaces has no depth
    around: Environment | None = None  # a panorama instead of ambient light and plain sky


@dataclass(frozen=True)
class Materials:
    """One row for each of P parts."""

    pattern: np.ndarray  # (P,) int32
    repeats: np.ndarray  # (P,) float32, per metre
    colours: np.ndarray  # (P, 3, 3) float32
    gloss: np.ndarray  # (P,) float32
    glow: np.ndarray  # (P,) float32
    turn: np.ndarray  # (P, 2) float32: cosine and sine of the angle that the pattern is turned by
    origin: np.ndarray  # (P, 3) float32: where the pattern starts, metres
    wear: np.ndarray  # (P,) int32: the pattern of dirt and fading
    worn: np.ndarray  # (P,) float32: how strong that is
    picture: np.ndarray  # (P,) int64: row of the gallery, -1 = a pattern


def surroundings(
    rng: np.random.Generator, kinds: tuple[str, ...], level: float
) -> Environment | None:
    """A panorama of one of these kinds as light of this mean level, where the library has one."""
    source = library.active()
    found = [picture for k in kinds for picture in source.panoramas.get(k, ())] if source else []
    if not found:
        return None
    return Environment(found[rng.integers(len(found))], rng.random(), level)


class Stage:
    """Props that were put in place so far."""

    def __init__(self, rng: np.random.Generator) -> None:
        self.rng = rng
        self._meshes: list[Mesh] = []
        self._looks: list[tuple[Paint, float, tuple[float, float, float]]] = []

    def add(
        self,
        prop: Prop,
        at: tuple[float, float, float] = (0, 0, 0),
        yaw: float = 0.0,
        scale: float = 1.0,
    ) -> None:
        """Put a prop at `at`, scaled first, then turned by `yaw` radians."""
        for (vertices, triangles), look in prop:
            self._meshes.append(place((vertices * np.float32(scale), triangles), at, yaw))
            self._looks.append((look, yaw, at))

    def mesh(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Vertices (N, 3) float32, triangles (M, 3) int32 and the part (M,) int32 of each."""
        vertices, triangles = merge(self._meshes)
        counts = [len(faces) for _, faces in self._meshes]
        return vertices, triangles, np.repeat(np.arange(len(counts), dtype=np.int32), counts)

    def corners(self) -> tuple[np.ndarray, np.ndarray]:
        """Where pictures lie: uv (K, 3, 2) float32 of mapped triangles, and rows of it (M,) int32.

        The row is -1 for triangles that are not mapped.
        """
        rows, uvs, known = [], [np.zeros((0, 3, 2), np.float32)], 0
        for (_, faces), (look, _, _) in zip(self._meshes, self._looks, strict=True):
            if look.uv is None:
                rows.append(np.full(len(faces), -1, np.int32))
            else:
                rows.append(np.arange(known, known + len(faces), dtype=np.int32))
                uvs.append(look.uv)
                known += len(faces)
        return np.concatenate(uvs), np.concatenate(rows)

    def materials(self) -> Materials:
        """How the parts look, in the order of their numbers."""
        looks = [look for look, _, _ in self._looks]
        yaw = np.array([angle for _, angle, _ in self._looks])
        return Materials(
            np.array([look.pattern for look in looks], np.int32),
            np.array([look.repeats for look in looks], np.float32),
            np.stack([look.colours for look in looks]).astype(np.float32),
            np.array([look.gloss for look in looks], np.float32),
            np.array([look.glow for look in looks], np.float32),
            np.stack([np.cos(yaw), np.sin(yaw)], axis=-1).astype(np.float32),
            np.array([at for _, _, at in self._looks], np.float32),
            wear_patterns(self.rng, len(looks)),
            (0.8 * self.rng.beta(1.0, 1.5, len(looks))).astype(np.float32),
            np.array([look.picture for look in looks], np.int64),
        )


def extent(prop: Prop) -> tuple[np.ndarray, np.ndarray]:
    """Lowest and highest corner (3,) of a prop."""
    low = np.min([mesh[0].min(axis=0) for mesh, _ in prop], axis=0)
    high = np.max([mesh[0].max(axis=0) for mesh, _ in prop], axis=0)
    return low, high


def tilt(rng: np.random.Generator) -> float:
    """Roll in radians: mostly held level."""
    return float(np.radians(rng.normal(0, 2) if rng.random() < 0.85 else rng.normal(0, 12)))


def field_of_view(rng: np.random.Generator) -> float:
    """Angle across the longer side in radians, from short telephoto to wide angle."""
    return float(np.radians(np.clip(rng.normal(62, 11), 35, 95)))
