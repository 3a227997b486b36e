"""What a camera makes of the light that reaches it: exposure, focus, storage."""

from __future__ import annotations

import io

import numpy as np
from PIL import Image, ImageFilter


def develop(
    colour: np.ndarray, inverse: np.ndarray, focus: float | None, rng: np.random.Generator
) -> np.ndarray:
    """sRGB photo (H, W, 3) uint8 from linear light (H, W, 3) and inverse depth (H, W) in 1/m.

    `focus` is the distance in metres of the sharp plane, None: all is sharp.
    """
    luma = colour.mean(axis=-1)
    # What has a surface is metered where there is any: a black backdrop is not exposed for.
    metered = luma[inverse > 0] if 0.05 < (inverse > 0).mean() < rng.uniform(0, 2) else luma
    bright = np.quantile(metered, rng.uniform(0.85, 0.995)) + 1e-4
    exposed = colour * (np.exp(rng.normal(-0.1, 0.3)) / bright)
    knee = 0.7 + 0.3 * np.tanh((exposed - 0.7) / 0.3)
    exposed = np.where(exposed > 0.7, knee, exposed)
    photo = np.clip(exposed, 0, 1) ** (1 / 2.2) * 255 + rng.uniform(0, 1, colour.shape)
    image = Image.fromarray(photo.clip(0, 255).astype(np.uint8))
    if focus is not None:
        image = _defocus(image, inverse, focus, rng.uniform(1, 7))
    if rng.random() < 0.5:
        image = _jpeg(image, int(rng.integers(30, 92)))
    return np.asarray(image)


def _defocus(image: Image.Image, inverse: np.ndarray, focus: float, aperture: float) -> Image.Image:
    """Blur by the circle of confusion, which grows with the distance in inverse depth."""
    circle = np.abs(inverse * focus - 1) * aperture
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
