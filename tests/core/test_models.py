"""Published networks behind the estimator: official files, devices, and a photo from end to end."""

from __future__ import annotations

import json
import sys
import weakref
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from unflat.core import cli, images, memory
from unflat.core.depth import catalog, device, estimator, models, runtime, weights
from unflat.core.depth.prediction import Prediction
from unflat.core.depthmap import DepthKind
from unflat.core.errors import (
    CancelledError,
    MissingLibraryError,
    ModelError,
    WeightsError,
    needing,
    telling_memory,
)
from unflat.core.memory import Memory

torch = pytest.importorskip("torch", reason="published networks need torch")
timm = pytest.importorskip("timm", reason="published networks need timm")

from unflat.core.depth.models import checkpoint, midas, midas_tokens  # noqa: E402 - need torch

SMALL = catalog.find("midas_v21_small_256")
ENTRY = "scratch.output_conv.0.weight"

State = dict[str, "torch.Tensor"]


def estimate(rgb: np.ndarray) -> Prediction:
    """What the smallest network says by torch, which is ready sooner."""
    photo = images.from_array(rgb)
    return estimator.estimate(photo, SMALL.id, "cpu", lambda _: None, precision="full")


@pytest.fixture(scope="module")
def official() -> State:
    """A checkpoint of the smallest network: official names and shapes, mild random weights."""
    with checkpoint.Unfilled():
        network = midas.build(SMALL.id)
    entries = checkpoint.entries(network, midas.names(SMALL.id))
    noise = torch.Generator().manual_seed(0)
    state = {}
    for name, shape in entries.items():
        fan = max(1, int(np.prod(shape[1:])))
        value = torch.randn(shape, generator=noise) * (1.2 / fan**0.5)
        state[name] = value if len(shape) > 1 else 1 + 0.1 * value.abs()
    return state


def test_without_weights_the_command_to_get_them_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, rgb: np.ndarray
) -> None:
    monkeypatch.setenv("UNFLAT_MODELS", str(tmp_path))
    with pytest.raises(WeightsError, match=f"unflat models download {SMALL.id}"):
        estimate(rgb)


