"""The weights of published networks on this computer: fetched, checked, imported, removed, read.

Each model has a folder of its own within `folder()`: the file under its official name and
`receipt.json`, which says what its bytes were when it came. A file of Hugging Face lies in the
cache of huggingface_hub instead, and only its receipt here.

What a file must be is its published SHA-256; where none is published, what it was at first.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from .. import filelock
from ..errors import (
    CancelledError,
    DownloadError,
    OfflineError,
    OutputError,
    WeightsError,
)
from ..files import refusal
from . import catalog, hub, models, reader, recognise
from .catalog import ModelCard, WeightsFile
from .download import Download, Progress, check_space
from .request import Limits

if TYPE_CHECKING:
    from torch import Tensor

_PATIENCE = Limits()
_CHUNK = 1 << 20  # bytes
_CHECKING = 0.95  # of the progress, where the bytes are there and their digest remains
_SUFFIXES = (".pt", ".pth", ".ckpt", ".bin", ".safetensors")
_YES = ("1", "ON", "YES", "TRUE")  # as huggingface_hub reads them

read = reader.read


@dataclass(frozen=True)
class Receipt:
    """What a file was when it was last checked: bytes, nanoseconds, hex digest."""

    size: int
    modified: int
    sha256: str


_chosen: Path | None = None


def choose_folder(path: Path | None) -> None:
    """Have weights lie elsewhere from now on, in this process; None for the usual place."""
    global _chosen
    _chosen = path


def folder() -> Path:
    """Where weights lie: as chosen, what UNFLAT_MODELS names, or the user's application data."""
    if _chosen is not None:
        return _chosen
    if named := os.environ.get("UNFLAT_MODELS"):
        return Path(named).expanduser().absolute()
    home = Path.home()
    if sys.platform == "win32":
        base = Path(os.environ.get("LOCALAPPDATA") or home / "AppData" / "Local")
    elif sys.platform == "darwin":
        base = home / "Library" / "Application Support"
    else:
        base = Path(os.environ.get("XDG_DATA_HOME") or home / ".local" / "share")
    return base / "unflat" / "models"


def is_offline() -> bool:
    """Whether the environment asks to keep off the network."""
    asked = (os.environ.get(name, "") for name in ("UNFLAT_OFFLINE", "HF_HUB_OFFLINE"))
    return any(value.upper() in _YES for value in asked)


def find(card: ModelCard) -> Path | None:
    """Where a model's file lies, if it is here. Quick, for lists: nothing in it is looked at."""
    file = _file(card)
    own = folder() / card.id / file.name
    if own.is_file():
        return own
    return hub.cached(file)


def require(card: ModelCard, progress: Progress = lambda _fraction, _text: None) -> Path:
    """A model's file, ready to be read. Raises WeightsError where it is missing or changed.

    The digest is only taken again if size or date are not those of the last time; `progress` may
    raise then to cancel.
    """
    path = find(card)
    if path is None:
        raise WeightsError(
            f"The weights of '{card.id}' are not on this computer yet, get them with: "
            f"unflat models download {card.id}"
        )
    receipt = _receipt(card)
    if receipt is None or (receipt.size, receipt.modified) != _stat(path):
        verify(card, progress)
    return path


def load(card: ModelCard) -> dict[str, Tensor]:
    """{official name: tensor} of a model's weights. Raises WeightsError."""
    return read(require(card))


def verify(
    card: ModelCard,
    progress: Progress = lambda _fraction, _text: None,
    cancelled: Callable[[], bool] = lambda: False,
) -> Receipt:
    """Take the digest of a model's file, and compare. Raises WeightsError or CancelledError."""
    path = find(card)
    if path is None:
        raise WeightsError(f"The weights of '{card.id}' are not on this computer.")
    reader.check(path)
    receipt = _receipt(card)
    expected = hub.digest(path) or (receipt.sha256 if receipt else _file(card).sha256 or "")
    sha256 = _digest(path, progress, cancelled)
    if not sha256.startswith(expected.lower()):
        raise WeightsError(
            f"{path} is not what it was, remove it and get it again: unflat models remove {card.id}"
        )
    return _write_receipt(card, path, sha256)


