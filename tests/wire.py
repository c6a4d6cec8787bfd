"""One end of a connection in memory; see tests/fakes.py for the network that it is part of."""

from __future__ import annotations

import struct
from collections import deque
from typing import TYPE_CHECKING, Any

from twisted.internet.address import IPv4Address
from twisted.internet.error import ConnectionAborted, ConnectionDone, ConnectionLost
from twisted.internet.interfaces import IConsumer, IPushProducer, ITCPTransport
from twisted.python.failure import Failure
from zope.interface import implementer

if TYPE_CHECKING:
    from tests.fakes import Network

BUFFER = 64 * 1024
"""Bytes written and not yet taken by the network before a producer is paused, as in Twisted's transports."""

READ = 64 * 1024
"""Bytes that Twisted reads at once."""

WINDOW = 16 * 1024
"""Bytes that the network itself holds for a peer that does not read; a kernel holds more, but who waits for
it to fill learns nothing."""


@implementer(ITCPTransport, IConsumer, IPushProducer)
class Wire:
    """One end of a connection.

    It behaves as Twisted's TCP transport does, also where that is not what its interfaces say
    (tests/test_wire.py holds the two side by side)::

        write --> outbox --> the peer's inbox --> the peer's dataReceived
                  Twisted's  the network's
                  buffer     (`Network.window`)

    Attributes:
        protocol: Who reads what arrives here.
        sent: Every byte written here, for assertions.
        lost: The failure with which this end ended, or None.
        reading: False while paused.
    """

    disconnecting = False

    def __init__(self, network: Network, host: IPv4Address, peer: IPv4Address) -> None:
        self._network = network
        self._host = host
        self._peer_address = peer
        self.peer: Wire
        self.protocol: Any = None
        self.sent = bytearray()
        self.lost: Failure | None = None
        self.reading = True
        self.producer: Any = None
        self._streaming = False
        self._producer_paused = False
        self._outbox: deque[bytes] = deque()
        self._outbox_size = 0
        self._inbox: deque[bytes] = deque()
        self._inbox_size = 0
        self._writing = False  # waits for the network to take something
        self._half_closing = self._half_closed = self._aborting = False
        self._end: Failure | None = None  # the peer's end has come, after what is in the inbox
        self._was_reset = False

    # -- writing ------------------------------------------------------------

    def write(self, data: bytes) -> None:
        if not isinstance(data, bytes):
            raise TypeError(f"bytes are needed, not {type(data)}")
        if self.lost is not None or self._half_closed or self._aborting or not data:
            return
        self.sent += data
        self._outbox.append(data)
        self._outbox_size += len(data)
        self._writing = True
        if self.producer is not None and self._streaming and self._outbox_size > BUFFER:
            self._producer_paused = True
            self.producer.pauseProducing()

    def writeSequence(self, data: Any) -> None:
        self.write(b"".join(data))

    def registerProducer(self, producer: Any, streaming: bool) -> None:
        if self.producer is not None:
            raise RuntimeError("a producer is registered already")
        if self.lost is not None:
            producer.stopProducing()
            return
        self.producer = producer
        self._streaming = streaming
        if not streaming:
            producer.resumeProducing()

    def unregisterProducer(self) -> None:
        self.producer = None
        if self.lost is None and self.disconnecting:
            self._writing = True

    def flush(self) -> bool:
        """Let the network take what was written. Returns whether anything happened."""
        if self.lost is not None or self._aborting or not self._writing:
            return False
        if self.peer.lost is not None and self._outbox:
            return self._write_to_nobody()
        moved = False
        while self._outbox and self.peer._inbox_size < self._network.window:
            data = self._outbox.popleft()
            if len(data) > READ:
                self._outbox.appendleft(data[READ:])
                data = data[:READ]
            self._outbox_size -= len(data)
            self.peer._inbox.append(data)
            self.peer._inbox_size += len(data)
            moved = True
        if not self._outbox:
            self._flushed()
            return True
        return moved

    def _flushed(self) -> None:
        self._writing = False
        if self.producer is not None and (self._producer_paused or not self._streaming):
            self._producer_paused = False
            self.producer.resumeProducing()
        elif self.disconnecting:
            self._lose(Failure(ConnectionDone()))
        elif self._half_closing:
            self._half_closed = True
            self.peer._ended(Failure(ConnectionDone()))

    def _write_to_nobody(self) -> bool:
        """The peer is gone, and its kernel says so by a reset: the write was in vain."""
        self._outbox.clear()
        self._outbox_size = 0
        self._end = Failure(ConnectionLost())
        if not self.reading:  # who waits to write hears of a reset at once, who reads after what has come
            self._lose(self._end)
        return True

    # -- reading ------------------------------------------------------------

    def pauseProducing(self) -> None:
        self.reading = False

    def resumeProducing(self) -> None:
        if self.lost is None and not self.disconnecting and not self._aborting:
            self.reading = True

    def stopProducing(self) -> None:
        self.loseConnection()

    @property
    def has_unsent(self) -> bool:
        """Whether something was written that the network has not taken yet."""
        return bool(self._outbox)

    @property
    def has_work(self) -> bool:
        """Whether `flush` or `deliver` would do something."""
        if self.lost is not None or self._aborting:
            return False
        if self._writing and (not self._outbox or self.peer._inbox_size < self._network.window):
            return True
        return (self.reading or (self._writing and self._was_reset)) and bool(self._inbox or self._end)

    def deliver(self) -> bool:
        """Hand over one piece of what has arrived. Returns whether anything happened."""
        if self.lost is not None or self._aborting:
            return False
        if self._was_reset and self._end is not None and (self.reading or self._writing):
            self._lose(self._end)
            return True
        if not self.reading:
            return False
        if self._inbox:
            self.protocol.dataReceived(self._take())
            return True
        if self._end is not None:
            self._lose(self._end)
            return True
        return False

    def _take(self) -> bytes:
        data = self._inbox.popleft()
        size = self._network.size_of_next(len(data))
        if size < len(data):
            self._inbox.appendleft(data[size:])
            data = data[:size]
        self._inbox_size -= len(data)
        return data

    # -- ending -------------------------------------------------------------

    def loseConnection(self) -> None:
        """Close when everything written has gone out. Nothing is read any more, not even the peer's end."""
        if self.lost is not None or self.disconnecting or self._aborting:
            return
        self.reading = False
        if self._half_closed:
            self._lose(Failure(ConnectionDone()))
        else:
            self.disconnecting = self._writing = True

    def loseWriteConnection(self) -> None:
        if self.lost is None and not self._aborting:
            self._half_closing = self._writing = True

    def abortConnection(self) -> None:
        if self.lost is not None or self._aborting:
            return
        self._aborting = True
        self.reading = False
        self._outbox.clear()
        self._outbox_size = 0
        self._network.later(lambda: self._lose(Failure(ConnectionAborted())))

    def _ended(self, reason: Failure) -> None:
        """The peer will send no more."""
        if self._end is None:
            self._end = reason

    def _reset(self) -> None:
        """The peer has gone without a word: what was on its way is lost.

        Noticed by who reads or waits to write; not by who does neither.
        """
        self._inbox.clear()
        self._inbox_size = 0
        self._end = Failure(ConnectionLost())
        self._was_reset = True

    def _lose(self, reason: Failure) -> None:
        if self.lost is not None:
            return
        self.lost = reason
        if reason.check(ConnectionAborted) or self._inbox:
            # A kernel that closes a connection with bytes that nobody has read sends a reset
            self.peer._reset()
        else:
            self.peer._ended(Failure(ConnectionDone()))
        self._inbox.clear()
        self._outbox.clear()
        self._inbox_size = self._outbox_size = 0
        if self.producer is not None:
            self.producer.stopProducing()
            self.producer = None
        if self.protocol is not None:
            self.protocol.connectionLost(reason)

    # -- what else protocols ask --------------------------------------------

    def getHandle(self) -> _Kernel:
        """What the kernel would tell of the connection."""
        return _Kernel(self)

    def getPeer(self) -> IPv4Address:
        return self._peer_address

    def getHost(self) -> IPv4Address:
        return self._host

    def setTcpNoDelay(self, enabled: bool) -> None:
        pass

    def getTcpNoDelay(self) -> bool:
        return True

    def setTcpKeepAlive(self, enabled: bool) -> None:
        pass

    def getTcpKeepAlive(self) -> bool:
        return False


class _Kernel:
    """The part of a TCP socket that can be asked about the connection: Linux's `TCP_INFO`."""

    def __init__(self, wire: Wire) -> None:
        self._wire = wire

    def getsockopt(self, level: int, option: int, size: int) -> bytes:
        wire = self._wire
        state = 1 if wire._end is None else 8  # ESTABLISHED, CLOSE_WAIT
        under_way = wire._outbox_size + wire.peer._inbox_size
        info = bytearray(max(size, 148))
        info[0] = state
        struct.pack_into("=I", info, 24, under_way)
        struct.pack_into("=Q", info, 120, len(wire.sent) - under_way)
        return bytes(info[:size])
