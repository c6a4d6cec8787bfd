"""An answer of a backend, as treq and the Forward filter see it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from twisted.internet.error import ConnectionAborted
from twisted.internet.interfaces import IPushProducer
from twisted.python.failure import Failure
from twisted.web.http import RESPONSES
from twisted.web.http_headers import Headers
from twisted.web.iweb import UNKNOWN_LENGTH, IResponse
from zope.interface import implementer

from jairouter.upstream.wire import WireHeaders

if TYPE_CHECKING:
    from twisted.internet.interfaces import IProtocol
    from twisted.web.iweb import IClientRequest

    from jairouter.exchange import HeaderPairs
    from jairouter.upstream.connection import Connection
    from jairouter.upstream.outgoing import Outgoing


@implementer(IPushProducer)
class BodyTransport:
    """The transport of whoever receives a body: it may be paused and aborted, never written to.

    It outlives the answer: once the body is over, its methods do nothing, so that a late call cannot
    reach the next answer on the same connection.

    Attributes:
        paused: Whether the receiver wants nothing now.
        aborted: Whether the receiver wants nothing any more.
    """

    disconnecting = False

    def __init__(self, connection: Connection) -> None:
        self._connection: Connection | None = connection
        self.paused = False
        self.aborted = False

    def pauseProducing(self) -> None:
        """Read nothing from the backend."""
        self.paused = True
        if self._connection is not None and self._connection.transport is not None:
            self._connection.transport.pauseProducing()

    def resumeProducing(self) -> None:
        """Read from the backend again."""
        self.paused = False
        if self._connection is not None and self._connection.transport is not None:
            self._connection.transport.resumeProducing()

    def hold(self) -> None:
        """Read nothing until there is a receiver; it decides by itself whether to pause."""
        if self._connection is not None and self._connection.transport is not None:
            self._connection.transport.pauseProducing()

    def abortConnection(self) -> None:
        """Close the backend's connection at once."""
        self.aborted = True
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.abort()

    stopProducing = loseConnection = abortConnection

    def body_ended(self) -> None:
        """The body is over: however its receiver left it, the connection is read again."""
        connection, self._connection = self._connection, None
        if connection is not None and connection.transport is not None:
            connection.transport.resumeProducing()


@implementer(IResponse)
class Response:
    """A head that is complete and a body that may still be arriving.

    Bytes that come before somebody asks for them are held, and no more are read meanwhile.
    """

    request: IClientRequest | None = None
    previousResponse: IResponse | None = None

    def __init__(
        self,
        outgoing: Outgoing,
        version: str,
        code: int,
        pairs: HeaderPairs,
        length: int | None,
        transport: BodyTransport,
    ) -> None:
        major, _, minor = version.partition(".")
        self.version = (b"HTTP", int(major), int(minor))
        self.code = code
        self.phrase = RESPONSES.get(code, b"")
        self.headers = WireHeaders(pairs) if outgoing.wire else _headers(pairs)
        self.length: int | str = UNKNOWN_LENGTH if length is None else length
        self._transport = transport
        self._held: list[bytes] = []
        self._taken = False
        self._receiver: IProtocol | None = None
        self._end: Failure | None = None

    def deliverBody(self, protocol: IProtocol) -> None:
        """See `IResponse.deliverBody`."""
        if self._taken:
            raise RuntimeError("a body is delivered once")
        self._taken = True
        transport = self._transport
        # A receiver may pause and abort; IProtocol asks for an ITransport, which could write as well
        protocol.makeConnection(transport)  # type: ignore[arg-type]
        while self._held and not transport.aborted:
            protocol.dataReceived(self._held.pop(0))
        # Only now: a receiver that aborts while it is given what was held hears of the end once
        self._receiver = protocol
        if self._end is not None:
            protocol.connectionLost(Failure(ConnectionAborted()) if self._held else self._end)
        elif not transport.paused:
            transport.resumeProducing()

    def setPreviousResponse(self, response: IResponse) -> None:
        """See `IResponse.setPreviousResponse`."""
        self.previousResponse = response

    def data_received(self, data: bytes) -> None:
        """A piece of the body came."""
        if self._receiver is not None:
            self._receiver.dataReceived(data)
        else:
            self._held.append(data)

    def hold(self) -> None:
        """Read no more until somebody wants the body."""
        if self._receiver is None and self._end is None:
            self._transport.hold()

    def body_ended(self, reason: Failure) -> None:
        """The body is over: `ResponseDone`, or why it is not complete."""
        self._end = reason
        self._transport.body_ended()
        if self._receiver is not None:
            self._receiver.connectionLost(reason)


def _headers(pairs: HeaderPairs) -> Headers:
    headers = Headers()
    for name, value in pairs:
        headers.addRawHeader(name, value)
    return headers