def fetch(
    card: ModelCard,
    progress: Progress = lambda _fraction, _text: None,
    cancelled: Callable[[], bool] = lambda: False,
    *,
    online: bool = True,
    limits: Limits = _PATIENCE,
) -> Path:
    """A model's file, downloaded if it is not here yet, and checked before it takes its place.

    online: False keeps off the network, and so does the environment (`is_offline`). A download
    that broke off or was cancelled goes on from there the next time.
    Raises CancelledError, DownloadError (OfflineError), OutputError or WeightsError.
    """
    if find(card):
        return require(card, progress)
    if not online or is_offline():
        raise OfflineError(
            f"The weights of '{card.id}' are not on this computer and Unflat was asked to stay "
            "offline, allow the network or import the file."
        )
    with _sole(card, progress, cancelled):
        if not find(card):  # another process may have brought it meanwhile
            _bring(card, progress, cancelled, limits)
    return require(card, _share(progress, _CHECKING, 1))


def _bring(
    card: ModelCard, progress: Progress, cancelled: Callable[[], bool], limits: Limits
) -> None:
    """Download a model's file, check it, and put it into its place."""
    file = _file(card)
    loading, checking = _share(progress, 0, _CHECKING), _share(progress, _CHECKING, 1)

    def brought(url: str, part: Path, size: int | None, sha256: str) -> Download:
        download = Download(url, part, size, loading, cancelled, limits)
        download.run()
        _accept(card, part, sha256, checking, cancelled, download.discard)
        return download

    if file.repository:
        remote = hub.ask(file, cancelled)
        if not remote.blob.is_file():  # else it came for another revision
            sha256 = file.sha256 or remote.sha256
            brought(remote.url, remote.part, remote.size, sha256).place(remote.blob)
        hub.link(file, remote, cancelled)
    else:
        path = folder() / card.id / file.name
        part = path.with_name(file.name + ".part")
        brought(file.url, part, file.size, file.sha256 or "").place(path)


def _share(progress: Progress, start: float, end: float) -> Progress:
    """What reports a part of the whole progress."""
    return lambda fraction, text: progress(start + (end - start) * fraction, text)


def import_file(
    path: Path,
    model: str | None = None,
    progress: Progress = lambda _fraction, _text: None,
    cancelled: Callable[[], bool] = lambda: False,
) -> str:
    """Copy a file of weights that the user has into its place; the id of the model it is of.

    It is recognised by its entries, and by its name where several models share one network;
    `model` settles it. Replaces what is there. Raises WeightsError, CancelledError, OutputError
    or MissingLibraryError.
    """
    state = read(path)
    card = _recognise(path, {name: tuple(value.shape) for name, value in state.items()}, model)
    try:
        models.load(card, state)  # for its errors
    except WeightsError as error:
        raise WeightsError(f"{path} is of '{card.id}', but damaged or changed: {error}") from None
    with _sole(card, progress, cancelled):
        target = folder() / card.id / _file(card).name
        part = target.with_name(target.name + ".part")
        check_space(target.parent, path.stat().st_size)
        try:
            sha256 = _digest(path, progress, cancelled, part)
            part.replace(target)
        finally:
            part.unlink(missing_ok=True)
        _write_receipt(card, target, sha256)
    return card.id


def files_in(path: Path) -> list[Path]:
    """The files within a folder that by their names may be of weights, in order."""
    files = (file for file in path.rglob("*") if file.suffix.lower() in _SUFFIXES)
    return sorted(file for file in files if file.is_file())


def remove(card: ModelCard) -> int:
    """Remove a model's files, also from the shared cache; the bytes this freed."""
    own, shared = folder() / card.id, hub.traces(_file(card))
    files = [file for file in own.iterdir() if file.is_file()] if own.is_dir() else []
    freed = sum(file.lstat().st_size for file in [*files, *shared])
    try:
        for file in shared:
            file.unlink()
        if own.is_dir():
            shutil.rmtree(own)
    except OSError as error:
        raise OutputError(refusal(own, error)) from None
    return freed


def _file(card: ModelCard) -> WeightsFile:
    if card.file is None:
        raise WeightsError(f"The weights of '{card.id}' come with Unflat, nothing is to be done.")
    return card.file


