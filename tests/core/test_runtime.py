"""Networks as they run by default, beside plain torch in float32.

Most tests run a network of their own in place of a published one, since those take long to compile.
"""

from __future__ import annotations

import gc
import os
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from copy import deepcopy
from pathlib import Path

import pytest

from unflat.core.depth import catalog, converted_files

torch = pytest.importorskip("torch", reason="published networks need torch")
pytest.importorskip("timm", reason="published networks need timm")
openvino = pytest.importorskip("openvino", reason="the fast way on the CPU")

from unflat.core.depth import compiled, models, runtime  # noqa: E402 - need torch
from unflat.core.depth.compiled import Way  # noqa: E402

CARD = catalog.find("midas_v21_small_256")
TRANSFORMER = catalog.find("depth_anything_v2_vits")


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("UNFLAT_MODELS", str(tmp_path))
    return tmp_path


class Small(torch.nn.Module):
    """Depth (N, h, w), which bfloat16 changes by some 0.1 %."""

    any_size = True

    def __init__(self, seed: int = 0) -> None:
        super().__init__()
        self.wide = torch.nn.Conv2d(3, 64, 3, padding=1)
        self.narrow = torch.nn.Conv2d(64, 1, 3, padding=1)
        noise = torch.Generator().manual_seed(seed)
        with torch.no_grad():
            for value in self.parameters():
                value.copy_(torch.rand(value.shape, generator=noise))

    def forward(self, given: torch.Tensor) -> torch.Tensor:
        return self.narrow(self.wide(given).relu()).squeeze(1)


def pixels(height: int = 32, width: int = 48) -> torch.Tensor:
    return torch.rand((1, 3, height, width), generator=torch.Generator().manual_seed(1))


def prepared(
    load: Callable[[], torch.nn.Module] = Small, wanted: str = "auto", modified: int = 0
) -> runtime.Network:
    return runtime.prepare(load, CARD, "cpu", wanted, modified)


def never() -> torch.nn.Module:
    pytest.fail("the network was loaded")


def error(found: torch.Tensor, expected: torch.Tensor) -> float:
    assert found.shape == expected.shape
    assert expected.std() > 0.01 * expected.mean()  # there is something to get wrong
    return float((found - expected).abs().mean() / expected.mean())


def published(card: catalog.ModelCard) -> torch.nn.Module:
    """A network with weights so large that what a layer says matters."""
    network = models.family(card).build(card.id)
    noise = torch.Generator().manual_seed(0)
    norm = 1.0 if card.family == "midas" else 0.5
    with torch.no_grad():
        for name, value in network.named_parameters():
            if value.ndim > 1:
                gain = 1.2 / value[0].numel() ** 0.5
                value.copy_(gain * torch.randn(value.shape, generator=noise))
            else:
                value.fill_(0.0 if name.endswith("bias") else 0.1 if "gamma" in name else norm)
            if name.endswith("third.bias"):
                value.fill_(0.5)  # or half of it would be zero
    return network


def test_a_published_network_says_what_float32_says() -> None:
    plain = published(TRANSFORMER)
    default = compiled.Compiled(lambda: deepcopy(plain), TRANSFORMER, 0, Way.BLOCKS, lambda: plain)
    with torch.inference_mode():
        for _ in range(2):
            # A square comes first; the last has its position table as it is.
            for given in (pixels(98, 98), pixels(70, 98), pixels(518, 518)):
                assert error(default(given), plain(given)) < 0.005
                gc.collect()  # the network that it was converted from
    assert "OpenVINO" in default.precision


@pytest.mark.parametrize(
    ("model", "sizes"),
    [
        ("midas_v21_small_256", ((96, 96), (64, 96), (128, 32))),
        ("dpt_levit_224", ((224, 224),)),
    ],
)
def test_networks_of_midas_are_converted(model: str, sizes: tuple[tuple[int, int], ...]) -> None:
    card = catalog.find(model)
    plain = published(card)
    default = runtime.prepare(lambda: deepcopy(plain), card, "cpu", "auto", 0)
    with torch.inference_mode():
        for size in sizes:
            assert error(default(pixels(*size)), plain(pixels(*size))) < 1e-4
    assert default.precision == "float32 by OpenVINO"


