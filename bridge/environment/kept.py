"""Wheels that pip has downloaded, kept for the next time if it does not come to its end.

pip throws them away, and its own cache takes only what servers mark as lasting, which many
mirrors don't. So wheels are linked aside as soon as they are whole.
"""

from __future__ import annotations

import os
import re
import shutil
import zipfile
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

_NAME = re.compile(r"[^\w.-]")  # what ends the name in a requirement


def keep(scratch: Path, cache: Path) -> None:
    """Link the wheels that are whole from pip's temporary folders into the cache."""
    for wheel in scratch.glob("*/*.whl"):
        target = cache / wheel.name
        # The directory of a ZIP is at its end: without it, the file is still coming.
        with suppress(OSError):
            if not target.exists() and zipfile.is_zipfile(wheel):
                try:
                    os.link(wheel, target)
                except OSError:  # the file system has no links
                    part = target.with_suffix(".part")
                    shutil.copyfile(wheel, part)
                    part.replace(target)


def requirements(lines: Iterable[str], cache: Path) -> list[str]:
    """The lines of a requirement file, with the kept wheels in place of what would be fetched."""
    wheels = {_plain(wheel.name.partition("-")[0]): wheel for wheel in cache.glob("*.whl")}
    fetched = [line for line in lines if _plain(_NAME.split(line, maxsplit=1)[0]) not in wheels]
    return fetched + [f"{name} @ {wheel.as_uri()}" for name, wheel in sorted(wheels.items())]


def _plain(name: str) -> str:
    """A library's name as it compares."""
    return re.sub(r"[-_.]+", "-", name).lower()
