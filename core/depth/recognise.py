"""Which published network a file of weights is of, by a few entries that no other has.

A network is known by three entries of its official checkpoint; two of them are enough to know
what a file is meant to be, so that loading it can say what is wrong with the rest.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

_ENOUGH = 2 / 3  # of the entries below


@dataclass(frozen=True)
class Known:
    """Models that share one network.

    models: ids in the catalogue.
    entries: {official name: shape} that tell it from the others.
    """

    models: tuple[str, ...]
    entries: Mapping[str, tuple[int, ...]]


def models(shapes: Mapping[str, tuple[int, ...]]) -> tuple[str, ...]:
    """Ids of the models that weights of these shapes, by official names, may be of; often one."""

    def share(known: Known) -> float:
        found = sum(shapes.get(name) == shape for name, shape in known.entries.items())
        return found / len(known.entries)

    return next((known.models for known in KNOWN if share(known) >= _ENOUGH), ())


# A network that is part of another stands after it, which has an entry that it lacks.
KNOWN = (
    Known(
        ("midas_v21_384",),
        {
            "pretrained.layer1.0.weight": (64, 3, 7, 7),
            "pretrained.layer3.9.conv1.weight": (1024, 1024, 1, 1),
            "scratch.layer4_rn.weight": (256, 2048, 3, 3),
        },
    ),
    Known(
        ("midas_v21_small_256",),
        {
            "pretrained.layer1.0.weight": (32, 3, 3, 3),
            "pretrained.layer3.1.3.conv_pw.weight": (816, 136, 1, 1),
            "scratch.output_conv.2.weight": (32, 32, 3, 3),
        },
    ),
    Known(
        ("dpt_beit_base_384",),
        {
            "pretrained.model.patch_embed.proj.weight": (768, 3, 16, 16),
            "pretrained.model.blocks.9.attn.relative_position_bias_table": (2212, 12),
            "pretrained.act_postprocess3.3.weight": (384, 768, 1, 1),
        },
    ),
    Known(
        ("dpt_beit_large_384",),
        {
            "pretrained.model.blocks.0.attn.relative_position_bias_table": (2212, 16),
            "pretrained.model.blocks.12.attn.relative_position_bias_table": (2212, 16),
            "pretrained.model.blocks.23.attn.relative_position_bias_table": (2212, 16),
        },
    ),
    Known(
        ("dpt_beit_large_512",),
        {
            "pretrained.model.blocks.0.attn.relative_position_bias_table": (3972, 16),
            "pretrained.model.blocks.12.attn.relative_position_bias_table": (3972, 16),
            "pretrained.model.blocks.23.attn.relative_position_bias_table": (3972, 16),
        },
    ),
    Known(
        ("dpt_hybrid_384",),
        {
            "pretrained.model.pos_embed": (1, 577, 768),
            "pretrained.model.patch_embed.backbone.stages.2.blocks.0.conv2.weight": (
                256,
                256,
                3,
                3,
            ),
            "pretrained.act_postprocess3.3.weight": (768, 768, 1, 1),
        },
    ),
    Known(
        ("dpt_large_384",),
        {
            "pretrained.model.pos_embed": (1, 577, 1024),
            "pretrained.model.blocks.11.attn.qkv.bias": (3072,),
            "pretrained.model.blocks.23.attn.qkv.bias": (3072,),
        },
    ),
    Known(
        ("dpt_levit_224",),
        {
            "pretrained.model.patch_embed.0.c.weight": (48, 3, 3, 3),
            "pretrained.model.blocks.11.m.0.c.weight": (1024, 512),
            "scratch.output_conv.4.weight": (1, 8, 1, 1),
        },
    ),
    Known(
        ("dpt_next_vit_large_384",),
        {
            "pretrained.model.stem.0.conv.weight": (64, 3, 3, 3),
            "pretrained.model.features.20.mlp.conv1.weight": (1152, 384, 1, 1),
            "pretrained.model.features.39.mlp.conv2.weight": (1024, 2048, 1, 1),
        },
    ),
    Known(
        ("dpt_swin2_base_384",),
        {
            "pretrained.model.patch_embed.proj.weight": (128, 3, 4, 4),
            "pretrained.model.layers.2.blocks.7.mlp.fc2.weight": (512, 2048),
            "scratch.layer1_rn.weight": (256, 128, 3, 3),
        },
    ),
    Known(
        ("dpt_swin2_large_384",),
        {
            "pretrained.model.layers.0.blocks.0.attn.logit_scale": (6, 1, 1),
            "pretrained.model.layers.2.blocks.8.attn.logit_scale": (24, 1, 1),
            "pretrained.model.layers.3.blocks.1.attn.cpb_mlp.2.weight": (48, 512),
        },
    ),
    Known(
        ("dpt_swin2_tiny_256",),
        {
            "pretrained.model.patch_embed.proj.weight": (96, 3, 4, 4),
            "pretrained.model.layers.2.blocks.1.mlp.fc2.weight": (384, 1536),
            "pretrained.model.layers.3.blocks.1.mlp.fc2.weight": (768, 3072),
        },
    ),
    Known(
        ("dpt_swin_large_384",),
        {
            "pretrained.model.layers.0.blocks.0.attn.relative_position_bias_table": (529, 6),
            "pretrained.model.layers.2.blocks.8.attn.relative_position_bias_table": (529, 24),
            "pretrained.model.layers.3.blocks.1.attn.relative_position_bias_table": (529, 48),
        },
    ),
    Known(
        (
            "da3mono_large",
            "da3metric_large",
        ),
        {
            "model.backbone.pretrained.cls_token": (1, 1, 1024),
            "model.backbone.pretrained.blocks.15.mlp.fc2.weight": (1024, 4096),
            "model.head.scratch.sky_output_conv2.2.weight": (1, 32, 1, 1),
        },
    ),
    Known(
        (
            "depth_anything_v2_vits",
            "depth_anything_v2_metric_hypersim_vits",
            "depth_anything_v2_metric_vkitti_vits",
        ),
        {
            "pretrained.cls_token": (1, 1, 384),
            "pretrained.blocks.9.mlp.fc1.weight": (1536, 384),
            "depth_head.scratch.output_conv2.0.weight": (32, 32, 3, 3),
        },
    ),
    Known(
        (
            "depth_anything_v2_vitb",
            "depth_anything_v2_metric_hypersim_vitb",
            "depth_anything_v2_metric_vkitti_vitb",
        ),
        {
            "pretrained.cls_token": (1, 1, 768),
            "pretrained.blocks.9.mlp.fc1.weight": (3072, 768),
            "depth_head.scratch.output_conv2.0.weight": (32, 64, 3, 3),
        },
    ),
    Known(
        (
            "depth_anything_v2_vitl",
            "depth_anything_v2_metric_hypersim_vitl",
            "depth_anything_v2_metric_vkitti_vitl",
        ),
        {
            "pretrained.cls_token": (1, 1, 1024),
            "pretrained.blocks.15.mlp.fc1.weight": (4096, 1024),
            "depth_head.scratch.output_conv2.0.weight": (32, 128, 3, 3),
        },
    ),
    Known(
        ("depth_pro",),
        {
            "encoder.patch_encoder.cls_token": (1, 1, 1024),
            "encoder.image_encoder.blocks.18.mlp.fc2.weight": (1024, 4096),
            "fov.head.4.weight": (1, 32, 6, 6),
        },
    ),
    Known(
        ("moge2_vitb_normal",),
        {
            "encoder.backbone.cls_token": (1, 1, 768),
            "encoder.backbone.blocks.7.attn.proj.weight": (768, 768),
            "scale_head.4.weight": (1, 768),
        },
    ),
    Known(
        ("moge2_vitl_normal",),
        {
            "normal_head.input_blocks.0.weight": (1024, 1024, 1, 1),
            "normal_head.input_blocks.0.bias": (1024,),
            "normal_head.resamplers.0.0.weight": (1024, 256, 2, 2),
        },
    ),
    Known(
        ("moge2_vits_normal",),
        {
            "encoder.backbone.cls_token": (1, 1, 384),
            "encoder.backbone.blocks.7.attn.proj.weight": (384, 384),
            "scale_head.4.weight": (1, 384),
        },
    ),
    Known(
        ("moge2_vitl",),
        {
            "encoder.backbone.cls_token": (1, 1, 1024),
            "neck.input_blocks.0.weight": (1024, 1026, 1, 1),
            "scale_head.4.weight": (1, 1024),
        },
    ),
)
