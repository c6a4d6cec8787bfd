"""Writing to sockets without asking epoll first.

Twisted's transports put what is written aside, ask epoll to be told when the socket takes it, and after
that to be told no more: two system calls and a turn of the reactor for a write that nearly always could
have been done on the spot. nginx, asyncio and Go write at once and wait only with the rest; so do we.

With one difference, where several sockets are ready in one turn of the reactor (see `turns`): then what is
written is collected, and a few sockets are written to one after the other. Whoever waits at the other end of
the first is woken by it, and finds the others without having to be woken again.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from twisted.internet.tcp import Connection as TCPConnection
from twisted.logger import Logger
from twisted.protocols.tls import TLSMemoryBIOProtocol

Write = Callable[[bytes], None]

COLLECTED: Final = 16
"""Sockets that are written to one after the other."""
SMALL: Final = 16 * 1024
"""Bytes that may wait for that; far fewer than those for which a transport pauses its producer."""

_log = Logger()


class Collector:
    """What is written in one turn of the reactor, and not handed to the kernel yet.

    It is in the buffers of the transports themselves, so that whatever else happens to these comes in the
    right order.

    Attributes:
        collecting: Whether to collect.
    """

    def __init__(self) -> None:
        self.collecting = False
        self._transports: list[Any] = []

    def add(self, tcp: Any) -> None:
        """A transport's buffer was empty, and has something in it now."""
        self._transports.append(tcp)

    @property
    def full(self) -> bool:
        """Whether enough are collected."""
        return len(self._transports) >= COLLECTED

    def flush(self) -> None:
        """Write it all."""
        transports, self._transports = self._transports, []
        for tcp in transports:
            try:
                _flush(tcp)
            except Exception:  # nobody would come back to the others
                _log.failure("a socket could not be written to")


collector: Final = Collector()
"""Of the one reactor that a process has."""


def eager_write(transport: Any) -> Write:
    """How to write to a transport without waiting for epoll, where that can be.

    What is written this way and what is written to the transport itself stays in order.

    Args:
        transport: Any; all but Twisted's plain TCP transports are written to as always.

    Returns:
        Takes the bytes, as `ITransport.write` does. It reports no lost connection either: it leaves what
        could not be written to the transport, which finds out for itself.
    """
    write: Write = transport.write
    if not isinstance(transport, TCPConnection) or transport.TLS:
        return write
    tcp: Any = transport
    send = tcp.socket.send

    def write_at_once(data: bytes) -> None:
        if tcp.dataBuffer or not _free(tcp):
            write(data)
            return
        waiting = tcp._tempDataLen
        # Anything but bytes is refused here, not when it is flushed
        if collector.collecting and type(data) is bytes and waiting + len(data) < SMALL:
            if not waiting:
                collector.add(tcp)
            tcp._tempDataBuffer.append(data)
            tcp._tempDataLen = waiting + len(data)
            return
        if waiting:
            write(data)
            return
        try:
            sent = send(data)
        except OSError:
            sent = 0
        if sent < len(data):
            write(data[sent:])

    return write_at_once


def _free(tcp: Any) -> bool:
    """Whether nothing depends on the reactor's being told when the socket takes more."""
    return (
        not (tcp.disconnecting or tcp._writeDisconnecting or tcp._aborting or tcp.disconnected)
        # A pull producer waits for the turn in which it is asked for more
        and (tcp.producer is None or tcp.streamingProducer)
    )


def _flush(tcp: Any) -> None:
    if tcp.dataBuffer or not tcp._tempDataBuffer or tcp.disconnected or tcp._aborting:
        return  # the reactor has been at it, or it is lost
    if not _free(tcp):
        tcp.startWriting()
        return
    data = b"".join(tcp._tempDataBuffer)
    try:
        sent = tcp.socket.send(data)
    except OSError:
        sent = 0
    tcp._tempDataBuffer = []
    tcp._tempDataLen = 0
    if sent < len(data):
        tcp.dataBuffer, tcp.offset = data[sent:], 0
        tcp.startWriting()


def unsent(transport: Any) -> int:
    """How many bytes that were written have not been handed to the kernel yet; of TLS about how many."""
    if isinstance(transport, TCPConnection):
        return transport._tempDataLen + len(transport.dataBuffer) - transport.offset
    if isinstance(transport, TLSMemoryBIOProtocol):
        # (What is small waits for the next turn, in `BufferingTLSTransport`)
        collected = getattr(getattr(transport, "_aggregator", None), "_buffer", ())
        return sum(map(len, (*collected, *transport._appSendBuffer))) + unsent(transport.transport)
    return 0
