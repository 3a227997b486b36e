"""MoGe-2 (Wang et al. 2025): a point map, a mask, normals and a scale. Imports torch."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import cast

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from ...camera import choose
from ...depthmap import DepthKind
from ...images import Photo
from .. import pointmap
from ..catalog import ModelCard
from ..prediction import Prediction, distance_map
from ..preprocess import IMAGENET
from ..runtime import Network
from .checkpoint import Names
from .dinov2 import PATCH, WIDTHS, DinoV2, Size

_SEEN = 0.5  # a probability above it says that a pixel has depth
_LEVELS = 5  # each twice as fine as the one before
_FINER = (256, 128, 64, 32)  # channels of the levels after the first, which has the backbone's


@dataclass(frozen=True)
class _Plan:
    """What tells the networks of the family apart.

    blocks: of the backbone, from 0, whose features are added up.
    repeats: residual blocks on each of the neck's inner levels.
    """

    size: Size
    blocks: tuple[int, ...]
    repeats: int
    normals: bool


_PLANS = {
    "moge2_vits_normal": _Plan("s", (5, 11), 1, True),
    "moge2_vitb_normal": _Plan("b", (5, 11), 1, True),
    "moge2_vitl_normal": _Plan("l", (5, 11, 17, 23), 2, True),
    "moge2_vitl": _Plan("l", (5, 11, 17, 23), 2, False),
}


def build(card_id: str) -> nn.Module:
    """The network of this id; see the package."""
    return Moge2(_PLANS[card_id]).eval()


def names(card_id: str) -> Names:
    """Official names are ours. The means and deviations of colours are constants here, and the
    mask token was for training the backbone."""
    return Names(unused=r"^encoder\.image_(mean|std)$|\.mask_token$")


class Moge2(nn.Module):
    """forward(pixels (N, 3, H, W) sRGB in [0, 1], tokens) -> on the network's device a dict of

    points (N, H, W, 3): camera frame; z lacks a shift, and all a scale.
    normal (N, H, W, 3): unit length, camera frame; only if the network has them.
    mask (N, H, W): probability that the pixel has depth.
    metric_scale (N,): makes points metres, once their shift is known.

    Pixels may stay on the CPU: not every device shrinks with antialiasing, and it makes less to
    be moved.
    """

    def __init__(self, plan: _Plan) -> None:
        super().__init__()
        width = WIDTHS[plan.size]
        widths = (width, *_FINER)
        self.encoder = _Encoder(plan)
        self.neck = _Pyramid((width + 2, 2, 2, 2, 2), widths, plan.repeats, None)
        self.points_head = _Pyramid(widths, widths, 1, 3)
        self.mask_head = _Pyramid(widths, widths, 1, 1)
        self.normal_head = _Pyramid(widths, widths, 1, 3) if plan.normals else None
        self.scale_head = nn.Sequential(
            nn.Linear(width, width),
            nn.ReLU(),
            nn.Linear(width, width),
            nn.ReLU(),
            nn.Linear(width, 1),
        )

    def forward(self, pixels: Tensor, tokens: int) -> dict[str, Tensor]:
        height, width = pixels.shape[-2:]
        rows, columns = grid(width, height, tokens)
        features, whole = self.encoder(pixels, rows, columns)
        planes = [
            _view_plane(rows << level, columns << level, width / height, features)
            for level in range(_LEVELS)
        ]
        shared = self.neck([torch.cat([features, planes[0]], dim=1), *planes[1:-1]])

        def decoded(head: _Pyramid) -> Tensor:
            """(N, H, W, channels)"""
            finest = _finest(self.neck, head, shared[-1], head(shared)[-1], planes[-1])
            return functional.interpolate(finest, (height, width), mode="bilinear").movedim(1, -1)

        # In place, because maps of large photos are hundreds of megabytes.
        points = decoded(self.points_head)
        z = points[..., 2:].exp_()
        points[..., :2].mul_(z)
        found = {"points": points}
        if self.normal_head is not None:
            normals = decoded(self.normal_head)
            found["normal"] = functional.normalize(normals, dim=-1, out=normals)
        found["mask"] = decoded(self.mask_head)[..., 0].sigmoid_()
        found["metric_scale"] = self.scale_head(whole)[:, 0].exp()
        return found


def grid(width: int, height: int, tokens: int) -> tuple[int, int]:
    """(rows, columns) of about `tokens` patches in the shape of a width x height picture."""
    aspect = width / height
    return round(math.sqrt(tokens / aspect)), round(math.sqrt(tokens * aspect))


def _view_plane(rows: int, columns: int, aspect: float, like: Tensor) -> Tensor:
    """Where pixel centres lie in the picture (N, 2, rows, columns), in half diagonals."""
    diagonal = math.hypot(1, aspect)
    x = (torch.arange(columns, dtype=like.dtype, device=like.device) + 0.5) / columns * 2 - 1
    y = (torch.arange(rows, dtype=like.dtype, device=like.device) + 0.5) / rows * 2 - 1
    y, x = torch.meshgrid(y / diagonal, x * (aspect / diagonal), indexing="ij")
    return torch.stack([x, y]).expand(len(like), -1, -1, -1)


class _Encoder(nn.Module):
    """Features (N, width, rows, columns) of the patches, and (N, width) of the whole picture."""

    def __init__(self, plan: _Plan) -> None:
        super().__init__()
        self.blocks = plan.blocks
        width = WIDTHS[plan.size]
        self.backbone = DinoV2(plan.size)
        self.output_projections = nn.ModuleList(nn.Conv2d(width, width, 1) for _ in plan.blocks)

    def forward(self, pixels: Tensor, rows: int, columns: int) -> tuple[Tensor, Tensor]:
        size = (rows * PATCH, columns * PATCH)
        pixels = functional.interpolate(pixels, size, mode="bilinear", antialias=True)
        pixels = pixels.to(next(self.parameters()))
        mean, deviation = (pixels.new_tensor(values)[:, None, None] for values in IMAGENET)
        found = self.backbone.features((pixels - mean) / deviation, self.blocks)
        projected = [
            project(patches.transpose(1, 2).reshape(len(pixels), -1, rows, columns))
            for project, (patches, _) in zip(self.output_projections, found, strict=True)
        ]
        return torch.stack(projected).sum(dim=0), found[-1][1]


class _Pyramid(nn.Module):
    """Adds its inputs from the coarsest level on, and gives what it has at each but the finest.

    channels: of the inputs. widths: inside. repeats: residual blocks on each inner level.
    outputs: channels of what `_finest` makes, if it does.
    """

    def __init__(
        self, channels: Sequence[int], widths: Sequence[int], repeats: int, outputs: int | None
    ) -> None:
        super().__init__()
        self.input_blocks = nn.ModuleList(
            nn.Conv2d(given, width, 1) for given, width in zip(channels, widths, strict=True)
        )
        last = len(widths) - 1
        self.res_blocks = nn.ModuleList(
            nn.Sequential(*(_Residual(width) for _ in range(repeats if 0 < level < last else 0)))
            for level, width in enumerate(widths)
        )
        self.resamplers = nn.ModuleList(
            _double(widths[level], widths[level + 1], learned=level + 1 < last)
            for level in range(last)
        )
        self.output_blocks = nn.ModuleList(nn.Identity() for _ in widths)
        if outputs is not None:
            self.output_blocks[last] = nn.Conv2d(widths[last], outputs, 1)

    def forward(self, inputs: Sequence[Tensor]) -> list[Tensor]:
        found: list[Tensor] = []
        for level, given in enumerate(inputs):
            x = self.input_blocks[level](given)
            if found:
                x += self.resamplers[level - 1](found[-1])
            found.append(self.res_blocks[level](x))
        return found


def _finest(neck: _Pyramid, head: _Pyramid, shared: Tensor, own: Tensor, plane: Tensor) -> Tensor:
    """What a head says at the finest level (N, outputs, 2 h, 2 w).

    shared, own: what neck and head have at the level before (N, channels, h, w). plane: what the
    neck is given at the finest. From there on they are only enlarged, convolved and added, so the
    kernels are multiplied in place of the maps, of which each would be hundreds of megabytes.
    """
    last, last_bias = _weights(head.output_blocks[-1])
    across, across_bias = _weights(head.input_blocks[-1])
    after, after_bias = _weights(_last_of(head.resamplers[-1]))
    before, before_bias = _weights(_last_of(neck.resamplers[-1]))
    entry, entry_bias = _weights(neck.input_blocks[-1])
    mix = last[..., 0, 0]
    through = mix @ across[..., 0, 0]

    def composed(outer: Tensor, inner: Tensor) -> Tensor:
        return torch.einsum("oi,ichw->ochw", outer, inner)

    kernel = torch.cat([composed(through, before), composed(mix, after)], dim=1)
    bias = last_bias + mix @ (across_bias + after_bias) + through @ (before_bias + entry_bias)
    large = _convolved_twice_as_large(torch.cat([shared, own], dim=1), kernel)
    return large + functional.conv2d(plane, composed(through, entry), bias)


def _convolved_twice_as_large(x: Tensor, kernel: Tensor) -> Tensor:
    """A 3 x 3 convolution of x, enlarged twice bilinearly, with its border replicated.

    x (N, C, h, w), kernel (O, C, 3, 3) -> (N, O, 2 h, 2 w). Of the enlarged picture, 2 x 2 pixels
    are made of the same 3 x 3 of x, so they are four convolutions of x itself.
    """
    # [which of the two, what the kernel sees there, its shares of the three in x]
    shares = kernel.new_tensor(
        [
            [[0.75, 0.25, 0], [0.25, 0.75, 0], [0, 0.75, 0.25]],
            [[0.25, 0.75, 0], [0, 0.75, 0.25], [0, 0.25, 0.75]],
        ]
    )
    kernels = torch.einsum("ocde,adp,beq->oabcpq", kernel, shares, shares).flatten(0, 2)
    padded = functional.pad(x, (1, 1, 1, 1), mode="replicate")
    return functional.pixel_shuffle(functional.conv2d(padded, kernels), 2)


def _last_of(layers: nn.Module) -> nn.Module:
    return cast("nn.Sequential", layers)[-1]


def _weights(convolution: nn.Module) -> tuple[Tensor, Tensor]:
    return cast("Tensor", convolution.weight), cast("Tensor", convolution.bias)


class _Residual(nn.Module):
    """Two convolutions around which the input flows."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            nn.Identity(),  # networks with norms have theirs here; the names count them
            nn.ReLU(),
            _convolution(width, width),
            nn.Identity(),
            nn.ReLU(inplace=True),
            _convolution(width, width),
        )

    def forward(self, x: Tensor) -> Tensor:
        return self.layers(x).add_(x)  # maps can be 60 MB


