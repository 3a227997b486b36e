"""A real worker among hostile clients, and the bridge among all that can go wrong at once."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from unflat.bridge import PROTOCOL
from unflat.bridge.client import command, variables_for
from unflat.bridge.messages import Answer, Call
from unflat.bridge.pipes import Pipes
from unflat.bridge.process import Child
from unflat.bridge.tasks import TASKS

ROOT = Path(__file__).parents[2]

names = st.sampled_from(["photo", "settings", "depth", "model", "online", "folder", "array", "id"])
values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**60), 2**60)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.sampled_from(["", "/", "c1.npy", "../lock", "\0", "builtin", "x" * 5000]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(names, inner, max_size=4),
    max_leaves=8,
)
# A folder is taken once, and a download might be a real one.
methods = st.sampled_from([*(name for name in TASKS if name != "models/download"), "", "$/x", "no"])


@pytest.fixture(scope="module")
def worker() -> Iterator[Pipes]:
    with tempfile.TemporaryDirectory() as folder:
        pipes = Pipes(Child(command(Path(sys.executable)), variables_for({})))
        pipes.send(Call("generate", {}, 1))  # before it knows its folder
        assert answer_to(1, pipes).error is not None
        hello = {"protocol": PROTOCOL, "version": "x", "folder": folder}
        pipes.send(Call("initialize", hello, 2))
        assert answer_to(2, pipes).error is None
        yield pipes
        pipes.child.kill()
        pipes.close()


def answer_to(number: int, pipes: Pipes) -> Answer:
    for _ in range(1000):
        message = pipes.receive(0.1)
        assert pipes.broken is None, pipes.last_words()
        if isinstance(message, Answer) and message.id == number:
            return message
    raise TimeoutError


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(methods, st.dictionaries(names, values, max_size=5), st.integers(3, 2**40))
def test_every_call_is_answered(
    worker: Pipes, method: str, params: dict[str, Any], number: int
) -> None:
    worker.send(Call("$/cancelRequest", params))
    worker.send(Call(method, params, number))
    answer = answer_to(number, worker)
    assert answer.error is None or answer.error["code"] != -32603, answer.error


def test_other_bytes_end_the_worker() -> None:
    pipes = Pipes(Child(command(Path(sys.executable)), variables_for({})))
    pipes.child.stdin.write(b"GET / HTTP/1.1\r\n\r\n")
    pipes.child.stdin.flush()
    message = next(m for m in iter(lambda: pipes.receive(1), 0) if m is not None)
    assert isinstance(message, Answer)
    assert message.error is not None
    assert message.error["code"] == -32700
    assert pipes.child.wait(5)
    pipes.close()


@pytest.mark.skipif(sys.platform != "linux", reason="the soak run looks at processes as on Linux")
def test_a_short_soak() -> None:
    line = [sys.executable, str(ROOT / "benchmarks" / "bridge_soak.py"), "--jobs", "14"]
    done = subprocess.run(line, capture_output=True, text=True, check=False, timeout=300)
    assert done.returncode == 0, done.stderr[-2000:]
