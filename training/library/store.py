"""What the library folder holds: models with their materials, and pictures; how both are written.

One .npz file holds many models or pictures one after the other; `contents.py` reads them.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np

from ..gallery import SIZE

_MOST_REPEATS = 1024  # of a picture within a triangle


@dataclass
class Material:
    """What a surface looks like.

    colour: (3,) float32 linear-light albedo, multiplied with the picture where there is one.
    picture: (SIZE, SIZE, 4) uint8 sRGB + alpha (alpha < 128 is cut away), or None.
    gloss: strength of the highlight, 0..0.8.
    """

    colour: np.ndarray
    picture: np.ndarray | None = None
    gloss: float = 0.0


@dataclass
class Model:
    """One thing that stands on y = 0, centred on x = z = 0, its front towards -z.

    The frame is x right, y up, z away from the photographer (left-handed), in metres.
    vertices: (N, 3) float32.
    triangles: (M, 3) int32 rows of the vertices.
    uv: (M, 3, 2) float32 picture coordinates of the corners: u right, v down from the top edge.
    material: (M,) int32 rows of `materials`.
    """

    name: str
    group: str
    licence: str
    vertices: np.ndarray
    triangles: np.ndarray
    uv: np.ndarray
    material: np.ndarray
    materials: list[Material] = field(default_factory=list)


def save_models(path: Path, models: Iterable[Model]) -> None:
    """Write the models; equal pictures are stored once. Without models nothing is written."""
    models = list(models)
    if not models:
        return
    pictures: dict[bytes, int] = {}
    materials = [material for model in models for material in model.materials]
    rows = [_picture_row(material.picture, pictures) for material in materials]
    starts = np.cumsum([0] + [len(model.materials) for model in models])
    ranges = zip(models, pairwise(starts), strict=True)
    path.parent.mkdir(parents=True, exist_ok=True)
    np.savez_compressed(
        path,
        names=np.array([model.name for model in models]),
        groups=np.array([model.group for model in models]),
        licences=np.array([model.licence for model in models]),
        vertex_ends=np.cumsum([len(model.vertices) for model in models], dtype=np.int64),
        triangle_ends=np.cumsum([len(model.triangles) for model in models], dtype=np.int64),
        vertices=np.concatenate([model.vertices for model in models], dtype=np.float32),
        triangles=np.concatenate([model.triangles for model in models], dtype=np.int32),
        uv=np.concatenate([_near_zero(model.uv) for model in models]).astype(np.float16),
        material=np.concatenate([m.material + start for m, (start, _) in ranges]).astype(np.int32),
        colours=np.array([material.colour for material in materials], np.float32),
        picture=np.array(rows, np.int32),
        gloss=np.array([material.gloss for material in materials], np.float32),
        pictures=np.frombuffer(b"".join(pictures), np.uint8).reshape(-1, SIZE, SIZE, 4),
    )


def save_pictures(path: Path, pictures: Sequence[np.ndarray], **columns: Any) -> None:
    """Write pictures that are alike in shape, and columns with an entry for each of them.

    Without pictures nothing is written.
    """
    if pictures:
        path.parent.mkdir(parents=True, exist_ok=True)
        np.savez_compressed(path, pictures=np.stack(pictures), **columns)


def _picture_row(picture: np.ndarray | None, pictures: dict[bytes, int]) -> int:
    """The picture's row among those stored; -1 for none."""
    if picture is None:
        return -1
    if picture.shape != (SIZE, SIZE, 4) or picture.dtype != np.uint8:
        raise ValueError(f"a picture must be {SIZE} x {SIZE} RGBA bytes, not {picture.shape}")
    return pictures.setdefault(picture.tobytes(), len(pictures))


def _near_zero(uv: np.ndarray) -> np.ndarray:
    """(M, 3, 2) picture coordinates moved by whole repeats towards 0, where float16 is fine."""
    near = uv - np.floor(uv.min(axis=1, keepdims=True))
    return np.clip(np.nan_to_num(near), 0, _MOST_REPEATS)
