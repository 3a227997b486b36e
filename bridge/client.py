"""One worker process, as seen from its parent. Standard library and numpy only."""

from __future__ import annotations

import logging
import math
import os
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, TypeVar, get_type_hints

from ..core._version import __version__
from ..core.errors import CancelledError, OutputError, WorkerError
from ..core.files import refusal
from ..core.pipeline import Result
from . import PROTOCOL, results
from .arrays import SessionFolder
from .codec import from_wire, to_wire
from .messages import Answer, Call, ProtocolError
from .pipes import Pipes
from .process import Child, describe
from .rpc_errors import from_error
from .tasks import Cancelled, Report, Task, unheard

T = TypeVar("T")

log = logging.getLogger(__name__)

_POLL = 0.05  # seconds
_TOLD = 20  # lines of what a lost worker printed last
_BOOT = Path(__file__).parent / "worker" / "boot.py"
_FORGOTTEN = ("PYTHON", "VIRTUAL_ENV", "__PYVENV")
"""Beginnings of names in our environment that would mislead another Python."""


@dataclass(frozen=True)
class Limits:
    """How long, in seconds, a worker may take.

    start: until it answers for the first time; a cold disk or a virus scanner may take long.
    cancel: to stop when it is asked to; then it is terminated, then killed.
    silence: between two signs of life. A library may hold Python's lock for long.
    close: to end by itself.
    unload: to give back memory.
    rest: idle, until it is told to give back the memory of networks.
    """

    start: float = 60
    cancel: float = 1
    silence: float = 60
    close: float = 1
    unload: float = 10
    rest: float = 300


class WorkerLostError(Exception):
    """The worker ended, fell silent or spoke nonsense. `retry` if another one may do the job."""

    def __init__(self, error: WorkerError, retry: bool) -> None:
        super().__init__(str(error))
        self.error, self.retry = error, retry


def command(python: Path) -> list[str]:
    """What starts a worker in a Python that has what the tasks need.

    -I: neither the user's own packages nor the environment's variables can get in its way.
    """
    return [str(python), "-I", "-X", "utf8", str(_BOOT)]


def variables_for(more: Mapping[str, str]) -> dict[str, str]:
    """Our variables for a worker, with `more`."""
    kept = {k: v for k, v in os.environ.items() if not k.upper().startswith(_FORGOTTEN)}
    return kept | dict(more)


