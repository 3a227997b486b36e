"""A real worker among hostile clients, and the bridge among all that can go wrong at once."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
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
    | st.just(10**400)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.sampled_from(["", "/", "c1.npy", "../lock", "\0", "builtin", "é" * 10_000]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(names, inner, max_size=4),
    max_leaves=8,
)
# But for downloads, which might be real.
methods = st.sampled_from(
    [*(name for name in TASKS if name != "models/download"), "", "$/x", "no", "initialize"]
)


@contextmanager
def a_worker() -> Iterator[Pipes]:
    pipes = Pipes(Child(command(Path(sys.executable)), variables_for({})))
    try:
        with pipes.listening():
            yield pipes
    finally:
        pipes.child.kill()
        pipes.close()


@pytest.fixture(scope="module")
def worker() -> Iterator[Pipes]:
    with tempfile.TemporaryDirectory() as folder, a_worker() as pipes:
        pipes.send(Call("generate", {}, 1))  # before it knows its folder
        assert answer_to(1, pipes).error is not None
        hello = {"protocol": PROTOCOL, "version": "x", "folder": folder}
        pipes.send(Call("initialize", hello, 2))
        assert answer_to(2, pipes).error is None
        yield pipes


def answer_to(number: int | None, pipes: Pipes) -> Answer:
    for _ in range(1000):
        message = pipes.receive(0.1)
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
    with a_worker() as pipes:
        pipes.child.stdin.write(b"GET / HTTP/1.1\r\n\r\n")
        pipes.child.stdin.flush()
        answer = answer_to(None, pipes)
        assert answer.error is not None
        assert answer.error["code"] == -32700
        assert pipes.child.wait(5)


def test_what_was_said_before_the_end_is_heard() -> None:
    says = "import sys; from unflat.bridge.transport import Sender; from unflat.bridge.messages "
    says += "import Answer; sys.stdin.read(9); Sender(sys.stdout.buffer).send(Answer(1, 'done'))"
    pipes = Pipes(Child([sys.executable, "-c", says], os.environ))
    try:
        with pipes.listening():
            pipes.send(Call("depth", {}, 1))
            assert pipes.child.wait(60)
            time.sleep(0.2)  # until its end has been read too
            assert answer_to(1, pipes).result == "done"
            with pytest.raises(ConnectionError, match="closed"):
                answer_to(1, pipes)
    finally:
        pipes.close()


@pytest.mark.skipif(sys.platform != "linux", reason="the soak run looks at processes as on Linux")
def test_a_short_soak() -> None:
    line = [sys.executable, str(ROOT / "benchmarks" / "bridge_soak.py"), "--jobs", "14"]
    done = subprocess.run(line, capture_output=True, text=True, check=False, timeout=300)
    assert done.returncode == 0, done.stderr[-2000:]