def _double(given: int, width: int, learned: bool) -> nn.Sequential:
    """Twice the rows and columns."""
    if learned:
        return nn.Sequential(nn.ConvTranspose2d(given, width, 2, 2), _convolution(width, width))
    return nn.Sequential(nn.Upsample(scale_factor=2, mode="bilinear"), _convolution(given, width))


def _convolution(given: int, width: int) -> nn.Conv2d:
    return nn.Conv2d(given, width, 3, padding=1, padding_mode="replicate")


def predict(
    network: Network, photo: Photo, card: ModelCard, device: str, focal: float | None
) -> Prediction:
    """Metres, the focal length, and normals if the network has them; invalid where it masks.

    Without a focal length given, it is the one that fits the points best.
    """
    tokens = (card.input_size // PATCH) ** 2
    pixels = torch.from_numpy(photo.rgb_float()).movedim(-1, 0)[None]
    with torch.inference_mode():
        found = {name: value[0].cpu().numpy() for name, value in network(pixels, tokens).items()}
    points, seen = found["points"], found["mask"] > _SEEN
    recovered, shift = pointmap.recover(points, seen, focal) or (focal, 0.0)
    z = (points[..., 2] + np.float32(shift)) * found["metric_scale"]
    depth = distance_map(z, DepthKind.METRES, seen)
    normals = found.get("normal")
    if normals is not None:
        camera = choose(photo.width, photo.height, model_focal=recovered)
        normals = pointmap.facing(normals, camera)
        normals[~depth.valid] = np.nan
    return Prediction(depth, device, recovered, normals)
