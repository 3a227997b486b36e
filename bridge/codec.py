"""Values <-> what messages can hold. The types of the fields are the only description there is.

dataclass           {field: value}
array, bytes        {"array": name of a file in the session's folder}
Enum, Path, str     string, where the type says which
tuple, frozenset    list
float               number; "inf", "-inf" or "nan" for what JSON has no number for
"""

from __future__ import annotations

import math
import types
from collections.abc import Callable
from dataclasses import fields, is_dataclass
from enum import Enum
from functools import lru_cache
from pathlib import Path
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

import numpy as np

from ..core.arrays import AnyArray
from .messages import ProtocolError

Write = Callable[[AnyArray], str]
"""`ArrayFolder.write`."""

Map = Callable[[object, np.dtype[Any]], AnyArray]
"""`ArrayFolder.map`."""

_BYTES = np.dtype(np.uint8)


def to_wire(value: Any, write: Write) -> Any:
    """What stands for a value in a message. Raises what `write` does."""
    if isinstance(value, Enum):
        return value.value
    if value is None or isinstance(value, bool | int | str):
        return value
    if isinstance(value, float):
        return float(value) if math.isfinite(value) else str(float(value))
    if isinstance(value, Path):
        return str(value)
    if isinstance(value, np.ndarray):
        return {"array": write(value)}
    if isinstance(value, bytes):
        return {"array": write(np.frombuffer(value, np.uint8))}
    if isinstance(value, dict):
        return {str(key): to_wire(item, write) for key, item in value.items()}
    if isinstance(value, tuple | list | frozenset):
        return [to_wire(item, write) for item in value]
    if is_dataclass(value):
        return {f.name: to_wire(getattr(value, f.name), write) for f in fields(value)}
    raise TypeError(f"{type(value).__name__} has no form on the wire")


def from_wire(kind: Any, given: Any, read: Map) -> Any:
    """The value of a type that `given` stands for.

    Raises ProtocolError if it stands for none, what `read` raises, or a dataclass for bad values.
    """
    origin = get_origin(kind)
    if origin in (Union, types.UnionType):
        return _any_of(get_args(kind), given, read)
    if origin is np.ndarray:
        return read(_name(given), np.dtype(get_args(get_args(kind)[1])[0]))
    if kind is bytes:
        return read(_name(given), _BYTES).tobytes()
    if origin in (tuple, list, frozenset):
        return _sequence(kind, given, read)
    if origin is dict:
        inner = get_args(kind)[1]
        return {str(k): from_wire(inner, v, read) for k, v in _checked(given, dict).items()}
    if is_dataclass(kind):
        return _dataclass(kind, given, read)
    return _scalar(kind, given)


def _dataclass(kind: Any, given: Any, read: Map) -> Any:
    types_ = _types_of(kind)
    unknown = _checked(given, dict).keys() - types_.keys()
    if unknown:
        raise ProtocolError(f"{kind.__name__} has no {', '.join(sorted(unknown))}")
    try:
        return kind(**{name: from_wire(types_[name], item, read) for name, item in given.items()})
    except TypeError as error:  # a field is missing
        raise ProtocolError(str(error)) from None


@lru_cache
def _types_of(kind: Any) -> dict[str, Any]:
    hints = get_type_hints(kind)
    return {f.name: hints[f.name] for f in fields(kind) if f.init}


def _any_of(kinds: tuple[Any, ...], given: Any, read: Map) -> Any:
    """The first type of a union that fits what is given."""
    if given is None and type(None) in kinds:
        return None
    is_object = isinstance(given, dict)
    for kind in kinds:
        if kind is not type(None) and is_object == _is_object(kind):
            return from_wire(kind, given, read)
    raise ProtocolError(f"nothing fits {str(given)[:80]!r}")


def _is_object(kind: Any) -> bool:
    """Whether a type is an object on the wire."""
    return is_dataclass(kind) or kind is bytes or get_origin(kind) in (dict, np.ndarray)


def _sequence(kind: Any, given: Any, read: Map) -> Any:
    origin, inner = get_origin(kind), get_args(kind)
    items = _checked(given, list)
    if origin is tuple and inner[-1] is not Ellipsis:
        if len(items) != len(inner):
            raise ProtocolError(f"{len(items)} values in place of {len(inner)}")
        return tuple(from_wire(k, item, read) for k, item in zip(inner, items, strict=True))
    return origin(from_wire(inner[0], item, read) for item in items)


def _scalar(kind: Any, given: Any) -> Any:
    if kind is type(None) and given is None:
        return None
    if get_origin(kind) is Literal and given in get_args(kind):
        return given
    if kind is float:
        if isinstance(given, str) and given in ("inf", "-inf", "nan"):
            return float(given)
        return float(_checked(given, int, float))
    if kind in (int, bool, str):
        return _checked(given, kind)
    if isinstance(kind, type) and issubclass(kind, Path | Enum):
        try:
            return kind(_checked(given, str))
        except ValueError:
            raise ProtocolError(f"no {kind.__name__}: {given[:80]!r}") from None
    raise ProtocolError(f"nothing fits {str(given)[:80]!r}")


def _checked(given: Any, *kinds: type) -> Any:
    if type(given) not in kinds:
        names = " or ".join(kind.__name__ for kind in kinds)
        raise ProtocolError(f"{str(given)[:80]!r} is no {names}")
    return given


def _name(given: Any) -> object:
    return _checked(given, dict).get("array")
