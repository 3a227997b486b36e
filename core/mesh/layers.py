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
_HEIGHTS = 4  # kinds of edges, each of which uncovers half as much as the one before
_WIDEST = 0.2  # of the photo's longer side
_RIM = 2  # pixels
_SAME = 1.05  # ratio of depths that belong to the background of one place
_ERROR = 0.005  # at least: a background that was made up needs no small triangles
_LARGEST_ERROR = 0.02
_TYPICAL = 0.98  # quantile of what edges uncover that sets how far the background reaches


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
    seeds, beside, uncovered = _seeds(samples, inverse, camera, depth)
    if not seeds.any():
        return None
    same = _same(edge_ratio)
    colors = photo.rgb.astype(np.float32)
    edges = _by_height(seeds, uncovered, max(depth.size))
    # What lies right behind an edge goes first; where that hides something itself, what is farther.
    hidden, around, filled, open_ = _carried_on(inverse, colors, _first(edges), same)
    clean = around & ~_near(hidden, _RIM)
    # Right beside an edge the photo shows a bit of the foreground on what is behind it.
    mixed = around & _near(beside, _RIM - 1) & _near(clean, _RIM)
    more, beyond, far, far_open = _carried_on(inverse, colors, _farthest(edges), same)
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
    inverse: FloatArray, colors: FloatArray, behind: FloatArray, same: float
) -> tuple[BoolArray, BoolArray, FloatArray, BoolArray]:
    """Which pixels (H, W) hide the background of inverse depth `behind` (H, W), 0 where there is
    none, and which show it; its colours and inverse depth (H, W, 4) smoothly carried on, and where
    there is nothing. What is nearer than it, by more than a ratio `same`, hides it."""
    valid, near = (inverse > 0) & (behind > 0), inverse > behind * np.float32(same)
    hidden, around = valid & near, valid & ~near
    # The photo's pixels on an edge show both sides of it, so they tell nothing of the background.
    clean = around & ~_near(hidden, _RIM)
    filled = fill.smoothly(np.concatenate([colors, inverse[..., None]], axis=2), clean)
    return hidden, around, filled, _open(inverse, around)


def _seeds(
    samples: Samples, inverse: FloatArray, camera: Pinhole, depth: DepthMap
) -> tuple[FloatArray, BoolArray, FloatArray]:
    """The background's inverse depth (H, W) at pixels on the near side of edges, else 0.

    Also which pixels (H, W) are on the far side, and how many pixels of the background the camera's
    move uncovers at most at each seed (H, W).
    """
    height, width = inverse.shape
    seeds, beside = np.zeros_like(inverse), np.zeros(inverse.shape, bool)
    for cut, (down, right) in zip(samples.cut[:2], ((0, 1), (1, 0)), strict=True):
        cut = cut[1 : height + 1 - down, 1 : width + 1 - right]
        a, b = inverse[: height - down, : width - right], inverse[down:, right:]
        both = cut & (a > 0) & (b > 0)
        here, there = np.s_[: height - down, : width - right], np.s_[down:, right:]
        for near, far, at, other in ((a, b, here, there), (b, a, there, here)):
            chosen = both & (near > far)
            seeds[at] = np.where(chosen, np.maximum(seeds[at], far), seeds[at])
            beside[other] |= chosen
    median = float(np.median(depth.depth[depth.valid]))
    moved = np.float32(camera.fx * SHIFT * median)
    return seeds, beside, np.where(seeds > 0, moved * (inverse - seeds), 0)


def _by_height(
    seeds: FloatArray, uncovered: FloatArray, longest: int
) -> list[tuple[FloatArray, int]]:
    """(seeds (H, W), how many pixels these reach at most), of high edges first."""
    highest = min(float(np.quantile(uncovered[seeds > 0], _TYPICAL)), _WIDEST * longest)
    reaches = [highest / 2**halved for halved in range(_HEIGHTS)]
    found, left = [], seeds
    for reach, below in zip(reaches, [*reaches[1:], -1], strict=True):
        chosen = np.where(uncovered > below, left, 0)
        if chosen.any():
            found.append((chosen, max(1, int(reach))))
        left = np.where(uncovered > below, 0, left)
    return found


def _first(edges: list[tuple[FloatArray, int]]) -> FloatArray:
    """Inverse depth (H, W) of what a camera that moves uncovers first, 0 where nothing.

    A low edge uncovers little, and slowly: what is behind it goes before what is behind a higher
    one only close to it.
    """
    first, soonest = np.zeros_like(edges[0][0]), np.full(edges[0][0].shape, np.inf, np.float32)
    for seeds, reach in edges:
        behind, when = _spread(seeds, reach)
        sooner = (behind > 0) & (when < soonest)
        first, soonest = np.where(sooner, behind, first), np.where(sooner, when, soonest)
    return first


def _farthest(edges: list[tuple[FloatArray, int]]) -> FloatArray:
    """Inverse depth (H, W) of the farthest that a camera that moves uncovers, 0 where nothing."""
    farthest = np.zeros_like(edges[0][0])
    for seeds, reach in edges:
        farthest = np.maximum(farthest, _spread(_reciprocal(seeds), reach)[0])
    return _reciprocal(farthest)


def _reciprocal(values: FloatArray) -> FloatArray:
    return np.divide(1, values, out=np.zeros_like(values), where=values > 0)


def _spread(seeds: FloatArray, reach: int) -> tuple[FloatArray, FloatArray]:
    """Seeds (H, W) spread by `reach` pixels, in blocks, the largest value first; 0 elsewhere.

    Also when they come (H, W), as a share of the camera's move.
    """
    block = -(-reach // _STEPS)
    height, width = seeds.shape
    values = _blocks(seeds, block)
    when = np.zeros_like(values)
    for step in range(1, -(-reach // block) + 2):
        fresh = np.where(values > 0, 0, windows.most(values, 1))
        values, when = values + fresh, np.where(fresh > 0, np.float32(step * block / reach), when)

    def whole(blocks: FloatArray) -> FloatArray:
        return np.repeat(np.repeat(blocks, block, 0), block, 1)[:height, :width]

    return whole(values), whole(when)


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
