"""What pip, uv or a self-test said last, in one sentence for the user."""

from __future__ import annotations

import re
import shutil
from collections.abc import Sequence
from pathlib import Path

from ...core.errors import DownloadError, InstallError, OutputError, UnflatError


class DamagedError(DownloadError):
    """A file came, but not as it should: what has been kept of it is of no use."""


_FULL = 64 << 10  # bytes that are left on a full disk
_Rule = tuple[re.Pattern[str], type[UnflatError], str]


def _rule(words: str, kind: type[UnflatError], sentence: str) -> _Rule:
    return re.compile(words, re.IGNORECASE), kind, sentence


# The first that fits counts: a network that fails makes pip say at last that there is no such
# version. {0} is what the words found in their group, {folder} the engine's folder.
_RULES = (
    _rule(
        r"no space left|not enough space|disk quota|os error 28|os error 112",
        OutputError,
        "The disk is full, free some space and install again, or choose another folder.",
    ),
    _rule(
        r"407 proxy|proxyerror|cannot connect to proxy|tunnel connection failed|proxy connect",
        DownloadError,
        "The proxy does not let the download pass, check its address in the preferences.",
    ),
    _rule(
        r"certificate_verify_failed|certificate verify failed|unknownissuer|invalid peer cert",
        DownloadError,
        "A certificate on the way is not trusted, as behind some firewalls; set it up for pip "
        "(pip config set global.cert FILE) or install from a folder of wheels.",
    ),
    _rule(
        r"newconnectionerror|connection refused|name resolution|getaddrinfo|nameresolutionerror"
        r"|network is unreachable|max retries exceeded|timed? ?out|dns error|tcp connect error"
        r"|error sending request|failed to fetch|connection (?:reset|broken|aborted)"
        r"|connection was (?:reset|aborted)|incompleteread|incomplete-download",
        DownloadError,
        "The libraries could not be downloaded, check the connection, the proxy and the mirror, "
        "then install again to go on from there.",
    ),
    _rule(
        r"requirement (\S+) .*\(from versions: none\)",
        DownloadError,
        "Nothing was heard of {0} where the libraries come from, check the connection, the proxy "
        "and the mirror, or choose another Python.",
    ),
    _rule(
        r"no matching distribution found for (\S+)|because there (?:is|are) no versions? of (\S+)"
        r"|because (\S+) was not found|because (\S+) has no wheels",
        InstallError,
        "There is no {0} for this system and Python where the libraries come from, choose another "
        "accelerator, Python or source.",
    ),
    _rule(
        r"do not match the hashes|hash mismatch|bad ?zip ?file|is not a valid wheel"
        r"|has an invalid wheel|invalid zip|corrupt|not a supported wheel|resolutionimpossible",
        DamagedError,
        "A downloaded file is damaged, install again to get it anew.",
    ),
    _rule(
        r"permission denied|access is denied|winerror 5|winerror 32|os error 5\b|os error 32\b"
        r"|read-only file system",
        OutputError,
        "A file in {folder} can't be written or is in use, close other programs and install "
        "again, or choose another folder.",
    ),
)


def explained(lines: Sequence[str], folder: Path, log: Path) -> UnflatError:
    """The error for a program that printed these lines and failed."""
    text = "\n".join(lines)
    if shutil.disk_usage(folder).free < _FULL:  # not everyone tells that it is for this
        text += "no space left"
    for words, kind, sentence in _RULES:
        if match := words.search(text):
            found = next(filter(None, match.groups()), "such library")
            return kind(sentence.format(found, folder=folder))
    last = next((line.strip() for line in reversed(lines) if line.strip()), "it printed nothing")
    return InstallError(f"Installing failed ({last[:200]}), see {log}.")
