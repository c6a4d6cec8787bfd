"""A network in memory, with a clock of its own: the whole gateway runs on it, bytes included.

`Network` stands in for the reactor. Bytes travel when it runs, in the order in which they were sent;
time passes when it is told so; nothing else ever happens. Every connection is a pair of `Wire`s.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import Any

from twisted.internet.address import IPv4Address
from twisted.internet.defer import Deferred, maybeDeferred, succeed
from twisted.internet.error import (
    ConnectionAborted,
    ConnectionDone,
    ConnectionLost,
    ConnectionRefusedError,
    UserError,
)
from twisted.internet.error import TimeoutError as ConnectTimeoutError
from twisted.internet.interfaces import (
    IConnector,
    IConsumer,
    IListeningPort,
    IPushProducer,
    IReactorTCP,
    IReactorTime,
    ITCPTransport,
)
from twisted.internet.protocol import Factory, Protocol
from twisted.internet.task import Clock
from twisted.python.failure import Failure
from zope.interface import implementer

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
    (tests/test_fakes.py holds the two side by side)::

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


class Client(Protocol):
    """Someone at one end of a connection: collects what it reads, writes what the test says."""

    def __init__(self) -> None:
        self.received = bytearray()
        self.closed: Failure | None = None

    def dataReceived(self, data: bytes) -> None:
        self.received += data

    def connectionLost(self, reason: Failure = Failure(ConnectionDone())) -> None:  # noqa: B008 - as Twisted's
        self.closed = reason

    def send(self, data: bytes) -> None:
        assert self.transport is not None
        self.transport.write(data)

    def leave(self) -> None:
        """Go away without a word, as a process that is killed."""
        wire: Any = self.transport
        wire.abortConnection()


@implementer(IListeningPort)
class _Port:
    def __init__(self, network: Network, address: tuple[str, int], factory: Factory) -> None:
        self._network = network
        self._address = address
        self.factory = factory

    def startListening(self) -> None:
        pass

    def stopListening(self) -> Deferred[None]:
        self._network.listeners.pop(self._address, None)
        return succeed(None)

    def getHost(self) -> IPv4Address:
        return IPv4Address("TCP", *self._address)


@implementer(IConnector)
class _Connector:
    def __init__(self, network: Network, host: str, port: int, factory: Any, timeout: float) -> None:
        self.network = network
        self.address = (host, port)
        self.factory = factory
        self.over = False
        self.wire: Wire | None = None
        factory.doStart()
        factory.startedConnecting(self)
        self._timer = network.callLater(timeout, self._fail, ConnectTimeoutError())

    def arrive(self) -> None:
        if self.over:
            return
        listener = self.network.listeners.get(self.address)
        if listener is None:
            self._fail(ConnectionRefusedError())
            return
        self._finish()
        here, there = self.network.pair()
        there.protocol = listener.factory.buildProtocol(here.getHost())
        here.protocol = self.factory.buildProtocol(there.getHost())
        self.wire = here
        self.network.connections.append((self.address, here, there))
        if there.protocol is None:
            there.abortConnection()
        else:
            there.protocol.makeConnection(there)
        here.protocol.makeConnection(here)

    def stopConnecting(self) -> None:
        self._fail(UserError())

    def disconnect(self) -> None:
        if self.wire is not None:
            self.wire.loseConnection()
        else:
            self.stopConnecting()

    def connect(self) -> None:
        raise NotImplementedError

    def getDestination(self) -> IPv4Address:
        return IPv4Address("TCP", *self.address)

    def _fail(self, error: Exception) -> None:
        if not self.over:
            self._finish()
            self.factory.clientConnectionFailed(self, Failure(error))

    def _finish(self) -> None:
        self.over = True
        if self._timer.active():
            self._timer.cancel()


@implementer(IReactorTime, IReactorTCP)
class Network(Clock):
    """A reactor without a world.

    Attributes:
        listeners: Who listens where, by (host, port).
        black_holes: Addresses at which connecting never ends.
        connections: (address, the connecting end, the accepting end) of every connection made.
        piece: At most so many bytes are delivered at once; None for as they were written.
        window: Bytes that may be on their way to somebody who does not read.
    """

    def __init__(self) -> None:
        super().__init__()
        self.listeners: dict[tuple[str, int], _Port] = {}
        self.black_holes: set[tuple[str, int]] = set()
        self.connections: list[tuple[tuple[str, int], Wire, Wire]] = []
        self.piece: int | None = None
        self.window = WINDOW
        self._wires: list[Wire] = []
        self._later: deque[Callable[[], None]] = deque()
        self._next_port = 40000

    # -- for the gateway ----------------------------------------------------

    def listenTCP(self, port: int, factory: Any, backlog: int = 50, interface: str = "") -> _Port:
        address = (interface or "0.0.0.0", port or self._port())
        factory.doStart()
        self.listeners[address] = _Port(self, address, factory)
        return self.listeners[address]

    def connectTCP(
        self, host: str, port: int, factory: Any, timeout: float = 30, bindAddress: Any = None
    ) -> _Connector:
        connector = _Connector(self, host, port, factory, timeout)
        if (host, port) not in self.black_holes:
            self.later(connector.arrive)
        return connector

    def callFromThread(self, function: Any, *arguments: Any) -> None:
        self.later(lambda: function(*arguments))

    def callWhenRunning(self, function: Any, *arguments: Any) -> None:
        function(*arguments)

    @staticmethod
    def run_in_thread(function: Any, *arguments: Any) -> Deferred[Any]:
        """What would run in a thread runs at once."""
        return maybeDeferred(function, *arguments)

    # -- for the test -------------------------------------------------------

    def connect(self, host: str, port: int, client: Client | None = None) -> Client:
        """Connect to somebody who listens on the network."""
        here, there = self.pair()
        client = client or Client()
        here.protocol = client
        there.protocol = self.listeners[host, port].factory.buildProtocol(here.getHost())
        self.connections.append(((host, port), here, there))
        client.makeConnection(here)
        if there.protocol is None:
            there.abortConnection()
        else:
            there.protocol.makeConnection(there)
        return client

    def run(self, seconds: float = 0.0, step: float = 0.05) -> None:
        """Deliver everything that is on its way, and let time pass."""
        self._settle()
        while seconds > 1e-9:
            self.advance(min(step, seconds))
            seconds -= step
            self._settle()

    def turn(self) -> None:
        """One turn of the reactor: what is due now, and no consequence of it that needs another turn."""
        self._turn()

    def pair(self) -> tuple[Wire, Wire]:
        one, two = (IPv4Address("TCP", "127.0.0.1", self._port()) for _ in range(2))
        here, there = Wire(self, one, two), Wire(self, two, one)
        here.peer, there.peer = there, here
        self._wires += [here, there]
        return here, there

    def later(self, call: Callable[[], None]) -> None:
        """Do this in the next turn."""
        self._later.append(call)

    def size_of_next(self, size: int) -> int:
        """How many bytes of the next `size` are delivered at once."""
        return min(size, READ, self.piece or READ)

    def _turn(self) -> bool:
        due, self._later = self._later, deque()
        self.advance(0)
        for call in due:
            call()
        return self._move() or bool(due) or bool(self._later)

    def _move(self) -> bool:
        """Every wire takes and delivers what it can. Returns whether anything happened."""
        moved = False
        for wire in list(self._wires):
            moved = wire.flush() or moved
        for wire in list(self._wires):
            moved = wire.deliver() or moved
        self._wires = [wire for wire in self._wires if wire.lost is None]
        return moved

    def _port(self) -> int:
        self._next_port += 1
        return self._next_port

    def _settle(self) -> None:
        for _ in range(100_000):
            moved = self._turn()
            if not moved:
                return
        raise AssertionError("the network does not come to rest")
