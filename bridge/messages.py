"""The messages of the wire: JSON-RPC 2.0 in UTF-8, checked before anything is made of them."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from typing import Any, NoReturn

MOST_BYTES = 1 << 20
"""Of one message; arrays are not in messages, so that real ones have a few kilobytes."""

_DEEPEST = 32  # nested lists and objects
_LARGEST_ID = 1 << 53  # whole numbers beyond it are not the same in every JSON reader

PARSE_ERROR = -32700
INVALID_REQUEST = -32600
METHOD_NOT_FOUND = -32601
INVALID_PARAMS = -32602
INTERNAL_ERROR = -32603
"""Codes of JSON-RPC 2.0, section 5.1."""

_STRINGS = re.compile(rb'"(?:[^"\\]|\\.)*"', re.DOTALL)
_BRACKETS = re.compile(rb"[\[\]{}]")


class ProtocolError(Exception):
    """The other side breaks the rules of the wire. `code` is one of JSON-RPC's."""

    def __init__(self, message: str, code: int = INVALID_REQUEST) -> None:
        super().__init__(message)
        self.code = code


@dataclass(frozen=True)
class Call:
    """A request, or a notification, which has no id and gets no answer."""

    method: str
    params: dict[str, Any] = field(default_factory=dict)
    id: int | None = None


@dataclass(frozen=True)
class Answer:
    """To the request with this id, or to one that could not be read (None).

    error: {"code": int, "message": str, "data": object}; None if it went well.
    """

    id: int | None
    result: Any = None
    error: dict[str, Any] | None = None


def encode(message: Call | Answer) -> bytes:
    """Raises ProtocolError for a message that is too large or no JSON."""
    fields: dict[str, Any] = {"jsonrpc": "2.0"}
    if isinstance(message, Call):
        fields |= {"method": message.method, "params": message.params}
        if message.id is not None:
            fields["id"] = message.id
    else:
        fields["id"] = message.id
        fields |= {"result": message.result} if message.error is None else {"error": message.error}
    try:
        data = json.dumps(fields, allow_nan=False, separators=(",", ":")).encode("ascii")
    except (ValueError, TypeError, RecursionError) as error:
        raise ProtocolError(f"no JSON: {error}", INTERNAL_ERROR) from None
    if len(data) > MOST_BYTES:
        raise ProtocolError(f"a message of {len(data)} bytes is too large", INTERNAL_ERROR)
    return data


def decode(data: bytes) -> Call | Answer:
    """Raises ProtocolError for anything that is no message."""
    fields = _parse(data)
    if not isinstance(fields, dict) or fields.get("jsonrpc") != "2.0":
        raise ProtocolError("a message must be an object of JSON-RPC 2.0")
    number = fields.get("id")
    if number is not None and not (type(number) is int and abs(number) < _LARGEST_ID):
        raise ProtocolError("an id must be a whole number")
    if "method" in fields:
        method, params = fields["method"], fields.get("params", {})
        if not isinstance(method, str) or not isinstance(params, dict):
            raise ProtocolError("a call needs a method and an object of parameters")
        return Call(method, params, number)
    if ("result" in fields) == ("error" in fields):
        raise ProtocolError("a message must have a method, a result or an error")
    error = fields.get("error")
    if "error" in fields and not _is_error(error):
        raise ProtocolError("an error must have a code and a message")
    return Answer(number, fields.get("result"), error)


def _is_error(error: object) -> bool:
    return (
        isinstance(error, dict)
        and type(error.get("code")) is int
        and isinstance(error.get("message"), str)
    )


def _parse(data: bytes) -> Any:
    if len(data) > MOST_BYTES:
        raise ProtocolError(f"a message of {len(data)} bytes is too large", PARSE_ERROR)
    if _depth(data) > _DEEPEST:  # before the parser, which would run out of stack
        raise ProtocolError("a message is nested too deeply", PARSE_ERROR)
    try:
        return json.loads(data.decode("utf-8"), parse_constant=_refuse)
    except (ValueError, RecursionError) as error:
        raise ProtocolError(f"no JSON: {error}", PARSE_ERROR) from None


def _refuse(name: str) -> NoReturn:
    raise ValueError(f"{name} is no JSON")


def _depth(data: bytes) -> int:
    """How deeply lists and objects are nested; what is no JSON may get any number."""
    depth = deepest = 0
    for bracket in _BRACKETS.findall(_STRINGS.sub(b"", data)):
        depth += 1 if bracket in b"[{" else -1
        deepest = max(deepest, depth)
    return deepest
