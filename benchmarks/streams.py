"""The client's side of many event streams at once."""

from __future__ import annotations

import select
import socket
import time
from dataclasses import dataclass

from benchmarks.contestants import PATH
from benchmarks.processes import Failure
from benchmarks.waiting import wait

_EVENT = b"data: "
_DONE = b"data: [DONE]\n\n"
_END = b"0\r\n\r\n"
_PATIENCE = 20.0
_OPENING = 100
"""Streams that are being opened at once."""


def request(body: bytes) -> bytes:
    """A whole request, as bytes."""
    head = (
        f"POST {PATH} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n"
        f"Authorization: Bearer sk-benchmark\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body


class _Stream:
    """One connection and the stream on it."""

    __slots__ = ("last", "socket")

    def __init__(self, port: int) -> None:
        self.socket = socket.create_connection(("127.0.0.1", port), 10.0)
        self.socket.setblocking(False)
        self.last = b""


@dataclass(slots=True)
class Wave:
    """What came of one stream on each connection.

    Attributes:
        events: How many came, `[DONE]` not counted.
        alone: How many of them came by themselves, with no other event in the same read.
    """

    events: int = 0
    alone: int = 0


class Streams:
    """Connections that stay open, each of which carries one stream at a time.

    Args:
        name: Of what they go through, for messages.
        port: Where that listens.
        body: Of each request.
    """

    def __init__(self, name: str, port: int, body: bytes) -> None:
        self._name = name
        self._port = port
        self._request = request(body)
        self._poller = select.epoll()
        self._streams: dict[int, _Stream] = {}

    def __len__(self) -> int:
        return len(self._streams)

    def connect(self, count: int) -> None:
        """Open connections."""
        for _ in range(count):
            stream = _Stream(self._port)
            self._streams[stream.socket.fileno()] = stream
            self._poller.register(stream.socket, select.EPOLLIN)

    def wave(self) -> Wave:
        """Ask for a stream on each connection, and read them all to their ends."""
        wave = Wave()
        for stream in self._streams.values():
            stream.socket.send(self._request)
        open_streams = set(self._streams)
        while open_streams:
            for descriptor in self._ready():
                stream = self._streams[descriptor]
                data = self._read(stream)
                events = data.count(_EVENT) - data.count(_DONE)
                wave.events += events
                wave.alone += events == 1
                stream.last = (stream.last + data)[-64:]
                if stream.last.endswith(_END):
                    if _DONE not in stream.last:
                        raise Failure(f"{self._name}: a stream ended without [DONE]: {stream.last!r}")
                    stream.last = b""
                    open_streams.remove(descriptor)
        return wave

    def hold(self, count: int) -> None:
        """Open more connections with a stream on each, up to this many, and see the first event of each."""
        while len(self) < count:
            opened = set(self._streams)
            self.connect(min(_OPENING, count - len(self)))
            opening = set(self._streams) - opened
            for descriptor in opening:
                self._streams[descriptor].socket.send(self._request)
            while opening:
                for descriptor in self._ready():
                    stream = self._streams[descriptor]
                    stream.last = (stream.last + self._read(stream))[-4096:]
                    if descriptor in opening and b"\n\n" in stream.last.partition(_EVENT)[2]:
                        opening.remove(descriptor)

    def listen(self, seconds: float) -> None:
        """Keep reading for a while: a stream that ends is a failure."""
        deadline = time.monotonic() + seconds
        while (left := deadline - time.monotonic()) > 0:
            for descriptor, _ in wait(self._poller, left):
                self._read(self._streams[descriptor])

    def close(self) -> None:
        """Leave."""
        for stream in self._streams.values():
            stream.socket.close()
        self._streams.clear()
        self._poller.close()

    def _ready(self) -> list[int]:
        ready = wait(self._poller, _PATIENCE)
        if not ready:
            raise Failure(f"{self._name}: nothing came on any stream for {_PATIENCE:.0f} s")
        return [descriptor for descriptor, _ in ready]

    def _read(self, stream: _Stream) -> bytes:
        try:
            data = stream.socket.recv(65536)
        except ConnectionError as error:
            raise Failure(f"{self._name}: a stream broke: {error}") from None
        if not data:
            raise Failure(f"{self._name}: a stream was closed early, after {stream.last[-300:]!r}")
        if data.startswith(b"HTTP/1.1 ") and not data.startswith(b"HTTP/1.1 200 "):
            raise Failure(f"{self._name}: a stream was refused: {data[:300]!r}")
        return data
