"""What the tests of upstream/ are made of: connections whose backend is the test itself."""

from __future__ import annotations

from typing import Any, TypeVar

from twisted.internet.defer import Deferred
from twisted.internet.error import ConnectionDone
from twisted.internet.interfaces import IConsumer
from twisted.internet.protocol import Protocol, connectionDone
from twisted.internet.testing import StringTransport
from twisted.python.failure import Failure
from twisted.web.iweb import UNKNOWN_LENGTH, IBodyProducer
from zope.interface import implementer

from jairouter.errors import ClientGone
from jairouter.exchange import Attempt, HeaderPairs, Phase
from jairouter.interfaces import IBodySink, IRequestBody
from jairouter.task import Promise, as_deferred
from jairouter.traffic.instance import Instance
from jairouter.upstream.connection import Connection
from jairouter.upstream.outgoing import Outgoing, compose
from jairouter.upstream.response import Response
from jairouter.upstream.tls import BackendTls

_T = TypeVar("_T")

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
"""A complete answer after which the connection stays open."""


def awaited(promise: Promise[_T]) -> Deferred[_T]:
    """What comes of a promise, for trial's assertions; cancelling it cancels whoever awaits the promise."""

    async def wait() -> _T:
        return await promise

    return as_deferred(wait())


class Wire(StringTransport):
    """Twisted's transport in memory.

    Attributes:
        protocol: Who reads what arrives, where the test did not make it itself.
        producer: Who writes piece by piece, while somebody does.
    """

    protocol: Any = None
    producer: Any = None
    disconnected = False

    def __init__(self) -> None:
        super().__init__(lenient=True)

    @property
    def aborted(self) -> bool:
        """Whether it was closed at once, without a word."""
        return bool(self.disconnected)

    @property
    def reading(self) -> bool:
        """Whether it is not paused."""
        return bool(self.producerState == "producing")


class Line:
    """One connection and both its ends.

    Attributes:
        connection: Under test.
        wire: Its transport.
        told: What the pool was told, in order: ``idle``, ``lost``.
    """

    def __init__(self, opened: float = 0.0) -> None:
        self.told: list[str] = []
        self.connection = Connection(
            opened, lambda _: self.told.append("idle"), lambda _: self.told.append("lost")
        )
        self.wire = Wire()
        self.connection.makeConnection(self.wire)

    def send(self, outgoing: Outgoing | None = None) -> Deferred[Response]:
        """Send a request, by default a POST without a body, and await its answer."""
        return awaited(self.connection.send(outgoing or request()))

    def say(self, *pieces: bytes) -> None:
        """The backend says something, one read for each piece."""
        for piece in pieces:
            self.connection.dataReceived(piece)

    def lose(self, error: Exception | None = None) -> None:
        """The backend closes the connection, by default in good order."""
        self.connection.connectionLost(Failure(error or ConnectionDone()))


class Receiver(Protocol):
    """Collects a body.

    Attributes:
        data: What came.
        ends: Each reason it was told; one in all, if all is well.
    """

    def __init__(self) -> None:
        self.data = b""
        self.ends: list[Failure] = []

    def dataReceived(self, data: bytes) -> None:
        self.data += data

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        self.ends.append(reason)


@implementer(IRequestBody)
class Upload:
    """A request body that the test sends piece by piece.

    Attributes:
        sink: Where it goes, while it is wanted.
        calls: What it was told, in order.
    """

    data: bytes | None = None

    def __init__(self, length: int | None = None, *, replayable: bool = False) -> None:
        self.length = length
        self.replayable = replayable
        self.sink: IBodySink | None = None
        self.calls: list[str] = []

    def start(self, sink: IBodySink) -> None:
        self.sink = sink
        self.calls.append("start")

    def pause(self) -> None:
        self.calls.append("pause")

    def resume(self) -> None:
        self.calls.append("resume")

    def stop(self) -> None:
        self.sink = None
        self.calls.append("stop")

    def send(self, data: bytes) -> None:
        """The next piece."""
        if self.sink is not None:
            self.sink.chunk(data)

    def end(self) -> None:
        """That was all."""
        if self.sink is not None:
            self.sink.end()

    def break_off(self) -> None:
        """The client is gone."""
        if self.sink is not None:
            self.sink.broke(ClientGone("gone"))


@implementer(IBodyProducer)
class Producer:
    """A body of somebody who knows Twisted's interfaces only."""

    def __init__(self, length: int | None = None, *, error: Exception | None = None) -> None:
        self.length: Any = UNKNOWN_LENGTH if length is None else length
        self.finished: Deferred[None] = Deferred()
        self.stopped = 0
        self.consumer: Any = None
        self._error = error

    def startProducing(self, consumer: IConsumer) -> Deferred[None]:
        if self._error is not None:
            raise self._error
        self.consumer = consumer
        return self.finished

    def pauseProducing(self) -> None:
        pass

    def resumeProducing(self) -> None:
        pass

    def stopProducing(self) -> None:
        self.stopped += 1


class Phases(Attempt):
    """An attempt that notes its phases, and how often it was told of progress."""

    __slots__ = ("entered", "moved")

    def __init__(self, tls: BackendTls | None = None) -> None:
        super().__init__(Instance("chat", "m", "http://10.0.0.1", None, 1, (), tls=tls), lambda: 0.0)
        self.entered: list[Phase] = []
        self.moved = 0

    def enter(self, phase: Phase) -> None:
        """Note it."""
        self.entered.append(phase)
        super().enter(phase)

    def progress(self) -> None:
        """Note it."""
        self.moved += 1
        super().progress()


def request(
    body: IBodyProducer | bytes | None = None,
    *,
    method: bytes = b"POST",
    pairs: HeaderPairs = (),
    attempt: Attempt | None = None,
) -> Outgoing:
    """A request to a backend, with a body in memory, one that is produced, or none."""
    data = body if isinstance(body, bytes) else None
    producer = None if isinstance(body, bytes) else body
    length: int | None = len(data or b"")
    if producer is not None:
        length = None if producer.length is UNKNOWN_LENGTH else int(producer.length)
    return Outgoing(method, compose(method, b"h", b"/v1/x", pairs, length), data, producer, attempt)
