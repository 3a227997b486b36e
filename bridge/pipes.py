"""A worker's three pipes. Threads do nothing but move bytes, so that nobody else ever blocks.

stdout -> inbox     outbox -> stdin     stderr -> last words
"""

from __future__ import annotations

import os
import queue
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from .messages import Answer, Call, ProtocolError
from .process import Child
from .transport import Sender, receive

_LAST_WORDS = 8192  # bytes of stderr that are kept


class Pipes:
    """A child's three pipes, each with a thread."""

    def __init__(self, child: Child) -> None:
        self.child = child
        self.heard = 0.0  # when something came last
        self._broken: str | None = None  # why nothing more will come
        self._is_listening = False
        self._inbox: queue.SimpleQueue[Call | Answer] = queue.SimpleQueue()
        self._outbox: queue.SimpleQueue[Call | None] = queue.SimpleQueue()
        self._words = bytearray()
        self._threads = [
            threading.Thread(target=target, name=f"unflat-{target.__name__}", daemon=True)
            for target in (self._read, self._write, self._listen)
        ]
        for thread in self._threads:
            thread.start()

    def send(self, message: Call) -> None:
        """Returns at once."""
        self._outbox.put(message)

    def hang_up(self) -> None:
        """Close the child's stdin once everything has been sent."""
        self._outbox.put(None)

    @contextmanager
    def listening(self) -> Iterator[None]:
        """While a request waits for its answer. What comes else is of interest to nobody."""
        self._is_listening = True
        try:
            yield
        finally:
            self._is_listening = False

    def receive(self, seconds: float) -> Call | Answer | None:
        """The next message, if one comes in time; ConnectionError once none can come any more."""
        broken = self._broken  # before the inbox, which then has all that came before the end
        with suppress(queue.Empty):
            return self._inbox.get(timeout=0 if broken else seconds)
        if broken is not None:
            raise ConnectionError(broken)
        return None

    def last_words(self) -> str:
        """The end of what it has written to stderr, without the log's empty lines."""
        lines = bytes(self._words).decode("utf-8", "replace").splitlines()
        return "\n".join(line for line in lines if line.strip())

    def close(self) -> None:
        """Wait for the threads; the child has ended, so that its pipes are at their end."""
        self.hang_up()
        for thread in self._threads:
            thread.join(1)
        streams = (self.child.stdout, self.child.stdin, self.child.stderr)
        for thread, pipe in zip(self._threads, streams, strict=True):
            if not thread.is_alive():  # else someone else holds the pipe, and it would block
                with suppress(OSError):
                    pipe.close()

    def _read(self) -> None:
        try:
            while (message := receive(self.child.stdout)) is not None:
                self.heard = time.monotonic()
                if self._is_listening and not _is_heartbeat(message):
                    self._inbox.put(message)
            self._broken = "it closed the connection"
        except ProtocolError as error:
            self._broken = f"it sent what is no message, {error}"
        except (OSError, ValueError) as error:
            self._broken = str(error)

    def _write(self) -> None:
        sender = Sender(self.child.stdin)
        try:
            while (message := self._outbox.get()) is not None:
                sender.send(message)
        except ProtocolError as error:
            self._broken = f"it was to be told too much, {error}"
        except (OSError, ValueError):
            pass  # its end shows in `_read`
        with suppress(OSError, ValueError):
            self.child.stdin.close()

    def _listen(self) -> None:
        with suppress(OSError, ValueError):
            while chunk := os.read(self.child.stderr.fileno(), 65536):
                self._words += chunk
                del self._words[:-_LAST_WORDS]


def _is_heartbeat(message: Call | Answer) -> bool:
    return isinstance(message, Call) and message.method == "$/heartbeat"
