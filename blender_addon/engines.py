"""Where jobs run: within Blender, or in the engine's own process."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from importlib.util import find_spec
from pathlib import Path

import bpy

from ..bridge import environment
from ..bridge.engine import Engine, InProcessEngine
from ..bridge.environment import State
from ..bridge.worker_engine import EnvironmentEngine
from ..core.depth import weights
from ..core.depth.catalog import ModelCard
from ..core.errors import InstallError, ModelError
from . import preferences


@dataclass(frozen=True)
class Place:
    """What an engine is made from; another place needs another engine.

    folder, python: of the engine; None within Blender.
    variables: for the worker's environment.
    """

    folder: Path | None = None
    python: Path | None = None
    variables: tuple[tuple[str, str], ...] = ()

    def make(self) -> Engine:
        """Raises InstallError where the engine has gone."""
        if self.folder is None:
            return InProcessEngine()
        return EnvironmentEngine(self.folder, dict(self.variables))


def place() -> Place:
    """Where the next job runs. Raises InstallError where the engine is asked for and not there."""
    choice = preferences.current().engine
    folder = preferences.engine_folder()
    if choice == "IN_PROCESS":
        return Place()
    if not environment.state(folder).is_usable:
        if choice == "AUTOMATIC":
            return Place()
        raise InstallError("The engine is not installed, install it in Unflat's preferences.")
    variables = {"UNFLAT_MODELS": str(weights.folder())}
    if not bpy.app.online_access:
        variables["UNFLAT_OFFLINE"] = "1"
    return Place(folder, environment.python(folder), tuple(variables.items()))


def run_networks() -> bool:
    """Whether published networks run where the next job does."""
    if preferences.current().engine != "IN_PROCESS" and is_installed():
        return True
    return _has_torch()


def is_installed() -> bool:
    return environment.state(preferences.engine_folder()).is_usable


def check(card: ModelCard) -> None:
    """Raises ModelError or InstallError, in an artist's words, where a model can't run yet."""
    if card.file is None:
        return
    if not run_networks():
        raise InstallError(f"{card.title} needs the engine, install it in Unflat's preferences.")
    if weights.find(card) is None:
        raise ModelError(f"{card.title} is not on this computer yet, download it first.")


def where() -> str:
    """In a few words, where the next job runs and on what."""
    if preferences.current().engine != "IN_PROCESS":
        folder = preferences.engine_folder()
        state, receipt = environment.state(folder), environment.receipt(folder)
        if state.is_usable and receipt is not None:
            return f"Runs in the engine, {receipt.device}"
        if preferences.current().engine == "WORKER":
            return "The engine is not installed"
        if state is State.BROKEN:
            return "Runs within Blender, the engine is broken"
    return "Runs within Blender"


@lru_cache
def _has_torch() -> bool:
    """Blender itself brings neither; a Python with the bpy module may."""
    return all(find_spec(name) is not None for name in ("torch", "timm"))
