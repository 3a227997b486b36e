"""MiDaS's encoders that shrink in stages: EfficientNet, ResNeXt, Swin, LeViT, Next-ViT.

Every module comes from timm, regrouped so that each stage ends where the decoder reads it.
Imports torch and timm.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import timm
import torch
from timm.layers.conv2d_same import Conv2dSame
from torch import Tensor, nn
from torch.nn import functional


class Pyramid(nn.Module):
    """Stages one after the other; what each gives is a level, of so many `channels`."""

    def __init__(self, channels: Sequence[int], stages: Sequence[Iterable[nn.Module]]) -> None:
        super().__init__()
        self.channels = tuple(channels)
        self.stages = nn.ModuleList(nn.Sequential(*stage) for stage in stages)

    def forward(self, pixels: Tensor) -> list[Tensor]:
        """(N, 3, h, w) -> maps (N, channels, rows, columns), fine to coarse."""
        levels = []
        x = pixels
        for stage in self.stages:
            x = stage(x)
            levels.append(self.as_map(x))
        return levels

    def as_map(self, x: Tensor) -> Tensor:
        """A stage's result as (N, channels, rows, columns)."""
        return x


class _ChannelsLast(Pyramid):
    def as_map(self, x: Tensor) -> Tensor:
        return x.permute(0, 3, 1, 2)


class _Tokens(Pyramid):
    def as_map(self, x: Tensor) -> Tensor:
        side = round(x.shape[1] ** 0.5)
        return x.transpose(1, 2).reshape(len(x), -1, side, side)


class _Flatten(nn.Module):
    """(N, C, rows, columns) -> tokens (N, rows * columns, C)."""

    def forward(self, x: Tensor) -> Tensor:
        return x.flatten(2).transpose(1, 2)


class _Halving(nn.Conv2d):
    """A convolution of stride 2 that pads as TensorFlow does, more after than before.

    An exported network takes even sides only, as photos have: timm's own, which works it out from
    sides that are left open, takes minutes to export.
    """

    def forward(self, x: Tensor) -> Tensor:
        after = self.kernel_size[0] // 2
        sides = (0, 0) if torch.compiler.is_compiling() else x.shape[-2:]
        top, left = (after - 1 + side % 2 for side in sides)
        return super().forward(functional.pad(x, (left, after, top, after)))


def efficientnet() -> Pyramid:
    """EfficientNet-Lite3 with TensorFlow's padding."""
    net: Any = timm.create_model("tf_efficientnet_lite3", num_classes=0)
    for module in net.modules():
        if isinstance(module, Conv2dSame):  # only those of stride 2 are
            module.__class__ = _Halving  # type: ignore[assignment]  # of the same make
    blocks = net.blocks
    # In the files the activation of the first norm is a module of its own, in timm part of it.
    first = (net.conv_stem, net.bn1, nn.Identity(), blocks[0], blocks[1])
    return Pyramid((32, 48, 136, 384), [first, blocks[2:3], blocks[3:5], blocks[5:7]])


def resnext() -> Pyramid:
    """ResNeXt-101 32x8d."""
    net: Any = timm.create_model("resnext101_32x8d", num_classes=0)
    first = (net.conv1, net.bn1, net.act1, net.maxpool, net.layer1)
    return Pyramid((256, 512, 1024, 2048), [first, net.layer2, net.layer3, net.layer4])


def swin(model: str) -> Pyramid:
    """timm's Swin or Swin V2 by its name; takes pictures of its training size only."""
    net: Any = timm.create_model(model, num_classes=0)
    first, *rest = net.layers
    channels = [net.embed_dim << stage for stage in range(4)]
    return _ChannelsLast(channels, [(net.patch_embed, first), *([layer] for layer in rest)])


