"""MiDaS's transformer encoders of one token grid: ViT, ViT on a ResNet, BEiT. Imports torch, timm.

Each gives maps of four levels, fine to coarse, from pixels (N, 3, h, w); h and w are multiples of
32. All blocks come from timm; only what the official networks do with other sizes than those they
were trained at is written here.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import timm
import torch
from torch import Tensor, nn
from torch.nn import functional

from .dpt import Reassemble

_SCALES = (4, 2, 1, 0.5)
Grid = tuple[int, int]


class VisionTransformer(nn.Module):
    """A ViT of timm, read out after some of its blocks.

    taps: indices of these blocks. channels: of the levels given.
    """

    def __init__(self, vit: Any, taps: Sequence[int], channels: Sequence[int]) -> None:
        super().__init__()
        self.patches = vit.patch_embed.proj
        self.class_token = vit.cls_token
        self.positions = vit.pos_embed
        self.blocks = vit.blocks[: max(taps) + 1]
        self.taps = tuple(taps)
        self.channels = tuple(channels)
        self.reassemble = nn.ModuleList(
            Reassemble(vit.embed_dim, width, scale, readout=True)
            for width, scale in zip(channels, _SCALES[-len(channels) :], strict=True)
        )

    def forward(self, pixels: Tensor) -> list[Tensor]:
        """(N, 3, h, w) -> maps (N, channels, ...) of h/4, h/8, h/16 and h/32 rows."""
        return self.levels(self.patches(pixels))

    def levels(self, patches: Tensor) -> list[Tensor]:
        """The same from embedded patches (N, dim, rows, columns)."""
        grid = patches.shape[-2], patches.shape[-1]
        x = _with_class(patches, self.class_token) + self._positions(grid)
        return _reassembled(self.reassemble, self._tapped(x), grid)

    def _tapped(self, x: Tensor) -> Iterable[Tensor]:
        for index, block in enumerate(self.blocks):
            x = block(x)
            if index in self.taps:
                yield x

    def _positions(self, grid: Grid) -> Tensor:
        """The position table, which is a square without the class token, resized to the grid."""
        table = self.positions[:, 1:].transpose(1, 2)
        side = round(table.shape[2] ** 0.5)
        table = _bilinear(table.reshape(1, -1, side, side), grid)
        return torch.cat((self.positions[:, :1], table.flatten(2).transpose(1, 2)), dim=1)


class HybridTransformer(VisionTransformer):
    """A ViT whose patches come from a ResNet, which also gives the two fine levels."""

    def __init__(self, vit: Any, taps: Sequence[int], channels: Sequence[int]) -> None:
        super().__init__(vit, taps, channels)
        resnet = vit.patch_embed.backbone
        self.stem, self.stages = resnet.stem, resnet.stages
        self.channels = (256, 512, *self.channels)

    def forward(self, pixels: Tensor) -> list[Tensor]:
        """(N, 3, h, w) -> maps of h/4, h/8, h/16 and h/32 rows; the first two are the ResNet's."""
        fine = self.stages[0](self.stem(pixels))
        middle = self.stages[1](fine)
        return [fine, middle, *self.levels(self.patches(self.stages[2](middle)))]


class Beit(nn.Module):
    """A BEiT of timm, whose attention is biased by the relative positions of tokens in any grid.

    The given one has no bias of its own, which would fit one grid only: its blocks take a bias
    from outside.
    """

    def __init__(self, beit: Any, taps: Sequence[int], channels: Sequence[int]) -> None:
        super().__init__()
        self.patches = beit.patch_embed.proj
        self.class_token = beit.cls_token
        self.blocks = beit.blocks[: max(taps) + 1]
        self.taps = tuple(taps)
        rows, columns = beit.patch_embed.grid_size
        self.trained_at = (2 * rows - 1, 2 * columns - 1)
        self.channels = tuple(channels)
        entries = self.trained_at[0] * self.trained_at[1] + 3
        self.tables = nn.ParameterList(
            torch.empty(entries, block.attn.num_heads) for block in self.blocks
        )
        self.reassemble = nn.ModuleList(
            Reassemble(beit.embed_dim, width, scale, readout=True)
            for width, scale in zip(channels, _SCALES, strict=True)
        )

    def forward(self, pixels: Tensor) -> list[Tensor]:
        """(N, 3, h, w) -> maps (N, channels, ...) of h/4, h/8, h/16 and h/32 rows."""
        patches = self.patches(pixels)
        grid = patches.shape[-2], patches.shape[-1]
        return _reassembled(
            self.reassemble, self._tapped(_with_class(patches, self.class_token), grid), grid
        )

    def _tapped(self, x: Tensor, grid: Grid) -> Iterable[Tensor]:
        pairs = relative_positions(grid).to(x.device)
        for index, (block, table) in enumerate(zip(self.blocks, self.tables, strict=True)):
            x = block(x, shared_rel_pos_bias=self._bias(table, grid)[pairs].movedim(2, 0)[None])
            if index in self.taps:
                yield x

    def _bias(self, table: Tensor, grid: Grid) -> Tensor:
        """A table (entries, heads) resized to the grid; its last three rows concern the class."""
        positions = table[:-3].T.reshape(1, -1, *self.trained_at)
        resized = _bilinear(positions, (2 * grid[0] - 1, 2 * grid[1] - 1))
        return torch.cat((resized[0].flatten(1).T, table[-3:]))


