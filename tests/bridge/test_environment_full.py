"""The engine for processors, whole and real, from the package index that pip is set up with.

It takes a gigabyte and about a minute, so only `make test-engine` runs it. Of PyTorch's own index
nothing is asked: what stands in for it is what pip finds.
"""

from __future__ import annotations

import dataclasses
import shutil
import subprocess
from pathlib import Path

import pytest

from unflat.bridge import environment
from unflat.bridge.environment import Accelerator, State, pins

pytestmark = pytest.mark.engine


def test_install_all_for_processors(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    wanted = pins.wanted

    def from_pips_index(accelerator: Accelerator) -> pins.Pins:
        return dataclasses.replace(wanted(accelerator), indexes=())

    monkeypatch.setattr(pins, "wanted", from_pips_index)
    folder = tmp_path / "a folder, Ünïcode" / "engine"
    told: list[float] = []
    try:
        noted = environment.install(
            folder, Accelerator.CPU, lambda fraction, _text: told.append(fraction)
        )
        assert environment.check(folder) is State.READY
        assert told == sorted(told)
        names = [line.partition("==")[0] for line in wanted(Accelerator.CPU).lines]
        assert noted.packages >= len(names)
        # What is said of its size, to the one who is asked for consent, is about right.
        assert 0.5 < noted.size / wanted(Accelerator.CPU).installed < 1.5
        code = "import torch; print(torch.nn.Linear(2, 1)(torch.ones(1, 2)).shape)"
        with environment.used(folder) as python:
            done = subprocess.run(
                [str(python), "-I", "-c", code], capture_output=True, text=True, check=True
            )
        assert "1, 1" in done.stdout
        assert environment.remove(folder) >= noted.size
    finally:
        shutil.rmtree(folder, ignore_errors=True)
