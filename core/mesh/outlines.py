"""Depth edges moved onto the photo's: pixels beside an edge go where their colours belong."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from ..arrays import BoolArray, ByteArray, FloatArray, IntArray
from .jumps import jumps

_ASKED = 3  # pixels on each side of an edge that may go to the other
_PURE = 3.5  # pixels from an edge's first one to the two that show the surface's own colour
_WINDOW = 8  # pixels on each side in which a surface may end, so that it is thin
_CLEAR = 0.008  # squared difference between two surfaces' light, 0 to 1 in each colour
_MISFIT = 16.0  # how much it counts against an edge if it is no step between two colours
_POWER = 2  # the less clear an edge is, the less it says
_DEPTH = 0.15  # what the depth's word on a pixel counts, where that of a clear edge counts 1
_EXACT = 0.05  # of what colours say: exact depth is contradicted by 2 to 4 %, if half a pixel off 9


class _Side(NamedTuple):
    """One side of K links that jump.

    near: (K,) bool, whether the nearer surface is on this side.
    pixel, asked: (K, _ASKED) flat indices from the link on, and which of them may be mixed.
    light: (K, _ASKED, 3), of these pixels; pure: (K, 3), of the surface; spread: (K,), the squared
        difference between the two pixels that show it.
    beyond: (K, _ASKED) inverse depth of the surface, carried on to the pixels of the other side.
    """

    near: BoolArray
    pixel: IntArray
    asked: BoolArray
    light: FloatArray
    pure: FloatArray
    spread: FloatArray
    beyond: FloatArray


class _Votes(NamedTuple):
    """What links say of the pixels beside them: (N,) each.

    pixel: flat indices.
    share: how much of the pixel the nearer surface covers, 0 to 1.
    trust: how clear that is, 0 to 1.
    near: whether the pixel is on the nearer surface so far.
    other: inverse depth of the other surface there.
    """

    pixel: IntArray
    share: FloatArray
    trust: FloatArray
    near: BoolArray
    other: FloatArray


def followed(inverse: FloatArray, rgb: ByteArray, edge_ratio: float) -> FloatArray:
    """Inverse depth (H, W) float32, 0 = invalid, its edges moved by up to 3 pixels to the photo's.

    rgb is (H, W, 3) uint8 sRGB. Across an edge light goes from one surface's to the other's, and
    how far it has come at a pixel says how much of it each surface covers (alpha; Porter and Duff
    1984). Each pixel goes to the one that covers more of it, by all edges close to it and a little
    by its depth. Where the photo shows no clear step between two colours, nothing moves, and
    nothing at all if the depth has its edges where the photo has them but for a few: it is exact.
    """
    across, down = (_votes(inverse, rgb, edge_ratio, axis) for axis in (1, 0))
    votes = _Votes(*(np.concatenate(parts) for parts in zip(across, down, strict=True)))
    against = votes.trust[(votes.share > 0.5) != votes.near].sum()
    if against <= _EXACT * votes.trust.sum():
        return inverse
    asked = np.zeros(inverse.size, bool)
    asked[votes.pixel] = True
    band, place = np.flatnonzero(asked), np.zeros(inverse.size, np.int32)
    place[band] = np.arange(1, len(band) + 1)  # 0 is for all other pixels
    at = place[votes.pixel]
    near, other = np.zeros(len(band) + 1, bool), np.zeros(len(band) + 1, np.float32)
    near[at], other[at] = votes.near, votes.other
    covered = np.bincount(at, votes.trust * votes.share, len(near)) + _DEPTH * near
    weight = np.bincount(at, votes.trust, len(near)) + _DEPTH * (np.arange(len(near)) > 0)
    balance = 2 * covered - weight
    total = np.zeros(len(band))
    for dy in (-1, 0, 1):  # with the eight around it, so that edges stay lines
        for dx in (-1, 0, 1):
            beside = place[np.clip(band + dy * inverse.shape[1] + dx, 0, inverse.size - 1)]
            total += (2 - abs(dy)) * (2 - abs(dx)) * balance[beside]
    moved = np.flatnonzero((total > 0) != near[1:])
    result = inverse.copy()
    result.ravel()[band[moved]] = other[1 + moved]
    return result


def _votes(inverse: FloatArray, rgb: ByteArray, edge_ratio: float, axis: int) -> _Votes:
    """Of the links to the right (axis 1) or down (0)."""
    width = inverse.shape[1]
    step, flat = (1 if axis else width), inverse.ravel()
    first = np.flatnonzero(jumps(inverse, edge_ratio, axis))
    first = first[(flat[first] > 0) & (flat[first + step] > 0)]
    before = first % width if axis else first // width
    one = _side(flat, rgb, first, -step, before)
    two = _side(flat, rgb, first + step, step, inverse.shape[axis] - 2 - before)
    apart = one.pure - two.pure
    clear = np.einsum("kc,kc->k", apart, apart)
    light = np.concatenate([one.light[:, ::-1], two.light], axis=1)
    asked = np.concatenate([one.asked[:, ::-1], two.asked], axis=1)
    from_one, from_two = light - one.pure[:, None], light - two.pure[:, None]
    off_one, off_two = (np.einsum("kpc,kpc->kp", off, off) for off in (from_one, from_two))
    off = np.where(asked, np.minimum(off_one, off_two), 0)
    misfit = off.sum(axis=1) - off.max(axis=1)  # one pixel may show a bit of both
    trust = clear / (clear + _CLEAR + _MISFIT * (one.spread + two.spread + misfit))
    share = np.einsum("kpc,kc->kp", from_two, apart) / np.maximum(clear, _CLEAR / 100)[:, None]
    share = np.where(one.near[:, None], share, 1 - share).clip(0, 1)
    near = np.repeat(np.stack([one.near, two.near], axis=1), _ASKED, axis=1)
    pixel = np.concatenate([one.pixel[:, ::-1], two.pixel], axis=1)
    other = np.concatenate([two.beyond[:, ::-1], one.beyond], axis=1)
    trusts = np.broadcast_to(trust[:, None] ** _POWER, asked.shape)
    return _Votes(*(each[asked] for each in (pixel, share, trusts, near, other)))


def _side(flat: FloatArray, rgb: ByteArray, first: IntArray, step: int, left: IntArray) -> _Side:
    """The side of links (K,) that begins at flat pixels `first`; `left` more are in the picture."""
    colors, ahead = rgb.reshape(-1, 3), np.arange(_WINDOW)
    pixel = first[:, None] + step * np.minimum(ahead, left[:, None])
    value = flat[pixel]
    behind = flat[first - step]
    middle = np.sqrt(value[:, 0] * behind)
    near = value[:, 0] > behind
    own = ((value > middle[:, None]) == near[:, None]) & (value > 0) & (ahead <= left[:, None])
    count = np.where(own.all(axis=1), _WINDOW, own.argmin(axis=1))
    spot = np.clip((count - 1) / 2, 0, _PURE)  # in the middle of what is thin
    each = np.arange(len(first))
    nearer, farther = (
        _light(colors[pixel[each, end(spot).astype(int)]]) for end in (np.floor, np.ceil)
    )
    rise, before = value[:, 0] - value[:, 1], value[:, 1] - value[:, 2]
    slope = np.where(np.abs(rise) < np.abs(before), rise, before)  # minmod, as noise has no slope
    slope = np.where((rise * before > 0) & (count > 2), slope, 0)
    beyond = value[:, :1] + slope[:, None] * ahead[1 : _ASKED + 1]
    limit = middle[:, None]
    return _Side(
        near=near,
        pixel=pixel[:, :_ASKED],
        asked=ahead[:_ASKED] < np.floor(spot)[:, None],
        light=_light(colors[pixel[:, :_ASKED]]),
        pure=(nearer + farther) / 2,
        spread=((nearer - farther) ** 2).sum(axis=1),
        beyond=np.where(near[:, None], np.maximum(beyond, limit), np.minimum(beyond, limit)),
    )


def _light(colors: ByteArray) -> FloatArray:
    """Linear light of sRGB colours, nearly: it is light that mixes in a pixel."""
    shade = colors.astype(np.float32) / np.float32(255)
    return shade * shade
