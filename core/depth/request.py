"""One HTTP request: what a server says of a file, then its bytes, within limits of time."""

from __future__ import annotations

import http.client
import queue
import ssl
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Generator
from dataclasses import dataclass
from email.message import Message
from email.utils import parsedate_to_datetime
from typing import IO, Any
from urllib.parse import urljoin, urlsplit

from .._version import __version__
from ..errors import CancelledError, DownloadError, UnflatError

_CHUNK = 1 << 20  # bytes
_POLL = 0.1  # seconds: how fast a cancel is noticed
_HERE = ("localhost", "127.0.0.1", "::1")  # the only hosts that need no encryption
_PASSING = (408, 425, 429, 500, 502, 503, 504)  # errors that a server may be over soon
_GO_ON = "try again to go on from there"


@dataclass(frozen=True)
class Limits:
    """Patience with a server, in seconds.

    connect: until it answers.
    stall: without a byte.
    attempts: in a row that bring nothing new.
    pause: before the second attempt; doubles with each.
    patience: the longest pause that a server may ask for.
    """

    connect: float = 20
    stall: float = 30
    attempts: int = 4
    pause: float = 1
    patience: float = 60


@dataclass(frozen=True)
class Head:
    """What a server says before the bytes.

    status: 200 (the file), 206 (the rest of it) or 416 (there is no rest).
    tag: strong ETag, else date, of the file; "" if the server gives none.
    start: of the first byte that follows, within the file.
    length: of the whole file, if known.
    kind: MIME type.
    """

    status: int
    tag: str
    start: int
    length: int | None
    kind: str


class BrokenError(Exception):
    """A request that may go better the next time; `wait` is how long the server wants us to."""

    def __init__(self, message: str, wait: float = 0) -> None:
        super().__init__(message)
        self.wait = wait


def answer(
    url: str, headers: dict[str, str], cancelled: Callable[[], bool], limits: Limits
) -> Generator[Head | bytes, None, None]:
    """The head, then the bytes, of a GET request.

    Raises BrokenError, CancelledError or DownloadError.
    It runs in a thread, because neither looking up a name nor reading can be interrupted: so a
    cancel is noticed at once, and the limits hold even for a server that trickles its headers.
    The thread is left alone when nobody waits for it any more, and ends by the socket's limit.
    """
    check_address(url, url)
    come: _Queue = queue.Queue(maxsize=4)
    left = threading.Event()
    timeout = max(limits.connect, limits.stall) + 1  # later than ours, which say what was late
    threading.Thread(target=_read, args=(url, headers, timeout, come, left), daemon=True).start()
    try:
        item = _next(come, limits.connect, f"{host(url)} does not answer", cancelled)
        while item != b"":
            if isinstance(item, Exception):
                raise _trouble(item, url)
            yield item
            item = _next(come, limits.stall, f"{host(url)} stopped sending", cancelled)
    finally:
        left.set()


def check_address(url: str, origin: str) -> None:
    """HTTPS, or this very machine if that is where it began. Raises DownloadError."""
    parts = urlsplit(url)
    local = parts.hostname in _HERE and urlsplit(origin).hostname in _HERE
    if not parts.hostname or not (parts.scheme == "https" or (parts.scheme == "http" and local)):
        raise DownloadError(
            f"{host(origin)} leads to an address without encryption ({url[:200]}), which Unflat "
            "does not follow."
        )


def pause(seconds: float, cancelled: Callable[[], bool]) -> None:
    """Sleep. Raises CancelledError."""
    end = time.monotonic() + seconds
    while (rest := end - time.monotonic()) > 0:
        if cancelled():
            raise CancelledError
        time.sleep(min(_POLL, rest))


def host(url: str) -> str:
    """The name of a server, for a sentence."""
    return urlsplit(url).hostname or url[:200]


_Queue = queue.Queue[Head | bytes | Exception]


def _next(
    come: _Queue, seconds: float, late: str, cancelled: Callable[[], bool]
) -> Head | bytes | Exception:
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if cancelled():
            raise CancelledError
        try:
            return come.get(timeout=min(_POLL, seconds))
        except queue.Empty:
            continue
    raise BrokenError(f"{late}, {_GO_ON}.")


