"""Framing of messages on a pair of pipes, as in the Language Server Protocol 3.17.

Content-Length: 85\\r\\n
\\r\\n
{"jsonrpc":"2.0", ...          that many bytes
"""

from __future__ import annotations

import threading
from typing import IO

from .messages import MOST_BYTES, PARSE_ERROR, Answer, Call, ProtocolError, decode, encode

_LONGEST_LINE = 256  # bytes
_MOST_LINES = 8


def receive(stream: IO[bytes]) -> Call | Answer | None:
    """The next message, or None at the end of the stream.

    Blocks. Raises ProtocolError for anything else; where the next message begins is unknown then,
    so that nothing more can be read. OSError and ValueError (closed) are those of the stream.
    """
    length = _header(stream)
    if length is None:
        return None
    data = bytearray()
    while len(data) < length:
        chunk = stream.read(length - len(data))
        if not chunk:
            raise ProtocolError("the stream ended within a message", PARSE_ERROR)
        data += chunk
    return decode(bytes(data))


def _header(stream: IO[bytes]) -> int | None:
    """The length of the message that follows; None at the end of the stream."""
    length: int | None = None
    for number in range(_MOST_LINES):
        line = stream.readline(_LONGEST_LINE)
        if not line and number == 0:
            return None
        if not line.endswith(b"\r\n"):
            raise ProtocolError(f"no header of a message: {line[:80]!r}", PARSE_ERROR)
        if line == b"\r\n":
            break
        name, _, value = line.partition(b":")
        if name.strip().lower() == b"content-length":
            length = _length(value.strip())
    if length is None:
        raise ProtocolError("a message without its length", PARSE_ERROR)
    return length


def _length(digits: bytes) -> int:
    if not (digits.isdigit() and len(digits) < 20 and int(digits) <= MOST_BYTES):
        raise ProtocolError(f"a message of {digits[:20]!r} bytes", PARSE_ERROR)
    return int(digits)


class Sender:
    """Writes messages to a stream, one after the other, from any thread."""

    def __init__(self, stream: IO[bytes]) -> None:
        self._stream = stream
        self._lock = threading.Lock()

    def send(self, message: Call | Answer) -> None:
        """Blocks while the pipe is full. Raises ProtocolError, or OSError of the stream."""
        data = encode(message)
        with self._lock:
            self._stream.write(b"Content-Length: %d\r\n\r\n%s" % (len(data), data))
            self._stream.flush()
