"""Weights from the network to their place: a real server that misbehaves, real files, processes."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from unflat.core import cli
from unflat.core.depth import catalog, download, weights
from unflat.core.depth.catalog import ModelCard, WeightsFile
from unflat.core.depth.request import Limits
from unflat.core.errors import (
    CancelledError,
    DownloadError,
    OfflineError,
    OutputError,
    WeightsError,
)

from . import file_server as misbehave
from .file_server import FileServer

QUICK = Limits(connect=0.4, stall=0.4, attempts=3, pause=0.01, patience=0.3)
NAME = "toy.safetensors"


def checkpoint(size: int, seed: int = 0) -> bytes:
    """A safetensors file of one tensor of `size` bytes."""
    entry = {"dtype": "U8", "shape": [size], "data_offsets": [0, size]}
    header = json.dumps({"weight": entry}).encode()
    return len(header).to_bytes(8, "little") + header + np.random.default_rng(seed).bytes(size)


DATA, OTHER = checkpoint(3_000_000), checkpoint(3_000_000, seed=1)
SHA256 = hashlib.sha256(DATA).hexdigest()
HALF = len(DATA) // 2


@pytest.fixture(autouse=True)
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of weights, and nothing else in the environment that matters."""
    for name in ("HTTP_PROXY", "http_proxy", "UNFLAT_OFFLINE", "HF_HUB_OFFLINE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("UNFLAT_MODELS", str(tmp_path / "models"))
    return tmp_path / "models"


@pytest.fixture
def server() -> Iterator[FileServer]:
    with FileServer(DATA) as running:
        yield running
        running.shutdown()


@pytest.fixture
def card(server: FileServer) -> ModelCard:
    return card_of(server.url)


def card_of(url: str, **known: object) -> ModelCard:
    """A card whose file has a published size and digest, unless said otherwise."""
    file = WeightsFile(NAME, url, **({"size": len(DATA), "sha256": SHA256} | known))
    return replace(catalog.find("builtin"), id="toy", file=file)


def fetch(card: ModelCard) -> Path:
    return weights.fetch(card, limits=QUICK)


def names(folder: Path) -> set[str]:
    return {path.name for path in folder.rglob("*")}


def test_download(card: ModelCard, server: FileServer, place: Path) -> None:
    told: list[float] = []
    path = weights.fetch(card, lambda fraction, _: told.append(fraction), limits=QUICK)
    assert path.read_bytes() == DATA
    assert path == weights.find(card) == weights.require(card) == place / "toy" / NAME
    assert names(place) == {"toy", NAME, "receipt.json"}
    assert told == sorted(told)
    assert told[-1] == 1
    assert weights.verify(card).sha256 == SHA256
    fetch(card)
    assert len(server.asked) == 1
    assert weights.remove(card) > len(DATA)
    assert names(place) == set()
    assert weights.find(card) is None


def test_a_download_that_breaks_goes_on(card: ModelCard, server: FileServer) -> None:
    server.plan = [misbehave.break_off(HALF), misbehave.break_off_again(1000)]
    assert fetch(card).read_bytes() == DATA
    assert [asked.get("Range") for asked in server.asked] == [
        None, f"bytes={HALF}-", f"bytes={HALF + 1000}-",
    ]  # fmt: skip


@pytest.mark.parametrize(
    "hurdle",
    [misbehave.fail(500), misbehave.fail(429, Retry_After="0"),
     misbehave.fail(503, Retry_After="x"), misbehave.stall(HALF),
     misbehave.trickle_head, misbehave.ignore_range, misbehave.redirect("/elsewhere")],
)  # fmt: skip
def test_hurdles_are_taken(hurdle: object, card: ModelCard, server: FileServer) -> None:
    server.plan = [misbehave.break_off(HALF), hurdle]
    assert fetch(card).read_bytes() == DATA


@pytest.mark.parametrize("again", [misbehave.serve, misbehave.ignore_if_range])
def test_a_file_that_changed_is_not_patched(
    again: object, card: ModelCard, server: FileServer
) -> None:
    server.plan = [misbehave.break_off(HALF)] + [misbehave.fail(500)] * 2
    with pytest.raises(DownloadError):
        fetch(card)
    server.data, server.tag, server.plan = OTHER, '"second"', [again]
    unknown = replace(card, file=replace(card.file, sha256=None))
    assert fetch(unknown).read_bytes() == OTHER
    assert "Range" in server.asked[3]


def test_without_a_tag_it_starts_over(card: ModelCard, server: FileServer) -> None:
    server.plan = [misbehave.send(DATA[:HALF], len(DATA))]
    assert fetch(card).read_bytes() == DATA
    assert "Range" not in server.asked[1]


def test_all_bytes_of_unknown_size_are_there(card: ModelCard, server: FileServer) -> None:
    unknown = replace(card, file=replace(card.file, size=None))
    server.plan = [misbehave.break_off(len(DATA) - 1), misbehave.break_off_again(1)]
    assert fetch(unknown).read_bytes() == DATA
    weights.remove(card)
    part = weights.folder() / "toy" / f"{NAME}.part"  # whole, but nobody has said so yet
    part.parent.mkdir()
    part.write_bytes(DATA)
    notes = {"url": server.url, "tag": server.tag}
    part.with_name(part.name + ".json").write_text(json.dumps(notes))
    assert fetch(unknown).read_bytes() == DATA
    assert len(server.asked) == 3


@pytest.mark.parametrize(
    ("plan", "says"),
    [
        ([misbehave.fail(403)], "refuses"),
        ([misbehave.fail(404)], "no more"),
        ([misbehave.fail(500)] * 3, "error 500"),
        ([misbehave.fail(429, Retry_After="1000")], "1000 seconds"),
        ([misbehave.fail(429, Retry_After="Fri, 31 Dec 2100 23:59:59 GMT")], "seconds"),
        ([misbehave.redirect("/again")] * 9, "nowhere"),
        ([misbehave.redirect("http://example.com/file")], "encryption"),
        ([misbehave.redirect("file:///etc/passwd")], "nowhere"),
        ([misbehave.redirect("http://[::1")] * 3, "can't be reached"),
        ([misbehave.stall(0)] * 3, "stopped sending"),
        ([misbehave.trickle_head] * 3, "does not answer"),
        ([misbehave.send(b"<html>", Content_Type="text/html; charset=utf-8")], "web page"),
        ([misbehave.send(b" <!DOCTYPE html>" + bytes(len(DATA) - 16))], "no file of weights"),
        ([misbehave.send(DATA + b"more")], "are published"),
        ([misbehave.send(OTHER)], "not what was published"),
        ([misbehave.send_endlessly], "more than"),
        ([misbehave.break_off(HALF), *[misbehave.break_off_again(0)] * 3], "broke off"),
    ],
)  # fmt: skip
def test_what_stops_a_download(
    plan: list, says: str, card: ModelCard, server: FileServer, place: Path
) -> None:
    server.plan = plan
    with pytest.raises(DownloadError, match=says) as caught:
        fetch(card)
    assert "\n" not in str(caught.value)
    assert weights.find(card) is None
    resumable = says == "broke off"
    assert names(place) == ({"toy", f"{NAME}.part", f"{NAME}.part.json"} if resumable else set())
    server.plan.clear()
    assert fetch(card).read_bytes() == DATA  # nothing of it stands in the way


@pytest.mark.parametrize("url", ["http://example.com/w", "ftp://127.0.0.1/w", "file:///w", "w"])
def test_addresses_that_are_never_asked(url: str) -> None:
    with pytest.raises(DownloadError, match="encryption"):
        fetch(card_of(url))


def test_a_server_that_is_not_there(place: Path) -> None:
    with pytest.raises(DownloadError, match="can't be reached"):
        fetch(card_of("http://127.0.0.1:9/w"))
    assert names(place) == set()


@pytest.mark.parametrize("come", [HALF, 0, None])
def test_a_cancel_is_quick_and_keeps_what_came(
    come: int | None, card: ModelCard, server: FileServer
) -> None:
    server.plan = [misbehave.trickle_head if come is None else misbehave.stall(come, seconds=10)]
    part = weights.folder() / "toy" / f"{NAME}.part"

    def cancelled() -> bool:
        came = part.stat().st_size if part.exists() else 0
        return bool(server.asked) and came == (come or 0)

    start = time.monotonic()
    with pytest.raises(CancelledError):
        weights.fetch(card, cancelled=cancelled)
    assert time.monotonic() < start + 5
    assert fetch(card).read_bytes() == DATA
    assert server.asked[1].get("Range") == (f"bytes={HALF}-" if come else None)


def test_bytes_that_no_one_published_are_trusted_once(card: ModelCard, server: FileServer) -> None:
    unknown = replace(card, file=replace(card.file, size=None, sha256=None))
    path = fetch(unknown)
    assert weights.verify(unknown).sha256 == SHA256
    path.write_bytes(OTHER)
    for door in (weights.require, weights.verify, fetch):
        with pytest.raises(WeightsError, match="not what it was"):
            door(unknown)
    path.write_bytes(DATA)  # of another date, so its digest is taken again
    assert weights.require(unknown) == path


def test_a_published_prefix_is_enough(card: ModelCard) -> None:
    assert fetch(replace(card, file=replace(card.file, sha256=SHA256[:8].upper())))
    weights.remove(card)
    with pytest.raises(DownloadError, match="not what was published"):
        fetch(replace(card, file=replace(card.file, sha256="00000000")))


def test_a_file_put_there_by_hand(card: ModelCard, place: Path) -> None:
    (place / "toy").mkdir(parents=True)
    (place / "toy" / NAME).write_bytes(b"hi")
    with pytest.raises(WeightsError, match="no file of weights"):
        weights.verify(card)
    (place / "toy" / NAME).write_bytes(OTHER)
    with pytest.raises(WeightsError, match="models remove toy"):
        weights.require(card)
    (place / "toy" / NAME).write_bytes(DATA)
    assert weights.require(card)


def test_taking_the_digest_can_be_cancelled(card: ModelCard, place: Path) -> None:
    (place / "toy").mkdir(parents=True)
    (place / "toy" / NAME).write_bytes(DATA)

    def cancel(_fraction: float, _text: str) -> None:
        raise CancelledError

    with pytest.raises(CancelledError):
        weights.require(card, cancel)


@pytest.mark.skipif(sys.platform != "linux", reason="needs a file that opens but can't be read")
def test_a_file_that_can_not_be_read(card: ModelCard, place: Path) -> None:
    (place / "toy").mkdir(parents=True)
    (place / "toy" / NAME).symlink_to("/proc/self/mem")
    with pytest.raises(WeightsError, match="can't be read"):
        weights.verify(card)


@pytest.mark.parametrize("how", ["UNFLAT_OFFLINE", "HF_HUB_OFFLINE", "argument"])
def test_offline_means_offline(
    how: str, card: ModelCard, server: FileServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    if how != "argument":
        monkeypatch.setenv(how, "1")
    with pytest.raises(OfflineError, match="offline"):
        weights.fetch(card, online=how != "argument")
    assert not server.asked


@pytest.mark.parametrize("folder", ["Überfläche 模型 🗿", "/".join(["long" * 40] * 8)])
def test_folders_of_any_name(folder: str, card: ModelCard, tmp_path: Path,
                             monkeypatch: pytest.MonkeyPatch) -> None:  # fmt: skip
    monkeypatch.setenv("UNFLAT_MODELS", str(tmp_path / folder))
    assert tmp_path / folder in fetch(card).parents
    weights.read(weights.require(card))


def test_the_environment_may_name_a_proxy(
    server: FileServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("http_proxy", server.url)
    monkeypatch.setenv("no_proxy", "")
    fetch(card_of("http://localhost:1/behind"))
    assert server.asked[0][":path"] == "http://localhost:1/behind"


def test_a_full_disk_is_noticed_before(
    card: ModelCard, server: FileServer, place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    usage = type("Usage", (), {"free": len(DATA)})
    monkeypatch.setattr(download.shutil, "disk_usage", lambda _: usage)
    with pytest.raises(OutputError, match="UNFLAT_MODELS"):
        fetch(card)
    assert names(place) == set()


def in_process(card: ModelCard, before: str = "") -> subprocess.Popen[str]:
    """Another process that fetches the card's file."""
    code = (
        "import sys; from dataclasses import replace;"
        "from unflat.core.depth import catalog, weights;"
        "from unflat.core.errors import UnflatError;"
        f"file = catalog.{card.file!r};"
        f"card = replace(catalog.find('builtin'), id='toy', file=file)\n{before}\n"
        "try: print(weights.fetch(card))\n"
        "except UnflatError as error: sys.exit(f'{type(error).__name__}: {error}')"
    )
    command = [sys.executable, "-c", code]
    return subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=os.environ
    )


@pytest.mark.skipif(sys.platform == "win32", reason="limits on file size are POSIX")
def test_a_disk_that_fills_up(card: ModelCard, place: Path) -> None:
    limit = "import resource; resource.setrlimit(resource.RLIMIT_FSIZE, (2_000_000, 2_000_000))"
    process = in_process(card, limit)
    _, errors = process.communicate(timeout=30)
    assert errors.startswith("OutputError: ")
    assert len(errors.splitlines()) == 1
    assert NAME not in names(place)
    assert fetch(card).read_bytes() == DATA


def test_two_processes_fetch_once(card: ModelCard, server: FileServer, place: Path) -> None:
    def slowly(handler: object) -> None:
        time.sleep(1.5)
        misbehave.serve(handler)

    server.plan = [slowly]
    processes = [in_process(card) for _ in range(2)]
    results = [process.communicate(timeout=30) for process in processes]
    assert [out.strip() for out, _ in results] == [str(place / "toy" / NAME)] * 2, results
    assert len(server.asked) == 1
    assert names(place) == {"toy", NAME, "receipt.json"}


def test_a_process_that_dies_holds_nothing_up(card: ModelCard, server: FileServer) -> None:
    server.plan = [misbehave.stall(HALF)]
    with in_process(card) as process:
        part = weights.folder() / "toy" / f"{NAME}.part"
        while not (part.exists() and part.stat().st_size):
            time.sleep(0.01)
        process.kill()
    assert fetch(card).read_bytes() == DATA


def test_waiting_for_another_can_be_cancelled(card: ModelCard, server: FileServer) -> None:
    server.plan = [misbehave.stall(HALF)]
    stop = threading.Event()

    def first_one() -> None:
        with suppress(CancelledError):
            weights.fetch(card, cancelled=stop.is_set)

    first = threading.Thread(target=first_one)
    first.start()
    while not server.asked:
        time.sleep(0.01)
    said: list[str] = []
    with pytest.raises(CancelledError):
        weights.fetch(card, lambda _, text: said.append(text), lambda: bool(said))
    assert "another" in said[0]
    stop.set()
    first.join()


def test_the_built_in_network_needs_nothing() -> None:
    builtin = catalog.find("builtin")
    for door in (weights.find, weights.fetch, weights.verify, weights.remove, weights.load):
        with pytest.raises(WeightsError, match="come with Unflat"):
            door(builtin)


def test_default_folders(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("UNFLAT_MODELS")
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    monkeypatch.setenv("LOCALAPPDATA", str(tmp_path / "local"))
    for system, base in (("linux", "data"), ("win32", "local"),
                         ("darwin", "Library/Application Support")):  # fmt: skip
        monkeypatch.setattr(weights.sys, "platform", system)
        assert weights.folder() == tmp_path / base / "unflat" / "models"


class TestCommandLine:
    @pytest.fixture(autouse=True)
    def listed(self, card: ModelCard, monkeypatch: pytest.MonkeyPatch) -> None:
        card = replace(card, title="Toy", licence="CC-BY-NC-4.0", commercial=False)
        monkeypatch.setattr(catalog, "MODELS", (*catalog.MODELS, card))

    def test_the_life_of_weights(self, place: Path, capsys: pytest.CaptureFixture[str]) -> None:
        assert cli.main(["models", "verify", "toy"]) == 1
        assert cli.main(["models", "download", "toy"]) == 0
        out, errors = capsys.readouterr()
        assert out.strip() == str(place / "toy" / NAME)
        assert "CC-BY-NC-4.0, not cleared for commercial use" in errors
        assert cli.main(["models", "list"]) == 0
        assert "downloaded" in capsys.readouterr().out
        assert cli.main(["models", "verify", "toy"]) == 0
        assert SHA256 in capsys.readouterr().out
        assert cli.main(["models", "remove", "toy"]) == 0
        assert "3.0 MB" in capsys.readouterr().out
        assert cli.main(["models", "info", "toy"]) == 0
        assert "http://127.0.0.1" in capsys.readouterr().out

    def test_failures(self, server: FileServer, capsys: pytest.CaptureFixture[str]) -> None:
        server.plan = [misbehave.fail(404)]
        assert cli.main(["models", "download", "toy"]) == 1
        assert cli.main(["models", "download", "builtin"]) == 1
        assert cli.main(["models", "remove", "nope"]) == 2
        assert "error 404" in capsys.readouterr().err

    def test_what_nobody_expected(
        self, place: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
        capsys: pytest.CaptureFixture[str],
    ) -> None:  # fmt: skip
        def fail(*_: object) -> None:
            raise MemoryError

        for door in ("verify", "import_file"):
            monkeypatch.setattr(weights, door, fail)
        for arguments in (["verify", "toy"], ["import", str(tmp_path / "w.pt")]):
            assert cli.main(["models", *arguments]) == 1
            assert "not enough memory" in capsys.readouterr().err