def levit() -> Pyramid:
    """LeViT-384, without what follows the last block read."""
    net: Any = timm.create_model("levit_384", num_classes=0)
    fine, middle, coarse = net.stages
    return _Tokens(
        (384, 512, 768),
        [
            (net.stem, _Flatten(), *fine.blocks[:2]),
            (*fine.blocks[2:], middle.downsample, middle.blocks[0]),
            (*middle.blocks[1:], coarse.downsample, coarse.blocks[0]),
        ],
    )


def next_vit() -> Pyramid:
    """Next-ViT large."""
    net: Any = timm.create_model("nextvit_large", num_classes=0)
    first, *rest = net.stages
    stages = [(net.stem, *first.blocks), *(stage.blocks for stage in rest)]
    return Pyramid((96, 256, 512, 1024), stages)


def layer_names() -> dict[str, str]:
    """{official prefix: ours} of the convolutional encoders."""
    return {f"pretrained.layer{n + 1}.": f"encoder.stages.{n}." for n in range(4)}


def swin_names() -> dict[str, str]:
    """{official prefix: ours} of Swin and Swin V2."""
    layers = ("0.1", "1.0", "2.0", "3.0")
    names = {"pretrained.model.patch_embed.": "encoder.stages.0.0."}
    for n, ours in enumerate(layers):
        names[f"pretrained.model.layers.{n}."] = f"encoder.stages.{ours}."
    # The files were written when a stage still ended by shrinking; now the next begins with it.
    for n, ours in enumerate(layers[1:]):
        names[f"pretrained.model.layers.{n}.downsample."] = f"encoder.stages.{ours}.downsample."
    return names


def levit_names() -> dict[str, str]:
    """{official prefix: ours} of LeViT, whose files count attentions and perceptrons as one row."""
    official, stem = "pretrained.model.", "encoder.stages.0.0."
    names: dict[str, str] = {}
    for n in range(4):
        names |= _with_norm(f"{official}patch_embed.{2 * n}.", f"{stem}conv{n + 1}.")
    shrinking = ("1.2", "2.3")
    blocks = ("0.2", "0.3", "1.0", "1.1", "1.2", "1.3", "2.0", "2.1", "2.2", "2.3", "2.4")
    for n, block in enumerate(blocks):
        attention, ours = f"{official}blocks.{2 * n}.", f"encoder.stages.{block}."
        if block in shrinking:
            names |= _levit_attention(attention, f"{ours}attn_downsample.")
        else:
            names |= _levit_attention(f"{attention}m.", f"{ours}attn.")
        perceptron = f"{official}blocks.{2 * n + 1}.m."
        names |= _with_norm(f"{perceptron}0.", f"{ours}mlp.ln1.")
        names |= _with_norm(f"{perceptron}2.", f"{ours}mlp.ln2.")
    return names


def _levit_attention(official: str, ours: str) -> dict[str, str]:
    names = {f"{official}attention_biases": f"{ours}attention_biases"}
    for layer in ("qkv.", "kv."):
        names |= _with_norm(official + layer, ours + layer)
    for layer in ("q", "proj"):
        names |= _with_norm(f"{official}{layer}.1.", f"{ours}{layer}.ln.")
    return names


def _with_norm(official: str, ours: str) -> dict[str, str]:
    return {f"{official}c.": f"{ours}linear.", f"{official}bn.": f"{ours}bn."}


def next_vit_names() -> dict[str, str]:
    """{official prefix: ours} of Next-ViT, whose files have no stages but one row of blocks."""
    blocks = [f"0.{n + 1}." for n in range(3)]  # after the stem
    blocks += [f"{stage + 1}.{n}." for stage, depth in enumerate((4, 30, 3)) for n in range(depth)]
    names = {"pretrained.model.stem.": "encoder.stages.0.0."}
    for n, block in enumerate(blocks):
        official, ours = f"pretrained.model.features.{n}.", f"encoder.stages.{block}"
        names[official] = ours
        for layer in (1, 2):
            names[f"{official}mlp.conv{layer}."] = f"{ours}mlp.fc{layer}."
    return names
