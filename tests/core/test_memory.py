"""How much memory there is, from what each system says of it."""

from __future__ import annotations

import math
import sys
from pathlib import Path

import pytest

from unflat.core import memory
from unflat.core.errors import ModelError
from unflat.core.memory import Memory

MEMINFO = """MemTotal:       16000000 kB
MemFree:          100000 kB
MemAvailable:    4000000 kB
SwapTotal:       2000000 kB
HugePages_Total:       0
"""

VM_STAT = """Mach Virtual Memory Statistics: (page size of 16384 bytes)
Pages free:                                3000.
Pages active:                            200000.
Pages inactive:                            2000.
Pages speculative:                         1000.
Pages wired down:                         90000.
"""


def test_this_computer() -> None:
    found = memory.measure()
    assert 1e7 < found.free <= found.total
    if sys.platform != "darwin":
        assert found.total < 1e15


@pytest.mark.parametrize(
    ("limit", "expected"),
    [
        (None, Memory(4_096_000_000, 18_432_000_000)),
        ("max", Memory(4_096_000_000, 18_432_000_000)),
        ("5000000000", Memory(4_096_000_000, 5_000_000_000)),
        ("1000000000", Memory(1_000_000_000, 1_000_000_000)),
    ],
)
def test_linux_and_its_containers(
    limit: str | None, expected: Memory, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if limit is not None:
        (tmp_path / "memory.max").write_text(limit + "\n")
    monkeypatch.setattr(memory, "_CONTAINER", tmp_path / "memory.max")
    assert memory._linux(MEMINFO) == expected


def test_macos() -> None:
    assert memory._macos(VM_STAT) == Memory(6000 * 16384, math.inf)


def test_what_is_told() -> None:
    has = Memory(free=3e9, total=8e9)
    assert memory.shortage("Depth Pro", int(2e9), has) == ""
    assert memory.shortage("Depth Pro", int(5e9), has) == (
        "Depth Pro takes about 5.0 GB of memory and 3.0 GB are free, so it may be slow: close "
        "other programs or choose a smaller model."
    )
    with pytest.raises(
        ModelError, match=r"9\.4 GB of memory and this computer has 8\.0 GB, choose"
    ):
        memory.shortage("Depth Pro", int(9.4e9), has)


def test_a_system_that_does_not_tell(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(memory, "_linux", lambda _: {}["MemTotal"])
    monkeypatch.setattr(memory.sys, "platform", "linux")
    assert memory.shortage("Depth Pro", int(1e15)) == ""
