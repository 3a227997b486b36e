"""DINOv2, the vision transformer behind Depth Anything and MoGe. Imports torch and timm."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, cast

import torch
from timm.models.vision_transformer import VisionTransformer
from torch import Tensor
from torch.nn import functional

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

        timm's own resizing of the table to a size is another function, see `_resized`.
        """
        count, rows, columns, _ = x.shape
        table, token = cast("Tensor", self.pos_embed), cast("Tensor", self.cls_token)
        whole, grid = table[:, :1], _resized(table[0, 1:], rows, columns)
        return torch.cat([(token + whole).expand(count, -1, -1), x.flatten(1, 2) + grid], dim=1)


def _resized(table: Tensor, rows: int, columns: int) -> Tensor:
    """The position table (37 * 37, width) for a grid, (rows * columns, width), bicubic.

    Keys (1981), a = -0.75, without antialiasing, the border repeats. DINOv2 was trained with the
    factor (count + 0.1) / 37 in place of the ratio of sizes, but with its table as it is where the
    grid is as large. Matrices, because runtimes and devices differ in what they make of such a
    factor; all in tensors, because an exported network has to find out at its run.
    """
    square = table.T.reshape(1, -1, _TRAINED_GRID, _TRAINED_GRID)
    square = functional.pad(square, (2, 2, 2, 2), mode="replicate")[0]
    down, across = (
        torch.arange(n, device=table.device, dtype=table.dtype) for n in (rows, columns)
    )
    is_trained = (down[-1:] == _TRAINED_GRID - 1) & (across[-1:] == _TRAINED_GRID - 1)
    excess = torch.where(is_trained, 0.0, 0.1)
    resized = _bicubic(down, excess) @ square @ _bicubic(across, excess).T
    return resized.flatten(1).T


def _bicubic(steps: Tensor, excess: Tensor) -> Tensor:
    """The matrix (count, 41) that resizes an axis of the table, two repeated at its ends.

    steps: from 0 to count - 1.
    """
    factor = _TRAINED_GRID / (steps[-1:] + 1 + excess)
    where = (steps + 0.5) * factor - 0.5
    taps = torch.arange(-2, _TRAINED_GRID + 2, device=steps.device, dtype=steps.dtype)
    away = (where[:, None] - taps).abs()
    near = (1.25 * away - 2.25) * away**2 + 1
    far = -0.75 * (((away - 5) * away + 8) * away - 4)
    return torch.where(away <= 1, near, torch.where(away < 2, far, 0.0))
