"""Exceptions <-> errors of the wire, by the stable codes of `core.errors`."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from ..core.errors import CancelledError, UnflatError
from .messages import INTERNAL_ERROR, ProtocolError

EXPECTED = -32000
"""An error that has one of our codes in `data`: {"code": "image"}."""

CANCELLED = -32800
"""RequestCancelled of the Language Server Protocol."""

_MEMORY = "memory"


class RemoteError(Exception):
    """Something that nobody expected was raised in the worker; its log has the traceback."""


def to_error(error: BaseException) -> dict[str, Any]:
    """The error object for an exception."""
    if isinstance(error, CancelledError):
        return {"code": CANCELLED, "message": str(error)}
    if isinstance(error, UnflatError):
        return {"code": EXPECTED, "message": str(error), "data": {"code": error.code}}
    if isinstance(error, MemoryError):
        return {"code": EXPECTED, "message": str(error), "data": {"code": _MEMORY}}
    code = error.code if isinstance(error, ProtocolError) else INTERNAL_ERROR
    return {"code": code, "message": repr(error)[:2000]}


def from_error(error: dict[str, Any]) -> Exception:
    """The exception for an error object that `messages.decode` has let through."""
    message, data = error["message"], error.get("data")
    if error["code"] == CANCELLED:
        return CancelledError(message)
    if error["code"] == EXPECTED and isinstance(data, dict):
        if data.get("code") == _MEMORY:
            return MemoryError(message)
        for kind in _kinds(UnflatError):
            if kind.code == data.get("code"):
                return kind(message)
    return RemoteError(message)


def _kinds(base: type[UnflatError]) -> Iterator[type[UnflatError]]:
    yield base
    for kind in base.__subclasses__():
        yield from _kinds(kind)
