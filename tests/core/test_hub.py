"""Weights of Hugging Face: the real library against a server that answers like theirs."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pytest

from unflat.core.depth import catalog, weights
from unflat.core.depth.catalog import ModelCard, WeightsFile
from unflat.core.depth.request import Limits
from unflat.core.errors import CancelledError, DownloadError, OfflineError, OutputError

from .test_weights import DATA, OTHER, SHA256

pytest.importorskip("huggingface_hub", minversion="1.1")

COMMIT = "c" * 40


class _Handler(BaseHTTPRequestHandler):
    server: Hub

    def do_HEAD(self) -> None:
        self._answer()

    def do_GET(self) -> None:
        self._answer()
        rest = self.server.data[self._start() :]
        if self.server.status == 200:
            self.wfile.write(rest[: len(rest) // 2])
            time.sleep(self.server.seconds)
            if self.server.breaks:
                self.server.breaks -= 1
                self.connection.close()
                return
            self.wfile.write(rest[len(rest) // 2 :])

    def _start(self) -> int:
        return int(self.headers.get("Range", "bytes=0-")[6:-1])

    def _answer(self) -> None:
        start, whole = self._start(), len(DATA) if self.server.status == 200 else 0
        self.server.asked.append(f"{self.command} {self.path} from {start}")
        self.send_response(206 if start else self.server.status)
        if start:
            self.send_header("Content-Range", f"bytes {start}-{whole - 1}/{whole}")
        self.send_header("ETag", f'"{SHA256}"')
        self.send_header("X-Repo-Commit", COMMIT)
        self.send_header("Content-Length", str(whole - start))
        if self.server.error:
            self.send_header("X-Error-Code", self.server.error)
        self.end_headers()

    def log_message(self, *_: Any) -> None:
        return


class Hub(ThreadingHTTPServer):
    """Serves `data` under the digest of DATA, or the error `status`, named `error`.

    seconds: of silence half way. breaks: how many times it then hangs up.
    """

    daemon_threads = True
    block_on_close = False

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.data, self.status, self.error = DATA, 200, ""
        self.seconds, self.breaks = 0.0, 0
        self.asked: list[str] = []
        Thread(target=self.serve_forever, args=(0.01,), daemon=True).start()

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Clients that hang up are part of the tests."""


@pytest.fixture
def hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Hub]:
    for name in ("HTTP_PROXY", "http_proxy", "UNFLAT_OFFLINE", "HF_HUB_OFFLINE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("UNFLAT_MODELS", str(tmp_path / "models"))
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path / "hub"))
    with Hub() as running:
        monkeypatch.setenv("HF_ENDPOINT", f"http://127.0.0.1:{running.server_address[1]}")
        yield running
        running.shutdown()


@pytest.fixture
def card() -> ModelCard:
    file = WeightsFile("model.safetensors", "https://example.com/", repository="some/Toy")
    return replace(catalog.find("builtin"), id="toy", file=file)


def files(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_file() and path.stat().st_size > 1000]


def test_the_shared_cache_is_used(card: ModelCard, hub: Hub, tmp_path: Path) -> None:
    told: list[float] = []
    path = weights.fetch(card, lambda fraction, _: told.append(fraction))
    assert path == weights.find(card)
    assert path.read_bytes() == DATA
    assert tmp_path / "hub" in path.parents
    assert told[-1] == 1
    from huggingface_hub import hf_hub_download

    theirs = hf_hub_download("some/Toy", "model.safetensors", cache_dir=tmp_path / "hub",
                             local_files_only=True)  # fmt: skip
    assert Path(theirs) == path
    count = len(hub.asked)
    assert weights.fetch(card, online=False) == weights.require(card) == path
    assert weights.verify(card).sha256 == SHA256
    assert len(hub.asked) == count
    weights.remove(card)
    assert weights.find(card) is None
    assert not files(tmp_path)


