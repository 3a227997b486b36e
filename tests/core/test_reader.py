"""Files of weights: read as data whatever they hold, recognised, and imported."""

from __future__ import annotations

import json
import os
import pickle
import sys
import types
import zipfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from unflat.core import cli
from unflat.core.depth import catalog, recognise, weights
from unflat.core.depth.catalog import WeightsFile
from unflat.core.errors import CancelledError, UnflatError, WeightsError

torch = pytest.importorskip("torch")
from safetensors.torch import save_file  # noqa: E402
from torch import Tensor, nn  # noqa: E402

GOLDEN = Path(os.environ.get("UNFLAT_GOLDEN", Path(__file__).parents[3] / "shared" / "golden"))
STATE = {"first.weight": torch.arange(24.0).reshape(4, 6), "last.bias": torch.ones(4)}


class Bomb:
    """Leaves a mark where it is unpickled as a program."""

    def __init__(self, mark: Path) -> None:
        self.mark = mark

    def __reduce__(self) -> tuple[Callable, tuple]:
        return Path.touch, (self.mark,)


def old(data: object, path: Path) -> None:
    torch.save(data, path, _use_new_zipfile_serialization=False)


@pytest.mark.parametrize("write", [torch.save, old, lambda s, p: save_file(s, p)])
def test_every_format(write: Callable, tmp_path: Path) -> None:
    path = tmp_path / "gewichte 模型.any"
    write(STATE, path)
    read = weights.read(path)
    assert list(read) == list(STATE)
    assert all(torch.equal(read[name], STATE[name]) for name in STATE)


@pytest.mark.parametrize("wrapper", ["model", "state_dict"])
def test_wrapped_as_training_programs_do(wrapper: str, tmp_path: Path) -> None:
    path = tmp_path / "w.pt"
    torch.save({"config": {"size": [1, 2], "name": "x"}, "epoch": 3, wrapper: STATE}, path)
    assert list(weights.read(path)) == list(STATE)


def test_wrapped_in_anything_else(tmp_path: Path) -> None:
    path = tmp_path / "w.pt"
    torch.save({"optimizer": STATE}, path)
    with pytest.raises(WeightsError, match="no table of weights"):
        weights.read(path)


def cut(write: Callable) -> Callable:
    def act(path: Path) -> None:
        write({"w": torch.zeros(5000)}, path)
        path.write_bytes(path.read_bytes()[:-3000])

    return act


def compressed(path: Path) -> None:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("w/data.pkl", b"\0" * 1000)


def newer(path: Path) -> None:
    """An archive that says it takes version 25.5 of ZIP to read it."""
    torch.save(STATE, path)
    data = bytearray(path.read_bytes())
    data[data.index(b"PK\x01\x02") + 6] = 255
    path.write_bytes(data)


def scribbled(path: Path) -> None:
    """A whole archive whose pickle is noise."""
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("w/data.pkl", b"\x80\x02noise")
        archive.writestr("w/version", b"3\n")


def plain(path: Path) -> None:
    path.write_bytes(pickle.dumps(Bomb(path.with_name("mark"))))


def header(text: str) -> Callable:
    data = text.encode()
    return lambda path: path.write_bytes(len(data).to_bytes(8, "little") + data)


def entry(end: object) -> str:
    return json.dumps({"w": {"dtype": "F32", "shape": [1], "data_offsets": [0, end]}})


