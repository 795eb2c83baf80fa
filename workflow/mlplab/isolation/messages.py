"""What two processes say to each other: a JSON object and tensors as plain bytes, never pickle.

A message is the length of its head, the head (JSON), and the bytes of its tensors one after the
other. Whatever the other side sends, reading it allocates no more than is allowed and runs nothing.
"""

import json
import math
import selectors
import socket
import struct
from collections.abc import Callable
from functools import partial
from typing import Any

import torch

LENGTH = struct.Struct("<I")
MOST_OF_HEAD = 1 << 20
MALFORMED = (ValueError, TypeError, KeyError, AttributeError)
# How often `tick` is called while there is nothing to read, in seconds.
TICK = 0.05

DTYPES = {
    str(dtype).removeprefix("torch."): dtype
    for dtype in (
        torch.float64,
        torch.float32,
        torch.float16,
        torch.bfloat16,
        torch.int64,
        torch.int32,
        torch.int16,
        torch.int8,
        torch.uint8,
        torch.bool,
    )
}

Tensors = dict[str, torch.Tensor]


class ProtocolError(Exception):
    """What came is no message."""


class Closed(Exception):
    """The other side has ended."""


def _bytes_of(value: torch.Tensor) -> memoryview:
    array = value.reshape(-1).view(torch.uint8).numpy()
    return memoryview(array)  # type: ignore[arg-type]


class Channel:
    """One end of a connected socket. Tensors that come in are new, and nobody else's."""

    def __init__(
        self, connection: socket.socket, most: int = 1 << 32, tick: Callable[[], None] | None = None
    ) -> None:
        """Messages of more than `most` bytes are refused; `tick` is called while it waits."""
        self._socket = connection
        self._most = most
        self._tick = tick
        if tick:
            connection.setblocking(False)
            self._reading, self._writing = selectors.PollSelector(), selectors.PollSelector()
            self._reading.register(connection, selectors.EVENT_READ)
            self._writing.register(connection, selectors.EVENT_WRITE)

    def send(self, head: dict[str, Any], tensors: Tensors | None = None) -> None:
        """Send a message; raises Closed where nobody reads."""
        plain = {n: v.detach().cpu().contiguous() for n, v in (tensors or {}).items()}
        described = [(n, str(v.dtype).removeprefix("torch."), v.shape) for n, v in plain.items()]
        text = json.dumps({**head, "tensors": described}).encode()
        parts = [memoryview(LENGTH.pack(len(text)) + text)]
        parts += [_bytes_of(value) for value in plain.values() if value.numel()]
        try:
            while parts:
                sent = self._patiently(partial(self._socket.sendmsg, parts[:64]), write=True)
                while parts and sent >= len(parts[0]):
                    sent -= len(parts.pop(0))
                if parts:
                    parts[0] = parts[0][sent:]
        except OSError as error:
            raise Closed from error

    def receive(self) -> tuple[dict[str, Any], Tensors]:
        """The next message; raises Closed at the end, ProtocolError for what is no message."""
        prefix = bytearray(LENGTH.size)
        self._read(prefix)
        (length,) = LENGTH.unpack(prefix)
        if length > MOST_OF_HEAD:
            raise ProtocolError(f"a head of {length} bytes")
        text = bytearray(length)
        self._read(text)
        try:
            head = json.loads(text)
            places = [
                (str(name), DTYPES[dtype], [int(size) for size in shape])
                for name, dtype, shape in head.pop("tensors")
            ]
        except (*MALFORMED, OverflowError, RecursionError) as error:
            raise ProtocolError(f"a head that is none ({type(error).__name__})") from error
        sizes = [math.prod(shape) * dtype.itemsize for _, dtype, shape in places]
        if any(size < 0 for _, _, shape in places for size in shape) or sum(sizes) > self._most:
            raise ProtocolError(f"tensors of {sum(sizes)} bytes")
        tensors = {}
        for (name, dtype, shape), size in zip(places, sizes, strict=True):
            try:
                value = torch.empty(shape, dtype=dtype)
            except RuntimeError as error:
                raise ProtocolError(f"a tensor of shape {shape}") from error
            if size:
                self._read(_bytes_of(value))
            tensors[name] = value
        return head, tensors

    def _read(self, target: bytearray | memoryview) -> None:
        rest = memoryview(target)
        while rest:
            try:
                count = self._patiently(partial(self._socket.recv_into, rest), write=False)
            except OSError as error:
                raise Closed from error
            if not count:
                raise Closed
            rest = rest[count:]

    def _patiently(self, call: Callable[[], int], write: bool) -> int:
        """What a call on the socket returns; waits with `tick` where it cannot be done yet."""
        if self._tick is None:
            return call()
        while True:
            try:
                return call()
            except BlockingIOError:
                if not (self._writing if write else self._reading).select(TICK):
                    self._tick()

    def close(self) -> None:
        """End the connection."""
        self._socket.close()
