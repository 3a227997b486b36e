"""What can be asked of an engine. Each task is data, so that it can be sent to a worker too.

A class here is a method of the wire: its fields are the parameters, what `run` returns is the
result, both as `codec` has them.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, ClassVar, Protocol, TypeVar

from ..core.camera import Pinhole
from ..core.depth import catalog, estimator, weights
from ..core.depthmap import DepthKind, DepthMap
from ..core.images import Photo
from ..core.pipeline import Result, reconstruct
from ..core.settings import Settings

Report = Callable[[str, float], None]
"""Called with (stage, fraction of the whole task)."""

Cancelled = Callable[[], bool]


def unheard(_stage: str, _fraction: float) -> None:
    """The `Report` of tasks whose progress nobody looks at."""


T_co = TypeVar("T_co", covariant=True)


class Task(Protocol[T_co]):
    """Something to do; it may raise what `core` raises."""

    method: ClassVar[str]

    def run(self, report: Report, cancelled: Cancelled) -> T_co: ...


@dataclass(frozen=True)
class Generate:
    """A photo made into depth, camera and geometry; fields of `core.pipeline.reconstruct`."""

    method: ClassVar[str] = "generate"

    photo: Path | Photo
    settings: Settings
    depth: Path | DepthMap | None = None
    depth_kind: DepthKind | None = None
    camera: Path | Pinhole | None = None

    def run(self, report: Report, cancelled: Cancelled) -> Result:
        return self._reconstruct(self.settings, report, cancelled)

    def _reconstruct(
        self, settings: Settings, report: Report, cancelled: Cancelled, known_only: bool = False
    ) -> Result:
        return reconstruct(
            self.photo,
            settings,
            depth=self.depth,
            depth_kind=self.depth_kind,
            camera=self.camera,
            known_only=known_only,
            progress=report,
            cancelled=cancelled,
        )


@dataclass(frozen=True)
class Depth(Generate):
    """The same without geometry. What it finds is kept for others of the same photo."""

    method: ClassVar[str] = "depth"

    def run(self, report: Report, cancelled: Cancelled) -> Result:
        return self._reconstruct(replace(self.settings, outputs=frozenset()), report, cancelled)


@dataclass(frozen=True)
class Mesh(Generate):
    """The same of a photo whose depth is given or kept: no network runs, DepthError otherwise."""

    method: ClassVar[str] = "mesh"

    def run(self, report: Report, cancelled: Cancelled) -> Result:
        return self._reconstruct(self.settings, report, cancelled, known_only=True)


@dataclass(frozen=True)
class ModelState:
    """Whether a published network is on this computer, and how many bytes it takes there."""

    id: str
    is_here: bool
    size: int


@dataclass(frozen=True)
class ListModels:
    """The published networks of the catalogue, in its order."""

    method: ClassVar[str] = "models/list"

    def run(self, report: Report, cancelled: Cancelled) -> tuple[ModelState, ...]:
        return tuple(_state(card) for card in catalog.MODELS if card.file)


@dataclass(frozen=True)
class DownloadModel:
    """A network's weights fetched, unless they are here."""

    method: ClassVar[str] = "models/download"

    model: str
    online: bool

    def run(self, report: Report, cancelled: Cancelled) -> ModelState:
        card = catalog.find(self.model)
        weights.fetch(card, _told(report), cancelled, online=self.online)
        return _state(card)


@dataclass(frozen=True)
class VerifyModel:
    """A network's weights compared with what was published, or came at first."""

    method: ClassVar[str] = "models/verify"

    model: str

    def run(self, report: Report, cancelled: Cancelled) -> ModelState:
        card = catalog.find(self.model)
        weights.verify(card, _told(report), cancelled)
        return _state(card)


@dataclass(frozen=True)
class RemoveModel:
    """A network's weights removed from this computer."""

    method: ClassVar[str] = "models/remove"

    model: str

    def run(self, report: Report, cancelled: Cancelled) -> ModelState:
        card = catalog.find(self.model)
        weights.remove(card)
        return _state(card)


@dataclass(frozen=True)
class Release:
    """The memory of networks, and of what they have said, given back."""

    method: ClassVar[str] = "release"

    def run(self, report: Report, cancelled: Cancelled) -> None:
        estimator.forget()


TASKS: dict[str, type[Task[Any]]] = {
    task.method: task
    for task in (
        Generate,
        Depth,
        Mesh,
        ListModels,
        DownloadModel,
        VerifyModel,
        RemoveModel,
        Release,
    )
}


def _state(card: catalog.ModelCard) -> ModelState:
    path = weights.find(card)
    return ModelState(card.id, path is not None, path.stat().st_size if path else 0)


def _told(report: Report) -> Callable[[float, str], None]:
    """`report` for what says (fraction, text)."""
    return lambda fraction, text: report(text, fraction)
