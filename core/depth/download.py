"""A file from the network: resumed, retried, and refused when it is not what was promised.

A part is resumed only while the server can tell that the file behind it is still the same: its
ETag or date is kept in a small JSON file beside the part.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import cast

from ..errors import DownloadError, OutputError
from ..files import refusal
from .request import BrokenError, Head, Limits, answer, host, pause

Progress = Callable[[float, str], None]
"""Called with a fraction in [0, 1] and a few words."""

_LARGEST = 16 * 10**9  # bytes of a file whose size nobody says
_SPARE = 64 * 10**6  # bytes of the disk that stay free


@dataclass(frozen=True)
class Download:
    """The file at `url`, to be brought into `part`; `size` in bytes, if known."""

    url: str
    part: Path
    size: int | None
    progress: Progress
    cancelled: Callable[[], bool]
    limits: Limits

    def run(self) -> None:
        """Go on from what is there until the part is whole.

        Raises CancelledError, DownloadError or OutputError. What has come stays for the next
        time, unless it is of another file.
        """
        try:
            self._persist()
        except OSError as error:
            raise OutputError(refusal(self.part.parent, error)) from None
        finally:
            if not self._come():
                self.discard()

    def discard(self) -> None:
        """Forget what has come."""
        for file in (self.part, self._notes):
            file.unlink(missing_ok=True)

    def place(self, target: Path) -> None:
        """Move the whole part to where it belongs."""
        self.part.replace(target)
        self._notes.unlink(missing_ok=True)

    def _persist(self) -> None:
        """Attempts, with pauses, as long as they bring something new."""
        failures, most = 0, -1
        while True:
            try:
                return self._attempt()
            except BrokenError as broken:
                come = self._come()
                failures = 1 if come > most else failures + 1
                most = max(most, come)
                if failures >= self.limits.attempts or broken.wait > self.limits.patience:
                    raise DownloadError(str(broken)) from None
                self.progress(come / self.size if self.size else 0, "trying again")
                pause(max(broken.wait, self.limits.pause * 2 ** (failures - 1)), self.cancelled)

    def _attempt(self) -> None:
        """One request. Returns when the part is whole."""
        start, tag = self._resumable()
        if start and start == self.size:
            return
        headers = {"Range": f"bytes={start}-", "If-Range": tag} if start else {}
        with closing(answer(self.url, headers, self.cancelled, self.limits)) as items:
            head = cast(Head, next(items))
            if head.status == 416 and head.length == start:
                return
            if head.status == 200:
                start = 0
            elif head.status != 206 or head.start != start or head.tag not in (tag, ""):
                self.discard()
                raise BrokenError(f"The file changed on {host(self.url)}, download it again.")
            total = self._total(head)
            check_space(self.part.parent, (total or 0) - start)
            self._note(head.tag or tag)
            self._write(cast(Iterator[bytes], items), start, total)

    def _write(self, chunks: Iterator[bytes], start: int, total: int | None) -> None:
        most = total or _LARGEST
        with self.part.open("ab" if start else "wb") as file:
            for chunk in chunks:
                file.write(chunk)
                start += len(chunk)
                if start > most:
                    break
                self.progress(start / total if total else 0, amount(start, total))
        if start > most:
            self.discard()
            raise DownloadError(f"{host(self.url)} sends more than the file has, try again later.")
        if total is not None and start < total:
            raise BrokenError(
                f"The connection to {host(self.url)} broke off, try again to go on from there."
            )

    def _total(self, head: Head) -> int | None:
        """Bytes of the whole file, if known. Raises DownloadError when it is not the right one."""
        if head.kind == "text/html":
            raise DownloadError(
                f"{host(self.url)} sends a web page in place of the file, as networks do that want "
                "you to log in: open a browser, then try again."
            )
        if self.size is None or head.length in (None, self.size):
            return self.size or head.length
        raise DownloadError(
            f"{host(self.url)} offers a file of {head.length:,} bytes where {self.size:,} are "
            "published, so it is not the right one."
        )

    def _resumable(self) -> tuple[int, str]:
        """Bytes that are there, and the tag of the file that they are of; (0, "") to start over."""
        try:
            notes = json.loads(self._notes.read_text(encoding="utf-8"))
            if notes["url"] == self.url and notes["tag"]:
                return self._come(), str(notes["tag"])
        except (OSError, ValueError, KeyError, TypeError):
            pass
        return 0, ""

    def _come(self) -> int:
        """Bytes that are there."""
        return self.part.stat().st_size if self.part.exists() else 0

    def _note(self, tag: str) -> None:
        self._notes.write_text(json.dumps({"url": self.url, "tag": tag}), encoding="utf-8")

    @property
    def _notes(self) -> Path:
        return self.part.with_name(self.part.name + ".json")


def check_space(folder: Path, needed: int) -> None:
    """Raises OutputError where the disk has no room for that many bytes."""
    free = shutil.disk_usage(folder).free
    if needed + _SPARE > free:
        raise OutputError(
            f"The file takes {needed / 1e6:,.0f} MB, {folder} has {free / 1e6:,.0f} MB free, "
            "free some space or name another folder in the variable UNFLAT_MODELS."
        )


def amount(come: int, total: int | None) -> str:
    """A few words on bytes that have come."""
    whole = f" of {total / 1e6:,.0f}" if total else ""
    return f"{come / 1e6:,.0f}{whole} MB"
