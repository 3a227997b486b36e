"""Networks as they run by default, beside plain torch in float32."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from unflat.core.depth import catalog, compiled, models, runtime

torch = pytest.importorskip("torch", reason="published networks need torch")
pytest.importorskip("timm", reason="published networks need timm")

SMALL = catalog.find("midas_v21_small_256")
TRANSFORMER = catalog.find("depth_anything_v2_vits")


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("UNFLAT_MODELS", str(tmp_path))
    return tmp_path


def load(card: catalog.ModelCard) -> torch.nn.Module:
    """The same weights every time, so large that what a layer says matters."""
    network = models.family(card).build(card.id)
    noise = torch.Generator().manual_seed(0)
    with torch.no_grad():
        for name, value in network.named_parameters():
            if value.ndim > 1:
                gain = 1.2 / value[0].numel() ** 0.5
                value.copy_(gain * torch.randn(value.shape, generator=noise))
            else:
                value.fill_(0.0 if name.endswith("bias") else 0.5)
        network.get_parameter("head.third.bias").fill_(0.5)  # or half of it would be zero
    return network


def pixels(height: int, width: int) -> torch.Tensor:
    return torch.randn((1, 3, height, width), generator=torch.Generator().manual_seed(1))


def prepared(card: catalog.ModelCard, wanted: str = "auto") -> runtime.Network:
    return runtime.prepare(lambda: load(card), card, "cpu", wanted, 0)


def error(found: torch.Tensor, expected: torch.Tensor) -> float:
    assert found.shape == expected.shape
    assert expected.std() > 0.01 * expected.mean()  # there is something to get wrong
    return float((found - expected).abs().mean() / expected.mean())


@pytest.mark.parametrize(
    ("card", "sizes"),
    [(SMALL, [(96, 128), (128, 96)]), (TRANSFORMER, [(70, 98), (98, 70)])],
    ids=lambda value: getattr(value, "id", ""),
)
def test_the_default_says_what_float32_says_at_any_size(
    card: catalog.ModelCard,
    sizes: list[tuple[int, int]],
    folder: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    pytest.importorskip("openvino", reason="the fast way on the CPU")
    monkeypatch.setattr(compiled, "MOST_KEPT", 1)
    default, plain = prepared(card), load(card)
    with torch.inference_mode():
        for size in sizes:
            assert error(default(pixels(*size)), plain(pixels(*size))) < 0.005
    assert "OpenVINO" in default.precision
    assert len(list(folder.rglob("compiled-*"))) == 1  # disk is bounded too


def test_a_second_start_needs_no_weights_unless_its_file_is_damaged(folder: Path) -> None:
    pytest.importorskip("openvino", reason="the fast way on the CPU")
    given = pixels(32, 64)
    with torch.inference_mode():
        network = prepared(SMALL)
        first = network(given)
        before = first.clone()
        network(-given)
        assert torch.equal(first, before)  # what was given away is not written to again
        again = runtime.prepare(lambda: pytest.fail("loaded"), SMALL, "cpu", "auto", 0)
        assert torch.equal(again(given), first)
        (blob,) = folder.rglob("compiled-*.blob")
        blob.write_bytes(blob.read_bytes()[:1000])
        assert torch.equal(prepared(SMALL)(given), first)
    assert blob.stat().st_size > 1000


@pytest.mark.parametrize("missing", [True, False], ids=["no library", "asked for"])
def test_float32_by_torch(missing: bool, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    if missing:
        monkeypatch.setitem(sys.modules, "openvino", None)
    network = prepared(SMALL, "auto" if missing else "full")
    with torch.inference_mode():
        assert torch.equal(network(pixels(64, 64)), load(SMALL)(pixels(64, 64)))
    assert network.precision == runtime.FULL
    assert not list(folder.iterdir())


def test_torch_steps_in_for_what_cannot_be_compiled(monkeypatch: pytest.MonkeyPatch) -> None:
    class Odd(torch.nn.Module):
        """Which way it goes depends on the numbers, so it can't be exported."""

        def forward(self, given: torch.Tensor) -> torch.Tensor:
            return given + 1 if given.sum() > 0 else given - 1

    network = runtime.prepare(Odd, SMALL, "cpu", "auto", 0)
    assert torch.equal(network(torch.ones(1, 3, 32, 32)), torch.full((1, 3, 32, 32), 2.0))
    assert network.precision == runtime.FULL
