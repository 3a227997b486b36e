"""What the mesh hides: the background, carried on behind the foreground for a moving camera."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from .. import windows
from ..arrays import BoolArray, ByteArray, FloatArray
from ..camera import Pinhole
from ..depthmap import DepthKind, DepthMap
from ..images import Photo
from . import backdrop, fill
from .samples import Samples
from .triangulate import TriangleMesh, from_depth

SHIFT = 0.2
"""How far sideways, in median depths, a camera may move for which the background is made."""

_STEPS = 16  # blocks from an edge to the end of what is carried on behind the foreground
_WIDEST = 0.2  # of the photo's longer side
_RIM = 2  # pixels
_SAME = 1.05  # ratio of depths that belong to the background of one place
_ERROR = 0.005  # at least: a background that was made up needs no small triangles
_LARGEST_ERROR = 0.02
_TYPICAL = 0.98  # quantile of the edges' jumps that sets how far the background reaches


@dataclass(frozen=True)
class Background:
    """A surface behind the foreground's edges, with a picture of its own.

    mesh: as of `from_depth`; its uv are those of the photo.
    photo: the photo, with what is behind the foreground in place of the foreground's edges.
    """

    mesh: TriangleMesh
    photo: Photo


def background(
    front: TriangleMesh,
    depth: DepthMap,
    camera: Pinhole,
    photo: Photo,
    *,
    edge_ratio: float = 1.1,
    max_faces: int | None = None,
) -> Background | None:
    """What `front`, the mesh of z-depth (H, W), hides; None where no edge hides anything.

    Depth and colours behind the foreground are those of the background around, smoothly carried
    on. It reaches as far behind as a camera sees that moves sideways by SHIFT. A sky without depth
    hangs behind all of that.
    """
    used, parts, picture = np.zeros_like(depth.valid), [], photo.rgb
    behind = _behind(front, depth, camera, photo, edge_ratio)
    if behind is not None:
        hidden, picture = behind
        used = hidden.valid
        error = min(max(front.error, _ERROR), _LARGEST_ERROR)
        surface = from_depth(
            hidden,
            camera,
            edge_ratio=4 * edge_ratio,
            max_error=error,
            max_faces=max_faces,
            keep=False,
        )
        # Each is off the depth by its own error at most; along the rays of sight it looks the same.
        # The rim lies before the front, if that leaves all else behind what hides it. A front that
        # is worse has lost things of a few pixels, and is seldom off by as much elsewhere.
        off = min(front.error, _LARGEST_ERROR) + surface.error
        moved = 1 - off if 2 * off < _same(edge_ratio) - 1 else 1 + off
        parts.append(replace(surface, vertices=surface.vertices * np.float32(moved)))
    sky = backdrop.sky(depth, photo)
    if sky.any():
        parts.append(backdrop.card(sky, depth, camera))
        shown = _near(used, 1) & ~sky  # by the surface, whose texture is filtered
        picture = np.where(shown[..., None], picture, backdrop.colors(sky, photo.rgb))
    if not parts:
        return None
    return Background(_joined(parts), Photo(picture, name=f"{photo.name} Background"))


def _joined(parts: list[TriangleMesh]) -> TriangleMesh:
    starts = np.cumsum([0, *(len(part.vertices) for part in parts[:-1])])
    return TriangleMesh(
        vertices=np.concatenate([part.vertices for part in parts]),
        triangles=np.concatenate(
            [part.triangles + np.int32(start) for part, start in zip(parts, starts, strict=True)]
        ),
        uv=np.concatenate([part.uv for part in parts]),
        error=max(part.error for part in parts),
    )


def _behind(
    front: TriangleMesh, depth: DepthMap, camera: Pinhole, photo: Photo, edge_ratio: float
) -> tuple[DepthMap, ByteArray] | None:
    """z-depth of what the foreground hides, and the photo with it in place of the foreground."""
    samples = Samples.of(depth, edge_ratio, stride=1, block=1, rgb=photo.rgb)
    height, width = depth.depth.shape
    inverse = samples.inverse[1 : height + 1, 1 : width + 1]
    seeds, beside, reach = _seeds(samples, inverse, camera, depth)
    if not seeds.any():
        return None
    same = _same(edge_ratio)
    colors = photo.rgb.astype(np.float32)
    # What lies right behind an edge goes first; where that hides something itself, what is farther.
    hidden, around, filled, open_ = _carried_on(inverse, colors, seeds, reach, same)
    clean = around & ~_near(hidden, _RIM)
    # Right beside an edge the photo shows a bit of the foreground on what is behind it.
    mixed = around & _near(beside, _RIM - 1) & _near(clean, _RIM)
    farthest = np.divide(1, seeds, out=np.zeros_like(seeds), where=seeds > 0)
    more, beyond, far, far_open = _carried_on(inverse, colors, farthest, reach, same, farthest=True)
    filled = np.where((hidden | mixed)[..., None], filled, far)
    open_ = np.where(hidden, open_, far_open)
    hidden |= more & ~mixed
    # A rim of what is seen beside the edge joins the made-up part to the real one.
    rim = (around | beyond) & ~hidden & _near(hidden, 2 * _RIM)
    behind = np.where(hidden, np.minimum(filled[..., 3], inverse / np.float32(same)), inverse)
    use = (hidden & ~open_ | rim) & (behind > 0)
    if not use.any():
        return None
    z = np.divide(1, behind, out=np.zeros_like(behind), where=use)
    made_up = np.rint(filled[..., :3]).clip(0, 255).astype(np.uint8)
    picture = np.where((hidden | mixed)[..., None], made_up, photo.rgb)
    return DepthMap(z, use, DepthKind.METRES), picture


def _same(edge_ratio: float) -> float:
    """Ratio of depths that belong to the background of one place."""
    return min(_SAME, edge_ratio**0.5)


def _carried_on(
    inverse: FloatArray,
    colors: FloatArray,
    seeds: FloatArray,
    reach: int,
    same: float,
    farthest: bool = False,
) -> tuple[BoolArray, BoolArray, FloatArray, BoolArray]:
    """What hides background and what shows it (H, W), the background's colours and inverse depth
    (H, W, 4) smoothly carried on, and where there is none; see `_hidden`."""
    hidden, around = _hidden(inverse, seeds, reach, same, farthest)
    # The photo's pixels on an edge show both sides of it, so they tell nothing of the background.
    clean = around & ~_near(hidden, _RIM)
    filled = fill.smoothly(np.concatenate([colors, inverse[..., None]], axis=2), clean)
    return hidden, around, filled, _open(inverse, around)


def _seeds(
    samples: Samples, inverse: FloatArray, camera: Pinhole, depth: DepthMap
) -> tuple[FloatArray, BoolArray, int]:
    """The background's inverse depth (H, W) at pixels on the near side of edges, else 0.

    Also which pixels (H, W) are on the far side, and how many pixels of the background the camera's
    move uncovers at most.
    """
    height, width = inverse.shape
    seeds, beside = np.zeros_like(inverse), np.zeros(inverse.shape, bool)
    jumps = [np.zeros(1, np.float32)]
    for cut, (down, right) in zip(samples.cut[:2], ((0, 1), (1, 0)), strict=True):
        cut = cut[1 : height + 1 - down, 1 : width + 1 - right]
        a, b = inverse[: height - down, : width - right], inverse[down:, right:]
        both = cut & (a > 0) & (b > 0)
        here, there = np.s_[: height - down, : width - right], np.s_[down:, right:]
        for near, far, at, other in ((a, b, here, there), (b, a, there, here)):
            chosen = both & (near > far)
            seeds[at] = np.where(chosen, np.maximum(seeds[at], far), seeds[at])
            beside[other] |= chosen
            jumps.append((near - far)[chosen])
    median = float(np.median(depth.depth[depth.valid]))
    moved = camera.fx * SHIFT * median * float(np.quantile(np.concatenate(jumps), _TYPICAL))
    return seeds, beside, max(1, int(min(moved, _WIDEST * max(depth.size))))


def _hidden(
    inverse: FloatArray, seeds: FloatArray, reach: int, same: float, farthest: bool
) -> tuple[BoolArray, BoolArray]:
    """Which pixels (H, W) hide background, and which show the background that they hide.

    From the edges on the background's depth spreads in blocks, the nearer one first, or if seeds
    are depths and not inverse depths, the farthest; what is nearer than it, by more than a ratio
    `same`, hides it.
    """
    block = -(-reach // _STEPS)
    height, width = inverse.shape
    behind = _blocks(seeds, block)
    for _ in range(-(-reach // block) + 1):
        behind = np.where(behind > 0, behind, windows.most(behind, 1))
    if farthest:
        behind = np.divide(1, behind, out=np.zeros_like(behind), where=behind > 0)
    known = np.repeat(np.repeat(behind, block, 0), block, 1)[:height, :width]
    valid = (inverse > 0) & (known > 0)
    near = inverse > known * np.float32(same)
    return valid & near, valid & ~near


def _open(inverse: FloatArray, around: BoolArray) -> BoolArray:
    """Where (H, W) nothing but sky or a hole is seen around."""
    solid = fill.smoothly((inverse > 0)[..., None].astype(np.float32), around | (inverse <= 0))
    return np.asarray(solid[..., 0] < 0.5)


def _near(mask: BoolArray, reach: int) -> BoolArray:
    """Which pixels (H, W) are within `reach` of those of a mask."""
    return np.asarray(windows.most(mask.astype(np.float32), reach) > 0)


def _blocks(values: FloatArray, block: int) -> FloatArray:
    """The largest value in each block, the last ones cut off by the border."""
    height, width = values.shape
    padded = np.pad(values, ((0, -height % block), (0, -width % block)))
    parts = padded.reshape(padded.shape[0] // block, block, -1, block)
    return parts.max(axis=(1, 3))
