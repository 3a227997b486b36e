"""Networks compiled by OpenVINO for this CPU. Imports torch and openvino.

Most of DINOv2's work, attention and the layers between, is computed in bfloat16 where the processor
knows it, and its layer scales keep the error small. All else stays float32: with weights of noise
the decoder alone would be off by 0.45 % of mean depth, and transformers without layer scales by up
to 0.8 %, where 0.5 % is allowed.

A size of input takes seconds to compile, so what comes of it is kept on disk, beside the weights.
"""

from __future__ import annotations

import hashlib
import logging
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import lru_cache
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .._version import __version__
from . import weights
from .catalog import ModelCard

if TYPE_CHECKING:
    from torch import Tensor, nn

MOST_KEPT = 4
"""Sizes of each model that stay on disk; most photos are 3:2, 4:3 or 16:9."""

_DEVICE = "CPU"
_log = logging.getLogger(__name__)


def is_here() -> bool:
    """Whether OpenVINO is installed."""
    return find_spec("openvino") is not None


class Compiled:
    """A network for one size of input at a time, compiled when it first comes.

    load: makes the network. modified: of its weights, ns. plain: what runs if it can't be
    compiled, from then on.
    """

    def __init__(
        self,
        load: Callable[[], nn.Module],
        card: ModelCard,
        modified: int,
        plain: Callable[[], Any],
    ) -> None:
        self._load, self._plain = load, plain
        self._card, self._modified = card, modified
        self._size: tuple[int, ...] = ()
        self._run: Any = None
        self._instead: Any = None
        self.precision = "float32 by OpenVINO" + (", DINOv2 in bfloat16" if _rounds() else "")

    def __call__(self, pixels: Tensor) -> Tensor:
        """What the network says of pixels (N, 3, h, w) float32."""
        import torch

        if self._instead is None and tuple(pixels.shape) != self._size:
            self._fit(tuple(pixels.shape))
        if self._instead is not None:
            return self._instead(pixels)
        # Copied, because OpenVINO writes its next output to the same place.
        return torch.from_numpy(self._run([pixels.numpy()])[0].copy())

    def _fit(self, size: tuple[int, ...]) -> None:
        """Make ready for a size of input."""
        self._run, self._size = None, ()  # its memory, before more is taken
        path = self._path(size)
        self._run = _kept(path)
        if self._run is None:
            try:
                self._run = _compile(self._load, size)
            except Exception:  # whatever OpenVINO or torch.export cannot do, torch can
                _log.info("OpenVINO could not compile %s", self._card.id, exc_info=True)
                self._instead = self._plain()
                self.precision = self._instead.precision
                return
            _keep(self._run, path)
        self._size = size

    def _path(self, size: tuple[int, ...]) -> Path:
        """Where what was compiled for a size lies. All that it depends on is in its name."""
        import openvino
        import torch

        facts = (self._modified, size, _rounds(), _processor(), __version__)
        libraries = openvino.get_version(), torch.__version__
        digest = hashlib.sha256(repr((*facts, *libraries)).encode()).hexdigest()[:16]
        return weights.folder() / self._card.id / f"compiled-{digest}.blob"


def _compile(load: Callable[[], nn.Module], size: tuple[int, ...]) -> Any:
    import torch

    # Weights that are loaded in inference mode can't be exported.
    with torch.inference_mode(False), torch.no_grad(), _silent():
        network = load()
        if not all(value.isfinite().all() for value in network.parameters()):
            raise ValueError("not a number among the weights, of which OpenVINO makes zeros")
        if _rounds():
            _round(network)
        exported = torch.export.export(network, (torch.zeros(size),))
        # Not `openvino.convert_model`, which does the same but may tell its makers about it.
        frontends = import_module("openvino.frontend").FrontEndManager()
        decoders = import_module("openvino.frontend.pytorch.fx_decoder")
        frontend = frontends.load_by_framework("pytorch")
        # Held by a name, because OpenVINO does not hold it itself.
        decoder = decoders.TorchFXPythonDecoder.from_exported_program(exported)
        model = frontend.convert(frontend.load(decoder))
    model.reshape(list(size))
    return _core().compile_model(model, _DEVICE, _options())


def _round(network: nn.Module) -> None:
    """Make the layers that bear it bfloat16, inside, of what comes and goes in float32."""
    timm = import_module("timm.models.vision_transformer")
    for block in network.modules():
        if isinstance(block, timm.Block) and isinstance(block.ls1, timm.LayerScale):
            for module in (block.attn, block.mlp):
                module.bfloat16()
                module.register_forward_pre_hook(lambda _, given: (given[0].bfloat16(), *given[1:]))
                module.register_forward_hook(lambda _module, _given, found: found.float())


def _options() -> dict[str, Any]:
    """f32: nothing is rounded but what `_round` did."""
    return {"INFERENCE_PRECISION_HINT": "f32", "PERFORMANCE_HINT": "LATENCY"}


def _kept(path: Path) -> Any:
    """What was compiled before; None if it was not, or is no good any more."""
    try:
        blob = path.read_bytes()
        path.touch()  # the ones used last stay
        return _core().import_model(blob, _DEVICE, _options())
    except (OSError, RuntimeError):  # OpenVINO knows its own damaged and outdated files
        return None


def _keep(compiled: Any, path: Path) -> None:
    """Write for the next time, and remove what was not used for longest. May fail unnoticed."""
    part = path.with_name(f"{path.name}-{os.getpid()}.part")
    with suppress(OSError):
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            part.write_bytes(compiled.export_model().getbuffer())
            part.replace(path)
        finally:
            part.unlink(missing_ok=True)
        old = sorted(path.parent.glob("compiled-*.blob"), key=lambda p: p.stat().st_mtime)
        for file in old[:-MOST_KEPT]:
            file.unlink()


@lru_cache(maxsize=1)
def _core() -> Any:
    import openvino

    return openvino.Core()


@lru_cache(maxsize=1)
def _processor() -> str:
    return str(_core().get_property(_DEVICE, "FULL_DEVICE_NAME"))


@lru_cache(maxsize=1)
def _rounds() -> bool:
    """Whether this processor multiplies bfloat16 faster than float32."""
    return "BF16" in _core().get_property(_DEVICE, "OPTIMIZATION_CAPABILITIES")


@contextmanager
def _silent() -> Iterator[None]:
    """OpenVINO's converter warns, with tracebacks, of what harms nothing."""
    before = logging.root.manager.disable
    logging.disable(logging.WARNING)
    try:
        yield
    finally:
        logging.disable(before)
