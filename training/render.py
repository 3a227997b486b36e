"""Photo and exact inverse depth of one view: surfaces, light, sky. Needs open3d and Pillow."""

from __future__ import annotations

import numpy as np

from . import library
from .develop import develop
from .raycast import Seen, World
from .stage import Light, Stage, View
from .textures import PatternBank, power_noise

UNKNOWN = -1.0  # inverse depth of what has none
_SHADE_RAYS = 5  # rays per half-resolution pixel that feel for nearby surfaces
_BRIGHTEST = 0.95  # no surface gives back more of the light


class Renderer:
    """A finished stage, ready to be photographed."""

    def __init__(self, stage: Stage, light: Light, bank: PatternBank, threads: int = 1) -> None:
        self._rng, self._light, self._bank = stage.rng, light, bank
        source = library.active()
        self._gallery = source.gallery if source else None
        self._look = stage.materials()
        self._world = World(stage, self._look.picture, self._gallery, threads)
        self._clouds = power_noise(self._rng, (128, 128), 1.7).astype(np.float32)

    def inverse_depth(self, view: View, width: int, height: int) -> np.ndarray:
        """Inverse z-depth (height, width) float32 in 1/m at pixel centres; 0 = sky."""
        return self._world.inverse_depth(view, width, height)

    def photo(self, view: View, width: int, height: int) -> tuple[np.ndarray, np.ndarray]:
        """sRGB photo (height, width, 3) uint8 and inverse depth (height, width) float32 in 1/m.

        Inverse depth is 0 in the sky, and UNKNOWN around a cut-out.
        """
        seen = self._world.see(view, width, height)
        colour = self._background(seen.ways)
        if seen.surface.any():
            colour[seen.surface] = self._surface(seen)
        inverse = seen.inverse.reshape(height, width)
        photo = develop(colour.reshape(height, width, 3), inverse, view.focus, self._rng)
        if self._light.unknown:
            inverse = np.where(inverse > 0, inverse, np.float32(UNKNOWN))
        return photo, inverse

    def diffuse(self, view: View, width: int, height: int) -> tuple[np.ndarray, np.ndarray]:
        """Linear light (height, width, 3) float32, and inverse depth as of `inverse_depth`.

        Surfaces look the same to cameras side by side: without what moves with the camera or is
        drawn anew for each photo, that is gloss, flash, shade of what is near, and development.
        """
        seen = self._world.see(view, width, height)
        colour = self._background(seen.ways)
        if seen.surface.any():
            z, normals = 1 / seen.inverse[seen.surface][:, None], seen.normals
            shine, _ = self._lit(seen.points + normals * (1e-3 * z), normals, normals)
            matte = self._matte(seen, z, shine + self._soft(normals))
            colour[seen.surface] = self._through_haze(matte, z)
        return colour.reshape(height, width, 3), seen.inverse.reshape(height, width)

    def _background(self, ways: np.ndarray) -> np.ndarray:
        """Linear light (N, 3) float32 that comes along directions (N, 3) from behind all things."""
        light = self._light
        if light.backdrop is not None:
            return np.tile(light.backdrop.astype(np.float32), (len(ways), 1))
        return self._sky(ways) if light.around is None else light.around.seen(ways)

    def _sky(self, ways: np.ndarray) -> np.ndarray:
        """Sky colours (N, 3) float32 along directions (N, 3)."""
        unit = ways / np.linalg.norm(ways, axis=1, keepdims=True)
        up = np.clip(unit[:, 1:2], 0, 1)
        blend = np.exp(-5 * up)
        sky = self._light.zenith * (1 - blend) + self._light.horizon * blend
        u = (unit[:, 0] / (np.abs(unit[:, 1]) + 0.15) * 20).astype(int) % 128
        v = (unit[:, 2] / (np.abs(unit[:, 1]) + 0.15) * 20).astype(int) % 128
        cover = np.clip((self._clouds[v, u] - 0.5) * 3 + 0.3, 0, 1)[:, None] * self._light.clouds
        return (sky * (1 - cover) + self._light.horizon.max() * 1.1 * cover).astype(np.float32)

    def _surface(self, seen: Seen) -> np.ndarray:
        """Linear colours (S, 3) float32 of the pixels that see a surface."""
        light, normals = self._light, seen.normals
        z = 1 / seen.inverse[seen.surface][:, None]
        way = seen.ways[seen.surface]
        back = -way / np.linalg.norm(way, axis=1, keepdims=True)
        start = seen.points + normals * (1e-3 * z)
        open_sky = self._openness(seen, start, z)
        shine, mirror = self._lit(start, normals, back)
        shine = shine + self._soft(normals) * open_sky
        facing = (back * normals).sum(axis=1, keepdims=True)
        if light.flash:
            shine = shine + light.flash * facing / (z + 0.3) ** 2
        if light.around is not None:
            fresnel = 0.06 + 0.6 * (1 - np.clip(facing, 0, 1)) ** 4
            mirror = mirror + fresnel * open_sky * light.around.mirrored(
                2 * facing * normals - back
            )
        gloss = self._look.gloss[seen.part][:, None]
        return self._through_haze(self._matte(seen, z, shine) + gloss * mirror, z)

    def _soft(self, normals: np.ndarray) -> np.ndarray:
        """Light (S, 3) from all around on surfaces with these normals that nothing shades."""
        if self._light.around is None:
            return self._light.ambient * (0.7 + 0.3 * normals[:, 1:2])
        return self._light.around.soft(normals)

    def _matte(self, seen: Seen, z: np.ndarray, shine: np.ndarray) -> np.ndarray:
        """Light (S, 3) that surfaces scatter or give, of the light `shine` (S, 3) on them."""
        return self._albedo(seen, z[:, 0]) * (shine + self._look.glow[seen.part][:, None])

    def _through_haze(self, colour: np.ndarray, z: np.ndarray) -> np.ndarray:
        """Light (S, 3) float32 that comes through the air from surfaces at depth `z` (S, 1)."""
        if self._light.haze:
            through = np.exp(-self._light.haze * z)
            colour = colour * through + self._light.horizon * (1 - through)
        return colour.astype(np.float32)

    def _lit(
        self, start: np.ndarray, normals: np.ndarray, back: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray]:
        """Light (S, 3) of sun and lamps on surfaces at `start`, and their highlights (S, 1)."""
        shine, mirror = np.zeros((len(start), 3)), np.zeros((len(start), 1), np.float32)
        for aim, colour, fades in self._sources(start):
            reach = np.linalg.norm(aim, axis=1, keepdims=True)
            unit = aim / reach
            fall = np.clip((normals * unit).sum(axis=1, keepdims=True), 0, None)
            fall *= self._world.free(start, aim)[:, None]
            if fades:
                fall = fall / np.maximum(reach, 0.3) ** 2
            shine += fall * colour
            half = unit + back
            half /= np.linalg.norm(half, axis=1, keepdims=True) + 1e-9
            mirror += fall * np.clip((half * normals).sum(axis=1, keepdims=True), 0, None) ** 40
        return shine, mirror

    def _sources(self, start: np.ndarray) -> list[tuple[np.ndarray, np.ndarray, bool]]:
        """Vectors (S, 3) towards each light, its colour, and whether distance weakens it."""
        sources = []
        if self._light.sun is not None:
            aim = np.broadcast_to(self._light.sun.astype(np.float32) * 1e4, start.shape)
            sources.append((aim, self._light.sun_colour, False))
        for position, colour in self._light.lamps:
            sources.append((position.astype(np.float32) - start, colour, True))
        return sources

    def _openness(self, seen: Seen, start: np.ndarray, z: np.ndarray) -> np.ndarray:
        """How little the surroundings shade each point (S, 1), 0 to 1, from a few short rays."""
        index = np.full(len(seen.inverse), -1)
        index[seen.surface] = np.arange(len(start))
        index = index.reshape(seen.height, seen.width)[::2, ::2]
        some = index[index >= 0]
        total = np.zeros(len(some), np.float32)
        for _ in range(_SHADE_RAYS):
            way = self._rng.standard_normal((len(some), 3)).astype(np.float32)
            way /= np.linalg.norm(way, axis=1, keepdims=True)
            way = (way + seen.normals[some] * 1.05) * (0.2 * z[some])
            total += self._world.free(start[some], way)
        small = np.ones(index.shape, np.float32)
        small[index >= 0] = total / _SHADE_RAYS
        padded = np.pad(small, 1, mode="edge")
        rows, columns = small.shape
        small = sum(padded[i : i + rows, j : j + columns] for i in range(3) for j in range(3)) / 9
        full = np.repeat(np.repeat(small, 2, axis=0), 2, axis=1)[: seen.height, : seen.width]
        return (0.25 + 0.75 * full.reshape(-1)[seen.surface])[:, None]

    def _albedo(self, seen: Seen, z: np.ndarray) -> np.ndarray:
        """Linear surface colours (S, 3): patterns, pictures laid on like them, mapped pictures."""
        look, part = self._look, seen.part
        pixel = 1.4 * z / max(seen.width, seen.height)  # metres, about
        uv = self._laid_on(seen) * look.repeats[part][:, None]
        footprint = pixel * look.repeats[part]
        plain = np.flatnonzero(look.picture[part] < 0)
        pictured = np.flatnonzero(look.picture[part] >= 0)
        albedo = np.empty((len(part), 3), np.float32)
        weights = self._bank.sample(look.pattern[part[plain]], uv[plain], footprint[plain])
        albedo[plain] = np.einsum("nk,nkc->nc", weights, look.colours[part[plain]])
        if len(pictured):
            mapped = seen.mapped[pictured]
            where = np.where(mapped[:, None], seen.uv[pictured], uv[pictured])
            density = np.where(mapped, seen.density[pictured], look.repeats[part[pictured]])
            row = look.picture[part[pictured]]
            picture = self._gallery.sample(row, where, pixel[pictured] * density)
            albedo[pictured] = np.minimum(picture * look.colours[part[pictured], 0], _BRIGHTEST)
        # Wear: a second, coarser pattern hides the repeats of the first and dirties plain surfaces.
        wear = self._bank.sample(look.wear[part], uv * 0.37 + 0.3, footprint * 0.37)[:, 0]
        worn = np.where(seen.mapped, 0, look.worn[part]) * (wear - 0.5)
        return albedo * (1 + worn[:, None])

    def _laid_on(self, seen: Seen) -> np.ndarray:
        """Where patterns lie, (S, 2) in metres: along the main axis of the normal, on each part."""
        look, part, normals = self._look, seen.part, seen.normals
        local = seen.points - look.origin[part]
        cosine, sine = look.turn[part, 0], look.turn[part, 1]
        x = local[:, 0] * cosine - local[:, 2] * sine
        deep = local[:, 0] * sine + local[:, 2] * cosine
        nx = np.abs(normals[:, 0] * cosine - normals[:, 2] * sine)
        nz = np.abs(normals[:, 0] * sine + normals[:, 2] * cosine)
        flat = np.abs(normals[:, 1]) > np.maximum(nx, nz)
        return np.stack(
            [np.where(flat | (nz >= nx), x, deep), np.where(flat, deep, -local[:, 1])], 1
        )
