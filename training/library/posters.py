"""Pictures that hang on walls: crops of wallpapers, loading screens and painted pictures."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
from PIL import Image

from ..gallery import SIZE
from .pictures import Duplicates, Source
from .store import save_pictures

_SOURCES = (
    Source("usr/share/backgrounds/gnome", "gnome-backgrounds, CC-BY-SA-3.0"),
    Source("usr/share/backgrounds", "lomiri- or ukui-wallpapers, CC-BY or -SA", wanted=r"[^/]+$"),
    Source("usr/share/wallpapers", "plasma-workspace-wallpapers, GPL-2+ or LGPL-3 or CC-BY-SA-4.0",
           wanted=r".*images/(2560x1600|[35]\d+x2\d+)\."),
    Source("usr/share/games/0ad/mods/public/public.zip", "0ad-data, CC-BY-SA-3.0",
           "art/textures/ui/loading/tips/"),
    Source("usr/share/games/ufoai/base/0textures.pk3", "ufoai-textures, GPL and others, per file",
           "textures/tex_pics/", r"(?!.*_nm).*(art|land|cow|asia|dragon|science|trakt)"),
)  # fmt: skip


def save_posters(packages: Path, target: Path) -> None:
    """Write the posters of the packages unpacked below `packages`."""
    found = list(_posters(packages))
    save_pictures(target, [crop for crop, _ in found], sources=[credit for _, credit in found])


def _posters(packages: Path) -> Iterator[tuple[np.ndarray, str]]:
    """Crops (SIZE, SIZE, 3) and credits, each that is worth a look once."""
    seen = Duplicates(14.0)
    for source in _SOURCES:
        for credit, picture in source.pictures(packages):
            for crop in _crops(picture):
                if crop.std(axis=(0, 1)).max() > 14 and seen.add(crop):
                    yield crop, credit


def _crops(picture: Image.Image) -> Iterator[np.ndarray]:
    """(SIZE, SIZE, 3): the whole height at up to three places, and parts of large pictures."""
    picture.thumbnail((2048, 2048), Image.Resampling.BOX)
    side = min(picture.size)
    if side < 64:
        return
    parts = [(1.0, 0.5, 0.5)]  # share of the height, place from left and from top
    if max(picture.size) > 1.5 * side:
        parts += [(0.95, 0.0, 0.0), (0.95, 1.0, 1.0)]
    if side >= 512:
        parts += [(0.55, 0.2, 0.8), (0.4, 0.7, 0.6)]
    for share, right, down in parts:
        size = round(side * share)
        left, top = round((picture.width - size) * right), round((picture.height - size) * down)
        crop = picture.crop((left, top, left + size, top + size))
        yield np.asarray(crop.resize((SIZE, SIZE), Image.Resampling.LANCZOS))
