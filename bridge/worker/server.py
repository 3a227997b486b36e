"""Answers requests, one after the other, on the main thread; another thread reads what comes.

A worker whose client is gone ends by itself: its stdin is at its end then.
"""

from __future__ import annotations

import logging
import os
import platform
import queue
import shutil
import sys
import threading
import time
from contextlib import suppress
from importlib import metadata
from pathlib import Path
from typing import Any, BinaryIO

from ...core._version import __version__
from ...core.errors import UnflatError
from .. import PROTOCOL
from ..arrays import ArrayFolder
from ..codec import from_wire, to_wire
from ..messages import (
    INVALID_PARAMS,
    INVALID_REQUEST,
    METHOD_NOT_FOUND,
    Answer,
    Call,
    ProtocolError,
)
from ..rpc_errors import to_error
from ..tasks import TASKS, Report
from ..transport import Sender, receive

log = logging.getLogger(__name__)

_BEAT = 1.0  # seconds between two signs of life
_PAUSE = 0.05  # seconds between two reports of the same stage
_LONGEST_LOG = 2000  # characters
_GRACE = 1.0  # seconds that a job may take to stop, once the client is gone
_LEFT = 3
"""Exit code where the client was gone and a job did not stop."""


def serve(reader: BinaryIO, writer: BinaryIO) -> int:
    """Serve until the client says `shutdown` or is gone; the exit code."""
    logging.basicConfig(stream=sys.stderr, level=logging.INFO)
    server = Server(reader, writer)
    logging.getLogger().addHandler(_WireLog(server))
    return server.run()


class Server:
    """One client's worker."""

    def __init__(self, reader: BinaryIO, writer: BinaryIO) -> None:
        self._reader = reader
        self._sender = Sender(writer)
        self._calls: queue.SimpleQueue[Call | None] = queue.SimpleQueue()
        self._cancelled: set[int] = set()
        self._leaving = threading.Event()
        self._folder: ArrayFolder | None = None

    def run(self) -> int:
        for target in (self._read, self._beat):
            threading.Thread(target=target, daemon=True).start()
        while (call := self._calls.get()) is not None:
            self.send(self._answer(call))
            if call.method == "shutdown":
                return 0
        self._tidy()
        return 0

    # --- threads aside ---

    def _read(self) -> None:
        try:
            while (message := receive(self._reader)) is not None:
                self._take(message)
        except ProtocolError as error:
            self.send(Answer(None, error=to_error(error)))
        except (OSError, ValueError):
            pass
        self._leave()

    def _take(self, message: Call | Answer) -> None:
        if not isinstance(message, Call):
            return
        if message.id is not None:
            self._calls.put(message)
        elif message.method == "$/cancelRequest" and type(message.params.get("id")) is int:
            self._cancelled.add(message.params["id"])

    def _leave(self) -> None:
        """Nothing more will come: end soon, whatever runs, and leave nothing behind."""
        self._leaving.set()
        self._calls.put(None)
        time.sleep(_GRACE)
        self._tidy()
        os._exit(_LEFT)

    def _tidy(self) -> None:
        """Remove the session's folder, as the client can't."""
        if self._folder is not None:
            shutil.rmtree(self._folder.path, ignore_errors=True)

    def _beat(self) -> None:
        while not self._leaving.wait(_BEAT):
            self.send(Call("$/heartbeat"))

    # --- the main thread ---

    def _answer(self, call: Call) -> Answer:
        try:
            if call.method == "initialize":
                return Answer(call.id, self._initialize(call.params))
            if call.method == "shutdown":
                return Answer(call.id)
            return Answer(call.id, self._perform(call))
        except (UnflatError, MemoryError, ProtocolError) as error:
            return Answer(call.id, error=to_error(error))
        except Exception as error:
            log.exception("unexpected error in %s", call.method)
            return Answer(call.id, error=to_error(error))

    def _initialize(self, params: dict[str, Any]) -> dict[str, Any]:
        """Take the session's folder; what this worker is, without importing any of it."""
        folder = params.get("folder")
        if not isinstance(folder, str) or not Path(folder).is_dir():
            raise ProtocolError("a session needs its folder", INVALID_PARAMS)
        self._folder = ArrayFolder(Path(folder), "w")
        return {
            "protocol": PROTOCOL,
            "version": __version__,
            "python": platform.python_version(),
            "processors": os.cpu_count(),
            "torch": _version("torch"),
        }

    def _perform(self, call: Call) -> Any:
        if self._folder is None:
            raise ProtocolError("initialize comes first", INVALID_REQUEST)
        kind = TASKS.get(call.method)
        if kind is None:
            raise ProtocolError(f"there is no method {call.method[:80]!r}", METHOD_NOT_FOUND)
        try:
            task = from_wire(kind, call.params, self._folder.map)
        except ProtocolError as error:
            raise ProtocolError(str(error), INVALID_PARAMS) from None
        report = self._reporter(call.id)
        result = task.run(report, lambda: call.id in self._cancelled or self._leaving.is_set())
        report("result", 1.0)
        return to_wire(result, self._folder.write)

    def _reporter(self, number: int | None) -> Report:
        """Sends progress, but not more often than anyone could look at it."""
        began = time.monotonic()
        last: tuple[str, float] = "", 0.0

        def report(stage: str, fraction: float) -> None:
            nonlocal last
            now = time.monotonic()
            if stage == last[0] and now - last[1] < _PAUSE:
                return
            last = stage, now
            told = {"id": number, "stage": stage, "fraction": fraction, "seconds": now - began}
            self.send(Call("$/progress", told))

        return report

    def send(self, message: Call | Answer) -> None:
        """From any thread."""
        with suppress(OSError, ValueError):  # the client is gone, and reading tells so too
            self._sender.send(message)


class _WireLog(logging.Handler):
    """Sends what is logged to the client too, whose log the user sees."""

    def __init__(self, server: Server) -> None:
        super().__init__(logging.INFO)
        self._server = server

    def emit(self, record: logging.LogRecord) -> None:
        told = {"level": record.levelname, "message": record.getMessage()[:_LONGEST_LOG]}
        self._server.send(Call("$/log", told))


def _version(library: str) -> str | None:
    try:
        return metadata.version(library)
    except metadata.PackageNotFoundError:
        return None
