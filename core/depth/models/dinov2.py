"""DINOv2, the vision transformer behind Depth Anything and MoGe. Imports torch and timm."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Literal, cast

import numpy as np
import torch
from timm.models.vision_transformer import VisionTransformer
from torch import Tensor

from ...arrays import FloatArray

PATCH = 14
"""Pixels along a side of a patch; the sides of a picture are multiples of it."""

Size = Literal["s", "b", "l"]

WIDTHS: dict[Size, int] = {"s": 384, "b": 768, "l": 1024}
"""Channels of the features."""

_DEPTHS: dict[Size, int] = {"s": 12, "b": 12, "l": 24}
_HEAD = 64  # channels of one attention head
_TRAINED_GRID = 37  # patches along a side of the position table


class DinoV2(VisionTransformer):
    """timm's vision transformer with DINOv2's sizes, names and position table."""

    def __init__(self, size: Size) -> None:
        super().__init__(
            img_size=_TRAINED_GRID * PATCH,
            patch_size=PATCH,
            embed_dim=WIDTHS[size],
            depth=_DEPTHS[size],
            num_heads=WIDTHS[size] // _HEAD,
            init_values=1.0,  # there are layer scales; the checkpoint has their values
            num_classes=0,
            dynamic_img_size=True,
            weight_init="skip",
        )

    def features(self, pixels: Tensor, blocks: Sequence[int]) -> list[tuple[Tensor, Tensor]]:
        """What these blocks (from 0) say, normalised, of pixels (N, 3, 14 rows, 14 columns).

        For each: one vector per patch (N, rows * columns, width), and one for all (N, width).
        """
        found = self.forward_intermediates(
            pixels,
            indices=list(blocks),
            return_prefix_tokens=True,
            norm=True,
            stop_early=True,
            output_fmt="NLC",
            intermediates_only=True,
        )
        pairs = cast("list[tuple[Tensor, Tensor]]", found)
        return [(patches, prefix[:, 0]) for patches, prefix in pairs]

    def _pos_embed(self, x: Tensor) -> Tensor:
        """Patches (N, rows, columns, width) -> tokens that know where they are, class token first.

        timm's own resizing of the table to a size is another function, see `_bicubic`.
        """
        count, rows, columns, width = x.shape
        table, token = cast("Tensor", self.pos_embed), cast("Tensor", self.cls_token)
        whole, grid = table[:, :1], table[:, 1:]
        if (rows, columns) != (_TRAINED_GRID, _TRAINED_GRID):
            square = grid.reshape(_TRAINED_GRID, _TRAINED_GRID, width)
            down, across = (torch.from_numpy(_bicubic(n)).to(grid) for n in (rows, columns))
            grid = torch.einsum("yi,xj,ijc->yxc", down, across, square).reshape(1, -1, width)
        return torch.cat([(token + whole).expand(count, -1, -1), x.flatten(1, 2) + grid], dim=1)


@lru_cache
def _bicubic(count: int) -> FloatArray:
    """The matrix (count, 37) that resizes one axis of the position table, float32.

    DINOv2 was trained with the factor (count + 0.1) / 37 in place of the ratio of sizes, bicubic
    (Keys 1981, a = -0.75) and without antialiasing. A matrix, because runtimes and devices differ
    in what they make of such a factor.
    """
    where = (np.arange(count) + 0.5) * (_TRAINED_GRID / (count + 0.1)) - 0.5
    taps = np.floor(where)[:, None] + np.arange(-1, 3)
    far = np.abs(where[:, None] - taps)
    near = (1.25 * far - 2.25) * far**2 + 1
    weights = np.where(far <= 1, near, -0.75 * (((far - 5) * far + 8) * far - 4))
    matrix = np.zeros((count, _TRAINED_GRID), np.float32)
    taken = taps.clip(0, _TRAINED_GRID - 1).astype(int)
    np.add.at(matrix, (np.arange(count)[:, None], taken), weights.astype(np.float32))
    return matrix
