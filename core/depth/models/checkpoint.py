"""Published checkpoints into networks: entries by their official names, all of them, checked.

Imports torch.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

from ...errors import WeightsError

# Counts steps of training; old files have none.
_UNUSED = r"\.num_batches_tracked$"


@dataclass(frozen=True)
class Names:
    """How the entries of an official checkpoint are called in our network.

    prefixes: {official: ours}, the longest that fits wins; a name that fits none stays.
    unused: regular expression of official names that the network computes itself or that can't
        change its output; such entries are dropped, and may be missing.
    """

    prefixes: Mapping[str, str] = field(default_factory=dict)
    unused: str = _UNUSED

    @cached_property
    def _inverse(self) -> dict[str, str]:
        return {ours: official for official, ours in self.prefixes.items()}

    def ours(self, official: str) -> str:
        """Our name of an official entry."""
        return _swap(official, self.prefixes)

    def official(self, ours: str) -> str:
        """The official name of an entry of ours."""
        return _swap(ours, self._inverse)

    def is_unused(self, official: str) -> bool:
        """Whether an official entry is dropped."""
        return re.search(f"{self.unused}|{_UNUSED}", official) is not None


def _swap(name: str, prefixes: Mapping[str, str]) -> str:
    fitting = [prefix for prefix in prefixes if name.startswith(prefix)]
    if not fitting:
        return name
    longest = max(fitting, key=len)
    return prefixes[longest] + name[len(longest) :]


def entries(network: nn.Module, names: Names) -> dict[str, tuple[int, ...]]:
    """{official name: shape} of all that `load` needs for this network."""
    state = network.state_dict()
    shapes = {names.official(name): tuple(value.shape) for name, value in state.items()}
    return {name: shape for name, shape in shapes.items() if not names.is_unused(name)}


def load(network: nn.Module, state: Mapping[str, Tensor], names: Names) -> None:
    """Put a checkpoint's tensors into the network, which takes them over without a copy.

    state: by official names. Raises WeightsError, which names the first entry that is missing,
    left over or of another shape.
    """
    needed = entries(network, names)
    found = {name: value for name, value in state.items() if not names.is_unused(name)}
    for name, shape in needed.items():
        if name not in found:
            raise WeightsError(f"The weights have no entry '{name}', they are not of this model.")
        if tuple(found[name].shape) != shape:
            raise WeightsError(
                f"The weights' entry '{name}' is {_times(found[name].shape)} where the model has "
                f"{_times(shape)}, they are not of this model."
            )
    for name in found:
        if name not in needed:
            raise WeightsError(f"The weights' entry '{name}' is not part of this model.")
    renamed = {names.ours(name): value.float() for name, value in found.items()}
    network.load_state_dict(renamed, strict=False, assign=True)
    network.requires_grad_(False)


def _times(shape: tuple[int, ...]) -> str:
    return " x ".join(map(str, shape)) or "a number"


class Unfilled(TorchFunctionMode):
    """`with Unfilled():` builds a network without filling its weights, which `load` brings.

    Random numbers for 345 million weights would take seconds, and memory that is now only
    reserved. What a network computes for itself, such as tables of indices, is really there,
    which torch.device("meta") would not give.
    """

    def __torch_function__(
        self,
        func: Callable[..., Any],
        types: Any,
        args: tuple[Any, ...] = (),
        kwargs: dict[str, Any] | None = None,
    ) -> Any:
        """Whatever changes a parameter in place, by torch's naming rule, is skipped."""
        kwargs = kwargs or {}
        target = args[0] if args else kwargs.get("tensor")
        name = getattr(func, "__name__", "")
        if isinstance(target, nn.Parameter) and name.endswith("_") and not name.endswith("__"):
            return target
        return func(*args, **kwargs)
