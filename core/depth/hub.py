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

from ..errors import CancelledError, DownloadError, MissingLibraryError, OutputError
from ..files import refusal
from .catalog import WeightsFile
from .download import Progress, amount, check_space

_POLL = 0.1  # seconds


def cached(file: WeightsFile) -> Path | None:
    """Where the file lies in the cache, if it does."""
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
    """Bring the file into the cache. Raises CancelledError, DownloadError, OutputError, or
    MissingLibraryError without huggingface_hub.

    The library has no way to be stopped, so it works in a thread: its next report of progress
    ends it after a cancel, which nobody has to wait for.
    """
    try:
        import huggingface_hub
    except ImportError:
        raise MissingLibraryError(
            "Downloads from Hugging Face need a library, install it: pip install huggingface_hub"
        ) from None
    # Its other way of downloading runs in native code, which a cancel does not reach.
    huggingface_hub.constants.HF_HUB_DISABLE_XET = True
    cache = _cache()
    try:
        cache.mkdir(parents=True, exist_ok=True)
        check_space(cache, file.size or 0)
    except OSError as error:
        raise OutputError(refusal(cache, error)) from None
    state = _State(file.size)
    outcome: list[str | Exception] = []

    def work() -> None:
        try:
            outcome.append(
                huggingface_hub.hf_hub_download(
                    file.repository or "",
                    file.name,
                    revision=file.revision,
                    cache_dir=cache,
                    endpoint=os.environ.get("HF_ENDPOINT") or None,
                    tqdm_class=state.bar(),
                )
            )
        except Exception as error:
            outcome.append(error)

    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    while thread.is_alive():
        thread.join(_POLL)
        if cancelled():
            state.stopped = True
            raise CancelledError
        if state.come:
            progress(
                state.come / state.total if state.total else 0, amount(state.come, state.total)
            )
    if isinstance(result := outcome[0], Exception):
        raise _trouble(result, file, cache)
    return Path(result)


class _State:
    """What the thread that downloads and the one that waits tell each other."""

    def __init__(self, total: int | None) -> None:
        self.total = total
        self.come = 0
        self.stopped = False

    def bar(self) -> Any:
        """A class with as much of tqdm's progress bar as huggingface_hub uses."""
        state = self

        class Bar:
            def __init__(self, total: int | None = None, initial: int = 0, **_: Any) -> None:
                state.total, state.come = total or state.total, initial

            def update(self, count: int = 1) -> None:
                if state.stopped:
                    raise CancelledError
                state.come += count

            def __enter__(self) -> Bar:
                return self

            def __exit__(self, *_: object) -> None:
                return

        return Bar


def _trouble(error: Exception, file: WeightsFile, cache: Path) -> Exception:
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
    if isinstance(error, errors.LocalEntryNotFoundError):
        return DownloadError("Hugging Face can't be reached, check the network and try again.")
    if isinstance(error, OSError) and error.errno and error.filename:
        return OutputError(refusal(cache, error))
    return DownloadError(
        f"The download of '{file.name}' from Hugging Face failed ({error}), try again later."
    )


def _cache() -> Path:
    """As the library finds it, by https://huggingface.co/docs/huggingface_hub (environment)."""
    get = os.environ.get
    home = get("HF_HOME") or str(Path(get("XDG_CACHE_HOME") or "~/.cache", "huggingface"))
    hub = get("HF_HUB_CACHE") or get("HUGGINGFACE_HUB_CACHE") or str(Path(home, "hub"))
    return Path(os.path.expandvars(hub)).expanduser()