def vit_large() -> VisionTransformer:
    """ViT-L/16, trained at 384 x 384."""
    vit: Any = timm.create_model("vit_large_patch16_384", num_classes=0)
    return VisionTransformer(vit, (5, 11, 17, 23), (256, 512, 1024, 1024))


def vit_hybrid() -> VisionTransformer:
    """ViT-B/16 on a ResNet-50, trained at 384 x 384."""
    vit: Any = timm.create_model("vit_base_r50_s16_384", num_classes=0)
    return HybridTransformer(vit, (8, 11), (768, 768))


def beit_large(size: int) -> Beit:
    """BEiT-L/16, trained at size x size."""
    beit: Any = timm.create_model(
        f"beit_large_patch16_{size}", num_classes=0, use_rel_pos_bias=False
    )
    return Beit(beit, (5, 11, 17, 23), (256, 512, 1024, 1024))


def beit_base() -> Beit:
    """BEiT-B/16, trained at 384 x 384."""
    beit: Any = timm.create_model("beit_base_patch16_384", num_classes=0, use_rel_pos_bias=False)
    return Beit(beit, (2, 5, 8, 11), (96, 192, 384, 768))


def relative_positions(grid: Grid) -> Tensor:
    """Row of BEiT's bias table (t, t) int64 for each pair of the t = 1 + rows * columns tokens.

    The table holds one row for each offset between two patches, from (1 - rows, 1 - columns) on,
    and then class to patch, patch to class, class to class (Bao et al., 2021).
    """
    rows, columns = grid
    row, column = torch.meshgrid(torch.arange(rows), torch.arange(columns), indexing="ij")
    row, column = row.flatten(), column.flatten()
    down = row[:, None] - row + rows - 1
    right = column[:, None] - column + columns - 1
    offsets = (2 * rows - 1) * (2 * columns - 1)
    pairs = torch.empty(1 + rows * columns, 1 + rows * columns, dtype=torch.int64)
    pairs[1:, 1:] = down * (2 * columns - 1) + right
    pairs[0, :] = offsets
    pairs[:, 0] = offsets + 1
    pairs[0, 0] = offsets + 2
    return pairs


def _with_class(patches: Tensor, class_token: Tensor) -> Tensor:
    """(N, dim, rows, columns) -> tokens (N, 1 + rows * columns, dim)."""
    tokens = patches.flatten(2).transpose(1, 2)
    return torch.cat((class_token.expand(len(tokens), -1, -1), tokens), dim=1)


def _reassembled(levels: nn.ModuleList, tapped: Iterable[Tensor], grid: Grid) -> list[Tensor]:
    return [
        reassemble(x[:, 1:], x[:, 0], grid) for reassemble, x in zip(levels, tapped, strict=True)
    ]


def _bilinear(table: Tensor, size: Grid) -> Tensor:
    return functional.interpolate(table, size, mode="bilinear", align_corners=False)


def token_names(levels: Sequence[int], blocks: int = 0) -> dict[str, str]:
    """{official prefix: ours} for the levels (1 to 4) that come from tokens.

    blocks: of a BEiT, each of which has a table.
    """
    names = {
        "pretrained.model.cls_token": "encoder.class_token",
        "pretrained.model.pos_embed": "encoder.positions",
        "pretrained.model.patch_embed.proj.": "encoder.patches.",
        "pretrained.model.patch_embed.backbone.": "encoder.",
        "pretrained.model.blocks.": "encoder.blocks.",
    }
    for index, level in enumerate(levels):
        official, ours = f"pretrained.act_postprocess{level}.", f"encoder.reassemble.{index}."
        names[f"{official}0.project.0."] = f"{ours}readout."
        names[f"{official}3."] = f"{ours}project."
        names[f"{official}4."] = f"{ours}resize."
    for block in range(blocks):
        table = f"pretrained.model.blocks.{block}.attn.relative_position_bias_table"
        names[table] = f"encoder.tables.{block}"
    return names
