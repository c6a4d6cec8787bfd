"""Requests that come when they come, whether or not the ones before them have been answered.

Latency counts from the moment a request was due, so that a server which stalls pays for all the requests that
came meanwhile, and so that lateness of this very generator shows in the figures instead of hiding.
"""

from __future__ import annotations

import random
import re
import select
import socket
import time
from dataclasses import dataclass

from benchmarks.figures import percentile
from benchmarks.processes import Failure
from benchmarks.streams import request
from benchmarks.waiting import wait

_LENGTH = re.compile(rb"\r\nContent-Length: *(\d+)", re.IGNORECASE)
_READY = 32
"""Connections that are open before the first request; more are opened when these are busy."""
_LEAD = 0.3
"""Seconds whose requests do not count."""
_PATIENCE = 10.0
_SEED = 20


@dataclass(frozen=True, slots=True)
class Latencies:
    """Milliseconds.

    Attributes:
        p50: Half of the requests took at most this.
        p99: 99 of 100 took at most this.
        worst: None took longer.
        late: 99 of 100 requests were sent at most this long after they were due.
    """

    p50: float
    p99: float
    worst: float
    late: float


class _Connection:
    """One request at a time."""

    __slots__ = ("counts", "due", "received", "socket")

    def __init__(self, port: int) -> None:
        self.socket = socket.create_connection(("127.0.0.1", port), _PATIENCE)
        self.socket.setblocking(False)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.received = b""
        self.due = 0.0
        self.counts = False

    def answered(self) -> bool:
        """Take what has come. Returns whether the answer is complete.

        Raises:
            Failure: It is no 200 with a length, or the connection was closed.
        """
        try:
            data = self.socket.recv(65536)
        except ConnectionError as error:
            raise Failure(f"a connection broke: {error}") from None
        self.received += data
        if not data or not self.received.startswith(b"HTTP/1.1 200 "[: len(self.received)]):
            raise Failure(f"no good answer: {self.received[:300]!r}")
        head, end, body = self.received.partition(b"\r\n\r\n")
        if not end:
            return False
        length = _LENGTH.search(head)
        if length is None:
            raise Failure(f"an answer without a length: {head!r}")
        if len(body) < int(length[1]):
            return False
        self.received = b""
        return True


class Arrivals:
    """An open loop of requests at random times, the same times in every run.

    Args:
        port: Where they go.
        body: Of each.
        rate: How many come in a second, on average.
    """

    def __init__(self, port: int, body: bytes, rate: float) -> None:
        self._port = port
        self._request = request(body)
        self._rate = rate
        self._poller = select.epoll()
        self._connections: dict[int, _Connection] = {}
        self._idle: list[_Connection] = []
        self._latencies: list[float] = []
        self._late: list[float] = []

    def run(self, seconds: float) -> Latencies:
        """Send requests for so long, and wait for the last answer."""
        due = schedule(self._rate, seconds + _LEAD)
        try:
            self._idle = [self._connect() for _ in range(_READY)]
            begin = time.monotonic() + 0.01
            self._go([begin + each for each in due], begin + _LEAD)
        finally:
            for connection in self._connections.values():
                connection.socket.close()
            self._poller.close()
        self._latencies.sort()
        self._late.sort()
        figures = (
            percentile(self._latencies, 0.5),
            percentile(self._latencies, 0.99),
            self._latencies[-1],
            percentile(self._late, 0.99),
        )
        return Latencies(*(figure * 1000 for figure in figures))

    def _go(self, due: list[float], counting: float) -> None:
        sent = 0
        while sent < len(due) or len(self._idle) < len(self._connections):
            while sent < len(due) and due[sent] <= time.monotonic():
                self._send(due[sent], counts=due[sent] >= counting)
                sent += 1
            delay = due[sent] - time.monotonic() if sent < len(due) else _PATIENCE
            ready = wait(self._poller, delay)
            if not ready and delay == _PATIENCE:
                raise Failure(f"no answer within {_PATIENCE:.0f} s")
            for descriptor, _ in ready:
                self._receive(self._connections[descriptor])

    def _connect(self) -> _Connection:
        connection = _Connection(self._port)
        self._connections[connection.socket.fileno()] = connection
        self._poller.register(connection.socket, select.EPOLLIN)
        return connection

    def _send(self, due: float, counts: bool) -> None:
        connection = self._idle.pop() if self._idle else self._connect()
        connection.due = due
        connection.counts = counts
        if counts:
            self._late.append(time.monotonic() - due)
        connection.socket.send(self._request)

    def _receive(self, connection: _Connection) -> None:
        if connection.answered():
            if connection.counts:
                self._latencies.append(time.monotonic() - connection.due)
            self._idle.append(connection)


def schedule(rate: float, seconds: float) -> list[float]:
    """Moments as independent callers choose them: exponential gaps, now and then many at once."""
    source = random.Random(_SEED)
    moments: list[float] = []
    moment = 0.0
    while (moment := moment + source.expovariate(rate)) < seconds:
        moments.append(moment)
    return moments