@contextmanager
def _sole(card: ModelCard, progress: Progress, cancelled: Callable[[], bool]) -> Iterator[None]:
    """The model's folder, for this process alone; removed again if nothing comes into it."""
    own = folder() / card.id

    def waiting() -> None:
        if cancelled():
            raise CancelledError
        progress(0, "waiting for another Unflat")

    try:
        with filelock.held(own / "lock", waiting):
            yield
    except OSError as error:
        raise OutputError(refusal(own, error)) from None
    finally:
        with suppress(OSError):
            own.rmdir()


def _accept(
    card: ModelCard,
    path: Path,
    published: str,
    progress: Progress,
    cancelled: Callable[[], bool],
    discard: Callable[[], None],
) -> None:
    """Write the receipt of what was downloaded. Raises DownloadError, and discards it, if wrong.

    published: the first digits of its SHA-256; "" where nobody says.
    """
    try:
        reader.check(path)
    except WeightsError:
        discard()
        raise DownloadError(
            f"What came for '{card.id}' is no file of weights, try again later or get it from "
            f"{card.source} and import it."
        ) from None
    sha256 = _digest(path, progress, cancelled)
    if not sha256.startswith(published.lower()):
        discard()
        raise DownloadError(
            f"What came for '{card.id}' is not what was published (SHA-256 {sha256[:8]}...), try "
            f"again later or get it from {card.source} and import it."
        )
    _write_receipt(card, path, sha256)


def _digest(
    path: Path, progress: Progress, cancelled: Callable[[], bool], copy: Path | None = None
) -> str:
    """SHA-256 of a file, which is copied on the way. Raises WeightsError if it can't be read."""
    sha256 = hashlib.sha256()
    with (copy or Path(os.devnull)).open("wb") as target:
        for chunk, share in _chunks(path):
            if cancelled():
                raise CancelledError
            sha256.update(chunk)
            target.write(chunk)
            progress(share, "copying" if copy else "checking")
    return sha256.hexdigest()


def _chunks(path: Path) -> Iterator[tuple[bytes, float]]:
    """The bytes of a file, and what share of it has come with them."""
    try:
        size, done = path.stat().st_size, 0
        with path.open("rb") as file:
            while chunk := file.read(_CHUNK):
                done += len(chunk)
                yield chunk, min(1, done / size)
    except OSError as error:
        raise reader.unreadable(path, error) from None


def _stat(path: Path) -> tuple[int, int]:
    stat = path.stat()
    return stat.st_size, stat.st_mtime_ns


def _receipt(card: ModelCard) -> Receipt | None:
    try:
        fields = json.loads((folder() / card.id / "receipt.json").read_text(encoding="utf-8"))
        return Receipt(int(fields["size"]), int(fields["modified"]), str(fields["sha256"]))
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _write_receipt(card: ModelCard, path: Path, sha256: str) -> Receipt:
    """A folder that can't be written to only means that the digest is taken again."""
    receipt = Receipt(*_stat(path), sha256)
    target = folder() / card.id / "receipt.json"
    with suppress(OSError):
        target.parent.mkdir(parents=True, exist_ok=True)
        part = target.with_name(f"receipt-{os.getpid()}.part")
        part.write_text(json.dumps(asdict(receipt)), encoding="utf-8")
        part.replace(target)
    return receipt


def _recognise(path: Path, shapes: dict[str, tuple[int, ...]], model: str | None) -> ModelCard:
    ids = recognise.models(shapes)
    cards = [card for card in catalog.MODELS if card.id in ids]
    if not cards:
        raise WeightsError(f"{path} holds no network that Unflat knows, choose another file.")
    names = ", ".join(card.id for card in cards)
    if model:
        cards = [card for card in cards if card.id == model]
        if not cards:
            raise WeightsError(f"{path} is not of '{model}' but of: {names}.")
    for tells in (_is_called, _lies_in):
        if len(cards) > 1:
            cards = [card for card in cards if tells(path, _file(card))] or cards
    if len(cards) > 1:
        raise WeightsError(
            f"{path} may be of several models, say which it is (--as ID), one of: {names}."
        )
    return cards[0]


def _is_called(path: Path, file: WeightsFile) -> bool:
    """Whether a file has its official name."""
    return path.name == file.name


def _lies_in(path: Path, file: WeightsFile) -> bool:
    """Whether a file lies in a folder called as on Hugging Face."""
    place = (file.repository or "").split("/")[-1].lower()
    return any(place == part.lower().split("--")[-1] for part in path.absolute().parts)