def _read(
    url: str, headers: dict[str, str], timeout: float, come: _Queue, left: threading.Event
) -> None:
    """Put the head, the bytes and an empty end, or an exception, into `come`, until it is left."""

    def put(item: Head | bytes | Exception) -> None:
        while not left.is_set():
            try:
                come.put(item, timeout=1)
            except queue.Full:
                continue
            return

    headers = {"User-Agent": f"unflat/{__version__}", "Accept-Encoding": "identity"} | headers
    try:
        request = urllib.request.Request(url, headers=headers)
        opener = urllib.request.build_opener(_Redirects(url))  # with the environment's proxies
        with opener.open(request, timeout=timeout) as response:
            put(_head(response.status, response.headers))
            while not left.is_set():
                put(chunk := response.read1(_CHUNK))
                if not chunk:
                    break
    except urllib.error.HTTPError as error:
        with error:
            put(_head(416, error.headers) if error.code == 416 else error)
    except Exception as error:  # raised again by the one who waits
        put(error)


def _head(status: int, headers: Message) -> Head:
    etag = headers.get("ETag", "")
    tag = etag if etag.startswith('"') else headers.get("Last-Modified", "")
    start, length = 0, _number(headers.get("Content-Length", ""))
    if status in (206, 416):
        span, _, whole = headers.get("Content-Range", "").removeprefix("bytes ").partition("/")
        start, length = _number(span.split("-")[0]) or 0, _number(whole)
    return Head(status, tag, start, length, headers.get_content_type())


def _number(text: str) -> int | None:
    text = text.strip()
    return int(text) if text.isascii() and text.isdigit() else None


class _Redirects(urllib.request.HTTPRedirectHandler):
    """Follows a few redirects, and none to an address that we would not have asked."""

    max_redirections = 5
    max_repeats = 2

    def __init__(self, origin: str) -> None:
        self._origin = origin

    def redirect_request(
        self, req: urllib.request.Request, fp: IO[bytes], code: int, msg: str,
        headers: http.client.HTTPMessage, newurl: str,
    ) -> urllib.request.Request | None:  # fmt: skip
        check_address(urljoin(req.full_url, newurl), self._origin)
        return super().redirect_request(req, fp, code, msg, headers, newurl)


def _trouble(error: Exception, url: str) -> Exception:
    """What to raise for an exception of urllib."""
    if isinstance(error, UnflatError):
        return error
    if isinstance(error, urllib.error.HTTPError):
        return _refused(error, url)
    reason: Any = error.reason if isinstance(error, urllib.error.URLError) else error
    if isinstance(reason, ssl.SSLCertVerificationError):
        return DownloadError(
            f"The certificate of {host(url)} can't be trusted ({reason.verify_message}), check the "
            "clock of this computer and what sits between it and the network."
        )
    if isinstance(reason, OSError | http.client.HTTPException | ValueError | str):
        why = (str(reason).splitlines() or [type(reason).__name__])[0]
        return BrokenError(
            f"{host(url)} can't be reached ({why}), check the network and try again."
        )
    return error


def _refused(error: urllib.error.HTTPError, url: str) -> Exception:
    code = error.code
    wait = _wait(error.headers.get("Retry-After", ""))
    if code in _PASSING and wait > 0:
        return BrokenError(f"{host(url)} is busy, try again in {wait:.0f} seconds.", wait)
    if code in _PASSING:
        return BrokenError(f"{host(url)} has trouble (error {code}), try again later.")
    if code in (404, 410):
        return DownloadError(f"{host(url)} has this file no more (error {code}): {url}")
    if 300 <= code < 400:
        return DownloadError(f"{host(url)} leads nowhere (error {code}), try again later.")
    return DownloadError(
        f"{host(url)} refuses the file (error {code}), get it in a browser and import it: {url}"
    )


def _wait(text: str) -> float:
    """Seconds that a Retry-After asks for; it holds a number or a date."""
    if (seconds := _number(text)) is not None:
        return seconds
    try:
        return max(0.0, parsedate_to_datetime(text).timestamp() - time.time())
    except ValueError:
        return 0
