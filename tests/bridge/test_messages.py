"""What is a message and what is none, whoever sends it."""

from __future__ import annotations

import io
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from unflat.bridge.messages import MOST_BYTES, Answer, Call, ProtocolError, decode, encode
from unflat.bridge.transport import Sender, receive

scalars = st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.text(max_size=20)
keys = st.text(max_size=9)
values = st.recursive(
    scalars | st.floats(allow_nan=False, allow_infinity=False),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(keys, inner, max_size=3),
    max_leaves=12,
)
ids = st.integers(1, 2**52)
params = st.dictionaries(keys, values, max_size=4)
calls = st.builds(Call, st.text(max_size=30), params, ids | st.none())
errors = st.fixed_dictionaries({"code": st.integers(-40000, 0), "message": st.text(max_size=50)})
answers = st.builds(Answer, ids, values) | st.builds(Answer, ids, st.none(), errors)


@given(st.lists(calls | answers, max_size=4))
def test_what_is_sent_is_received(messages: list[Call | Answer]) -> None:
    pipe = io.BytesIO()
    sender = Sender(pipe)
    for message in messages:
        sender.send(message)
    pipe.seek(0)
    assert [receive(pipe) for _ in messages] == messages
    assert receive(pipe) is None


@given(st.binary(max_size=200))
def test_any_bytes_are_a_message_or_refused(data: bytes) -> None:
    pipe = io.BytesIO(data)
    try:
        while receive(pipe) is not None:
            pass
    except ProtocolError:
        pass
    try:
        decode(data)
    except ProtocolError:
        return
    assert json.loads(data)["jsonrpc"] == "2.0"


@given(values)
def test_any_json_is_a_message_or_refused(value: object) -> None:
    for fields in (value, {"jsonrpc": "2.0", "method": value}, {"jsonrpc": "2.0", "id": value},
                   {"jsonrpc": "2.0", "id": 1, "error": value},
                   {"jsonrpc": "2.0", "method": "m", "params": value, "id": value}):  # fmt: skip
        try:
            message = decode(json.dumps(fields).encode())
        except ProtocolError:
            continue
        assert decode(encode(message)) == message


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (b'{"jsonrpc":"2.0","method":"m","params":{"x":NaN}}', "NaN"),
        (b'{"jsonrpc":"2.0","method":"m","params":' + b"[" * 200 + b"]" * 200 + b"}", "deep"),
        (b'{"jsonrpc":"2.0","method":"m","params":' + b"[" * 100_000, "deep"),
        (b" " * (MOST_BYTES + 1), "large"),
        (b'{"jsonrpc":"2.0","method":"m","id":1.5}', "id"),
        (b'{"jsonrpc":"2.0","method":"m","id":true}', "id"),
        (b'{"jsonrpc":"2.0","id":1}', "result"),
        (b'{"jsonrpc":"2.0","id":1,"result":1,"error":{"code":1,"message":""}}', "result"),
        (b'{"method":"m"}', "2.0"),
        (b'\xff{"jsonrpc":"2.0"}', "JSON"),
        (b'{"jsonrpc":"2.0","method":"m","id":' + b"9" * 9000 + b"}", "JSON"),
    ],
)
def test_refused(data: bytes, says: str) -> None:
    with pytest.raises(ProtocolError, match=says):
        decode(data)


def test_brackets_in_strings_are_not_depth() -> None:
    text = "[" * 100 + '\\"{' * 100
    assert decode(encode(Call(text, {"x": text}))) == Call(text, {"x": text})


@pytest.mark.parametrize(
    "data",
    [
        b"Content-Length: 4294967296\r\n\r\n{}",
        b"Content-Length: -1\r\n\r\n",
        b"Content-Length: 2\r\n{}",
        b"Content-Length: 9\r\n\r\n{}",
        b"Hello\r\n\r\n{}",
        b"Hello\n",
        b"x" * 100_000,
        b"A: b\r\n" * 1000,
        b"Content-Length: 2",
    ],
)
def test_frames_refused(data: bytes) -> None:
    with pytest.raises(ProtocolError):
        receive(io.BytesIO(data))


def test_other_headers_and_their_case_do_not_matter() -> None:
    body = encode(Call("m"))
    frame = b"Content-Type: application/json\r\ncontent-length: %d\r\n\r\n" % len(body)
    assert receive(io.BytesIO(frame + body)) == Call("m")


@pytest.mark.parametrize("params", [{"x": float("nan")}, {"x": object()}, {"x": "y" * MOST_BYTES}])
def test_nothing_bad_is_sent(params: dict[str, object]) -> None:
    with pytest.raises(ProtocolError):
        encode(Call("m", params))
