"""Networks that OpenVINO runs on this CPU. Imports torch and openvino.

A network is converted once, which takes seconds, compared with torch in float32 on a picture, and
kept on disk, beside its weights. From there it is compiled in memory at every start, for all sizes
of input: one size at a time would be 3 to 6 % faster, but take half a second for each.
"""

from __future__ import annotations

import logging
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from enum import Enum
from functools import lru_cache
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from .._version import __version__
from . import converted_files as files
from .catalog import ModelCard
from .download import check_space

if TYPE_CHECKING:
    from torch import Tensor, nn

_DEVICE = "CPU"
_LENGTH = 8  # bytes of the number that tells a graph's length
_OFF = b"off"  # is kept of a network that OpenVINO does not get right
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
    """A network that is started when the first input comes.

    load: makes the network. modified: of its weights, ns. plain: makes what runs where that can't
    be compiled, is off or can't be kept; it also says what is right.
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
        self._run: Callable[[Tensor], Tensor] | None = None
        self.precision = f"{self._way.words} by OpenVINO"

    def __call__(self, pixels: Tensor) -> Tensor:
        """What the network says of pixels (1, 3, h, w) float32."""
        if self._run is None:
            self._run = self._start(pixels)
        return self._run(pixels)

    def _start(self, pixels: Tensor) -> Callable[[Tensor], Tensor]:
        """What runs from now on."""
        path = self._path()
        try:
            content = files.read(path)
            if content is None:
                files.write(path, lambda part: self._convert(pixels, part))
                content = files.read(path)
            if content is not None and content != _OFF:
                return _Run(content, self._way)
        except Exception:  # whatever OpenVINO, torch.export or the disk cannot do, torch can
            _log.info("OpenVINO does not run %s", self._card.id, exc_info=True)
        plain: Any = self._plain()
        self.precision = plain.precision
        return plain

    def _convert(self, pixels: Tensor, path: Path) -> None:
        """Write the converted network, or that what it says of these pixels is not right."""
        check_space(path.parent, 4 * self._card.parameters)
        expected = self._plain()(pixels)
        _convert(self._load, self._way, tuple(pixels.shape), path)
        found = _Run(files.mapped(path), self._way)(pixels)
        off = float((found - expected).abs().mean() / expected.abs().mean())
        if not off <= self._way.most_off:  # not a number is not either
            _log.info("%s is off by %.2g", self._card.id, off)
            path.write_bytes(_OFF)

    def _path(self) -> Path:
        """Where the converted network lies."""
        import openvino
        import torch

        libraries = openvino.get_version(), torch.__version__, __version__
        return files.path(self._card, (self._modified, self._way.name, libraries))


class _Run:
    """A converted network, compiled."""

    def __init__(self, content: memoryview, way: Way) -> None:
        import openvino

        content, length = content[:-_LENGTH], int.from_bytes(content[-_LENGTH:], "little")
        graph = bytes(content[-length:]).decode()
        # OpenVINO does not hold it, but may leave constants where they are.
        self._constants = np.frombuffer(content[:-length], np.uint8)
        tensor = openvino.Tensor(self._constants, shared_memory=True)
        model = _core().read_model(graph, tensor)
        self._compiled = _core().compile_model(model, _DEVICE, _options(way))

    def __call__(self, pixels: Tensor) -> Tensor:
        import torch

        return torch.from_numpy(self._compiled([pixels.numpy()])[0])


def _convert(load: Callable[[], nn.Module], way: Way, size: tuple[int, ...], path: Path) -> None:
    """Write a network as `_Run` reads it: constants, graph, and the length of the graph.

    For any size of input, or for this one if it takes no other.
    """
    import torch

    from .rounding import round_blocks

    # Weights that are loaded in inference mode can't be exported.
    with torch.inference_mode(False), torch.no_grad(), _silent():
        network = load()
        if way is Way.BLOCKS:
            round_blocks(network)
        if network.any_size:
            exported = _with_open_sides(network, size)
        else:
            exported = torch.export.export(network, (torch.zeros(size),))
        # Not `openvino.convert_model`, which does the same but may tell its makers about it.
        frontends = import_module("openvino.frontend").FrontEndManager()
        decoders = import_module("openvino.frontend.pytorch.fx_decoder")
        frontend = frontends.load_by_framework("pytorch")
        # Held by a name until all is written: the model's constants may lie in its network.
        decoder = decoders.TorchFXPythonDecoder.from_exported_program(exported)
        model = frontend.convert(frontend.load(decoder))
        if not network.any_size:
            model.reshape(list(size))
        graph = _serialized(model, path)
    with path.open("ab") as target:
        target.write(graph)
        target.write(len(graph).to_bytes(_LENGTH, "little"))


def _with_open_sides(network: nn.Module, size: tuple[int, ...]) -> Any:
    """Exported at sides that are not those of `size`, and not alike, or torch might settle them."""
    import torch

    *_, height, width = size
    other = torch.zeros(*size[:-2], 2 * height, 2 * height + width)
    any_side = torch.export.Dim.AUTO
    return torch.export.export(network, (other,), dynamic_shapes=({2: any_side, 3: any_side},))


def _serialized(model: Any, constants: Path) -> bytes:
    """A model's graph, after its constants are written."""
    import openvino

    graph = constants.with_name(constants.name + ".xml")
    try:
        openvino.serialize(model, graph, constants)
        return graph.read_bytes()
    except RuntimeError as error:  # the disk is full
        raise OSError(str(error)) from None
    finally:
        graph.unlink(missing_ok=True)


def _options(way: Way) -> dict[str, Any]:
    """By default OpenVINO rounds to bfloat16 where the processor knows it."""
    hint = "bf16" if way is Way.ALL else "f32"
    return {"INFERENCE_PRECISION_HINT": hint, "PERFORMANCE_HINT": "LATENCY"}


@lru_cache(maxsize=1)
def _core() -> Any:
    import openvino

    return openvino.Core()


@lru_cache(maxsize=1)
def knows_bfloat16() -> bool:
    """Whether this processor multiplies bfloat16 faster than float32."""
    return "BF16" in _core().get_property(_DEVICE, "OPTIMIZATION_CAPABILITIES")


@contextmanager
def _silent() -> Iterator[None]:
    """Converters warn, with tracebacks, of what harms nothing."""
    before = logging.root.manager.disable
    logging.disable(logging.WARNING)
    try:
        with warnings.catch_warnings(action="ignore"):
            yield
    finally:
        logging.disable(before)
