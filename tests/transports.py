"""Twisted's own TCP transport over a socket in memory, to hold the fake of tests/wire.py against it.

`Kernel` is the reactor: it looks which sockets are ready and calls Twisted's own code for what epoll would
report. Only the sockets are made up, after Linux: a socket that is closed with unread bytes, or with a
linger time of 0, sends a reset. `Poller` is epoll for them, where the reactor is Twisted's own too.
"""

from __future__ import annotations

import errno
import select
import socket
from typing import Any

from twisted.internet import tcp
from twisted.internet.posixbase import _DisconnectSelectableMixin, _PollLikeMixin
from twisted.internet.task import Clock

WINDOW = 16 * 1024


class MemorySocket:
    """One end of a connection, as the kernel keeps it."""

    peer: MemorySocket

    def __init__(self, number: int) -> None:
        self._number = number
        self._queue = bytearray()
        self._ended = self._closed = self._reset_on_close = self._shut = False
        self.was_reset = False

    @property
    def unread(self) -> bytes:
        """What has arrived here and was not read."""
        return bytes(self._queue)

    def events(self) -> int:
        """What epoll would report, were it asked for everything."""
        events = 0
        if self._queue or self._ended or self.was_reset:
            events |= select.EPOLLIN
        if self.was_reset:
            events |= select.EPOLLHUP | select.EPOLLERR
        if len(self.peer._queue) < WINDOW or self.was_reset:
            events |= select.EPOLLOUT
        return events

    def send(self, data: bytes | memoryview) -> int:
        if self._closed:
            raise OSError(errno.EBADF, "closed")
        if self.was_reset or self._shut:
            raise BrokenPipeError(errno.EPIPE, "reset")
        if not data:
            return 0
        if self.peer._closed:
            self._reset()
            return len(data)
        taken = data[: max(0, WINDOW - len(self.peer._queue))]
        if not taken:
            raise BlockingIOError(errno.EWOULDBLOCK, "full")
        self.peer._queue += taken
        return len(taken)

    def recv(self, size: int) -> bytes:
        if self.was_reset:
            raise ConnectionResetError(errno.ECONNRESET, "reset")
        data = bytes(self._queue[:size])
        if not data and not self._ended:
            raise BlockingIOError(errno.EWOULDBLOCK, "empty")
        del self._queue[:size]
        return data

    def shutdown(self, how: int) -> None:
        self._shut = self.peer._ended = True

    def setsockopt(self, level: int, option: int, value: bytes) -> None:
        self._reset_on_close = self._reset_on_close or option == socket.SO_LINGER

    def close(self) -> None:
        self._closed = True
        if self._reset_on_close or self._queue:
            self.peer._reset()
        else:
            self.peer._ended = True

    def _reset(self) -> None:
        self.was_reset = True
        self._queue.clear()

    def setblocking(self, blocking: bool) -> None:
        assert not blocking

    def fileno(self) -> int:
        return self._number


def socket_pair(one: int, two: int) -> tuple[MemorySocket, MemorySocket]:
    """Both ends of a connection, with their descriptors."""
    here, there = MemorySocket(one), MemorySocket(two)
    here.peer, there.peer = there, here
    return here, there


def connected(reactor: Any, end: Any, protocol: Any) -> Any:
    """Twisted's transport for one end of a connection."""
    transport = tcp.Connection(end, protocol, reactor)
    transport.connected = 1
    protocol.makeConnection(transport)
    transport.startReading()
    return transport


class Poller:
    """What epoll is to the sockets in memory, in the order of their numbers.

    Attributes:
        asked: The arguments of each `poll`.
        fails: What `poll` raises instead of looking, if anything.
    """

    def __init__(self, sockets: dict[int, MemorySocket]) -> None:
        self._sockets = sockets
        self._registered: dict[int, int] = {}
        self.asked: list[tuple[float, int]] = []
        self.fails: OSError | None = None

    def register(self, number: int, events: int) -> None:
        self._registered[number] = events

    def modify(self, number: int, events: int) -> None:
        assert number in self._registered
        self._registered[number] = events

    def unregister(self, number: int) -> None:
        del self._registered[number]

    def poll(self, timeout: float, most: int) -> list[tuple[int, int]]:
        self.asked.append((timeout, most))
        if self.fails is not None:
            raise self.fails
        ready = []
        for number, asked in sorted(self._registered.items()):
            events = self._sockets[number].events() & (asked | select.EPOLLHUP | select.EPOLLERR)
            if events:
                ready.append((number, events))
        return ready


class Kernel(_DisconnectSelectableMixin, _PollLikeMixin, Clock):
    """A reactor whose sockets are in memory; what it does with an event is Twisted's code."""

    _POLL_DISCONNECTED = select.EPOLLHUP | select.EPOLLERR
    _POLL_IN = select.EPOLLIN
    _POLL_OUT = select.EPOLLOUT

    def __init__(self) -> None:
        super().__init__()
        self._reads: dict[int, Any] = {}
        self._writes: dict[int, Any] = {}
        self._sockets = 0

    def addReader(self, reader: Any) -> None:
        self._reads[reader.fileno()] = reader

    def addWriter(self, writer: Any) -> None:
        self._writes[writer.fileno()] = writer

    def removeReader(self, reader: Any) -> None:
        self._reads.pop(reader.fileno(), None)

    def removeWriter(self, writer: Any) -> None:
        self._writes.pop(writer.fileno(), None)

    def getWriters(self) -> list[Any]:
        return list(self._writes.values())

    def pair(self, here: Any, there: Any) -> tuple[Any, Any]:
        """Connect two protocols. Returns their transports."""
        self._sockets += 2
        one, two = socket_pair(self._sockets - 1, self._sockets)
        return connected(self, one, here), connected(self, two, there)

    def turn(self) -> None:
        """One turn of the reactor."""
        self.advance(0)
        for number in sorted({*self._reads, *self._writes}):
            transport = self._reads.get(number) or self._writes.get(number)
            if transport is None:
                continue
            asked = select.EPOLLHUP | select.EPOLLERR
            asked |= select.EPOLLIN if number in self._reads else 0
            asked |= select.EPOLLOUT if number in self._writes else 0
            events = transport.socket.events() & asked
            if events:
                self._doReadOrWrite(transport, number, events)