def test_removing_takes_both_where_there_are_two(card: ModelCard, hub: Hub, tmp_path: Path) -> None:
    weights.fetch(card)
    own = tmp_path / "models" / "toy" / "model.safetensors"
    own.write_bytes(OTHER)
    assert weights.find(card) == own
    assert weights.remove(card) >= len(OTHER) + len(DATA)
    assert weights.find(card) is None
    assert not files(tmp_path)


def test_bytes_that_are_not_what_their_name_says(card: ModelCard, hub: Hub, tmp_path: Path) -> None:
    hub.data = OTHER
    with pytest.raises(DownloadError, match="not what was published"):
        weights.fetch(card)
    assert not files(tmp_path)


def test_a_pinned_revision(card: ModelCard, hub: Hub) -> None:
    pinned = replace(card, file=replace(card.file, revision=COMMIT))
    assert COMMIT in weights.fetch(pinned).parts
    assert all(f"/resolve/{COMMIT}/" in asked for asked in hub.asked)


@pytest.mark.parametrize(
    ("status", "error", "says"),
    [
        (403, "GatedRepo", "accept its terms"),
        (401, "RepoNotFound", "no such place"),
        (404, "RevisionNotFound", "no such place"),
        (404, "EntryNotFound", "no file"),
        (403, "", "error 403"),
    ],
)
def test_refusals(
    status: int, error: str, says: str, card: ModelCard, hub: Hub, tmp_path: Path
) -> None:
    hub.status, hub.error = status, error
    with pytest.raises(DownloadError, match=says) as caught:
        weights.fetch(card)
    assert "\n" not in str(caught.value)
    assert not (tmp_path / "models" / "toy").exists()


def test_a_server_that_is_not_there(card: ModelCard, hub: Hub) -> None:
    hub.server_close()
    with pytest.raises(DownloadError, match="can't be reached"):
        weights.fetch(card)


def test_offline(card: ModelCard, hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(OfflineError):
        weights.fetch(card, online=False)
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    with pytest.raises(OfflineError):
        weights.fetch(card)
    assert not hub.asked


def test_a_cancel_is_quick_and_loses_nothing(card: ModelCard, hub: Hub, tmp_path: Path) -> None:
    hub.seconds = 10
    start = time.monotonic()
    with pytest.raises(CancelledError):
        weights.fetch(card, cancelled=lambda: bool(files(tmp_path)))
    assert time.monotonic() < start + 5
    assert weights.find(card) is None
    assert len(files(tmp_path)) == 1
    hub.seconds = 0
    assert weights.fetch(card).read_bytes() == DATA
    assert int(hub.asked[-2].split()[-1]) > 0, hub.asked  # before it is linked
    assert len(files(tmp_path)) == 2  # the bytes and their link


def test_what_came_before_a_cancel_can_be_removed(
    card: ModelCard, hub: Hub, tmp_path: Path
) -> None:
    hub.seconds = 10
    with pytest.raises(CancelledError):
        weights.fetch(card, cancelled=lambda: bool(files(tmp_path)))
    assert weights.remove(card) > 1000
    assert not files(tmp_path)


def test_a_connection_that_breaks_off(card: ModelCard, hub: Hub) -> None:
    hub.breaks = 2
    assert weights.fetch(card, limits=Limits(pause=0.01)).read_bytes() == DATA


@pytest.mark.parametrize("data", [DATA, OTHER], ids=["right", "wrong"])
def test_a_system_without_links(
    data: bytes, card: ModelCard, hub: Hub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from huggingface_hub import file_download

    monkeypatch.setattr(file_download, "are_symlinks_supported", lambda *_: False)
    hub.data = data
    if data is DATA:
        path = weights.fetch(card)
        assert not path.is_symlink()
        assert path.read_bytes() == DATA
        assert weights.verify(card).sha256 == SHA256
        assert files(tmp_path) == [path]
    else:
        with pytest.raises(DownloadError, match="not what was published"):
            weights.fetch(card)
        assert not files(tmp_path)


def test_a_cache_that_can_not_be(card: ModelCard, hub: Hub, tmp_path: Path) -> None:
    (tmp_path / "hub").write_text("in the way")
    with pytest.raises(OutputError, match="in the way"):
        weights.fetch(card)
