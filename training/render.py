"""Photo and exact inverse depth of one view, by ray casting. Needs open3d (Embree) and Pillow."""

from __future__ import annotations

import io

import numpy as np
import open3d as o3d
from PIL import Image, ImageFilter

from . import library
from .stage import Light, Stage, View
from .textures import PatternBank, power_noise

UNKNOWN = -1.0  # inverse depth of what has none
_SHADE_RAYS = 5  # rays per half-resolution pixel that feel for nearby surfaces
_CREASE = 0.77  # cosine of the angle from which on an edge is sharp, not shaded smoothly
_LAYERS = 6  # of cut-out pictures (leaves, nets) that a ray may pass before it is stopped


def _tensor(array: np.ndarray) -> o3d.core.Tensor:
    return o3d.core.Tensor(np.ascontiguousarray(array, np.float32))


def _vertex_normals(vertices: np.ndarray, triangles: np.ndarray) -> np.ndarray:
    """Unit normals (N, 3) float32, weighted by the areas of the triangles around."""
    a, b, c = (vertices[triangles[:, k]] for k in range(3))
    faces = np.cross(b - a, c - a)
    corner = triangles.reshape(-1)
    normals = np.stack(
        [np.bincount(corner, np.repeat(faces[:, k], 3), len(vertices)) for k in range(3)], axis=-1
    )
    length = np.linalg.norm(normals, axis=1, keepdims=True)
    return (normals / np.maximum(length, 1e-20)).astype(np.float32)


def _areas(corners: np.ndarray) -> np.ndarray:
    """Areas (K,) of triangles with corners (K, 3, 2) or (K, 3, 3)."""
    a, b = corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0]
    square = (a * a).sum(1) * (b * b).sum(1) - (a * b).sum(1) ** 2
    return np.sqrt(np.maximum(square, 0)) / 2


