"""Twisted's own TCP transport over a socket in memory, to hold the fake of tests/wire.py against it.

`Kernel` is the reactor: it looks which sockets are ready and calls Twisted's own code for what epoll would
report. Only the sockets are made up, after Linux: a socket that is closed with unread bytes, or with a
linger time of 0, sends a reset.
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
        self._ended = self._closed = self._reset_on_close = False
        self.was_reset = False

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

    def send(self, data: memoryview) -> int:
        if self.was_reset:
            raise BrokenPipeError(errno.EPIPE, "reset")
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
        self.peer._ended = True

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


class Kernel(_DisconnectSelectableMixin, _PollLikeMixin, Clock):
    """A reactor whose sockets are in memory; what it does with an event is Twisted's code."""

    _POLL_DISCONNECTED = select.EPOLLHUP | select.EPOLLERR
    _POLL_IN = select.EPOLLIN
    _POLL_OUT = select.EPOLLOUT

    def __init__(self) -> None:
        super().__init__()
        self._reads: dict[int, Any] = {}
        self._writes: dict[int, Any] = {}

    def addReader(self, reader: Any) -> None:
        self._reads[reader.fileno()] = reader

    def addWriter(self, writer: Any) -> None:
        self._writes[writer.fileno()] = writer

    def removeReader(self, reader: Any) -> None:
        self._reads.pop(reader.fileno(), None)

    def removeWriter(self, writer: Any) -> None:
        self._writes.pop(writer.fileno(), None)

    def pair(self, here: Any, there: Any) -> tuple[Any, Any]:
        """Connect two protocols. Returns their transports."""
        one, two = MemorySocket(1), MemorySocket(2)
        one.peer, two.peer = two, one
        return self._transport(one, here), self._transport(two, there)

    def _transport(self, end: Any, protocol: Any) -> Any:
        reactor: Any = self
        transport = tcp.Connection(end, protocol, reactor)
        transport.connected = 1
        protocol.makeConnection(transport)
        transport.startReading()
        return transport

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
