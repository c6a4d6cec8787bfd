r"""One client connection: requests come in, answers go out, under twisted.web's Request and Resource.

Requests are answered one at a time, in the order in which they came::

      bytes --> parser --> events --> uploads, queue --> the one being answered --> next
                  ^                                                                  |
                  +---- backlog: bytes behind a request that is still answered <-----+

While an answer is under way the connection is still read (into a small backlog), because that is how a
client that leaves is noticed.
"""

from __future__ import annotations

import enum
from collections import deque
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from twisted.internet.interfaces import ISSLTransport
from twisted.internet.protocol import Protocol, connectionDone
from twisted.web.http_headers import Headers

from jairouter.errors import BadRequest, GatewayError, RequestTimeout, render
from jairouter.web.request import GatewayRequest
from jairouter.web.request_parser import END, RequestParser

if TYPE_CHECKING:
    from twisted.internet.interfaces import IAddress, IProducer
    from twisted.python.failure import Failure

    from jairouter.timers import Timer
    from jairouter.web.site import GatewaySite

MAX_BACKLOG = 64 * 1024
LINGER = 5.0
"""Seconds in which the rest of an unwanted upload is swallowed, so that the client can read why."""
CLOSING = 60.0
"""Seconds for the client to read the last answer; nginx waits as long between two writes."""

_REASONS = {400: b"Bad Request", 408: b"Request Timeout", 414: b"URI Too Long", 431: b"Headers Too Large"}


class _Owes(enum.Enum):
    """What the client owes; each has its own time."""

    NOTHING = "nothing"
    HEAD = "the rest of a head"
    BODY = "the rest of a body"
    REQUEST = "another request"


