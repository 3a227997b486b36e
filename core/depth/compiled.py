"""Networks compiled by OpenVINO for this CPU. Imports torch and openvino.

What comes of it is compared with torch in float32 on the first picture of each size. Compiling
takes seconds, so it is kept on disk, beside the weights.
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

import numpy as np

from .._version import __version__
from . import compiled_files as files
from .catalog import ModelCard

if TYPE_CHECKING:
    from torch import Tensor, nn

_DEVICE = "CPU"
_log = logging.getLogger(__name__)


class Way(Enum):
    """How to round: in words, and how far off float32 depth may be on average, over its mean."""

    ALL = "bfloat16", 0.05
    """With weights of noise by 0.5 to 2.7 %."""
    BLOCKS = "float32, DINOv2 in bfloat16", 0.005
    """By less than 0.3 %, see `rounding`."""
    NOTHING = "float32", 0.005

    def __init__(self, words: str, most_off: float) -> None:
        self.words, self.most_off = words, most_off


def is_here() -> bool:
    """Whether OpenVINO is installed, and loads."""
    try:
        _core()
        knows_bfloat16()  # which loads its part for this processor
    except Exception:  # of whatever kind; torch does its work
        _log.info("OpenVINO does not load", exc_info=True)
        return False
    return True


class Compiled:
    """A network for one size of input at a time, compiled when it first comes.

    load: makes the network. modified: of its weights, ns. plain: makes what runs, from then on,
    where that can't be compiled or is off; it also says what is right.
    """

    def __init__(
        self,
        load: Callable[[], nn.Module],
        card: ModelCard,
        modified: int,
        way: Way,
        plain: Callable[[], Any],
    ) -> None:
        self._load, self._plain = load, plain
        self._card, self._modified = card, modified
        self._way = way if knows_bfloat16() else Way.NOTHING
        self._size: tuple[int, ...] = ()
        self._run: Any = None
        self._blob: memoryview | None = None
        self._instead: Any = None
        self.precision = f"{self._way.words} by OpenVINO"

    def __call__(self, pixels: Tensor) -> Tensor:
        """What the network says of pixels (N, 3, h, w) float32."""
        if self._instead is None and tuple(pixels.shape) != self._size:
            self._fit(pixels)
        return self._said(self._run, pixels) if self._instead is None else self._instead(pixels)

    def _fit(self, pixels: Tensor) -> None:
        """Make ready for the size of these pixels."""
        self._run, self._blob, self._size = None, None, ()  # their memory, before more is taken
        path = self._path(tuple(pixels.shape))
        self._run = self._imported(path) or self._compiled(pixels, path)
        self._size = tuple(pixels.shape)
        if self._run is None:
            self._instead = self._plain()
            self.precision = self._instead.precision

    def _imported(self, path: Path) -> Any:
        """What was compiled before; None if nothing was, or it is no good any more."""
        blob = files.read(path)
        if blob is None:
            return None
        import openvino

        tensor = openvino.Tensor(np.frombuffer(blob, np.uint8), shared_memory=True)
        try:
            run = _core().import_model(tensor, _DEVICE, _options(self._way))
        except (RuntimeError, TypeError):  # it knows its own; older ones take no tensor
            return None
        self._blob = blob  # which the weights may still lie in
        return run

    def _compiled(self, pixels: Tensor, path: Path) -> Any:
        """What runs, and is on disk from now on; None if it is no good."""
        expected = self._plain()(pixels)
        try:
            run = _compile(self._load, self._way, tuple(pixels.shape))
        except Exception:  # whatever OpenVINO or torch.export cannot do, torch can
            _log.info("OpenVINO could not compile %s", self._card.id, exc_info=True)
            return None
        off = (self._said(run, pixels) - expected).abs().mean() / expected.abs().mean()
        if not off <= self._way.most_off:  # not a number is not either
            _log.info("%s is off by %.2g", self._card.id, off)
            return None
        files.write(path, run.export_model().getbuffer())
        return run

    @staticmethod
    def _said(run: Any, pixels: Tensor) -> Tensor:
        import torch

        return torch.from_numpy(run([pixels.numpy()])[0])

    def _path(self, size: tuple[int, ...]) -> Path:
        """Where what is compiled for a size lies."""
        import openvino
        import torch

        libraries = openvino.get_version(), torch.__version__, __version__
        facts = self._modified, size, self._way.name, _processor(), libraries
        return files.path(self._card, facts)


def _compile(load: Callable[[], nn.Module], way: Way, size: tuple[int, ...]) -> Any:
    import torch

    from .rounding import round_blocks

    # Weights that are loaded in inference mode can't be exported.
    with torch.inference_mode(False), torch.no_grad(), _silent():
        network = load()
        if way is Way.BLOCKS:
            round_blocks(network)
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
def knows_bfloat16() -> bool:
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
