"""A real HTTP server for tests of downloads, which misbehaves as it is told."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


class FileServer(ThreadingHTTPServer):
    """Serves `data` at every address.

    plan: what to do with the next requests, in order; then it behaves.
    asked: the headers of the requests so far.
    """

    daemon_threads = True
    block_on_close = False

    def __init__(self, data: bytes) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.data = data
        self.tag = '"first"'
        self.plan: list[Callable[[_Handler], None]] = []
        self.asked: list[dict[str, str]] = []
        self.url = f"http://127.0.0.1:{self.server_address[1]}/file"
        threading.Thread(target=self.serve_forever, args=(0.01,), daemon=True).start()

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Clients that hang up are part of the tests."""


class _Handler(BaseHTTPRequestHandler):
    server: FileServer

    def do_GET(self) -> None:
        self.server.asked.append(dict(self.headers.items()) | {":path": self.path})
        (self.server.plan.pop(0) if self.server.plan else serve)(self)

    def log_message(self, *_: Any) -> None:
        return

    def head(self, status: int, **headers: Any) -> None:
        """Status line and headers, with _ for -."""
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), str(value))
        self.end_headers()


def serve(handler: _Handler) -> None:
    """The file, or the rest of it where If-Range fits."""
    server = handler.server
    start = int(handler.headers.get("Range", "bytes=0-")[6:-1])
    if not start or handler.headers.get("If-Range") != server.tag:
        handler.head(200, Content_Length=len(server.data), ETag=server.tag)
        handler.wfile.write(server.data)
    elif start >= len(server.data):
        handler.head(416, Content_Range=f"bytes */{len(server.data)}")
    else:
        _rest(handler, start)


def ignore_if_range(handler: _Handler) -> None:
    """The rest of the file, whether or not it is still the same."""
    _rest(handler, int(handler.headers.get("Range", "bytes=0-")[6:-1]))


def _rest(handler: _Handler, start: int) -> None:
    data, tag = handler.server.data, handler.server.tag
    span = f"bytes {start}-{len(data) - 1}/{len(data)}"
    handler.head(206, Content_Length=len(data) - start, Content_Range=span, ETag=tag)
    handler.wfile.write(data[start:])


def ignore_range(handler: _Handler) -> None:
    """All of the file, whatever is asked."""
    handler.head(200, Content_Length=len(handler.server.data))
    handler.wfile.write(handler.server.data)


def break_off(after: int) -> Callable[[_Handler], None]:
    """Promise all, send less, hang up."""

    def act(handler: _Handler) -> None:
        handler.head(200, Content_Length=len(handler.server.data), ETag=handler.server.tag)
        handler.wfile.write(handler.server.data[:after])

    return act


def break_off_again(more: int) -> Callable[[_Handler], None]:
    """The same where a download goes on."""

    def act(handler: _Handler) -> None:
        data, start = handler.server.data, int(handler.headers["Range"][6:-1])
        span = f"bytes {start}-{len(data) - 1}/{len(data)}"
        handler.head(206, Content_Length=len(data) - start, Content_Range=span)
        handler.wfile.write(data[start : start + more])

    return act


def stall(after: int, seconds: float = 3) -> Callable[[_Handler], None]:
    """Send some bytes, then none, with the line open."""

    def act(handler: _Handler) -> None:
        handler.head(200, Content_Length=len(handler.server.data), ETag=handler.server.tag)
        handler.wfile.write(handler.server.data[:after])
        handler.wfile.flush()
        time.sleep(seconds)

    return act


def trickle_head(handler: _Handler) -> None:
    """A header that never ends, a byte at a time: no read ever times out."""
    for _ in range(200):
        handler.wfile.write(b"X")
        time.sleep(0.05)


def fail(status: int, **headers: Any) -> Callable[[_Handler], None]:
    """An error."""
    return lambda handler: handler.head(status, **headers)


def redirect(address: str) -> Callable[[_Handler], None]:
    """Send on to another address."""
    return lambda handler: handler.head(302, Location=address)


def send(data: bytes, length: int | None = None, **headers: Any) -> Callable[[_Handler], None]:
    """Other bytes than the file's; `length` where it is not told truly."""

    def act(handler: _Handler) -> None:
        handler.head(200, Content_Length=len(data) if length is None else length, **headers)
        handler.wfile.write(data)

    return act


def send_endlessly(handler: _Handler) -> None:
    """Bytes without a length, until the client hangs up."""
    handler.head(200)
    for _ in range(1000):
        handler.wfile.write(bytes(1 << 16))
