"""Files of Hugging Face, in the cache that all programs of this computer share.

Imports huggingface_hub, in `fetch` alone; finding a file takes only the cache's known layout.
"""

from __future__ import annotations

import os
import re
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

from ..errors import CancelledError, DownloadError, OutputError, UnflatError, needing
from ..files import refusal
from .catalog import WeightsFile
from .download import Progress, amount, check_space

_POLL = 0.1  # seconds


def cached(file: WeightsFile) -> Path | None:
    """Where the file lies in the cache, if it does; None also for one of another place."""
    if file.repository is None:
        return None
    folder = _cache() / f"models--{file.repository}".replace("/", "--")
    commit = revision = file.revision or "main"
    reference = folder / "refs" / revision
    if reference.is_file():
        commit = reference.read_text(encoding="utf-8").strip()
    path = folder / "snapshots" / commit / file.name
    return path if path.is_file() else None


def digest(path: Path) -> str | None:
    """SHA-256 of a file in the cache as its server published it: the cache calls it so."""
    name = path.readlink().name if path.is_symlink() else ""
    return name if re.fullmatch("[0-9a-f]{64}", name) else None


def remove(path: Path) -> None:
    """Remove a file from the cache: the link of its revision, and what it leads to."""
    if path.is_symlink():
        (path.parent / path.readlink()).unlink(missing_ok=True)
    path.unlink()


def fetch(file: WeightsFile, progress: Progress, cancelled: Callable[[], bool]) -> Path:
    """Bring the file into the cache.

    Raises CancelledError, DownloadError, OutputError, or MissingLibraryError without
    huggingface_hub.
    """
    with needing("huggingface_hub", "Downloads from Hugging Face need"):
        from huggingface_hub import constants
    # Its other way of downloading runs in native code, which a cancel does not reach.
    constants.HF_HUB_DISABLE_XET = True
    thread = _Thread(file)
    thread.start()
    while thread.is_alive():
        thread.join(_POLL)
        if cancelled():
            thread.stopped = True
            raise CancelledError
        progress(
            thread.come / thread.total if thread.total else 0, amount(thread.come, thread.total)
        )
    if isinstance(thread.result, Path):
        return thread.result
    raise _trouble(thread.result, file)


class _Thread(threading.Thread):
    """The library has no way to be stopped, so it works in a thread that nobody has to wait for:

    after a cancel, its next report of progress ends it.
    """

    def __init__(self, file: WeightsFile) -> None:
        super().__init__(daemon=True)
        self._file = file
        self.total = file.size
        self.come = 0
        self.stopped = False
        self.result: Path | Exception = CancelledError()

    def run(self) -> None:
        """Download; the outcome is in `result`."""
        try:
            self.result = self._download()
        except Exception as error:
            self.result = error

    def _download(self) -> Path:
        from huggingface_hub import get_hf_file_metadata, hf_hub_download, hf_hub_url

        name, repository, revision = (
            self._file.name,
            self._file.repository or "",
            self._file.revision,
        )
        endpoint, cache = os.environ.get("HF_ENDPOINT") or None, _cache()
        # Asked first, because what it raises is plain, and because disks are not endless.
        asked = get_hf_file_metadata(
            hf_hub_url(repository, name, revision=revision, endpoint=endpoint), endpoint=endpoint
        )
        self.total = self.total or asked.size
        cache.mkdir(parents=True, exist_ok=True)
        check_space(cache, self.total or 0)
        path = hf_hub_download(
            repository, name, revision=revision, cache_dir=cache, endpoint=endpoint,
            tqdm_class=self._bar(),
        )  # fmt: skip
        return Path(path)

    def _bar(self) -> Any:
        """A class with as much of tqdm's progress bar as huggingface_hub uses."""
        thread = self

        class Bar:
            def __init__(self, initial: int = 0, **_: Any) -> None:
                thread.come = initial

            def update(self, count: int = 1) -> None:
                if thread.stopped:
                    raise CancelledError
                thread.come += count

            def __enter__(self) -> Bar:
                return self

            def __exit__(self, *_: object) -> None:
                return

        return Bar


def _trouble(error: Exception, file: WeightsFile) -> Exception:
    """What to raise for an exception of huggingface_hub."""
    from huggingface_hub import errors

    page = f"https://huggingface.co/{file.repository}"
    if isinstance(error, errors.GatedRepoError):
        return DownloadError(
            f"Hugging Face gives '{file.name}' only to those who accept its terms: do so on "
            f"{page}, then log in with: hf auth login"
        )
    if isinstance(error, errors.RepositoryNotFoundError | errors.RevisionNotFoundError):
        return DownloadError(f"Hugging Face has no such place any more, or hides it: {page}")
    if isinstance(error, errors.RemoteEntryNotFoundError):
        return DownloadError(f"Hugging Face has no file '{file.name}' any more on {page}")
    if isinstance(error, errors.HfHubHTTPError):
        code = error.response.status_code
        return DownloadError(f"Hugging Face refuses '{file.name}' (error {code}), try again later.")
    if isinstance(error, UnflatError):
        return error
    if isinstance(error, OSError) and error.errno and error.filename:
        return OutputError(refusal(_cache(), error))
    return DownloadError(
        f"Hugging Face can't be reached ({_first_line(error)}), check the network and try again."
    )


def _first_line(error: BaseException) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0]


def _cache() -> Path:
    """As the library finds it, by https://huggingface.co/docs/huggingface_hub (environment)."""
    get = os.environ.get
    home = get("HF_HOME") or str(Path(get("XDG_CACHE_HOME") or "~/.cache", "huggingface"))
    hub = get("HF_HUB_CACHE") or get("HUGGINGFACE_HUB_CACHE") or str(Path(home, "hub"))
    return Path(os.path.expandvars(hub)).expanduser()
