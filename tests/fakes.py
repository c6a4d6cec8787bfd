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
    ConnectionDone,
    ConnectionRefusedError,
    UserError,
)
from twisted.internet.error import TimeoutError as ConnectTimeoutError
from twisted.internet.interfaces import (
    IConnector,
    IListeningPort,
    IReactorTCP,
    IReactorTime,
)
from twisted.internet.protocol import Factory, Protocol
from twisted.internet.task import Clock
from twisted.python.failure import Failure
from zope.interface import implementer

from tests.wire import BUFFER, READ, WINDOW, Wire

__all__ = ["BUFFER", "READ", "WINDOW", "Client", "Network", "Wire"]


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
