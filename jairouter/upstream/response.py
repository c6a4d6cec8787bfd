"""An answer of a backend, as treq and the Forward filter see it."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Final

from twisted.internet.error import ConnectionAborted
from twisted.internet.interfaces import IPushProducer
from twisted.python.failure import Failure
from twisted.web.client import ResponseDone
from twisted.web.http import RESPONSES
from twisted.web.http_headers import Headers
from twisted.web.iweb import UNKNOWN_LENGTH, IResponse
from zope.interface import implementer

from jairouter.twisted_headers import headers_of

if TYPE_CHECKING:
    from twisted.internet.interfaces import IProtocol
    from twisted.web.iweb import IClientRequest

    from jairouter.upstream.answer_parser import AnswerParser
    from jairouter.upstream.connection import Connection

DONE: Final = Failure(ResponseDone())
"""Made once: every complete answer ends with it, and nobody raises it."""


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

    def __init__(self, connection: Connection | None) -> None:
        self._connection = connection
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

    Args:
        parser: Has read the head.
        transport: Of the body; None of one that came with the head as a whole.

    Attributes:
        code: The status.
        pairs: The headers in order.
        fields: The value of each header by its name in lower case; several are joined by commas.
        content_length: Bytes of the body if that was said, else None.
    """

    request: IClientRequest | None = None
    previousResponse: IResponse | None = None
    _taken = False
    _receiver: IProtocol | None = None
    _end: Failure | None = None

    def __init__(self, parser: AnswerParser, transport: BodyTransport | None) -> None:
        self.code = parser.status
        self.pairs = parser.pairs
        self.fields = parser.fields
        self.content_length = parser.length
        self.length: int | str = UNKNOWN_LENGTH if parser.length is None else parser.length
        self._version = parser.version
        self._transport = transport
        self._held: list[bytes] = []

    @property
    def version(self) -> tuple[bytes, int, int]:
        """See `IResponse.version`."""
        major, _, minor = self._version.partition(".")
        return b"HTTP", int(major), int(minor)

    @property
    def phrase(self) -> bytes:
        """See `IResponse.phrase`."""
        return RESPONSES.get(self.code, b"")

    @cached_property
    def headers(self) -> Headers:
        """See `IResponse.headers`."""
        return headers_of(self.pairs)

    def take_whole(self) -> bytes | None:
        """The body, if all of it is here and nobody has asked for it; then it is delivered to nobody else."""
        if self._taken or self._end is not DONE:
            return None
        self._taken = True
        held = self._held
        return held[0] if len(held) == 1 else b"".join(held)

    def deliverBody(self, protocol: IProtocol) -> None:
        """See `IResponse.deliverBody`."""
        if self._taken:
            raise RuntimeError("a body is delivered once")
        self._taken = True
        transport = self._transport or BodyTransport(None)
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

    def came_whole(self, data: bytes) -> None:
        """All of the body came with the head."""
        if data:
            self._held.append(data)
        self._end = DONE

    def hold(self) -> None:
        """Read no more until somebody wants the body."""
        if self._receiver is None and self._end is None and self._transport is not None:
            self._transport.hold()

    def body_ended(self, reason: Failure) -> None:
        """The body is over: `ResponseDone`, or why it is not complete."""
        self._end = reason
        if self._transport is not None:
            self._transport.body_ended()
        if self._receiver is not None:
            self._receiver.connectionLost(reason)