BAD = {
    "missing": (lambda path: None, "no file"),
    "folder": (Path.mkdir, "is a folder"),
    "empty": (Path.touch, "is empty"),
    "page": (lambda path: path.write_text("\n <!DOCTYPE html><html>Not found"), "web page"),
    "pointer": (lambda path: path.write_text("version https://git-lfs.github.com/spec/v1"), "LFS"),
    "noise": (lambda path: path.write_bytes(bytes(range(256)) * 9), "no file of weights"),
    "cut zip": (cut(torch.save), "cut off"),
    "cut old": (cut(old), "damaged"),
    "cut safetensors": (cut(save_file), "cut off"),
    "bomb": (lambda path: torch.save({"w": Bomb(path.with_name("mark"))}, path), "program code"),
    "old bomb": (lambda path: old({"w": Bomb(path.with_name("mark"))}, path), "program code"),
    "plain bomb": (plain, "program code"),
    "network": (lambda path: torch.save(nn.Linear(2, 2), path), "program code"),
    "script": (lambda path: torch.jit.script(nn.Linear(2, 2)).save(str(path)), "program code"),
    "other zip": (lambda path: zipfile.ZipFile(path, "w").writestr("a", "b"), "not of PyTorch"),
    "bursting zip": (compressed, "not of PyTorch"),
    "newer zip": (newer, "damaged"),
    "scribbled": (scribbled, "damaged|program code"),
    "list": (lambda path: torch.save([torch.zeros(2)], path), "no table"),
    "no tensors": (lambda path: torch.save({"w": 1.5}, path), "no table"),
    "nothing": (lambda path: torch.save({}, path), "no table"),
    "sparse": (lambda path: torch.save({"w": torch.eye(2).to_sparse()}, path), "no table"),
    "nowhere": (lambda path: torch.save({"w": torch.zeros(2, device="meta")}, path), "no table"),
    "complex": (lambda path: torch.save({"w": torch.zeros(2) + 1j}, path), "no table"),
    "numbered": (lambda path: torch.save({1: torch.zeros(2)}, path), "no table"),
    "long header": (lambda path: path.write_bytes(b"\xff" * 7 + b"\0{}"), "cut off"),
    "odd header": (header('{"w": 3}'), "cut off"),
    "deep header": (header('{"w":' * 5000), "cut off"),
    "no entries": (header("{}"), "cut off"),
    "short data": (header(entry(4)), "cut off"),
    "odd end": (header(entry("x")), "cut off"),
    "overlong": (header(entry(10**30)), "cut off"),
}  # fmt: skip


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("kind", BAD)
def test_bad_files_get_one_sentence_and_run_nothing(kind: str, tmp_path: Path) -> None:
    path = tmp_path / "w.pt"
    make, says = BAD[kind]
    make(path)
    with pytest.raises(WeightsError, match=says) as caught:
        weights.read(path)
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)
    assert not (tmp_path / "mark").exists()


@pytest.mark.skipif(not GOLDEN.is_dir(), reason="needs the golden folder, named by UNFLAT_GOLDEN")
def test_official_names_are_recognised() -> None:
    seen = set()
    for file in sorted(GOLDEN.glob("*/keys.json")):
        keys = {name: tuple(shape) for name, shape, _ in json.loads(file.read_text())}
        meta = json.loads(file.with_name("meta.json").read_text())
        single = [[name] for known in recognise.KNOWN for name in known.entries if name in keys]
        for left_out in ((), meta["inert_keys"], meta["kept_entries_sha256"], *single):
            found = recognise.models({k: v for k, v in keys.items() if k not in left_out})
            assert found == () if file.parent.name == "triposr" else file.parent.name in found
        if file.parent.name != "triposr":
            seen.add(found)
    assert seen == {known.models for known in recognise.KNOWN}


