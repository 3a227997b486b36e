"""Surface patterns and paints.

A pattern is a tileable picture of three weights that sum to one; a paint gives each weight a
colour. So a few hundred patterns dress any number of surfaces, and none can stand for a distance.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from . import library
from .mipmaps import MipMaps

SIZE = 128  # texels per side of a pattern
COPIES = 16  # patterns of each kind

Pattern = np.ndarray


def power_noise(
    rng: np.random.Generator, shape: tuple[int, int], slope: float, stretch: float = 1.0
) -> np.ndarray:
    """Tileable noise in [0, 1] whose amplitude falls as 1 / frequency ** slope.

    Photos have slopes near 1 (Field 1987); 2 and more look like clouds or hills.
    `stretch` above 1 draws the noise out along the rows, as in wood.
    """
    rows = np.fft.fftfreq(shape[0])[:, None] * shape[0]
    columns = np.fft.rfftfreq(shape[1])[None] * shape[1] * stretch
    power = rows**2 + columns**2
    power[0, 0] = np.inf
    phase = rng.standard_normal(power.shape) + 1j * rng.standard_normal(power.shape)
    noise = np.fft.irfft2(phase * power ** (-slope / 2), shape)
    low, high = np.quantile(noise, (0.01, 0.99))
    return np.clip((noise - low) / (high - low + 1e-12), 0, 1)


def _axes(rng: np.random.Generator, low: int, high: int) -> tuple[np.ndarray, np.ndarray]:
    """x and y, each counting a whole number of repeats over the pattern."""
    y, x = np.mgrid[0:SIZE, 0:SIZE] / SIZE
    return x * rng.integers(low, high), y * rng.integers(low, high)


def _weights(first: np.ndarray, second: np.ndarray | float = 0.0) -> Pattern:
    """Pattern from the share of colour 1 (first) and, of the rest, the share of colour 2."""
    a = np.clip(first, 0, 1)
    b = (1 - a) * np.clip(second, 0, 1)
    return np.stack([a, b, 1 - a - b], axis=-1)


def _plain(rng: np.random.Generator) -> Pattern:
    return _weights(0.85 + 0.15 * power_noise(rng, (SIZE, SIZE), rng.uniform(0, 2)))


def _cloudy(rng: np.random.Generator) -> Pattern:
    slope = rng.uniform(0.6, 2.0)
    return _weights(power_noise(rng, (SIZE, SIZE), slope), power_noise(rng, (SIZE, SIZE), slope))


def _blotches(rng: np.random.Generator) -> Pattern:
    sharp = rng.uniform(4, 30)
    a = power_noise(rng, (SIZE, SIZE), rng.uniform(1.2, 2.5))
    b = power_noise(rng, (SIZE, SIZE), rng.uniform(1.2, 2.5))
    return _weights((a - 0.5) * sharp + 0.5, (b - 0.5) * sharp + 0.5)


def _grain(rng: np.random.Generator) -> Pattern:
    noise = power_noise(rng, (SIZE, SIZE), rng.uniform(0.7, 1.4), rng.uniform(4, 14))
    _, y = _axes(rng, 2, 7)
    gap = (y % 1) < rng.uniform(0.0, 0.08)
    tone = np.sin(np.floor(y) * 2.4) * 0.15
    return _weights((0.25 + 0.6 * noise + tone) * ~gap, 0.7 * ~gap)


def _stripes(rng: np.random.Generator) -> Pattern:
    x, y = _axes(rng, 2, 12)
    line = x if rng.random() < 0.5 else y
    return _weights((line % 1) < rng.uniform(0.2, 0.8), (line * 2 % 1) < 0.4)


def _tiles(rng: np.random.Generator) -> Pattern:
    x, y = _axes(rng, 2, 9)
    joint = ((x % 1) < 0.05) | ((y % 1) < 0.05)
    tone = 0.8 + 0.2 * np.sin(np.floor(x) * 12.9 + np.floor(y) * 78.2)
    return _weights(tone * ~joint, 0.0)


def _bricks(rng: np.random.Generator) -> Pattern:
    x, y = _axes(rng, 2, 5)[0], _axes(rng, 6, 14)[1]
    x = x + np.floor(y) / 2
    joint = ((x % 1) < 0.06) | ((y % 1) < 0.12)
    tone = 0.5 + 0.5 * np.sin(np.floor(x) * 12.9 + np.floor(y) * 78.2)
    return _weights(tone * ~joint, 0.8 * ~joint)


def _checker(rng: np.random.Generator) -> Pattern:
    n = int(rng.integers(2, 9)) * 2
    y, x = np.mgrid[0:SIZE, 0:SIZE] / SIZE * n
    return _weights((np.floor(x) + np.floor(y)) % 2, 0.3)


def _dots(rng: np.random.Generator) -> Pattern:
    x, y = _axes(rng, 3, 10)
    radius = np.hypot(x % 1 - 0.5, y % 1 - 0.5)
    return _weights(radius < rng.uniform(0.15, 0.42), radius > 0.45)


def _windows(rng: np.random.Generator) -> Pattern:
    """A facade: panes (third colour) in frames (second) on a wall (first)."""
    x, y = _axes(rng, 2, 6)
    wide, high = rng.uniform(0.12, 0.3), rng.uniform(0.15, 0.3)
    u, v = np.abs(x % 1 - 0.5), np.abs(y % 1 - 0.5)
    pane = (u < wide) & (v < high)
    frame = (u < wide + 0.05) & (v < high + 0.06) & (~pane | (u < 0.02))
    wall = ~(pane | frame)
    return _weights(wall * (0.9 + 0.1 * power_noise(rng, (SIZE, SIZE), 1)), frame)


def _picture(rng: np.random.Generator) -> Pattern:
    """Random shapes over noise: a poster, a book cover, a painting, a label."""
    first = power_noise(rng, (SIZE, SIZE), 1.5)
    second = power_noise(rng, (SIZE, SIZE), 1.5)
    y, x = np.mgrid[0:SIZE, 0:SIZE] / SIZE
    for _ in range(rng.integers(3, 14)):
        cx, cy = rng.uniform(0, 1, 2)
        w, h = rng.uniform(0.02, 0.35, 2)
        inside = np.abs(x - cx) / w + np.abs(y - cy) / h < 1
        if rng.random() < 0.6:
            inside = np.maximum(np.abs(x - cx) / w, np.abs(y - cy) / h) < 1
        first = np.where(inside, rng.random(), first)
        second = np.where(inside, rng.random(), second)
    return _weights(first, second)


def _writing(rng: np.random.Generator) -> Pattern:
    x, y = _axes(rng, 20, 40)[0], _axes(rng, 5, 14)[1]
    lines = ((y % 1) > 0.45) & (rng.random((64, 64))[np.floor(y).astype(int), :][..., 0] > 0.2)
    words = rng.random((64, 64))[np.floor(y).astype(int), np.floor(x).astype(int)] > 0.3
    return _weights(~(lines & words), 0.2)


def _leafy(rng: np.random.Generator) -> Pattern:
    fine = power_noise(rng, (SIZE, SIZE), rng.uniform(0.2, 0.9))
    coarse = power_noise(rng, (SIZE, SIZE), 1.3)
    return _weights(fine * 0.6 + coarse * 0.4, coarse)


PATTERNS: dict[str, Callable[[np.random.Generator], Pattern]] = {
    "plain": _plain, "cloudy": _cloudy, "blotches": _blotches, "grain": _grain,
    "stripes": _stripes, "tiles": _tiles, "bricks": _bricks, "checker": _checker, "dots": _dots,
    "windows": _windows, "picture": _picture, "writing": _writing, "leafy": _leafy,
}  # fmt: skip
_KINDS = list(PATTERNS)
_ANY_ODDS = np.array([6, 4, 2, 3, 1, 1, 0.7, 0.4, 0.4, 0, 1.2, 0.4, 1])


class PatternBank:
    """All patterns, ready to be looked up by the pixel."""

    def __init__(self, seed: int = 0) -> None:
        rng = np.random.default_rng([seed, 77])
        made = [make(rng) for make in PATTERNS.values() for _ in range(COPIES)]
        self._maps = MipMaps(np.stack(made).astype(np.float32))

    def sample(self, index: np.ndarray, uv: np.ndarray, footprint: np.ndarray) -> np.ndarray:
        """Weights (N, 3) of patterns `index` (N,); see MipMaps.bilinear."""
        return self._maps.bilinear(index, uv, footprint)


def wear_patterns(rng: np.random.Generator, count: int) -> np.ndarray:
    """Numbers (count,) int32 of patterns that look like dirt, fading or grain."""
    kinds = rng.choice([_KINDS.index(kind) for kind in ("cloudy", "leafy", "grain")], count)
    return (kinds * COPIES + rng.integers(0, COPIES, count)).astype(np.int32)


@dataclass(frozen=True)
class Paint:
    """How a surface looks: a pattern, three linear-light colours, and how it answers to light."""

    pattern: int
    repeats: float  # pattern repeats per metre
    colours: np.ndarray  # (3, 3) float32, linear light
    gloss: float = 0.0  # strength of the highlight
    glow: float = 0.0  # light of its own, in units of its colour
    picture: int = -1  # row of the gallery: a photo texture, times colours[0], not a pattern
    uv: np.ndarray | None = None  # (M, 3, 2) of the triangles' corners; None: laid on as patterns


def colour(rng: np.random.Generator, hue: float | None = None, vivid: float = 1.0) -> np.ndarray:
    """A linear-light colour (3,) float32, mostly muted as in photos; `hue` in turns, 0 = red."""
    if hue is None:  # the world is more often brown or blue than pink
        near = ((0.09, 0.05), (0.6, 0.06), (rng.random(), 0.0))[rng.choice(3, p=[0.5, 0.15, 0.35])]
        hue = rng.normal(*near)
    saturation = rng.beta(1.0, 2.6) * vivid
    value = rng.uniform(0.06, 0.95)
    phase = (hue + np.array([0, 1 / 3, 2 / 3])[[0, 2, 1]]) * 2 * np.pi
    rgb = value * (1 - saturation * (0.5 - 0.5 * np.cos(phase)))
    return (np.clip(rgb, 0.01, 1) ** 2.2).astype(np.float32)


# Photo textures that may stand in for each family of patterns; a kind that a library lacks is
# skipped.
_TILES: dict[str, tuple[str, ...]] = {
    "plain": ("wall", "wall", "concrete", "fabric", "metal", "wood"),
    "cloudy": ("concrete", "ground", "stone", "wall", "road", "any"),
    "blotches": ("ground", "stone", "fabric", "any"),
    "grain": ("wood",),
    "tiles": ("tile", "stone", "road"),
    "bricks": ("brick", "brick", "stone", "wall"),
    "leafy": ("grass", "grass", "foliage", "ground"),
    "windows": ("facade",),
    "picture": ("poster",),
    "stripes": ("fabric", "roof", "metal", "wood"),
    "checker": ("tile",),
    "dots": ("fabric", "any"),
}
_TILE_SHARE = 0.55


def _tile(
    rng: np.random.Generator, kind: str, repeats: tuple[float, float], tones: np.ndarray
) -> Paint | None:
    """A photo texture for this family of patterns, in its own colours or near `tones[0]`."""
    source = library.active()
    names = _TILES.get(kind, ())
    rows = [source.posters if n == "poster" else source.tiles.get(n, []) for n in names]
    rows = [each for each in rows if each]
    if not rows:
        return None
    some = rows[rng.integers(len(rows))]
    row = some[rng.integers(len(some))]
    tint = np.exp(rng.normal(0, 0.2) + rng.normal(0, 0.08, 3))
    if rng.random() < 0.25 and kind != "picture":
        tint = tones[0] / np.maximum(source.gallery.means[row].mean(), 0.03)
    scale = np.clip(np.exp(rng.normal(0, 0.4)) / source.metres.get(row, 1.0), *repeats)
    if kind == "picture":
        scale = np.exp(rng.uniform(*np.log(repeats)))
    gloss = float(rng.uniform(0.1, 0.8)) if rng.random() < 0.25 else 0.0
    tints = np.stack([tint] * 3).astype(np.float32)
    return Paint(0, float(scale), np.clip(tints, 0, 4), gloss, 0.0, row)


def paint(
    rng: np.random.Generator,
    kind: str | None = None,
    repeats: tuple[float, float] = (0.5, 4.0),
    hue: float | None = None,
    vivid: float = 1.0,
    glow: float = 0.0,
) -> Paint:
    """A random paint; `kind` names a pattern family, otherwise any that suits every surface."""
    if kind is None:
        kind = str(rng.choice(_KINDS, p=_ANY_ODDS / _ANY_ODDS.sum()))
    tones = np.stack([colour(rng, hue, vivid) for _ in range(3)])
    if rng.random() < 0.6:  # most surfaces are one colour in lighter and darker tones
        tones = tones[:1] * rng.uniform(0.25, 1.3, (3, 1)).astype(np.float32)
    if library.active() and rng.random() < _TILE_SHARE and not glow:
        found = _tile(rng, kind, repeats, tones)
        if found:
            return found
    pattern = _KINDS.index(kind) * COPIES + int(rng.integers(COPIES))
    scale = float(np.exp(rng.uniform(*np.log(repeats))))
    gloss = float(rng.uniform(0.1, 0.8)) if rng.random() < 0.3 else 0.0
    return Paint(pattern, scale, np.clip(tones, 0.005, 0.95), gloss, glow)
