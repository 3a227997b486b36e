"""Models with their materials, and how they are written to the library folder."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

PICTURE_SIZE = 128
MOST_REPEATS = 1024  # of a picture within a triangle


@dataclass
class Material:
    """What a surface looks like.

    colour: (3,) float32 linear-light albedo, multiplied with the picture where there is one.
    picture: (128, 128, 4) uint8 sRGB + alpha (alpha < 128 is cut away), or None.
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
    """Write the models one after the other to a compressed npz; equal pictures are stored once."""
    models = list(models)
    pictures: dict[bytes, int] = {}
    materials = [material for model in models for material in model.materials]
    rows = [_picture_row(material.picture, pictures) for material in materials]
    starts = np.cumsum([0] + [len(model.materials) for model in models])
    path.parent.mkdir(parents=True, exist_ok=True)
    np.savez_compressed(
        path,
        names=np.array([model.name for model in models], dtype=str),
        groups=np.array([model.group for model in models], dtype=str),
        licences=np.array([model.licence for model in models], dtype=str),
        vertex_ends=np.cumsum([len(model.vertices) for model in models], dtype=np.int64),
        triangle_ends=np.cumsum([len(model.triangles) for model in models], dtype=np.int64),
        vertices=_joined([model.vertices for model in models], np.float32, (3,)),
        triangles=_joined([model.triangles for model in models], np.int32, (3,)),
        uv=_joined([_near_zero(model.uv) for model in models], np.float16, (3, 2)),
        material=_joined(
            [model.material + start for model, start in zip(models, starts[:-1], strict=True)],
            np.int32,
            (),
        ),
        colours=_joined([np.reshape(m.colour, (1, 3)) for m in materials], np.float32, (3,)),
        picture=np.array(rows, dtype=np.int32),
        gloss=np.array([material.gloss for material in materials], dtype=np.float32),
        pictures=np.frombuffer(b"".join(pictures), np.uint8).reshape(
            -1, PICTURE_SIZE, PICTURE_SIZE, 4
        ),
    )


def _picture_row(picture: np.ndarray | None, pictures: dict[bytes, int]) -> int:
    """The picture's row among those stored; -1 for none."""
    if picture is None:
        return -1
    if picture.shape != (PICTURE_SIZE, PICTURE_SIZE, 4) or picture.dtype != np.uint8:
        raise ValueError(f"a picture must be 128 x 128 RGBA bytes, not {picture.shape}")
    return pictures.setdefault(picture.tobytes(), len(pictures))


def _near_zero(uv: np.ndarray) -> np.ndarray:
    """(M, 3, 2) picture coordinates moved by whole repeats towards 0, where float16 is fine."""
    near = uv - np.floor(uv.min(axis=1, keepdims=True))
    return np.clip(np.nan_to_num(near), 0, MOST_REPEATS)


def _joined(arrays: list[np.ndarray], dtype: type, shape: tuple[int, ...]) -> np.ndarray:
    """The arrays one after the other; an empty array of the row's shape where there are none."""
    return np.concatenate([np.zeros((0, *shape), dtype), *arrays]).astype(dtype)
