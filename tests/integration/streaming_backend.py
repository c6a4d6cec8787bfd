"""A backend that holds thousands of event streams open, and says the next event on all of them when told to.

It is a program of its own::

    python -m tests.integration.streaming_backend

    POST /v1/chat/completions   an answer, or a stream that begins with its first event
    POST /next                  the next event on every stream
    POST /finish                the last event on every stream, and its end
    GET  /state                 {"streams": how many are open, "connections": how many there are}
"""

from __future__ import annotations

import json
import resource
from collections.abc import Iterator
from typing import Any

from twisted.internet import reactor as _reactor
from twisted.internet.protocol import Factory, Protocol, connectionDone
from twisted.python.failure import Failure

reactor: Any = _reactor
HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n"
DONE = b"data: [DONE]\n\n"


def event(number: int, place: int) -> bytes:
    """The event of stream `number` at a place in it: each is another one."""
    text = f"event {place} of stream {number}: ü東😀"
    data = {"id": f"chatcmpl-{number}", "choices": [{"index": 0, "delta": {"content": text}}]}
    return b"data: " + json.dumps(data, ensure_ascii=False).encode() + b"\n\n"


def events(number: int, count: int) -> Iterator[bytes]:
    """All that stream `number` consists of if it has `count` events before its last one."""
    yield from (event(number, place) for place in range(count))
    yield DONE


def request(number: int, *, stream: bool) -> bytes:
    """What asks for stream `number`, or for a plain answer."""
    body = json.dumps({"model": "org/chat", "stream": stream, "messages": [], "seed": number}).encode()
    head = "POST /v1/chat/completions HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
    return head.encode() + b"Content-Length: %d\r\n\r\n" % len(body) + body


def allow_descriptors() -> None:
    """As many as the machine lets this process have."""
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


class Connection(Protocol):
    """One connection of the gateway, or of the test."""

    number = place = -1

    def __init__(self, backend: Backend) -> None:
        self._backend = backend
        self._received = b""

    def connectionMade(self) -> None:
        """See `Protocol.connectionMade`."""
        self.transport.setTcpNoDelay(True)  # type: ignore[union-attr]  # it is a TCP transport
        self._backend.connections.add(self)

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        """See `Protocol.connectionLost`."""
        self._backend.connections.discard(self)
        self._backend.streams.pop(self, None)

    def dataReceived(self, data: bytes) -> None:
        """See `Protocol.dataReceived`: one request at a time, with a Content-Length if it has a body."""
        self._received += data
        head, found, body = self._received.partition(b"\r\n\r\n")
        _, _, length = head.lower().partition(b"content-length:")
        if not found or len(body) < int(length.split(b"\r\n")[0] or b"0"):
            return
        self._received = b""
        self._answer(head.split(b" ")[1].decode(), body)

    def _answer(self, path: str, body: bytes) -> None:
        if path == "/v1/chat/completions":
            asked = json.loads(body)
            if asked["stream"]:
                self.begin(asked["seed"])
                return
            self._say({"choices": []})
            return
        streams = list(self._backend.streams)
        for stream in streams:
            if path == "/next":
                stream.go_on()
            elif path == "/finish":
                stream.finish()
        self._say({"streams": len(streams), "connections": len(self._backend.connections) - 1})

    def _say(self, page: object) -> None:
        body = json.dumps(page).encode()
        head = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n"
        self._write(head % len(body) + body)

    def begin(self, number: int) -> None:
        """Begin a stream."""
        self.number, self.place = number, 0
        self._backend.streams[self] = None
        self._write(HEAD + self._chunk(event(number, 0)))

    def go_on(self) -> None:
        """The next event."""
        self.place += 1
        self._write(self._chunk(event(self.number, self.place)))

    def finish(self) -> None:
        """The last one."""
        del self._backend.streams[self]
        self._write(self._chunk(DONE) + b"0\r\n\r\n")

    def _chunk(self, data: bytes) -> bytes:
        return b"%x\r\n%b\r\n" % (len(data), data)

    def _write(self, data: bytes) -> None:
        assert self.transport is not None
        self.transport.write(data)


class Backend(Factory):
    """All connections, and those that are a stream."""

    noisy = False

    def __init__(self) -> None:
        self.connections: set[Connection] = set()
        self.streams: dict[Connection, None] = {}

    def buildProtocol(self, addr: object) -> Connection:
        """See `Factory.buildProtocol`."""
        return Connection(self)


def main() -> None:
    """Listen on any free port until killed."""
    allow_descriptors()
    port = reactor.listenTCP(0, Backend(), backlog=1024, interface="127.0.0.1")
    print(f"listening on http://127.0.0.1:{port.getHost().port}", flush=True)
    reactor.run()


if __name__ == "__main__":
    main()
