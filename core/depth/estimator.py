"""Photo -> Prediction, by any model of the catalogue."""

from __future__ import annotations

import logging
import math
from collections.abc import Callable
from dataclasses import replace
from functools import lru_cache
from typing import TYPE_CHECKING

from .. import memory
from ..arrays import FloatArray
from ..depthmap import DepthMap
from ..errors import DepthError, telling_memory
from ..images import Photo
from . import catalog, device, edges, models, runtime, weights
from .builtin.network import BuiltinNetwork
from .builtin.upsample import upsample_guided
from .cache import PredictionCache
from .catalog import ModelCard
from .prediction import Prediction, inverse_map
from .tiles import refine

if TYPE_CHECKING:
    from torch import nn

Progress = Callable[[float], None]
_Say = Callable[[Photo, Progress], Prediction]

_CHECKED, _LOADED = 0.2, 0.3  # shares of the progress

_TOO_SMALL = "The graphics card's memory is too small for this, so the processor did it."

_said = PredictionCache()
_log = logging.getLogger(__name__)


def estimate(
    photo: Photo,
    model: str,
    wanted: str,
    progress: Progress,
    focal: float | None = None,
    precision: str = "auto",
    tiles: int = 1,
    known_only: bool = False,
) -> Prediction:
    """What `model` says of the photo. `progress(fraction)` may raise to cancel.

    wanted: the device, or "auto". focal: in pixels of the photo, if the user or the camera said
    it; a model that knows metres knows them better with it. precision, tiles: see `Settings`.
    known_only: raise DepthError where the model has not said it already.
    Raises ModelError, WeightsError, MissingLibraryError, ImageError where the photo is too long
    and thin for the model, or MemoryError. Where less memory is free than the model takes, a
    warning is logged before it starts; where that of a graphics card is too small, the processor
    does it, with a warning.
    """
    card = catalog.find(model)
    chosen = device.pick(card, wanted)

    def on(place: str) -> Prediction:
        return _estimate(photo, card, place, progress, focal, precision, tiles, known_only)

    try:
        return on(chosen)
    except MemoryError:
        if chosen == "cpu":
            raise
    forget()
    _log.warning(_TOO_SMALL)
    found = on("cpu")
    return replace(found, warnings=(*found.warnings, _TOO_SMALL))


def _estimate(
    photo: Photo,
    card: ModelCard,
    chosen: str,
    progress: Progress,
    focal: float | None,
    precision: str,
    tiles: int,
    known_only: bool,
) -> Prediction:
    """`estimate` on one device."""
    alone = 1 / (1 + tiles**2) if tiles > 1 else 1.0  # the whole photo's share of the progress

    def step(fraction: float) -> None:
        progress(alone * fraction)

    if card.file is None:
        maker, say = _ours(card, chosen)
    else:
        maker, say = _published(card, chosen, focal, precision, step)
    if known_only:
        say = _unknown
    found = _said.get(photo, maker, lambda: say(photo, step))

    def refined() -> Prediction:
        def look(part: Photo, seen: Progress) -> DepthMap:
            return say(part, seen).depth

        def more(fraction: float) -> None:
            progress(alone + (1 - alone) * fraction)

        return replace(found, depth=refine(found.depth, photo, look, tiles, more))

    if tiles > 1:
        found = _said.get(photo, (maker, tiles), refined)
    progress(1.0)
    return found


def _unknown(photo: Photo, progress: Progress) -> Prediction:
    raise DepthError("The depth of this photo is not known yet, estimate it first.")


def _ours(card: ModelCard, chosen: str) -> tuple[object, _Say]:
    """(all that its predictions depend on, what predicts) of the built-in network."""

    def say(photo: Photo, progress: Progress) -> Prediction:
        inverse = run_builtin(_builtin(), photo.rgb_float(), progress)
        return Prediction(inverse_map(inverse), chosen)

    return card.id, say


def _published(
    card: ModelCard, chosen: str, focal: float | None, precision: str, progress: Progress
) -> tuple[object, _Say]:
    """As `_ours`, of a published network, whose weights are checked."""
    family = models.family(card)  # what is missing is told before weights are looked at
    path = weights.require(card, lambda fraction, _: progress(_CHECKED * fraction))
    modified = path.stat().st_mtime_ns

    @telling_memory()
    def say(photo: Photo, progress: Progress) -> Prediction:
        progress(_CHECKED)
        network, told = _network(card, chosen, precision, modified)
        progress(_LOADED)
        found = family.predict(network, photo, card, chosen, focal)
        return replace(found, precision=network.precision, warnings=told)

    return (card.id, chosen, precision, modified, focal), say


def forget() -> None:
    """Give back the memory of networks and of what they have said."""
    _said.clear()
    _builtin.cache_clear()
    _network.cache_clear()
    device.release()


def run_builtin(
    network: BuiltinNetwork, rgb: FloatArray, progress: Callable[[float], None] = lambda _: None
) -> FloatArray:
    """Inverse depth (H, W) float32 at full size from rgb (H, W, 3) float32 sRGB in [0, 1]."""
    coarse = network.predict(rgb, lambda fraction: progress(0.7 * fraction))
    inverse = upsample_guided(coarse, rgb, lambda fraction: progress(0.7 + 0.25 * fraction))
    # Pixels of the photo for one of the largest look; the others are coarser and blur edges more.
    cell = max(rgb.shape[1] / coarse.shape[1], rgb.shape[0] / coarse.shape[0])
    inverse = edges.snap(inverse, reach=math.ceil(1.5 * cell))
    inverse = edges.straighten(inverse, rgb, spacing=max(1, round(cell / 2)))
    inverse = edges.smooth(inverse, spacing=math.ceil(cell))
    progress(1.0)
    return inverse


@lru_cache(maxsize=1)
def _builtin() -> BuiltinNetwork:
    return BuiltinNetwork.load()


@lru_cache(maxsize=1)
def _network(
    card: ModelCard, chosen: str, precision: str, modified: int
) -> tuple[runtime.Network, tuple[str, ...]]:
    """The card's network on a device, and what to tell of it.

    Kept until another is asked for or its file is another. Where memory is short that is told
    before, because what comes may be slow.
    """
    _network.cache_clear()  # before, so that two never take memory at once
    told = memory.shortage(card.title, card.memory) if chosen == "cpu" else ""
    if told:
        _log.warning(told)

    def load() -> nn.Module:
        return models.load(card, weights.load(card))

    network = runtime.prepare(load, card, chosen, precision, modified)
    return network, (told,) if told else ()
