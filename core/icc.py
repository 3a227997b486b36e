"""Colour profiles of cameras and displays: what their numbers are in sRGB.

Where Pillow is, its colour engine does this; Blender has none that scripts can use. Understands
matrix profiles (three primaries, a curve for each channel), as photos have them: Display P3, Adobe
RGB and their like. ICC.1:2022, Profile architecture and data format.
"""

from __future__ import annotations

import struct

import numpy as np

from .arrays import AnyArray, FloatArray

_HEADER = 128  # bytes, before the table of tags
_MOST_TAGS = 100
_BAND = 64  # rows at a time: a photo in float32 would take four times its memory
_SAME = 1.5 / 255  # a profile that moves no colour by more is sRGB, whatever its name

# Linear sRGB to XYZ of the standard's white, D50 (IEC 61966-2-1, adapted by Bradford's method).
_SRGB = np.array(
    [[0.4360747, 0.3850649, 0.1430804],
     [0.2225045, 0.7168786, 0.0606169],
     [0.0139322, 0.0971045, 0.7141733]]
)  # fmt: skip


def to_srgb(pixels: AnyArray, profile: bytes) -> AnyArray | None:
    """Pixels (H, W, 3 or 4) uint8 or uint16 of a profile in sRGB, of the same type; alpha stays.

    None where there is nothing to do: the profile is sRGB, of another kind than understood, or
    damaged; then the numbers are shown as they are, like every viewer does.
    """
    if pixels.shape[-1] not in (3, 4):
        return None
    top = np.iinfo(pixels.dtype).max
    try:
        curves, matrix = _read(profile, top + 1)
    except (ValueError, KeyError, struct.error):
        return None
    matrix = np.linalg.solve(_SRGB, matrix).astype(np.float32)
    if _is_srgb(curves, matrix):
        return None
    result = pixels.copy()
    for start in range(0, len(pixels), _BAND):
        band = pixels[start : start + _BAND]
        linear = np.stack([curves[channel][band[..., channel]] for channel in range(3)], axis=-1)
        encoded = _encoded(linear @ matrix.T)
        result[start : start + _BAND, :, :3] = np.rint(encoded * top)
    return result


def _is_srgb(curves: list[FloatArray], matrix: FloatArray) -> bool:
    steps = np.linspace(0, len(curves[0]) - 1, 18).astype(int)
    grid = np.stack(np.meshgrid(steps, steps, steps), axis=-1).reshape(-1, 3)
    linear = np.stack([curves[channel][grid[:, channel]] for channel in range(3)], axis=-1)
    moved = _encoded(linear @ matrix.T) - grid / (len(curves[0]) - 1)
    return bool(np.abs(moved).max() <= _SAME)


def _encoded(linear: FloatArray) -> FloatArray:
    """sRGB in [0, 1] from linear light (...), clipped."""
    linear = np.clip(linear, 0, 1)
    return np.where(linear <= 0.0031308, 12.92 * linear, 1.055 * linear ** (1 / 2.4) - 0.055)


def _read(profile: bytes, levels: int) -> tuple[list[FloatArray], AnyArray]:
    """Curves (levels,) float32 of red, green and blue to linear light, and (3, 3) from that to XYZ.

    Raises ValueError, KeyError or struct.error for what is no matrix profile.
    """
    if profile[16:24] != b"RGB XYZ ":
        raise ValueError("not a matrix profile")
    (count,) = struct.unpack_from(">I", profile, _HEADER)
    if count > _MOST_TAGS:
        raise ValueError("damaged")
    tags = {}
    for number in range(count):
        name, start, size = struct.unpack_from(">4sII", profile, _HEADER + 4 + 12 * number)
        tags[name] = profile[start : start + size]
    if b"A2B0" in tags:  # a table, which would count before the matrix
        raise ValueError("not a matrix profile")
    matrix = np.stack([_fixed(tags[b"%cXYZ" % c], 8, 3) for c in b"rgb"], axis=1)
    place = np.linspace(0, 1, levels)
    curves = [_curve(tags[b"%cTRC" % c], place).astype(np.float32) for c in b"rgb"]
    if not all(np.isfinite(array).all() for array in (matrix, *curves)):
        raise ValueError("damaged")
    return curves, matrix


def _fixed(tag: bytes, start: int, count: int) -> AnyArray:
    """s15Fixed16 numbers of a tag."""
    return np.array(struct.unpack_from(f">{count}i", tag, start)) / 65536


def _curve(tag: bytes, place: AnyArray) -> AnyArray:
    """What a tone curve makes of numbers in [0, 1]."""
    kind, _, count = struct.unpack_from(">4s4sI", tag)
    if kind == b"curv":
        if count == 0:
            return place
        values = np.array(struct.unpack_from(f">{count}H", tag, 12))
        if count == 1:
            return place ** float(values[0] / 256)
        return np.interp(place, np.linspace(0, 1, count), values / 65535)
    if kind == b"para":
        return _parametric(count >> 16, tag, place)
    raise ValueError("unknown curve")


def _parametric(form: int, tag: bytes, place: AnyArray) -> AnyArray:
    """The standard's parametric curves (10.18), all as (a x + b)^g + e, and below d as c x + f."""
    if form > 4:
        raise ValueError("unknown curve")
    g, *more = _fixed(tag, 12, (1, 3, 4, 5, 7)[form])
    a, b = more[:2] if more else (1.0, 0.0)
    c, d, e, f = 0.0, -b / a if a else 0.0, 0.0, 0.0
    if form == 2:
        e = f = more[2]
    elif form >= 3:
        c, d = more[2:4]
        e, f = more[4:6] if form == 4 else (0.0, 0.0)
    with np.errstate(all="ignore"):  # of damaged numbers
        return np.where(place >= d, np.maximum(a * place + b, 0) ** g + e, c * place + f)