class Renderer:
    """A finished stage, ready to be photographed."""

    def __init__(self, stage: Stage, light: Light, bank: PatternBank, threads: int = 1) -> None:
        self._rng, self._light, self._bank = stage.rng, light, bank
        vertices, triangles, self._part = stage.mesh()
        self._look = stage.materials()
        self._uv, self._mapped = stage.corners()
        self._triangles, self._normals = triangles, _vertex_normals(vertices, triangles)
        source = library.active()
        self._gallery = source.gallery if source else None
        corners = vertices[triangles[self._mapped >= 0]]
        self._density = np.sqrt(_areas(self._uv) / np.maximum(_areas(corners), 1e-12))
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
        if self._light.around is not None and self._light.backdrop is None:
            colour = self._light.around.seen(rays[:, 3:])
        elif self._light.backdrop is None:
            colour = self._sky(rays[:, 3:])
        else:
            colour = np.tile(self._light.backdrop.astype(np.float32), (len(seen), 1))
        if seen.any():
            colour[seen] = self._surface(view, width, height, seen, inverse, rays, hits)
        colour = colour.reshape(height, width, 3)
        inverse = inverse.reshape(height, width)
        photo = self._develop(colour, inverse, view)
        if self._light.unknown:
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
        hits = {name: a.numpy().copy() for name, a in self._scene.cast_rays(_tensor(rays)).items()}
        self._pass_holes(rays, hits)
        distance = hits["t_hit"]
        return np.where(np.isfinite(distance), 1 / np.maximum(distance, 1e-6), 0), rays, hits

    def _pass_holes(self, rays: np.ndarray, hits: dict[str, np.ndarray]) -> None:
        """Let rays (N, 6) that hit a hole in a picture go on to what is behind; changes `hits`."""
        if self._gallery is None or not self._gallery.holed[self._look.picture].any():
            return
        open_rays = np.flatnonzero(np.isfinite(hits["t_hit"]))
        for _ in range(_LAYERS):
            triangle = hits["primitive_ids"][open_rays].astype(np.int64)
            picture = self._look.picture[self._part[triangle]]
            holed = (picture >= 0) & (self._mapped[triangle] >= 0) & self._gallery.holed[picture]
            open_rays, triangle, picture = open_rays[holed], triangle[holed], picture[holed]
            uv = self._corner_uv(triangle, hits["primitive_uvs"][open_rays])
            open_rays = open_rays[~self._gallery.opaque(picture, uv)]
            if not len(open_rays):
                return
            gone = hits["t_hit"][open_rays] * 1.0001 + 1e-4
            onward = rays[open_rays].copy()
            onward[:, :3] += onward[:, 3:] * gone[:, None]
            found = self._scene.cast_rays(_tensor(onward))
            for name, array in found.items():
                hits[name][open_rays] = array.numpy()
            hits["t_hit"][open_rays] += gone
            open_rays = open_rays[np.isfinite(hits["t_hit"][open_rays])]

    def _corner_uv(self, triangle: np.ndarray, inside: np.ndarray) -> np.ndarray:
        """Picture coordinates (N, 2) of points `inside` (N, 2) mapped triangles (N,)."""
        a, b, c = np.moveaxis(self._uv[self._mapped[triangle]], 1, 0)
        return a + (b - a) * inside[:, :1] + (c - a) * inside[:, 1:]

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
        triangle = hits["primitive_ids"][seen].astype(np.int64)
        inside = hits["primitive_uvs"][seen]
        normals = self._smooth(hits["primitive_normals"][seen], triangle, inside)
        normals = normals * -np.sign((normals * ray).sum(axis=1, keepdims=True) + 1e-12)
        part = self._part[triangle]
        albedo = self._albedo(points, normals, z[:, 0], part, max(width, height))
        self._lay_mapped(albedo, z[:, 0], triangle, inside, max(width, height))
        start = points + normals * (1e-3 * z)
        open_sky = self._openness(start, normals, z, seen, width, height)
        above = 0.7 + 0.3 * normals[:, 1:2]
        soft = light.ambient * above if light.around is None else light.around.soft(normals)
        shine = soft * open_sky
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
        if light.around is not None:
            facing = (back * normals).sum(1, keepdims=True)
            bent = 2 * facing * normals - back
            fresnel = 0.06 + 0.6 * (1 - np.clip(facing, 0, 1)) ** 4
            result += gloss * fresnel * open_sky * light.around.mirrored(bent)
        if light.haze:
            through = np.exp(-light.haze * z)
            result = result * through + light.horizon * (1 - through)
        return result.astype(np.float32)

    def _smooth(self, flat: np.ndarray, triangle: np.ndarray, inside: np.ndarray) -> np.ndarray:
        """Unit normals (S, 3), smooth across triangles (normals `flat`) that meet at small angles.

        Winding carries no meaning, so where neighbours disagree the flat normal stays.
        """
        corners = self._normals[self._triangles[triangle]]
        along = np.einsum("skc,sc->sk", corners, flat)[..., None]
        corners = np.where(along > _CREASE, corners, flat[:, None])
        u, v = inside[:, :1], inside[:, 1:]
        smooth = corners[:, 0] * (1 - u - v) + corners[:, 1] * u + corners[:, 2] * v
        return smooth / (np.linalg.norm(smooth, axis=1, keepdims=True) + 1e-12)

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
        laid = np.flatnonzero((look.picture[part] >= 0) & ~look.mapped[part])
        if len(laid):
            tile = self._gallery.sample(look.picture[part[laid]], uv[laid], footprint[laid])
            albedo[laid] = np.minimum(tile * look.colours[part[laid], 0], 0.95)
        # Wear: a second, coarser pattern hides the repeats of the first and dirties plain surfaces.
        wear = self._bank.sample(look.wear[part], uv * 0.37 + 0.3, footprint * 0.37)[:, :1]
        return albedo * (1 + look.worn[part][:, None] * (wear - 0.5))

    def _lay_mapped(
        self, albedo: np.ndarray, z: np.ndarray, triangle: np.ndarray, inside: np.ndarray, size: int
    ) -> None:
        """Replace the colours (S, 3) of triangles that say themselves where their picture lies."""
        some = np.flatnonzero(self._mapped[triangle] >= 0)
        if not len(some):
            return
        triangle = triangle[some]
        uv = self._corner_uv(triangle, inside[some])
        footprint = 1.4 * z[some] / size * self._density[self._mapped[triangle]]
        part = self._part[triangle]
        picture = self._gallery.sample(self._look.picture[part], uv, footprint)
        albedo[some] = np.minimum(picture * self._look.colours[part, 0], 0.95)

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
        metered = luma[inverse > 0] if 0.05 < (inverse > 0).mean() < rng.uniform(0, 2) else luma
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
