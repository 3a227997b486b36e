"""Networks compiled by OpenVINO for this CPU. Imports torch, timm and openvino.

There are ways that round more or less, see `Way`. A size of input is compiled the fastest way that
stays near float32 on the picture it is compiled for, as torch says it: how much rounding costs
depends on the weights. That takes seconds, so what comes of it is kept on disk, beside the weights.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from enum import Enum
from functools import lru_cache
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .._version import __version__
from . import compiled_files as files
from .catalog import ModelCard

if TYPE_CHECKING:
    from torch import Tensor, nn

MOST_OFF = 0.003
"""Mean difference from float32, over the mean, of what is taken. It stays below 0.5 % for other
photos too, among which it differed by less than that."""

_DEVICE = "CPU"
_log = logging.getLogger(__name__)


class Way(Enum):
    """How to round, the fastest first; the value is for people."""

    ALL = "bfloat16"
    BLOCKS = "float32, DINOv2 in bfloat16"
    """Attention and the layers between are rounded, whose layer scales keep the error small."""
    NOTHING = "float32"


def is_here() -> bool:
    """Whether OpenVINO is installed, and loads."""
    try:
        _core()
    except Exception:  # of whatever kind; torch does its work
        _log.info("OpenVINO does not load", exc_info=True)
        return False
    return True


class Compiled:
    """A network for one size of input at a time, compiled when it first comes.

    load: makes the network. modified: of its weights, ns. ways: to try, the fastest first.
    plain: makes what runs where no way is good, from then on, and says what is right.
    """

    def __init__(
        self,
        load: Callable[[], nn.Module],
        card: ModelCard,
        modified: int,
        ways: tuple[Way, ...],
        plain: Callable[[], Any],
    ) -> None:
        self._load, self._plain = load, plain
        self._card, self._modified = card, modified
        self._ways = tuple(way for way in ways if way is Way.NOTHING or _knows_bfloat16())
        self._size: tuple[int, ...] = ()
        self._run: Any = None
        self._instead: Any = None
        self.precision = ""

    def __call__(self, pixels: Tensor) -> Tensor:
        """What the network says of pixels (N, 3, h, w) float32."""
        if self._instead is None and tuple(pixels.shape) != self._size:
            self._fit(pixels)
        return self._said(self._run, pixels) if self._instead is None else self._instead(pixels)

    def _fit(self, pixels: Tensor) -> None:
        """Make ready for the size of these pixels."""
        self._run, self._size = None, ()  # its memory, before more is taken
        expected = None
        for way in self._ways:
            path = self._path(pixels, way)
            blob = files.read(path)
            if blob == b"":
                continue  # it was refused
            self._run = None if blob is None else _imported(blob, way)
            if self._run is None:
                expected = self._plain()(pixels) if expected is None else expected
                self._run = self._compiled(way, pixels, expected, path)
            if self._run is not None:
                self._size, self.precision = tuple(pixels.shape), f"{way.value} by OpenVINO"
                return
        self._instead = self._plain()
        self.precision = self._instead.precision

    def _compiled(self, way: Way, pixels: Tensor, expected: Tensor, path: Path) -> Any:
        """What runs, and is on disk from now on; None if it is no good."""
        try:
            run = _compile(self._load, way, tuple(pixels.shape))
        except Exception:  # whatever OpenVINO or torch.export cannot do, torch can
            _log.info("OpenVINO could not compile %s", self._card.id, exc_info=True)
            return None
        off = (self._said(run, pixels) - expected).abs().mean() / expected.abs().mean()
        if not off <= MOST_OFF:  # not a number is not either
            _log.info("%s in %s is off by %.2g", self._card.id, way.value, off)
            files.write(path, b"")  # so that it is not tried again
            return None
        files.write(path, run.export_model().getbuffer())
        return run

    @staticmethod
    def _said(run: Any, pixels: Tensor) -> Tensor:
        import torch

        # Copied, because OpenVINO writes its next output to the same place.
        return torch.from_numpy(run([pixels.numpy()])[0].copy())

    def _path(self, pixels: Tensor, way: Way) -> Path:
        """Where what is compiled lies."""
        import openvino
        import torch

        libraries = openvino.get_version(), torch.__version__, __version__
        facts = self._modified, tuple(pixels.shape), way.name, _processor(), libraries
        return files.path(self._card, facts)


def _compile(load: Callable[[], nn.Module], way: Way, size: tuple[int, ...]) -> Any:
    import torch

    # Weights that are loaded in inference mode can't be exported.
    with torch.inference_mode(False), torch.no_grad(), _silent():
        network = load()
        if way is Way.BLOCKS:
            _round_blocks(network)
        exported = torch.export.export(network, (torch.zeros(size),))
        # Not `openvino.convert_model`, which does the same but may tell its makers about it.
        frontends = import_module("openvino.frontend").FrontEndManager()
        decoders = import_module("openvino.frontend.pytorch.fx_decoder")
        frontend = frontends.load_by_framework("pytorch")
        # Held by a name, because OpenVINO does not hold it itself.
        decoder = decoders.TorchFXPythonDecoder.from_exported_program(exported)
        model = frontend.convert(frontend.load(decoder))
    model.reshape(list(size))
    return _core().compile_model(model, _DEVICE, _options(way))


def _round_blocks(network: nn.Module) -> None:
    """Make the layers that bear it bfloat16, inside, of what comes and goes in float32."""
    timm = import_module("timm.models.vision_transformer")
    for block in network.modules():
        if isinstance(block, timm.Block) and isinstance(block.ls1, timm.LayerScale):
            for module in (block.attn, block.mlp):
                module.bfloat16()
                module.register_forward_pre_hook(lambda _, given: (given[0].bfloat16(), *given[1:]))
                module.register_forward_hook(lambda _module, _given, found: found.float())


def _imported(blob: bytes, way: Way) -> Any:
    """What was compiled before; None if it is no good any more, which OpenVINO knows."""
    try:
        return _core().import_model(blob, _DEVICE, _options(way))
    except RuntimeError:
        return None


def _options(way: Way) -> dict[str, Any]:
    """By default OpenVINO rounds to bfloat16 where the processor knows it."""
    hint = "bf16" if way is Way.ALL else "f32"
    return {"INFERENCE_PRECISION_HINT": hint, "PERFORMANCE_HINT": "LATENCY"}


@lru_cache(maxsize=1)
def _core() -> Any:
    import openvino

    return openvino.Core()


@lru_cache(maxsize=1)
def _processor() -> str:
    return str(_core().get_property(_DEVICE, "FULL_DEVICE_NAME"))


@lru_cache(maxsize=1)
def _knows_bfloat16() -> bool:
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