@pytest.mark.skipif(not compiled.knows_bfloat16(), reason="a processor without bfloat16")
def test_a_large_transformer_that_is_not_compiled_is_rounded() -> None:
    plain, large = published(TRANSFORMER), catalog.find("da3mono_large")

    def prepared(wanted: str) -> runtime.Network:
        return runtime.prepare(lambda: deepcopy(plain), large, "cpu", wanted, 0)

    auto, full = prepared("auto"), prepared("full")
    with torch.inference_mode():
        expected = plain(pixels(70, 98))
        assert 1e-5 < error(auto(pixels(70, 98)), expected) < 0.005
        assert error(full(pixels(70, 98)), expected) < 1e-5
    assert (auto.precision, full.precision) == (
        "float32, DINOv2's layers in bfloat16",
        runtime.FULL,
    )


@pytest.mark.skipif(not compiled.knows_bfloat16(), reason="a processor without bfloat16")
def test_fast_rounds_more() -> None:
    auto, fast = prepared(), prepared(wanted="fast")
    with torch.inference_mode():
        expected = Small()(pixels())
        assert error(auto(pixels()), expected) < 1e-5
        assert 1e-5 < error(fast(pixels()), expected) < 0.01
    assert (auto.precision, fast.precision) == ("float32 by OpenVINO", "bfloat16 by OpenVINO")


def test_some_are_only_worth_it_where_all_is_rounded() -> None:
    for model in ("dpt_large_384", "dpt_beit_base_384"):
        card = catalog.find(model)
        assert runtime.prepare(Small, card, "cpu", "auto", 0).precision == runtime.FULL
        fast = runtime.prepare(Small, card, "cpu", "fast", 0).precision
        assert fast == ("bfloat16 by OpenVINO" if compiled.knows_bfloat16() else runtime.FULL)


def test_what_openvino_would_crash_on_is_left_to_torch() -> None:
    hybrid = catalog.find("dpt_hybrid_384")
    for wanted in ("auto", "fast"):
        assert runtime.prepare(Small, hybrid, "cpu", wanted, 0).precision == runtime.FULL


def test_torch_steps_in_for_what_is_off_and_remembers(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Way.NOTHING, "most_off", -1)
    loaded = []

    def load() -> torch.nn.Module:
        loaded.append(None)
        return Small()

    for needed in (3, 1):  # to say what is right, to convert, and to step in
        network = prepared(load)
        with torch.inference_mode():
            assert error(network(pixels()), Small()(pixels())) < 1e-5
        assert network.precision == runtime.FULL
        assert len(loaded) == needed
        loaded.clear()


def test_what_was_given_away_stays() -> None:
    network = prepared()
    with torch.inference_mode():
        first = network(pixels())
        before = first.clone()
        network(-pixels())
        assert torch.equal(first, before)


def test_other_sizes_are_not_converted_again() -> None:
    network = prepared(never)
    with torch.inference_mode():
        prepared()(pixels())
        for size in ((48, 32), (14, 700), (32, 48)):
            assert error(network(pixels(*size)), Small()(pixels(*size))) < 1e-5


def test_one_size_is_enough_where_there_is_no_other() -> None:
    class OneSize(Small):
        any_size = False

        def forward(self, given: torch.Tensor) -> torch.Tensor:
            return super().forward(given).reshape(1, 32, 48)

    network = prepared(OneSize)
    with torch.inference_mode():
        assert error(network(pixels()), Small()(pixels())) < 1e-5
    assert "OpenVINO" in network.precision


def test_a_second_start_needs_no_weights_unless_they_changed() -> None:
    with torch.inference_mode():
        first = prepared()(pixels())
        assert torch.equal(prepared(never)(pixels()), first)
        assert not torch.equal(prepared(lambda: Small(1), modified=1)(pixels()), first)


@pytest.mark.parametrize(
    "damage",
    [
        lambda blob: blob[:100],
        lambda blob: b"",
        lambda blob: blob[:500] + bytes([blob[500] ^ 1]) + blob[501:],
    ],
    ids=["cut", "empty", "changed"],
)
def test_a_damaged_file_is_made_again(damage: Callable[[bytes], bytes], folder: Path) -> None:
    with torch.inference_mode():
        first = prepared()(pixels())
        (file,) = folder.rglob("converted-*.blob")
        file.write_bytes(damage(file.read_bytes()))
        assert torch.equal(prepared()(pixels()), first)
        assert torch.equal(prepared(never)(pixels()), first)


