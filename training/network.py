"""The built-in network in torch, for training; it follows the same plan as the numpy one."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
import torch
import torch.nn.functional as F  # noqa: N812  (everybody's name for it)
from torch import Tensor, nn

from unflat.core.depth.builtin.plan import CONVOLUTIONS, PLAN, Conv


def with_position(rgb: Tensor) -> Tensor:
    """The plan's input (B, 5, H, W) from sRGB (B, 3, H, W) in [0, 1]."""
    batch, _, height, width = rgb.shape
    x = (torch.arange(width, device=rgb.device) + 0.5) * (2 / width) - 1
    y = (torch.arange(height, device=rgb.device) + 0.5) * (2 / height) - 1
    x = x.view(1, 1, 1, width).expand(batch, 1, height, width)
    y = y.view(1, 1, height, 1).expand(batch, 1, height, width)
    return torch.cat([rgb * 2 - 1, x, y], dim=1)


class _ConvNorm(nn.Module):
    """A convolution and its batch normalisation, which export folds into it."""

    def __init__(self, step: Conv) -> None:
        super().__init__()
        self.conv = nn.Conv2d(
            step.inputs,
            step.outputs,
            step.size,
            step.stride,
            step.size // 2,
            bias=step.name == "head",
        )
        self.norm = nn.Identity() if step.name == "head" else nn.BatchNorm2d(step.outputs)
        nn.init.kaiming_normal_(self.conv.weight, nonlinearity="relu")
        if isinstance(self.norm, nn.BatchNorm2d) and step.add == step.source:
            nn.init.constant_(self.norm.weight, 0.5)

    def forward(self, image: Tensor) -> Tensor:
        return self.norm(self.conv(image))

    def adopt(self, weight: Tensor, bias: Tensor, image: Tensor) -> None:
        """Do what a folded convolution does; the normalisation gets its statistics from `image`."""
        self.conv.weight.copy_(weight)
        if not isinstance(self.norm, nn.BatchNorm2d):
            self.conv.bias.copy_(bias)
            return
        result = self.conv(image)
        mean, variance = result.mean(dim=(0, 2, 3)), result.var(dim=(0, 2, 3), correction=0)
        self.norm.running_mean.copy_(mean)
        self.norm.running_var.copy_(variance)
        self.norm.weight.copy_(torch.sqrt(variance + self.norm.eps))
        self.norm.bias.copy_(mean + bias)

    def folded(self) -> tuple[Tensor, Tensor]:
        """Weight and bias of the one convolution that does the same at inference."""
        weight = self.conv.weight.detach()
        if not isinstance(self.norm, nn.BatchNorm2d):
            return weight, self.conv.bias.detach()
        mean, variance = self.norm.running_mean, self.norm.running_var
        gain = self.norm.weight.detach() / torch.sqrt(variance + self.norm.eps)
        return weight * gain.view(-1, 1, 1, 1), self.norm.bias.detach() - mean * gain


class TorchNetwork(nn.Module):
    """input (B, 5, H, W) -> relative inverse depth (B, H, W), larger = nearer."""

    def __init__(self) -> None:
        super().__init__()
        # Module names may not contain dots.
        self.layers = nn.ModuleDict(
            {step.name.replace(".", "_"): _ConvNorm(step) for step in CONVOLUTIONS}
        )

    def layer(self, step: Conv) -> _ConvNorm:
        """The module of a step."""
        return self.layers[step.name.replace(".", "_")]

    @torch.no_grad()
    def adopt(self, tensors: Mapping[str, np.ndarray], image: Tensor) -> None:
        """Become the network that was exported as `tensors`, by way of an input (B, 5, H, W).

        Residual blocks that are not among the tensors (the plan may have grown) begin as nothing.
        """
        self.eval()
        known = {
            name: torch.from_numpy(array.astype(np.float32)).to(image.device)
            for name, array in tensors.items()
        }

        def prepare(step: Conv, source: Tensor) -> None:
            if f"{step.name}.weight" in known:
                weight, bias = known[f"{step.name}.weight"], known[f"{step.name}.bias"]
                self.layer(step).adopt(weight, bias, source)
            elif step.add is not None:
                nn.init.zeros_(self.layer(step).norm.weight)

        self.forward(image, prepare)

    def forward(
        self, image: Tensor, before: Callable[[Conv, Tensor], None] | None = None
    ) -> Tensor:
        registers = {"input": image}
        for step in PLAN:
            if isinstance(step, Conv):
                if before:
                    before(step, registers[step.source])
                result = self.layer(step)(registers[step.source])
                if step.add is not None:
                    result = result + registers[step.add]
                registers[step.target] = F.relu(result) if step.relu else result
            else:
                size = registers[step.like].shape[2:]
                registers[step.target] = F.interpolate(
                    registers[step.source], size, mode="bilinear", align_corners=False
                )
        return registers["inverse"][:, 0]
