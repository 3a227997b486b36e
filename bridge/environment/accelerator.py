"""What networks may run on, and which of it this computer seems to have."""

from __future__ import annotations

import os
import platform
import shutil
import sys
from enum import Enum
from pathlib import Path

from .program import told

# From PyTorch's release matrix: the oldest driver and the compute capabilities of each CUDA.
_CUDA13_DRIVER, _CUDA13_SINCE = 580, 7.5
_CUDA12_DRIVER, _CUDA12_SINCE, _CUDA12_UNTIL = 525, 5.0, 9.0


class Accelerator(Enum):
    """A set of libraries; the value names its file in `bridge/requirements`."""

    CPU = "cpu"
    CUDA = "cuda"
    CUDA12 = "cuda12"  # cards or drivers that are too old for CUDA
    ROCM = "rocm"
    XPU = "xpu"
    MPS = "mps"

    @property
    def device(self) -> str:
        """The kind of device as torch, and `Settings.device`, call it."""
        names = {"cuda12": "cuda", "rocm": "cuda"}
        return names.get(self.value, self.value)


def suggest() -> Accelerator:
    """What fits this computer best, as far as its drivers tell; takes up to a few seconds.

    Intel's XPU is never suggested: nothing tells a card that is worth it from one that is not.
    """
    if sys.platform == "darwin":
        fitting = Accelerator.MPS if platform.machine() == "arm64" else Accelerator.CPU
    else:
        fitting = _nvidia()
        if fitting is Accelerator.CPU and Path("/dev/kfd").exists():  # AMD's; on Linux alone
            fitting = Accelerator.ROCM
    return fitting


def _nvidia() -> Accelerator:
    """The set for the first card of NVIDIA's; CPU where there is none that torch can use."""
    tool = shutil.which("nvidia-smi")
    if tool is None:
        return Accelerator.CPU
    query = [tool, "--query-gpu=driver_version,compute_cap", "--format=csv,noheader"]
    try:
        version, capability = told(query, os.environ).splitlines()[0].split(",")
        return fitting_cuda(int(version.split(".")[0]), float(capability))
    except (IndexError, ValueError):
        return Accelerator.CPU


def fitting_cuda(driver: int, capability: float) -> Accelerator:
    """The set for a major version of NVIDIA's driver and a card's compute capability."""
    if capability > _CUDA12_UNTIL or (capability >= _CUDA13_SINCE and driver >= _CUDA13_DRIVER):
        return Accelerator.CUDA  # where the driver is too old for the card, the self-test says so
    if capability >= _CUDA12_SINCE and driver >= _CUDA12_DRIVER:
        return Accelerator.CUDA12
    return Accelerator.CPU