class Worker:
    """From start to end; used by one thread, which must live as long (see `worker.boot`)."""

    def __init__(
        self,
        line: Sequence[str],
        variables: Mapping[str, str],
        limits: Limits,
        cancelled: Cancelled,
    ) -> None:
        """Start it and shake hands. Nothing is left where that fails.

        Raises WorkerError, CancelledError, or OutputError where there is no temporary folder.
        """
        self._limits = limits
        self._number = 0
        self._result_begun = False
        self._given_up = False
        try:
            self._folder = SessionFolder()
        except OSError as error:
            raise OutputError(refusal(Path(tempfile.gettempdir()), error)) from None
        try:
            self._pipes = Pipes(Child(line, variables))
        except OSError as error:
            self._folder.close()
            raise WorkerError(
                f"The engine can't be started ({error.strerror}), repair it."
            ) from None
        try:
            self.report = self._shake_hands(cancelled)
        except WorkerLostError as lost:
            self.close()
            raise lost.error from None
        except BaseException:
            self.close()
            raise

    def run(
        self,
        task: Task[T],
        report: Report,
        cancelled: Cancelled,
        patience: float | None = None,
    ) -> T:
        """Have a task done, within `patience` seconds if there is a limit.

        Raises what the task raises, OutputError, CancelledError or WorkerLostError.
        After CancelledError the worker may be gone, see `is_usable`.
        """
        try:
            params = {
                field.name: to_wire(getattr(task, field.name), self._folder.write)
                for field in fields(task)  # type: ignore[arg-type]  # tasks are dataclasses
            }
            answer = self._call(task.method, params, report, cancelled, patience)
            kind = get_type_hints(type(task).run)["return"]
            made = from_wire(kind, answer, self._folder.map)
            if isinstance(made, Result):
                results.check(made)
            return made
        except ProtocolError as error:
            raise self._lost(f"it answered nonsense, {error}") from None
        finally:
            self._folder.clear()

    @property
    def is_usable(self) -> bool:
        """Whether it is still there, and so is the folder for arrays."""
        alive = not self._given_up and self._pipes.child.code is None
        return alive and self._folder.path.is_dir()

    def close(self) -> None:
        """End it: asked, then terminated, then killed. Takes a few seconds at most."""
        if not self._pipes.child.wait(0):
            self._pipes.send(Call("shutdown", {}, self._next_number()))
            self._pipes.hang_up()
            if not self._pipes.child.wait(self._limits.close):
                self._end()
        self._pipes.child.kill()  # what it may have started and left behind
        self._pipes.close()
        self._folder.close()

    def _shake_hands(self, cancelled: Cancelled) -> dict[str, Any]:
        """The worker's report of itself. Raises WorkerLostError, WorkerError or CancelledError."""
        hello = {"protocol": PROTOCOL, "version": __version__, "folder": str(self._folder.path)}
        report = self._call("initialize", hello, unheard, cancelled, self._limits.start)
        if not isinstance(report, dict):
            raise self._lost("it answered nonsense")
        theirs = report.get("protocol"), report.get("version")
        if theirs != (PROTOCOL, __version__):
            raise WorkerError(
                f"The engine speaks for Unflat {str(theirs[1])[:40]} and this is {__version__}, "
                "restart the program."
            )
        return report

    def _call(
        self,
        method: str,
        params: dict[str, Any],
        report: Report,
        cancelled: Cancelled,
        patience: float | None = None,
    ) -> Any:
        """The result of a request. `patience`: seconds until it must have come."""
        number = self._next_number()
        self._result_begun = False
        watch = _Watch(self._limits, patience or math.inf)
        with self._pipes.listening():
            self._pipes.send(Call(method, params, number))
            return self._answer(number, report, cancelled, watch)

    def _answer(self, number: int, report: Report, cancelled: Cancelled, watch: _Watch) -> Any:
        while True:
            try:
                message = self._pipes.receive(_POLL)
            except ConnectionError as end:
                raise self._lost(str(end)) from None
            if isinstance(message, Answer):
                if message.id == number and message.error is None:
                    return message.result
                if message.id == number and message.error is not None:
                    raise from_error(message.error)
            elif isinstance(message, Call):
                self._notice(message, number, report)
            watch.look(self._pipes.heard)
            if cancelled() and watch.asked_to_cancel is None:
                watch.asked_to_cancel = time.monotonic()
                self._pipes.send(Call("$/cancelRequest", {"id": number}))
            if watch.is_cancel_overdue:
                self._end()
                raise CancelledError
            if (reason := watch.complaint) is not None:
                raise self._lost(reason)

    def _notice(self, message: Call, number: int, report: Report) -> None:
        """Take in a notification; others than ours are left alone, as JSON-RPC wants."""
        params = message.params
        if message.method == "$/progress" and params.get("id") == number:
            stage, fraction = params.get("stage"), params.get("fraction")
            if isinstance(stage, str) and isinstance(fraction, int | float):
                self._result_begun |= stage == "result"
                report(stage[:80], float(min(max(fraction, 0), 1)))
        elif message.method == "$/log":
            levels = logging.getLevelNamesMapping()
            level = levels.get(str(params.get("level")), logging.INFO)
            log.log(level, "worker: %s", str(params.get("message"))[:2000])

    def _next_number(self) -> int:
        self._number += 1
        return self._number

    def _lost(self, reason: str) -> WorkerLostError:
        """End the worker; what to raise about it."""
        child = self._pipes.child
        if child.wait(0.2):  # it ended by itself: how, says more
            reason = describe(child.code)
        self._given_up = True
        child.kill()
        self._pipes.close()
        words = "\n".join(self._pipes.last_words().splitlines()[-_TOLD:])
        log.warning("the worker was lost, %s; the last that it printed:\n%s", reason, words)
        error = WorkerError(
            f"The engine stopped, {reason}; try again, and with a smaller photo if it happens "
            "again.",
            words,
        )
        return WorkerLostError(error, retry=not self._result_begun)

    def _end(self) -> None:
        """Terminate, then kill."""
        self._given_up = True
        self._pipes.child.terminate()
        self._pipes.child.wait(self._limits.close)
        self._pipes.child.kill()


class _Watch:
    """What one request has waited for so far."""

    def __init__(self, limits: Limits, patience: float) -> None:
        self._limits, self._patience = limits, patience
        self._began = self._looked = time.monotonic()
        self._silent = 0.0
        self.asked_to_cancel: float | None = None

    def look(self, heard: float) -> None:
        """heard: when the last sign of life came. While the computer sleeps, no time passes."""
        now = time.monotonic()
        self._silent = 0.0 if heard > self._looked else self._silent + min(now - self._looked, 1.0)
        self._looked = now

    @property
    def is_cancel_overdue(self) -> bool:
        asked = self.asked_to_cancel
        return asked is not None and self._looked - asked > self._limits.cancel

    @property
    def complaint(self) -> str | None:
        """What is wrong, if something is."""
        if self._silent > self._limits.silence:
            return "it gave no sign of life"
        return "it did not answer" if self._looked - self._began > self._patience else None