def test_the_disk_is_bounded(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with torch.inference_mode():
        prepared()(pixels())
        (old,) = folder.rglob("converted-*")
        left = old.with_name("converted-by-a-process-that-was-ended.blob.part")
        for age, file in enumerate((old, left), start=1):
            file.touch()
            os.utime(file, (1000, 1000 - age))
        monkeypatch.setattr(converted_files, "MOST_BYTES", 1.5 * old.stat().st_size)
        prepared(modified=1)(pixels())
    (new,) = folder.rglob("converted-*")
    assert new != old


def test_nothing_is_converted_where_it_can_not_be_kept(folder: Path) -> None:
    (folder / CARD.id / "converting").mkdir(parents=True)  # where a file would have to be
    loaded = []

    def load() -> torch.nn.Module:
        loaded.append(None)
        return Small()

    network = prepared(load)
    with torch.inference_mode():
        assert error(network(pixels()), Small()(pixels())) < 1e-5
    assert network.precision == runtime.FULL
    assert len(loaded) == 1


def test_a_full_disk_keeps_nothing(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def serialize(_model: object, graph: Path, constants: Path) -> None:
        constants.write_bytes(b"half")
        raise RuntimeError("basic_ios::clear: iostream error")

    monkeypatch.setattr(openvino, "serialize", serialize)
    network = prepared()
    with torch.inference_mode():
        assert error(network(pixels()), Small()(pixels())) < 1e-5
    assert not [path for path in folder.rglob("*") if path.is_file()]


def test_two_at_once_convert_once(folder: Path) -> None:
    """The second waits, and takes what the first has written."""
    loaded = []

    def load() -> torch.nn.Module:
        loaded.append(None)
        return Small()

    with torch.inference_mode():
        expected = Small()(pixels())

    def one() -> None:
        with torch.inference_mode():
            assert error(prepared(load)(pixels()), expected) < 1e-5

    with ThreadPoolExecutor(2) as pool:
        for work in [pool.submit(one) for _ in range(2)]:
            work.result()
    assert len(loaded) == 2
    assert len(list(folder.rglob("converted-*"))) == 1


@pytest.fixture
def new_library() -> Iterator[None]:
    """OpenVINO, of which nothing is known yet, nor after."""
    known = compiled._core, compiled.knows_bfloat16
    for fact in known:
        fact.cache_clear()
    yield
    for fact in known:
        fact.cache_clear()


@pytest.mark.usefixtures("new_library")
@pytest.mark.parametrize("why", ["no library", "broken library", "no part for CPUs", "asked for"])
def test_float32_by_torch(why: str, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    if why == "no part for CPUs":
        monkeypatch.setattr(compiled, "_DEVICE", "GPU.9")
    elif why == "no library":
        monkeypatch.setitem(sys.modules, "openvino", None)
    elif why == "broken library":
        monkeypatch.setattr(openvino, "Core", lambda: openvino.no_such_thing)
    network = prepared(wanted="full" if why == "asked for" else "auto")
    with torch.inference_mode():
        assert error(network(pixels()), Small()(pixels())) < 1e-5
    assert network.precision == runtime.FULL
    assert not list(folder.iterdir())


def test_without_bfloat16_nothing_is_rounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(compiled, "knows_bfloat16", lambda: False)
    assert prepared(wanted="fast").precision == "float32 by OpenVINO"
    for model in ("dpt_large_384", "da3mono_large"):
        network = runtime.prepare(Small, catalog.find(model), "cpu", "fast", 0)
        assert network.precision == runtime.FULL


def test_torch_steps_in_for_what_cannot_be_compiled() -> None:
    class Odd(torch.nn.Module):
        """Which way it goes depends on the numbers, so it can't be exported."""

        any_size = True

        def forward(self, given: torch.Tensor) -> torch.Tensor:
            return given + 1 if given.sum() > 0 else given - 1

    network = prepared(Odd)
    assert torch.equal(network(torch.ones(1, 3, 32, 32)), torch.full((1, 3, 32, 32), 2.0))
    assert network.precision == runtime.FULL


def test_weights_that_are_no_numbers_are_not_made_zeros() -> None:
    def load() -> torch.nn.Module:
        network = Small()
        network.wide.weight.data[0] = torch.nan
        return network

    with torch.inference_mode():
        assert prepared(load)(pixels()).isnan().all()
