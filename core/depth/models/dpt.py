"""The decoder of dense prediction transformers: tokens or maps of four levels -> one map.

Shared by MiDaS and Depth Anything. Imports torch.

Levels run from fine to coarse. Ranftl et al., Vision Transformers for Dense Prediction, 2021.
"""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor, nn
from torch.nn import functional


class Reassemble(nn.Module):
    """Tokens of a transformer as one level's map.

    scale: 4, 2, 1 or 0.5 times the size of the token grid.
    readout: whether the class token is blended into every other token.
    """

    def __init__(self, dim: int, channels: int, scale: float, *, readout: bool) -> None:
        super().__init__()
        self.readout = nn.Linear(2 * dim, dim) if readout else None
        self.project = nn.Conv2d(dim, channels, 1)
        self.resize = _resizer(channels, scale)

    def forward(self, tokens: Tensor, class_token: Tensor | None, grid: tuple[int, int]) -> Tensor:
        """tokens (N, h * w, dim), class_token (N, dim), grid (h, w) -> (N, channels, H, W)."""
        if self.readout is not None and class_token is not None:
            tokens = self._read_out(self.readout, tokens, class_token)
        level = tokens.transpose(1, 2).reshape(-1, tokens.shape[2], *grid)
        return self.resize(self.project(level))

    def _read_out(self, readout: nn.Linear, tokens: Tensor, class_token: Tensor) -> Tensor:
        # The layer's input is a token beside the class token. Its second half is the same for
        # all tokens, so it is multiplied once.
        own, shared = readout.weight.chunk(2, dim=1)
        common = functional.linear(class_token, shared, readout.bias)
        return functional.gelu(functional.linear(tokens, own) + common[:, None])


def _resizer(channels: int, scale: float) -> nn.Module:
    if scale == 1:
        return nn.Identity()
    if scale == 0.5:
        return nn.Conv2d(channels, channels, 3, stride=2, padding=1)
    return nn.ConvTranspose2d(channels, channels, int(scale), stride=int(scale))


class ResidualUnit(nn.Module):
    """x + conv(relu(conv(relu(x)))); with `rectified`, relu(x) + the same."""

    def __init__(self, features: int, *, rectified: bool = False) -> None:
        super().__init__()
        self.rectified = rectified
        self.conv1 = nn.Conv2d(features, features, 3, padding=1)
        self.conv2 = nn.Conv2d(features, features, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        """(N, features, H, W) -> the same shape."""
        if self.rectified:
            x = functional.relu(x)
        hidden = self.conv1(functional.relu(x))
        return x + self.conv2(functional.relu(hidden, inplace=True))  # maps can be 600 MB


class FusionBlock(nn.Module):
    """Adds one level to what comes from the coarser ones, and enlarges the sum.

    out_features: channels of the result; None for no 1 x 1 convolution at all.
    skip: False at the coarsest level, which has nothing to be added to.
    """

    def __init__(
        self, features: int, out_features: int | None, *, skip: bool, rectified: bool = False
    ) -> None:
        super().__init__()
        self.skip = ResidualUnit(features, rectified=rectified) if skip else None
        self.refine = ResidualUnit(features, rectified=rectified)
        self.out = nn.Identity() if out_features is None else nn.Conv2d(features, out_features, 1)

    def forward(self, coarse: Tensor | None, level: Tensor, size: tuple[int, int]) -> Tensor:
        """Two maps (N, features, h, w), coarse None at the coarsest level -> (N, out, *size)."""
        if coarse is not None and self.skip is not None:
            level = coarse + self.skip(level)
        # Published networks enlarge first. A 1 x 1 convolution and an interpolation, whose
        # weights sum to one, can change places, and this way there are four times fewer pixels.
        return enlarge(self.out(self.refine(level)), size, align_corners=True)


class Fusion(nn.Module):
    """Maps of all levels -> one map, twice as large as the finest.

    channels: of the levels given. features: of the levels inside, one number or one for each.
    """

    def __init__(
        self,
        channels: Sequence[int],
        features: int | Sequence[int],
        *,
        project: bool = True,
        rectified: bool = False,
    ) -> None:
        super().__init__()
        widths = [features] * len(channels) if isinstance(features, int) else list(features)
        self.narrow = nn.ModuleList(
            nn.Conv2d(given, width, 3, padding=1, bias=False)
            for given, width in zip(channels, widths, strict=True)
        )
        self.blocks = nn.ModuleList(
            FusionBlock(
                width,
                finer if project else None,
                skip=index < len(widths) - 1,
                rectified=rectified,
            )
            for index, (finer, width) in enumerate(zip([widths[0], *widths], widths, strict=False))
        )

    def forward(self, levels: Sequence[Tensor]) -> Tensor:
        """Maps (N, channels, h, w), fine to coarse -> (N, features, 2 h, 2 w) of the finest."""
        narrowed = [narrow(level) for narrow, level in zip(self.narrow, levels, strict=True)]
        height, width = narrowed[0].shape[-2:]
        sizes = [(2 * height, 2 * width), *(tuple(level.shape[-2:]) for level in narrowed)]
        fused = None
        for index in reversed(range(len(narrowed))):
            fused = self.blocks[index](fused, narrowed[index], sizes[index])
        assert fused is not None
        return fused


class Head(nn.Module):
    """The last convolutions, with an enlargement to the network's size between them."""

    def __init__(
        self,
        features: int,
        half: int,
        last: int = 32,
        outputs: int = 1,
        *,
        align_corners: bool = True,
    ) -> None:
        super().__init__()
        self.align_corners = align_corners
        self.first = nn.Conv2d(features, half, 3, padding=1)
        self.second = nn.Conv2d(half, last, 3, padding=1)
        self.third = nn.Conv2d(last, outputs, 1)

    def forward(self, fused: Tensor) -> Tensor:
        """(N, features, h, w) -> (N, outputs, 2 h, 2 w), with no activation at the end."""
        return self.decide(self.large(fused, (2 * fused.shape[-2], 2 * fused.shape[-1])))

    def large(self, fused: Tensor, size: tuple[int, int]) -> Tensor:
        """(N, features, h, w) -> (N, half, *size), on which a network may put more than one end."""
        return enlarge(self.first(fused), size, align_corners=self.align_corners)

    def decide(self, large: Tensor) -> Tensor:
        """(N, half, H, W) -> (N, outputs, H, W), with no activation at the end."""
        return self.third(functional.relu(self.second(large)))


def enlarge(level: Tensor, size: tuple[int, int], *, align_corners: bool) -> Tensor:
    """(N, C, h, w) -> (N, C, *size), bilinear."""
    return functional.interpolate(level, size, mode="bilinear", align_corners=align_corners)


def decoder_names(prefix: str, levels: int = 4) -> dict[str, str]:
    """{official prefix: ours} of a network's `fusion`, whose official module is `prefix`."""
    names = {}
    for level in range(levels):
        block, ours = f"{prefix}refinenet{level + 1}.", f"fusion.blocks.{level}."
        names[f"{prefix}layer{level + 1}_rn."] = f"fusion.narrow.{level}."
        names[f"{block}resConfUnit1."] = f"{ours}skip."
        names[f"{block}resConfUnit2."] = f"{ours}refine."
        names[f"{block}out_conv."] = f"{ours}out."
    return names