@pytest.fixture
def imported(official: State, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The checkpoint in its place, as imported from the official file."""
    monkeypatch.setenv("UNFLAT_MODELS", str(tmp_path / "models"))
    assert SMALL.file is not None
    file = tmp_path / SMALL.file.name
    torch.save(official, file)
    assert weights.import_file(file) == SMALL.id
    return file


def test_official_weights_load_and_nothing_is_trained(official: State) -> None:
    network = models.load(SMALL, official)
    assert not network.training
    assert not any(value.requires_grad for value in network.parameters())
    pixels = torch.zeros(2, 3, 64, 96)
    assert network(pixels).shape == (2, 64, 96)


@pytest.mark.parametrize(
    ("damage", "sentence"),
    [
        (lambda state: state.pop(ENTRY), f"no entry '{ENTRY}'"),
        (lambda state: state.update({ENTRY: torch.zeros(3)}), f"'{ENTRY}' is 3 where"),
        (lambda state: state.update(surplus=torch.zeros(3)), "'surplus' is not part"),
    ],
)
def test_other_weights_are_refused(
    damage: Callable[[State], object], sentence: str, official: State
) -> None:
    state = dict(official)
    damage(state)
    with pytest.raises(WeightsError, match=sentence):
        models.load(SMALL, state)


def test_names_lead_both_ways() -> None:
    for card in catalog.MODELS:
        if card.family != "midas":
            continue
        with checkpoint.Unfilled():
            network = midas.build(card.id)
        names = midas.names(card.id)
        assert all(names.ours(names.official(name)) == name for name in network.state_dict())


def test_beit_knows_relative_positions() -> None:
    from timm.models.beit import gen_relative_position_index

    for grid in ((1, 1), (3, 5), (24, 24)):
        theirs = gen_relative_position_index(grid)
        assert torch.equal(midas_tokens.relative_positions(grid), theirs)


def test_a_photo_gets_inverse_depth(imported: Path, rgb: np.ndarray) -> None:
    photo = images.from_array(rgb)
    told: list[float] = []
    prediction = estimator.estimate(photo, SMALL.id, "cpu", told.append, precision="full")
    assert prediction.device == "cpu"
    assert prediction.focal is None
    depth = prediction.depth
    assert depth.kind is DepthKind.INVERSE
    assert depth.size == (photo.width, photo.height)
    assert depth.depth.dtype == np.float32
    assert depth.valid.all()
    assert depth.depth.min() == 0
    assert np.ptp(depth.depth) > 0
    assert told == sorted(told)
    assert told[-1] == 1


def test_the_network_is_kept_until_its_file_changes(
    imported: Path, official: State, rgb: np.ndarray
) -> None:
    def depth() -> np.ndarray:
        return estimate(rgb).depth.depth

    before, misses = depth(), estimator._network.cache_info().misses
    np.testing.assert_array_equal(depth(), before)
    assert estimator._network.cache_info().misses == misses
    torch.save(official | {ENTRY: -official[ENTRY]}, imported)
    weights.import_file(imported)
    assert not np.array_equal(depth(), before)


def test_cancelling_before_the_network_is_loaded(imported: Path, rgb: np.ndarray) -> None:
    def cancel(_: float) -> None:
        raise CancelledError

    with pytest.raises(CancelledError):
        estimator.estimate(images.from_array(rgb), SMALL.id, "cpu", cancel)
    assert not estimator._network.cache_info().currsize


def test_weights_that_give_nothing_are_told(
    official: State, imported: Path, rgb: np.ndarray
) -> None:
    torch.save(official | {ENTRY: official[ENTRY] * torch.nan}, imported)
    weights.import_file(imported)
    with pytest.raises(ModelError, match="no depth"):
        estimate(rgb)


def test_the_processor_steps_in_for_a_small_card(
    official: State, imported: Path, rgb: np.ndarray, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As no card can be counted on here, one is made believe that has no memory left."""
    torch.save(official, imported)
    weights.import_file(imported)
    prepare = runtime.prepare
    tried: list[str] = []

    def on(load: object, card: object, place: str, *more: object) -> object:
        tried.append(place)
        if place != "cpu":
            raise RuntimeError("CUDA out of memory. Tried to allocate 2.00 GiB.")
        return prepare(load, card, place, *more)

    monkeypatch.setattr(device, "pick", lambda card, wanted: "cuda")
    monkeypatch.setattr(runtime, "prepare", on)
    photo = images.from_array(rgb)
    found = estimator.estimate(photo, SMALL.id, "auto", lambda _: None, precision="full")
    assert tried == ["cuda", "cpu"]
    assert found.device == "cpu"
    assert "card's memory is too small" in found.warnings[-1]
    np.testing.assert_array_equal(
        found.depth.depth,
        estimator.estimate(photo, SMALL.id, "cpu", lambda _: None, precision="full").depth.depth,
    )


def test_a_missing_library_is_named(monkeypatch: pytest.MonkeyPatch, rgb: np.ndarray) -> None:
    for name in ("midas", "midas_tokens", "midas_pyramids"):
        monkeypatch.delitem(sys.modules, f"{models.__name__}.{name}")
        monkeypatch.delattr(models, name)
    monkeypatch.setitem(sys.modules, "timm", None)
    with pytest.raises(MissingLibraryError, match="pip install timm"):
        estimator.estimate(images.from_array(rgb), SMALL.id, "auto", lambda _: None)


@pytest.mark.parametrize(
    "trouble",
    ["raise OSError('[WinError 126] The specified module could not be found')",
     "raise ImportError('DLL load failed')", "import timm.torn_off",
     "raise RuntimeError('operator torchvision::nms does not exist')"],
)  # fmt: skip
def test_a_broken_library_is_named(
    trouble: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "timm").mkdir()
    (tmp_path / "timm" / "__init__.py").write_text(trouble)
    monkeypatch.delitem(sys.modules, "timm")
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(MissingLibraryError, match=r"does not load .*--force-reinstall timm"):
        models.family(SMALL)


def test_a_library_that_a_library_needs_is_named() -> None:
    with pytest.raises(MissingLibraryError, match=r"pip install nix$"), needing("timm", "It needs"):
        import nix.sub  # noqa: F401


@pytest.mark.parametrize(
    "error",
    [torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB."),
     RuntimeError("MPS backend out of memory (MPS allocated: 9.00 GiB)."),
     RuntimeError("[enforce fail at alloc_cpu.cpp:127] data. DefaultCPUAllocator: not enough "
                  "memory: you tried to allocate 9 bytes.")],
)  # fmt: skip
def test_torch_says_in_many_words_that_memory_is_short(error: RuntimeError) -> None:
    with pytest.raises(MemoryError), telling_memory():
        raise error
    with pytest.raises(RuntimeError, match="shape"), telling_memory():
        raise RuntimeError("shape mismatch")


def test_a_network_that_needs_too_much_memory(
    imported: Path, rgb: np.ndarray, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(midas, "predict", lambda *_: torch.empty(1 << 60, dtype=torch.uint8))
    with pytest.raises(MemoryError):
        estimate(rgb)


def test_a_shortage_of_memory_is_told_before_the_network_starts(
    imported: Path, photo_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    told: list[str] = []

    def loaded(_card: object) -> State:
        told.append(capsys.readouterr().err)
        raise WeightsError("enough seen")

    monkeypatch.setattr(weights, "load", loaded)
    monkeypatch.setattr(memory, "measure", lambda: Memory(free=2e8, total=1e12))
    command = [str(photo_file), "--out", str(tmp_path), "--model", SMALL.id, "--device", "cpu"]
    assert cli.main([*command, "--precision", "full"]) == 1
    assert told == [
        f"unflat: MiDaS 2.1 Small takes about {SMALL.memory / 1e9} GB of memory and 0.2 GB are "
        "free, so it may be slow: close other programs or choose a smaller model.\n"
    ]
    monkeypatch.setattr(memory, "measure", lambda: Memory(free=2e8, total=8e8))
    assert cli.main(command) == 1
    assert "this computer has 0.8 GB, choose a smaller model" in capsys.readouterr().err
    assert len(told) == 1


def test_the_old_network_goes_before_another_comes(
    imported: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    old = weakref.ref(estimator._network(SMALL, "cpu", "full", 1)[0])
    assert old() is not None
    left: list[object] = []

    def load(*arguments: object) -> object:
        left.append(old())
        return torch.nn.Identity()

    monkeypatch.setattr(models, "load", load)
    estimator._network(SMALL, "cpu", "full", 2)
    assert left == [None]


def test_devices() -> None:
    builtin = catalog.find("builtin")
    assert device.pick(builtin, "auto") == "cpu"
    assert device.pick(SMALL, "cpu") == "cpu"
    assert device.pick(SMALL, "auto").partition(":")[0] in SMALL.devices
    for card, wanted in ((builtin, "cuda"), (SMALL, "tpu"), (SMALL, "cuda:x"), (SMALL, "mps:1")):
        with pytest.raises(ModelError, match="can't run on"):
            device.pick(card, wanted)
    with pytest.raises(ModelError, match="no device cuda:99"):
        device.pick(SMALL, "cuda:99")


def test_the_command_line_runs_a_published_network(
    imported: Path, photo_file: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    options = ["--out", str(tmp_path / "out"), "--model", SMALL.id, "--device", "cpu", "--json"]
    assert cli.main([str(photo_file), *options]) == 0
    report = json.loads(capsys.readouterr().out)
    assert report["model"] == SMALL.id
    assert report["device"] == "cpu"
    assert report["triangles"] > 0


def test_the_list_shows_what_may_be_sold(capsys: pytest.CaptureFixture[str]) -> None:
    def listed(*options: str) -> str:
        assert cli.main(["models", *options]) == 0
        return capsys.readouterr().out

    assert "midas_v21_small_256" in listed()
    assert "midas_v21_384" not in listed("list")
    assert "midas_v21_384" in listed("list", "--all")
    told = listed("info", "midas_v21_384")
    assert "105.4 million" in told
    assert "CC BY-NC 4.0" in told
