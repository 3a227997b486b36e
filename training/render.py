"""Photo and exact inverse depth of one view, by ray casting. Needs open3d (Embree) and Pillow."""

from __future__ import annotations

import io

import numpy as np
import open3d as o3d
from PIL import Image, ImageFilter

from .stage import Light, Stage, View
from .textures import PatternBank, power_noise

UNKNOWN = -1.0  # inverse depth of what has none
_SHADE_RAYS = 5  # rays per half-resolution pixel that feel for nearby surfaces


def _tensor(array: np.ndarray) -> o3d.core.Tensor:
    return o3d.core.Tensor(np.ascontiguousarray(array, np.float32))


class Renderer:
    """A finished stage, ready to be photographed."""

    def __init__(self, stage: Stage, light: Light, bank: PatternBank, threads: int = 1) -> None:
        self._rng, self._light, self._bank = stage.rng, light, bank
        vertices, triangles, self._part = stage.mesh()
        self._look = stage.materials()
        self._scene = o3d.t.geometry.RaycastingScene(nthreads=threads)
        self._scene.add_triangles(_tensor(vertices), o3d.core.Tensor(triangles.astype(np.uint32)))
        self._clouds = power_noise(self._rng, (128, 128), 1.7).astype(np.float32)

    def inverse_depth(self, view: View, width: int, height: int) -> np.ndarray:
        """Inverse z-depth (height, width) float32 in 1/m at pixel centres; 0 = sky."""
        return self._cast(view, width, height)[0].reshape(height, width)

    def photo(self, view: View, width: int, height: int) -> tuple[np.ndarray, np.ndarray]:
        """sRGB photo (height, width, 3) uint8 and inverse depth (height, width) float32 in 1/m.

        Inverse depth is 0 in the sky, and UNKNOWN around a cut-out.
        """
        inverse, rays, hits = self._cast(view, width, height)
        seen = inverse > 0
        if self._light.backdrop is None:
            colour = self._sky(rays[:, 3:])
        else:
            colour = np.tile(self._light.backdrop.astype(np.float32), (len(seen), 1))
        if seen.any():
            colour[seen] = self._surface(view, width, height, seen, inverse, rays, hits)
        colour = colour.reshape(height, width, 3)
        inverse = inverse.reshape(height, width)
        photo = self._develop(colour, inverse, view)
        if self._light.backdrop is not None:
            inverse = np.where(inverse > 0, inverse, np.float32(UNKNOWN))
        return photo, inverse

    def _cast(self, view: View, width: int, height: int) -> tuple[np.ndarray, np.ndarray, dict]:
        """Inverse depth (N,), rays (N, 6) whose length is z-depth, and what they hit."""
        focal = max(width, height) / 2 / np.tan(view.fov / 2)
        u = (np.arange(width) + 0.5 - width / 2) / focal
        v = (np.arange(height) + 0.5 - height / 2) / focal
        x, y = np.meshgrid(u, v)
        forward = np.stack([x, y, np.ones_like(x)], axis=-1).reshape(-1, 3) @ view.pose().T
        rays = np.empty((len(forward), 6), np.float32)
        rays[:, :3], rays[:, 3:] = view.position, forward
        hits = self._scene.cast_rays(_tensor(rays))
        distance = hits["t_hit"].numpy()
        return np.where(np.isfinite(distance), 1 / np.maximum(distance, 1e-6), 0), rays, hits

    def _surface(
        self,
        view: View,
        width: int,
        height: int,
        seen: np.ndarray,
        inverse: np.ndarray,
        rays: np.ndarray,
        hits: dict,
    ) -> np.ndarray:
        """Linear colours (S, 3) of the S rays that hit something."""
        light = self._light
        z = (1 / inverse[seen])[:, None]
        ray = rays[seen, 3:]
        points = rays[seen, :3] + ray * z
        normals = hits["primitive_normals"].numpy()[seen]
        normals = normals * -np.sign((normals * ray).sum(axis=1, keepdims=True) + 1e-12)
        part = self._part[hits["primitive_ids"].numpy()[seen].astype(np.int64)]
        albedo = self._albedo(points, normals, z[:, 0], part, max(width, height))
        start = points + normals * (1e-3 * z)
        open_sky = self._openness(start, normals, z, seen, width, height)
        above = 0.7 + 0.3 * normals[:, 1:2]
        shine = light.ambient * above * open_sky
        back = -ray / np.linalg.norm(ray, axis=1, keepdims=True)
        gloss = self._look.gloss[part][:, None]
        mirror = np.zeros((len(z), 1), np.float32)
        for aim, colour in self._sources(start):
            reach = np.linalg.norm(aim, axis=1, keepdims=True)
            free = self._free(start, aim)
            unit = aim / reach
            fall = free[:, None] * np.clip((normals * unit).sum(1, keepdims=True), 0, None)
            if light.sun is None or colour is not light.sun_colour:
                fall = fall / np.maximum(reach, 0.3) ** 2
            shine = shine + fall * colour
            half = unit + back
            half /= np.linalg.norm(half, axis=1, keepdims=True) + 1e-9
            mirror += fall * np.clip((half * normals).sum(1, keepdims=True), 0, None) ** 40
        if light.flash:
            shine = shine + light.flash * (back * normals).sum(1, keepdims=True) / (z + 0.3) ** 2
        result = albedo * (shine + self._look.glow[part][:, None]) + gloss * mirror
        if light.haze:
            through = np.exp(-light.haze * z)
            result = result * through + light.horizon * (1 - through)
        return result.astype(np.float32)

    def _sources(self, start: np.ndarray) -> list[tuple[np.ndarray, np.ndarray]]:
        """Vectors (S, 3) towards each light, and its colour."""
        sources = []
        if self._light.sun is not None:
            aim = np.broadcast_to(self._light.sun.astype(np.float32) * 1e4, start.shape)
            sources.append((aim, self._light.sun_colour))
        for position, colour in self._light.lamps:
            sources.append((position.astype(np.float32) - start, colour))
        return sources

    def _free(self, start: np.ndarray, aim: np.ndarray) -> np.ndarray:
        """1.0 where nothing stands between `start` and `start + aim`, else 0.0."""
        rays = np.concatenate([start, aim], axis=1)
        hit = self._scene.test_occlusions(_tensor(rays), tnear=0.0, tfar=0.97).numpy()
        return (~hit).astype(np.float32)

    def _openness(
        self,
        start: np.ndarray,
        normals: np.ndarray,
        z: np.ndarray,
        seen: np.ndarray,
        width: int,
        height: int,
    ) -> np.ndarray:
        """How little the surroundings shade each point (S, 1), 0 to 1, from a few short rays."""
        index = np.full(len(seen), -1)
        index[seen] = np.arange(len(start))
        index = index.reshape(height, width)[::2, ::2]
        some = index[index >= 0]
        total = np.zeros(len(some), np.float32)
        for _ in range(_SHADE_RAYS):
            way = self._rng.standard_normal((len(some), 3)).astype(np.float32)
            way /= np.linalg.norm(way, axis=1, keepdims=True)
            way = (way + normals[some] * 1.05) * (0.2 * z[some])
            total += self._free(start[some], way)
        small = np.ones(index.shape, np.float32)
        small[index >= 0] = total / _SHADE_RAYS
        padded = np.pad(small, 1, mode="edge")
        rows, columns = small.shape
        small = sum(padded[i : i + rows, j : j + columns] for i in range(3) for j in range(3)) / 9
        full = np.repeat(np.repeat(small, 2, axis=0), 2, axis=1)[:height, :width]
        return (0.25 + 0.75 * full.reshape(-1)[seen])[:, None]

    def _albedo(
        self, points: np.ndarray, normals: np.ndarray, z: np.ndarray, part: np.ndarray, size: int
    ) -> np.ndarray:
        """Linear surface colours (S, 3); patterns are laid along the main axis of the normal."""
        look = self._look
        local = points - look.origin[part]
        cosine, sine = look.turn[part, 0], look.turn[part, 1]
        x = local[:, 0] * cosine - local[:, 2] * sine
        deep = local[:, 0] * sine + local[:, 2] * cosine
        nx = np.abs(normals[:, 0] * cosine - normals[:, 2] * sine)
        nz = np.abs(normals[:, 0] * sine + normals[:, 2] * cosine)
        flat = np.abs(normals[:, 1]) > np.maximum(nx, nz)
        u = np.where(flat | (nz >= nx), x, deep)
        v = np.where(flat, deep, -local[:, 1])
        repeats = look.repeats[part]
        uv = np.stack([u, v], axis=-1) * repeats[:, None]
        footprint = 1.4 * z / size * repeats
        weights = self._bank.sample(look.pattern[part], uv, footprint)
        albedo = np.einsum("nk,nkc->nc", weights, look.colours[part])
        # Wear: a second, coarser pattern hides the repeats of the first and dirties plain surfaces.
        wear = self._bank.sample(look.wear[part], uv * 0.37 + 0.3, footprint * 0.37)[:, :1]
        return albedo * (1 + look.worn[part][:, None] * (wear - 0.5))

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

    def _develop(self, colour: np.ndarray, inverse: np.ndarray, view: View) -> np.ndarray:
        """Expose, encode and store the photo as a camera does; (H, W, 3) uint8."""
        rng = self._rng
        luma = colour.mean(axis=-1)
        # What has a surface is metered where there is any: a black backdrop is not exposed for.
        metered = luma[inverse > 0] if (inverse > 0).mean() > 0.05 else luma
        bright = np.quantile(metered, rng.uniform(0.85, 0.995)) + 1e-4
        exposed = colour * (np.exp(rng.normal(-0.1, 0.3)) / bright)
        knee = 0.7 + 0.3 * np.tanh((exposed - 0.7) / 0.3)
        exposed = np.where(exposed > 0.7, knee, exposed)
        photo = np.clip(exposed, 0, 1) ** (1 / 2.2)
        image = Image.fromarray(
            (photo * 255 + rng.uniform(0, 1, photo.shape)).clip(0, 255).astype(np.uint8)
        )
        if view.focus is not None:
            image = self._defocus(image, inverse, view.focus)
        if rng.random() < 0.5:
            image = _jpeg(image, int(rng.integers(30, 92)))
        return np.asarray(image)

    def _defocus(self, image: Image.Image, inverse: np.ndarray, focus: float) -> Image.Image:
        """Blur by the circle of confusion, which grows with the distance in inverse depth."""
        circle = np.abs(inverse * focus - 1) * self._rng.uniform(1, 7)
        sharp = np.asarray(image, np.float32)
        for radius in (1.2, 3.0, 6.0):
            soft = np.asarray(image.filter(ImageFilter.GaussianBlur(radius)), np.float32)
            mask = Image.fromarray((np.clip(circle / radius, 0, 1) * 255).astype(np.uint8))
            weight = np.asarray(mask.filter(ImageFilter.GaussianBlur(radius / 2)), np.float32) / 255
            sharp = sharp * (1 - weight[..., None]) + soft * weight[..., None]
        return Image.fromarray(sharp.astype(np.uint8))


def _jpeg(image: Image.Image, quality: int) -> Image.Image:
    stored = io.BytesIO()
    image.save(stored, "JPEG", quality=quality)
    return Image.open(io.BytesIO(stored.getvalue())).convert("RGB")
