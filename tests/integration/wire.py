"""HTTP by hand on both sides of a gateway, where a test must say which bytes go when."""

from __future__ import annotations

import json
import select
import socket
import struct
import time
from typing import Any

PATIENCE = 20.0


def post(payload: object, path: str = "/v1/chat/completions", *headers: str) -> bytes:
    """One JSON request as bytes."""
    body = payload if isinstance(payload, bytes) else json.dumps(payload).encode()
    lines = (
        f"POST {path} HTTP/1.1",
        "Host: gateway",
        "Content-Type: application/json",
        f"Content-Length: {len(body)}",
        *headers,
    )
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


class Peer:
    """One end of a connection, played by the test.

    Args:
        connection: A connected socket.
    """

    def __init__(self, connection: socket.socket) -> None:
        self.socket = connection
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.socket.settimeout(PATIENCE)
        self._held = b""

    @classmethod
    def to(cls, port: int) -> Peer:
        """Connect."""
        return cls(socket.create_connection(("127.0.0.1", port), PATIENCE))

    def say(self, data: bytes) -> None:
        """Send bytes."""
        self.socket.sendall(data)

    def until(self, end: bytes) -> bytes:
        """The next bytes up to and with `end`."""
        while end not in self._held:
            self._more()
        at = self._held.index(end) + len(end)
        data, self._held = self._held[:at], self._held[at:]
        return data

    def exactly(self, count: int) -> bytes:
        """The next `count` bytes."""
        while len(self._held) < count:
            self._more()
        data, self._held = self._held[:count], self._held[count:]
        return data

    def _more(self) -> None:
        data = self.socket.recv(65536)
        if not data:
            raise AssertionError(f"the connection closed after {self._held!r}")
        self._held += data

    def rest(self) -> bytes:
        """All that comes until the other side closes."""
        data, self._held = self._held, b""
        while more := self.socket.recv(65536):
            data += more
        return data

    def message(self) -> tuple[bytes, bytes]:
        """The next message: its head, and its body with any chunks taken apart."""
        head = self.until(b"\r\n\r\n")
        fields = dict(
            (line.partition(b":")[0].lower(), line.partition(b":")[2].strip())
            for line in head.split(b"\r\n")[1:-2]
        )
        if fields.get(b"transfer-encoding", b"").lower() == b"chunked":
            return head, self._chunked()
        return head, self.exactly(int(fields.get(b"content-length", b"0")))

    def _chunked(self) -> bytes:
        body = b""
        while size := int(self.until(b"\r\n"), 16):
            body += self.exactly(size)
            self.exactly(2)
        self.until(b"\r\n")
        return body

    def answer(self, body: bytes, *headers: str, status: str = "200 OK") -> None:
        """Send a complete JSON answer."""
        lines = (
            f"HTTP/1.1 {status}",
            "Content-Type: application/json",
            f"Content-Length: {len(body)}",
            *headers,
        )
        self.say("\r\n".join(lines).encode() + b"\r\n\r\n" + body)

    def begin_stream(self, *events: bytes) -> None:
        """Send the head of an event stream, and some events."""
        self.say(b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n")
        for event in events:
            self.chunk(event)

    def chunk(self, data: bytes) -> None:
        """Send one chunk of it; an empty one ends it."""
        self.say(b"%x\r\n%b\r\n" % (len(data), data))

    def seconds_until_closed(self, limit: float = 5.0) -> float:
        """Wait until the other side has closed or reset, dropping what it sent before.

        Raises:
            AssertionError: It has not within `limit` seconds.
        """
        began = time.monotonic()
        while (waited := time.monotonic() - began) < limit:
            if select.select([self.socket], [], [], limit - waited)[0]:
                try:
                    if not self.socket.recv(65536):
                        break
                except ConnectionError:
                    break
        else:
            raise AssertionError(f"the connection is still open after {limit} s")
        return time.monotonic() - began

    def close(self) -> None:
        """Close in good order (FIN)."""
        self.socket.close()

    def reset(self) -> None:
        """Close with a reset (RST)."""
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.socket.close()


class Listening:
    """A backend whose connections the test plays by hand.

    Args:
        backlog: Connections that the kernel makes without being asked.
    """

    def __init__(self, backlog: int = 16) -> None:
        self.socket = socket.socket()
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.socket.bind(("127.0.0.1", 0))
        self.socket.listen(backlog)
        self.socket.settimeout(PATIENCE)
        self.port: int = self.socket.getsockname()[1]
        self.peers: list[Peer] = []

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"http://127.0.0.1:{self.port}"

    def accept(self) -> Peer:
        """The next connection."""
        self.peers.append(Peer(self.socket.accept()[0]))
        return self.peers[-1]

    def idle(self, seconds: float) -> bool:
        """Whether nobody connects for so long."""
        return not select.select([self.socket], [], [], seconds)[0]

    def close_connections(self) -> None:
        """Close all connections, so that the next test finds none kept alive."""
        while self.peers:
            self.peers.pop().close()

    def close(self) -> None:
        """Close everything."""
        self.close_connections()
        self.socket.close()


def sse_events(body: bytes) -> list[Any]:
    """The data of each event of a stream: parsed JSON, or `[DONE]`."""
    data = [
        line.removeprefix(b"data: ")
        for event in body.split(b"\n\n")
        for line in event.split(b"\n")
        if line.startswith(b"data: ")
    ]
    return [each.decode() if each == b"[DONE]" else json.loads(each) for each in data]
