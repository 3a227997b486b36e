"""Files of Hugging Face, in the cache that all programs of this computer share.

Finding a file takes only the cache's known layout. huggingface_hub, imported where one is fetched,
tells what there is and puts it into the cache's order; the bytes come as any other download, since
the library can neither be stopped nor go on with what has come.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass
from pathlib import Path
from threading import Thread
from typing import TypeVar

from ..errors import CancelledError, DownloadError, OutputError, UnflatError, needing
from ..files import refusal
from .catalog import WeightsFile

_POLL = 0.1  # seconds
_SHA256 = re.compile("[0-9a-f]{64}")


def cached(file: WeightsFile) -> Path | None:
    """Where the file lies in the cache, if it does; None also for one of another place."""
    if file.repository is None:
        return None
    commit = revision = file.revision or "main"
    reference = _folder(file) / "refs" / revision
    if reference.is_file():
        commit = reference.read_text(encoding="utf-8").strip()
    path = _folder(file) / "snapshots" / commit / file.name
    return path if path.is_file() else None


def digest(path: Path) -> str | None:
    """SHA-256 of a file in the cache as its server published it: the cache calls it so."""
    name = path.readlink().name if path.is_symlink() else ""
    return name if _SHA256.fullmatch(name) else None


def traces(file: WeightsFile) -> list[Path]:
    """All that there is of a file in the cache: itself, its bytes, and a part that came of them."""
    found = cached(file)
    paths = [found] if found else []
    if found and found.is_symlink():
        paths.append(found.parent / found.readlink())
    if file.repository:
        paths += _blobs(file).glob(f"{_part(file)}*")
    return [path for path in paths if path.is_file()]


@dataclass(frozen=True)
class Remote:
    """A file as it is on Hugging Face now.

    sha256: "" where it is not told. blob: where the cache has its bytes. part: where they come.
    """

    url: str
    size: int | None
    sha256: str
    blob: Path
    part: Path


def ask(file: WeightsFile, cancelled: Callable[[], bool]) -> Remote:
    """What there is to download, and where to.

    Raises CancelledError, DownloadError, OutputError, or MissingLibraryError without
    huggingface_hub.
    """
    with needing("huggingface_hub", "Downloads from Hugging Face need"):
        from huggingface_hub import constants, get_hf_file_metadata, hf_hub_url
    # It would tell its makers about this computer, and ask them about programs that use it.
    constants.HF_HUB_DISABLE_TELEMETRY = True
    url = hf_hub_url(file.repository or "", file.name, revision=file.revision, endpoint=_endpoint())
    told = _waited(file, lambda: get_hf_file_metadata(url, endpoint=_endpoint()), cancelled)
    etag = told.etag or ""
    if not re.fullmatch("[0-9a-zA-Z-]+", etag):  # it becomes a file's name
        raise DownloadError("Hugging Face does not say which file it has, try again later.")
    blobs = _blobs(file)
    try:
        blobs.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OutputError(refusal(_cache(), error)) from None
    sha256 = etag if _SHA256.fullmatch(etag) else ""
    return Remote(url, told.size, sha256, blobs / etag, blobs / _part(file))


def link(file: WeightsFile, remote: Remote, cancelled: Callable[[], bool]) -> Path:
    """Have the cache know a file whose bytes are in place. Raises as `ask`."""
    from huggingface_hub import hf_hub_download

    def known() -> str:
        return hf_hub_download(
            file.repository or "", file.name, revision=file.revision, cache_dir=_cache(),
            endpoint=_endpoint(),
        )  # fmt: skip

    path = Path(_waited(file, known, cancelled))
    if not path.is_symlink():  # where there are none, as on Windows, it has copied the bytes
        remote.blob.unlink(missing_ok=True)
    return path


_Found = TypeVar("_Found")


def _waited(file: WeightsFile, work: Callable[[], _Found], cancelled: Callable[[], bool]) -> _Found:
    """What the library finds. It can't be stopped, so after a cancel nobody waits for it."""
    found: Future[_Found] = Future()

    def run() -> None:
        try:
            found.set_result(work())
        except Exception as error:
            found.set_exception(error)

    thread = Thread(target=run, daemon=True)
    thread.start()
    while thread.is_alive():
        thread.join(_POLL)
        if cancelled():
            raise CancelledError
    try:
        return found.result()
    except Exception as error:
        raise _trouble(error, file) from None


def _trouble(error: Exception, file: WeightsFile) -> Exception:
    """What to raise for an exception of huggingface_hub."""
    from huggingface_hub import errors

    page = f"https://huggingface.co/{file.repository}"
    if isinstance(error, errors.GatedRepoError):
        return DownloadError(
            f"Hugging Face gives '{file.name}' only to those who accept its terms: do so on "
            f"{page}, download it there, then import it."
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


def _endpoint() -> str | None:
    return os.environ.get("HF_ENDPOINT") or None


def _folder(file: WeightsFile) -> Path:
    return _cache() / f"models--{file.repository}".replace("/", "--")


def _blobs(file: WeightsFile) -> Path:
    return _folder(file) / "blobs"


def _part(file: WeightsFile) -> str:
    """The name of what has come of a file, which other programs leave alone."""
    return "unflat-" + file.name.replace("/", "--") + ".part"


def _cache() -> Path:
    """As the library finds it, by https://huggingface.co/docs/huggingface_hub (environment)."""
    get = os.environ.get
    home = get("HF_HOME") or str(Path(get("XDG_CACHE_HOME") or "~/.cache", "huggingface"))
    hub = get("HF_HUB_CACHE") or get("HUGGINGFACE_HUB_CACHE") or str(Path(home, "hub"))
    return Path(os.path.expandvars(hub)).expanduser()