@pytest.mark.parametrize(
    ("trouble", "told"),
    [
        (lambda *_, **__: torch.empty(1 << 60, dtype=torch.uint8), MemoryError),
        (lambda *_, **__: Path("not there").read_bytes(), WeightsError),
    ],
)
def test_good_weights_are_not_called_damaged(
    trouble: Callable, told: type[Exception], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "w.pt"
    torch.save(STATE, path)
    monkeypatch.setattr(torch, "load", trouble)
    with pytest.raises(told) as caught:
        weights.read(path)
    assert "damaged" not in str(caught.value)


class Toy(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.first, self.last = nn.Linear(6, 4), nn.Linear(4, 4)


@pytest.fixture
def toys(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> dict[str, Tensor]:
    """A family of its own, whose two models share one network; the state of one."""
    from unflat.core.depth.models import checkpoint

    family = types.ModuleType("toys")
    family.build = lambda model: Toy().eval()
    family.names = lambda model: checkpoint.Names()
    monkeypatch.setitem(sys.modules, "unflat.core.depth.models.toys", family)
    cards = [
        replace(catalog.find("builtin"), id=f"toy_{name}", family="toys",
                file=WeightsFile("model.pt", "https://example.com/", repository=f"some/Toy-{name}"))
        for name in ("in", "out")
    ]  # fmt: skip
    shapes = {"first.weight": (4, 6), "first.bias": (4,), "last.weight": (4, 4)}
    known = recognise.Known(("toy_in", "toy_out"), shapes)
    monkeypatch.setattr(recognise, "KNOWN", (*recognise.KNOWN, known))
    monkeypatch.setattr(catalog, "MODELS", (*catalog.MODELS, *cards))
    monkeypatch.setenv("UNFLAT_MODELS", str(tmp_path / "models"))
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path / "hub"))
    return Toy().state_dict()


def test_import(toys: dict[str, Tensor], tmp_path: Path) -> None:
    path = tmp_path / "mine.pt"
    torch.save({"model": toys, "model_config": {}}, path)
    assert weights.import_file(path, "toy_in") == "toy_in"
    card = catalog.find("toy_in")
    state = weights.load(card)
    assert all(torch.equal(state[name], toys[name]) for name in toys)
    assert weights.fetch(card, online=False) == weights.require(card)
    torch.save(toys, path)  # again, and other bytes
    weights.import_file(path, "toy_in")
    assert weights.verify(card).size == path.stat().st_size
    assert {file.name for file in weights.find(card).parent.iterdir()} == {
        "model.pt",
        "receipt.json",
    }


@pytest.mark.parametrize("place", ["Toy-out", "models--some--Toy-out/snapshots/abc"])
def test_a_folder_may_tell_models_apart(
    place: str, toys: dict[str, Tensor], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / place / "model.pt"
    path.parent.mkdir(parents=True)
    torch.save(toys, path)
    monkeypatch.chdir(path.parent)
    assert weights.import_file(path) == weights.import_file(Path(path.name)) == "toy_out"


def test_a_name_may_tell_models_apart(
    toys: dict[str, Tensor], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cards = [
        replace(card, file=replace(card.file, name=f"{card.id}.pt"))
        for card in map(catalog.find, ("toy_in", "toy_out"))
    ]
    monkeypatch.setattr(catalog, "MODELS", (*catalog.MODELS[:-2], *cards))
    path = tmp_path / "Toy-in" / "toy_out.pt"  # what a file is called says more than where it lies
    path.parent.mkdir()
    torch.save(toys, path)
    assert weights.import_file(path) == "toy_out"


def changed(state: dict[str, Tensor], kind: str) -> dict[str, Tensor]:
    return {
        "missing": {name: value for name, value in state.items() if name != "last.bias"},
        "shape": state | {"last.bias": torch.zeros(5)},
        "marker": state | {"last.weight": torch.zeros(4, 5)},
        "left over": state | {"more": torch.zeros(1)},
    }[kind]


@pytest.mark.parametrize("kind", ["missing", "shape", "marker", "left over"])
def test_files_that_nearly_fit(kind: str, toys: dict[str, Tensor], tmp_path: Path) -> None:
    torch.save(changed(toys, kind), tmp_path / "w.pt")
    with pytest.raises(WeightsError, match=r"'last\.\w+'|'more'") as caught:
        weights.import_file(tmp_path / "w.pt", "toy_in")
    assert "\n" not in str(caught.value)
    assert not list(weights.folder().glob("*"))


def test_files_that_can_not_be_imported(toys: dict[str, Tensor], tmp_path: Path) -> None:
    path = tmp_path / "w.pt"
    torch.save(toys, path)
    with pytest.raises(WeightsError, match=r"say which it is \(--as ID\), one of: toy_in, toy_out"):
        weights.import_file(path)
    with pytest.raises(WeightsError, match="not of 'builtin' but of"):
        weights.import_file(path, "builtin")
    with pytest.raises(CancelledError):
        weights.import_file(path, "toy_in", cancelled=lambda: True)
    torch.save(STATE, path)
    with pytest.raises(WeightsError, match="no network that Unflat knows"):
        weights.import_file(path)
    assert not list(weights.folder().glob("*"))


def test_import_on_the_command_line(
    toys: dict[str, Tensor], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "many" / "Toy-in"
    folder.mkdir(parents=True)
    torch.save(toys, folder / "a.pt")
    (folder / "b.pth").write_text("<html>")
    (folder / "c.txt").write_text("not looked at")
    assert cli.main(["models", "import", str(tmp_path / "many")]) == 0
    out, errors = capsys.readouterr()
    assert "imported as toy_in" in out
    assert len(errors.splitlines()) == 1
    assert cli.main(["models", "import", str(folder / "a.pt"), "--as", "toy_out"]) == 0
    assert cli.main(["models", "import", str(folder / "b.pth")]) == 1
    assert cli.main(["models", "import", str(tmp_path / "models" / "nothing")]) == 1


@pytest.mark.filterwarnings("ignore")
def test_damaged_bytes_never_end_in_anything_else(tmp_path: Path) -> None:
    path = tmp_path / "w.pt"
    for write in (torch.save, old, save_file):
        write(STATE, path)
        whole = path.read_bytes()
        told = 0
        for position in range(0, len(whole), max(1, len(whole) // 120)):
            damaged = bytearray(whole)
            damaged[position] ^= 0xFF
            path.write_bytes(damaged)
            try:
                weights.read(path)
            except UnflatError:
                told += 1
        assert told > 0, "no damage was noticed at all"
