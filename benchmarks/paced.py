"""A backend that streams events, each as a packet of its own: nginx cannot pace.

Run as a program it listens on a port. After a request it sends the head, then event after event in a fixed
interval, then `[DONE]`; or, with `--hold`, the head and one event, and then nothing more until the client
leaves. Streams are set off against each other, so that their events come one by one and not in bursts.
"""

from __future__ import annotations

import argparse
import heapq
import itertools
import re
import select
import socket
import sys
import time

from benchmarks.processes import Process, free_ports
from benchmarks.waiting import wait

INTERVAL = 0.01

_HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n"
_LENGTH = re.compile(rb"\r\nContent-Length: *(\d+)", re.IGNORECASE)


def _chunk(event: bytes) -> bytes:
    return b"%x\r\n%b\r\n" % (len(event), event)


EVENT = _chunk(
    b'data: {"id":"chatcmpl-1","object":"chat.completion.chunk","created":1700000000,"model":"events",'
    b'"choices":[{"index":0,"delta":{"content":" token"},"finish_reason":null}]}\n\n'
)
_END = _chunk(b"data: [DONE]\n\n") + b"0\r\n\r\n"


class PacedBackend(Process):
    """This module as a program.

    Args:
        events: In each stream.
        streams: How many are set off against each other; with 1, the events of all come at once.
        hold: Whether a stream goes silent after its first event.

    Attributes:
        port: Where it listens.
    """

    def __init__(self, events: int, streams: int, hold: bool = False) -> None:
        (self.port,) = free_ports(1)
        options = ["--port", str(self.port), "--events", str(events), "--streams", str(streams)]
        options += ["--hold"] if hold else []
        super().__init__("the paced backend", [sys.executable, "-m", "benchmarks.paced", *options])
        self.wait_for_port(self.port)


class _Connection:
    """A client, which asks for one stream after the other."""

    __slots__ = ("received", "remaining", "socket")

    def __init__(self, client: socket.socket) -> None:
        self.socket = client
        self.received = b""
        self.remaining = 0

    def read(self) -> bool | None:
        """Take what has come: true if that completes a request, None if the client has left."""
        try:
            data = self.socket.recv(65536)
        except ConnectionError:
            return None
        if not data:
            return None
        self.received += data
        head, end, body = self.received.partition(b"\r\n\r\n")
        length = _LENGTH.search(head)
        if not end or length is None or len(body) < int(length[1]):
            return False
        self.received = b""
        return True

    def send(self, data: bytes) -> bool:
        """Send it. A client that reads so slowly that this blocks is none of ours: it is cut off."""
        try:
            return self.socket.send(data) == len(data)
        except OSError:
            return False


class _Streams:
    """All of them.

    Args:
        listener: Where clients come.
        arguments: The command line.
    """

    def __init__(self, listener: socket.socket, arguments: argparse.Namespace) -> None:
        self._listener = listener
        self._events: int = arguments.events
        self._hold: bool = arguments.hold
        self._phases = itertools.cycle(INTERVAL * n / arguments.streams for n in range(arguments.streams))
        self._poller = select.epoll()
        self._poller.register(listener, select.EPOLLIN)
        self._connections: dict[int, _Connection] = {}
        self._due: list[tuple[float, int, _Connection]] = []

    def run(self) -> None:
        """Serve until the process ends."""
        while True:
            delay = self._due[0][0] - time.monotonic() if self._due else None
            for descriptor, _ in wait(self._poller, delay):
                if descriptor == self._listener.fileno():
                    self._accept()
                else:
                    self._readable(descriptor)
            now = time.monotonic()
            while self._due and self._due[0][0] <= now:
                self._advance(*heapq.heappop(self._due))

    def _accept(self) -> None:
        client, _ = self._listener.accept()
        client.setblocking(False)
        client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._connections[client.fileno()] = _Connection(client)
        self._poller.register(client, select.EPOLLIN)

    def _readable(self, descriptor: int) -> None:
        connection = self._connections[descriptor]
        asked = connection.read()
        if asked is None:
            self._drop(connection)
        elif asked and self._hold:
            connection.send(_HEAD + EVENT)
        elif asked:
            connection.send(_HEAD)
            connection.remaining = self._events
            begin = (time.monotonic() // INTERVAL + 2) * INTERVAL + next(self._phases)
            heapq.heappush(self._due, (begin, descriptor, connection))

    def _advance(self, due: float, descriptor: int, connection: _Connection) -> None:
        if connection.remaining == 0:
            sent = connection.send(_END)
        else:
            sent = connection.send(EVENT)
            connection.remaining -= 1
            heapq.heappush(self._due, (due + INTERVAL, descriptor, connection))
        if not sent:
            self._drop(connection)

    def _drop(self, connection: _Connection) -> None:
        if self._connections.pop(connection.socket.fileno(), None) is not None:
            connection.socket.close()
        self._due = [each for each in self._due if each[2] is not connection]
        heapq.heapify(self._due)


def main() -> None:
    """The program."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--events", type=int, required=True)
    parser.add_argument("--streams", type=int, required=True)
    parser.add_argument("--hold", action="store_true")
    arguments = parser.parse_args()
    listener = socket.create_server(("127.0.0.1", arguments.port), backlog=4096)
    _Streams(listener, arguments).run()


if __name__ == "__main__":
    main()
