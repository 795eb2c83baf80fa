"""Messages between two processes: what is sent comes out, and what is no message is refused."""

import json
import socket
from collections.abc import Iterator

import pytest
import torch

from mlplab.isolation.messages import DTYPES, LENGTH, Channel, Closed, ProtocolError


@pytest.fixture
def ends() -> Iterator[tuple[Channel, socket.socket]]:
    ours, theirs = socket.socketpair()
    channel = Channel(ours, most=1 << 20)
    with theirs:
        yield channel, theirs
    channel.close()


@pytest.mark.parametrize("dtype", DTYPES.values(), ids=str)
def test_tensors_come_out_as_they_were(
    dtype: torch.dtype, ends: tuple[Channel, socket.socket]
) -> None:
    channel, theirs = ends
    sent = {
        "matrix": torch.arange(6).reshape(2, 3).to(dtype).T,
        "one": torch.tensor(1).to(dtype),
        "none": torch.empty(0, 4, dtype=dtype),
    }
    Channel(theirs).send({"call": "x"}, sent)
    head, found = channel.receive()
    assert head == {"call": "x"}
    assert list(found) == list(sent)
    for name, value in sent.items():
        assert found[name].dtype == value.dtype
        assert torch.equal(found[name], value)


@pytest.mark.parametrize(
    ("head", "words"),
    [
        (b"{", "a head that is none"),
        (b"[]", "a head that is none"),
        (b"[" * 100_000, "a head that is none"),
        (b"{}", "a head that is none"),
        (b'{"tensors": [["x", "object", [1]]]}', "a head that is none"),
        (b'{"tensors": [["x", "float32", [1e999]]]}', "a head that is none"),
        (b'{"tensors": [["x", "float32", [-1]]]}', "tensors of"),
        (b'{"tensors": [["x", "float64", [4611686018427387904]]]}', "tensors of"),
        (b'{"tensors": [["x", "float64", [0, 4611686018427387904, 8]]]}', "a tensor of shape"),
    ],
)
def test_what_is_no_message_is_refused(
    head: bytes, words: str, ends: tuple[Channel, socket.socket]
) -> None:
    channel, theirs = ends
    theirs.sendall(LENGTH.pack(len(head)) + head)
    with pytest.raises(ProtocolError, match=words):
        channel.receive()


def test_a_head_without_end_is_refused(ends: tuple[Channel, socket.socket]) -> None:
    channel, theirs = ends
    theirs.sendall(b"\xff" * 100)
    with pytest.raises(ProtocolError, match="a head of 4294967295 bytes"):
        channel.receive()


@pytest.mark.parametrize("part", [0, 2, 10, 50])
def test_an_end_within_a_message_is_told(part: int, ends: tuple[Channel, socket.socket]) -> None:
    channel, theirs = ends
    head = json.dumps({"tensors": [["x", "float64", [10]]]}).encode()
    theirs.sendall((LENGTH.pack(len(head)) + head + bytes(40))[:part])
    theirs.close()
    with pytest.raises(Closed):
        channel.receive()
