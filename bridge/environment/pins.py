"""The pinned sets of libraries in `bridge/requirements`: plain requirement files of pip's.

Versions are exact; hashes are not given: one pin has some thirty wheels (systems, Pythons,
accelerators), mirrors rebuild some of them, and pip takes either all hashes or none.
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from pathlib import Path

from .accelerator import Accelerator

FOLDER = Path(__file__).parents[1] / "requirements"
_SIZES = re.compile(r"# download (\d+) MB, installed (\d+) MB")
_INDEX = "--extra-index-url "


@dataclass(frozen=True)
class Pins:
    """One set.

    lines: requirements, one per line, as pip reads them.
    indexes: addresses of indexes that have some of them, besides the usual one.
    download, installed: about how many bytes.
    """

    lines: tuple[str, ...]
    indexes: tuple[str, ...]
    download: int
    installed: int

    @property
    def digest(self) -> str:
        """Tells whether two sets are the same; where they come from does not matter."""
        return hashlib.sha256("\n".join(sorted(self.lines)).encode()).hexdigest()


def wanted(accelerator: Accelerator) -> Pins:
    """The set that this version of Unflat wants."""
    return read(FOLDER / f"{accelerator.value}.txt")


def read(path: Path) -> Pins:
    """A requirement file, with those that it includes."""
    lines: list[str] = []
    indexes: list[str] = []
    download = installed = 0
    for line in path.read_text(encoding="utf-8").splitlines():
        if sizes := _SIZES.match(line):
            download, installed = (int(megabytes) * 10**6 for megabytes in sizes.groups())
        elif line.startswith("-r "):
            included = read(path.parent / line[3:].strip())
            lines += included.lines
            indexes += included.indexes
        elif line.startswith(_INDEX):
            indexes.append(line[len(_INDEX) :].strip())
        elif line.strip() and not line.startswith("#"):
            lines.append(line.strip())
    return Pins(tuple(lines), tuple(indexes), download, installed)
