"""Published networks against the outputs of their references, with weights drawn from names.

Marked `golden` are those that `make test-golden` runs and other runs leave out.
"""

from __future__ import annotations

import importlib.util
import json
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest

from unflat.core.depth import catalog, models

pytest.importorskip("torch", reason="published networks need torch")
pytest.importorskip("timm", reason="published networks need timm")

ROOT = Path(__file__).parents[2]
EVERY_RUN = ("midas_v21_small_256", "dpt_swin2_tiny_256", "dpt_levit_224", "dpt_next_vit_large_384",
             "dpt_hybrid_384", "dpt_beit_base_384", "depth_anything_v2_vits",
             "depth_anything_v2_metric_hypersim_vits", "depth_anything_v2_metric_vkitti_vits",
             "moge2_vits_normal")  # fmt: skip


@pytest.fixture(scope="module")
def golden() -> Iterator[ModuleType]:
    """benchmarks/golden.py, which also people run."""
    spec = importlib.util.spec_from_file_location("golden", ROOT / "benchmarks" / "golden.py")
    assert spec is not None
    assert spec.loader is not None
    module = sys.modules["golden"] = importlib.util.module_from_spec(spec)  # for its dataclass
    spec.loader.exec_module(module)
    yield module
    del sys.modules["golden"]


PUBLISHED = [card.id for card in catalog.MODELS if card.file is not None]
CASES = [
    pytest.param(model, marks=() if model in EVERY_RUN else pytest.mark.golden)
    for model in PUBLISHED
]


@pytest.mark.parametrize("model", CASES)
def test_parity(model: str, golden: ModuleType, golden_folder: Path) -> None:
    if not (golden_folder / model).is_dir():
        pytest.skip(f"no golden fixtures of {model}")
    errors = golden.compare(golden_folder / model)
    assert errors
    assert max(errors.values()) < golden.LIMIT, errors


@pytest.mark.parametrize("model", PUBLISHED)
def test_entries_are_those_of_the_official_checkpoint(model: str, golden_folder: Path) -> None:
    from unflat.core.depth.models import checkpoint

    folder = golden_folder / model
    if not folder.is_dir():
        pytest.skip(f"no golden fixtures of {model}")
    card = catalog.find(model)
    family = models.family(card)
    with checkpoint.Unfilled():
        network = family.build(model)
    names = family.names(model)
    entries = json.loads((folder / "keys.json").read_text(encoding="utf-8"))
    meta = json.loads((folder / "meta.json").read_text(encoding="utf-8"))
    official = {name: tuple(shape) for name, shape, _ in entries}
    needed = checkpoint.entries(network, names)
    assert needed.items() <= official.items()
    # Nothing is left out that an output depends on; statistics of norms have no gradient, so the
    # list of those that depend on nothing leaves them out.
    left_out = official.keys() - needed.keys()
    inert = set(meta["inert_keys"]) | set(meta["kept_entries_sha256"])
    layers = {name.rsplit(".", 1)[0] for name in inert}
    assert {name for name in left_out - inert if name.rsplit(".", 1)[0] not in layers} == set()
    assert card.parameters == meta["parameter_count"]
    assert card.file is not None
    assert card.file.url.startswith(meta["checkpoint"]["url"])