class Channel(Protocol):
    """See the module's picture.

    Args:
        site: What is served, and its limits.
    """

    transport: Any  # ITCPTransport or TLS's; Twisted's interfaces do not say that both are producers

    def __init__(self, site: GatewaySite) -> None:
        self.site = self.factory = site
        self._parser = RequestParser(site.limits.head)
        self._incoming: GatewayRequest | None = None
        self._current: GatewayRequest | None = None
        self._queue: deque[GatewayRequest] = deque()
        self._backlog = bytearray()
        self._refusal: GatewayError | None = None
        self._serving = self._closing = self._deaf = False
        self._owes = _Owes.NOTHING
        self._since = self._last_read = 0.0
        self._idle_limit = site.limits.header_timeout  # for the first request; later ones have longer
        self._timer: Timer | None = None
        self._due = 0.0

    # -- called by Twisted --------------------------------------------------

    def connectionMade(self) -> None:
        """See `Protocol.connectionMade`."""
        self.site.channels.add(self)
        self.transport.setTcpNoDelay(True)
        self._watch_time()

    def dataReceived(self, data: bytes) -> None:
        """See `Protocol.dataReceived`."""
        if self._deaf:
            return
        if self._incoming is None and (self._current is not None or self._backlog):
            self._backlog += data
            if len(self._backlog) >= MAX_BACKLOG:
                self.transport.pauseProducing()
            return
        self._feed(data)
        self._serve()

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        """See `Protocol.connectionLost`: whoever works for this client is told at once."""
        self.site.forget(self)
        self._closing = self._deaf = True
        self._disarm()
        self._parser.close()
        requests = [*([self._current] if self._current else []), *self._queue]
        self._current = self._incoming = None
        self._queue.clear()
        for request in requests:
            request.connectionLost(reason)
            request.upload.lost()

    # -- reading ------------------------------------------------------------

    def _feed(self, data: bytes) -> None:
        self._last_read = self.site.wheel.seconds()
        for event in self._parser.feed(data):
            if self._closing:
                return
            incoming = self._incoming
            if event is END:
                self._incoming = None
                if incoming is not None:
                    incoming.upload.finished()
            elif isinstance(event, bytes):
                if incoming is not None:
                    incoming.upload.received(event)
            else:
                self._incoming = GatewayRequest.of(self, event)
                self._queue.append(self._incoming)
        if self._parser.error is not None:
            self._refuse(self._parser.error)

    def _refuse(self, error: GatewayError) -> None:
        """What came is no request (or not a whole one): say so, after what was asked before, and close."""
        if self._deaf:
            return
        self._deaf = True
        incoming, self._incoming = self._incoming, None
        if incoming is None:
            self._refusal = error
            return
        incoming.keep_alive = False
        if incoming is not self._current:
            incoming.fault = incoming.fault or error  # no resource sees it
        incoming.upload.lost(error)

    # -- answering, one at a time -------------------------------------------

    def _serve(self) -> None:
        """Start answering whatever is next. A loop, since answers may be complete at once."""
        if self._serving:
            return
        self._serving = True
        try:
            while self._current is None and not self._closing and self._next():
                pass
        finally:
            self._serving = False
        self._watch_time()

    def _next(self) -> bool:
        if self._queue:
            self._current = self._queue.popleft()
            self._current.process()
        elif self._refusal is not None:
            self._answer_refusal(self._refusal)
        elif self._backlog:
            backlog = bytes(self._backlog)
            self._backlog.clear()
            self.transport.resumeProducing()
            self._feed(backlog)
        else:
            return False
        return True

    def requestDone(self, request: GatewayRequest) -> None:
        """Called by the request: its answer is complete."""
        self._current = None
        self._owes = _Owes.NOTHING
        self._idle_limit = self.site.limits.keep_alive_timeout
        if not request.upload.complete:
            self._linger()
        elif not request.keep_alive or self.site.draining:
            self._close()
        else:
            self._serve()

    def _answer_refusal(self, error: GatewayError) -> None:
        body = render(error)
        head = b"HTTP/1.1 %d %b\r\nContent-Type: application/json\r\nContent-Length: %d\r\n" % (
            error.status,
            _REASONS.get(error.status, b"Refused"),
            len(body),
        )
        self.transport.write(head + b"Connection: close\r\n\r\n" + body)
        self.site.refused(error)
        self._linger()

    # -- closing ------------------------------------------------------------

    def close_if_idle(self) -> None:
        """Close, unless a request is being answered or read."""
        idle = self._current is None and self._incoming is None and not self._queue and not self._closing
        if idle and not self._parser.in_head:
            self._close()

    def _close(self) -> None:
        """Close when all that is written has gone out."""
        self._closing = self._deaf = True
        self._arm(CLOSING, self.transport.abortConnection)
        self.transport.loseConnection()

    def _linger(self) -> None:
        """Close, but let the client read the answer first although it is still sending.

        Closing with unread bytes makes the kernel send a reset, which may overtake the answer.
        """
        half_close = getattr(self.transport, "loseWriteConnection", None)
        if half_close is None:
            self._close()
            return
        self._closing = self._deaf = True
        self._arm(LINGER, self.transport.abortConnection)
        half_close()
        self.transport.resumeProducing()

    # -- time ---------------------------------------------------------------

    def _watch_time(self) -> None:
        """Note what the client owes now, and see that the one timer goes off in time.

        The timer is not touched when it goes off early enough anyway; it finds out then what is left.
        """
        if self._closing:
            return
        owes = self._owed()
        if owes is not self._owes:
            self._owes = owes
            self._since = self.site.wheel.seconds()
        if owes is not _Owes.NOTHING:
            limit = self._time_limit()
            if self._timer is None or self._since + limit < self._due:
                self._arm(self._since + limit - self.site.wheel.seconds(), self._rang)

    def _owed(self) -> _Owes:
        if self._current is not None:
            return _Owes.NOTHING if self._current.upload.complete else _Owes.BODY
        return _Owes.HEAD if self._parser.in_head else _Owes.REQUEST

    def _time_limit(self) -> float:
        limits = self.site.limits
        if self._owes is _Owes.REQUEST:
            return self._idle_limit
        return limits.header_timeout if self._owes is _Owes.HEAD else limits.body_timeout

    def _rang(self) -> None:
        self._timer = None
        self._owes, before = self._owed(), self._owes
        if self._owes is _Owes.NOTHING:
            return
        now, limit = self.site.wheel.seconds(), self._time_limit()
        if self._owes is not before:
            self._since = now
        since = max(self._since, self._last_read) if self._owes is _Owes.BODY else self._since
        if self._owes is _Owes.BODY and self._current is not None and not self._current.upload.awaited:
            since = now  # it is we who keep the client waiting
        if since + limit > now:
            self._arm(since + limit - now, self._rang)
        else:
            self._late()

    def _late(self) -> None:
        if self._owes is _Owes.REQUEST:
            self.close_if_idle()
        elif self._owes is _Owes.HEAD:
            self._refuse(RequestTimeout("the request's head took too long to arrive"))
            self._serve()
        else:
            self._refuse(RequestTimeout("the request's body took too long to arrive"))

    def _arm(self, seconds: float, callback: Callable[[], None]) -> None:
        self._disarm()
        self._due = self.site.wheel.seconds() + seconds
        self._timer = self.site.wheel.start(seconds, callback)

    def _disarm(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    # -- for uploads --------------------------------------------------------

    def pause_upload(self) -> None:
        """See `IncomingConnection.pause_upload`."""
        self.transport.pauseProducing()

    def resume_upload(self) -> None:
        """See `IncomingConnection.resume_upload`."""
        self._last_read = self.site.wheel.seconds()
        self.transport.resumeProducing()

    def upload_wanted(self) -> None:
        """See `IncomingConnection.upload_wanted`."""
        current = self._current
        if current is not None and current.expects_continue and not current.startedWriting:
            current.expects_continue = False
            self.transport.write(b"HTTP/1.1 100 Continue\r\n\r\n")

    # -- for twisted.web's Request ------------------------------------------

    def writeHeaders(self, version: bytes, code: bytes, reason: bytes, headers: Headers) -> None:
        """Write the head of the answer to the current request."""
        request = self._current
        lines = [b"%b %b %b" % (version, code, reason)]
        for name, values in headers.getAllRawHeaders():
            lines += [b"%b: %b" % (name, value) for value in values]
        if request is not None:
            if version == b"HTTP/1.0" and not headers.hasHeader(b"content-length"):
                request.keep_alive = False
            if not request.keep_alive or self.site.draining or not request.upload.complete:
                request.keep_alive = False
                lines.append(b"Connection: close")
            elif version == b"HTTP/1.0":
                lines.append(b"Connection: keep-alive")
        lines.append(b"\r\n")
        self.transport.write(b"\r\n".join(lines))

    def write(self, data: bytes) -> None:
        """Write a piece of the answer."""
        self.transport.write(data)

    def writeSequence(self, data: list[bytes]) -> None:
        """Write pieces of the answer."""
        self.transport.write(b"".join(data))

    def registerProducer(self, producer: IProducer, streaming: bool) -> None:
        """The current request has a producer of its own."""
        self.transport.registerProducer(producer, streaming)

    def unregisterProducer(self) -> None:
        """The current request's producer is done."""
        self.transport.unregisterProducer()

    def loseConnection(self) -> None:
        """Close when everything is written."""
        self.transport.loseConnection()

    def abortConnection(self) -> None:
        """Close at once."""
        self.transport.abortConnection()

    def getPeer(self) -> IAddress:
        """The client's address."""
        return self.transport.getPeer()  # type: ignore[no-any-return]  # transport is Any, see above

    def getHost(self) -> IAddress:
        """The address it came to."""
        return self.transport.getHost()  # type: ignore[no-any-return]  # transport is Any, see above

    def isSecure(self) -> bool:
        """Whether it came over TLS."""
        return ISSLTransport(self.transport, None) is not None

    def _respondToBadRequestAndDisconnect(self) -> None:
        """Called by twisted.web's Request, in whose contract it is: a form's body is not what it says."""
        if self._current is not None:
            self._current.refuse(BadRequest("the request's body is not valid multipart/form-data"))
