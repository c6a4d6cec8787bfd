r"""One client connection: requests come in, answers go out, under twisted.web's Request and Resource.

Requests are answered one at a time, in the order in which they came::

      bytes --> parser --> events --> uploads, queue --> the one being answered --> next
                  ^                                                                  |
                  +---- backlog: bytes behind a request that is still answered <-----+

While an answer is under way the connection is still read (into a small backlog), because that is how a
client that leaves is noticed.
"""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING

from twisted.internet.protocol import connectionDone
from twisted.web.http_headers import Headers

from jairouter.errors import BadRequest, GatewayError, RequestTimeout, render
from jairouter.web.facade import RequestTransport
from jairouter.web.patience import Owes, Patience
from jairouter.web.presence import Presence
from jairouter.web.request import GatewayRequest
from jairouter.web.request_parser import END, RequestParser

if TYPE_CHECKING:
    from twisted.python.failure import Failure

    from jairouter.web.site import GatewaySite

MAX_BACKLOG = 64 * 1024
LINGER = 5.0
"""Seconds in which the rest of an unwanted upload is swallowed, so that the client can read why."""
CLOSING = 60.0
"""Seconds for the client to read the last answer; nginx waits as long between two writes."""

_REASONS = {400: b"Bad Request", 408: b"Request Timeout", 414: b"URI Too Long", 431: b"Headers Too Large"}


class Channel(RequestTransport):
    """See the module's picture.

    Args:
        site: What is served, and its limits.
    """

    def __init__(self, site: GatewaySite) -> None:
        self.site = self.factory = site
        self._parser = RequestParser(site.limits.head)
        self._incoming: GatewayRequest | None = None
        self._current: GatewayRequest | None = None
        self._queue: deque[GatewayRequest] = deque()
        self._backlog = bytearray()
        self._refusal: GatewayError | None = None
        self._serving = self._closing = self._deaf = False
        self._patience = Patience(site.wheel, site.limits, self._owed, self._late)
        self._presence = Presence(site.wheel, self.abortConnection)

    # -- called by Twisted --------------------------------------------------

    def connectionMade(self) -> None:
        """See `Protocol.connectionMade`."""
        self.site.channels[self] = None
        self.transport.setTcpNoDelay(True)
        self._patience.watch()

    def dataReceived(self, data: bytes) -> None:
        """See `Protocol.dataReceived`."""
        if self._deaf:
            return
        if self._incoming is None and (self._current is not None or self._backlog):
            self._backlog += data
            if len(self._backlog) >= MAX_BACKLOG:
                self.pause_upload()
            return
        self._feed(data)
        self._serve()

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        """See `Protocol.connectionLost`: whoever works for this client is told at once."""
        self.site.forget(self)
        self._closing = self._deaf = True
        self._patience.stop()
        self._presence.stop()
        self._parser.close()
        requests = [*([self._current] if self._current else []), *self._queue]
        self._current = self._incoming = None
        self._queue.clear()
        for request in requests:
            request.connectionLost(reason)
            request.upload.lost()

    # -- reading ------------------------------------------------------------

    def _feed(self, data: bytes) -> None:
        self._patience.came()
        for event in self._parser.feed(data):
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
        if not self._closing:
            self._patience.watch()

    def _next(self) -> bool:
        if self._queue:
            self._current = self._queue.popleft()
            self._current.process()
        elif self._refusal is not None:
            self._answer_refusal(self._refusal)
        elif self._backlog:
            backlog = bytes(self._backlog)
            self._backlog.clear()
            self._read_on()
            self._feed(backlog)
        else:
            return False
        return True

    def requestDone(self, request: GatewayRequest) -> None:
        """Called by the request: its answer is complete."""
        self._current = None
        self._patience.answered()
        if not request.upload.complete:
            self._linger()
        elif not request.keep_alive or self.site.draining:
            self._close()
        else:
            self._serve()

    def _answer_refusal(self, error: GatewayError) -> None:
        body = render(error)
        lines = (
            b"HTTP/1.1 %d %b" % (error.status, _REASONS.get(error.status, b"Refused")),
            b"Date: " + self.site.date(),
            b"X-Request-Id: " + self.site.ids.new().encode("ascii"),
            b"Content-Type: application/json",
            b"Content-Length: %d" % len(body),
            b"Connection: close\r\n\r\n",
        )
        self.transport.write(b"\r\n".join(lines) + body)
        self.site.refused(error)
        self._linger()

    # -- closing ------------------------------------------------------------

    def close_if_idle(self) -> None:
        """Close, unless a request is being answered or read."""
        idle = self._current is None and self._incoming is None and not self._queue and not self._closing
        if idle and not self._parser.in_head:
            self._close()

    def break_off(self) -> None:
        """Close in the middle of an answer; what was written before the break goes out."""
        self._close()

    def _close(self) -> None:
        """Close when all that is written has gone out."""
        self._closing = self._deaf = True
        self._patience.arm(CLOSING, self.transport.abortConnection)
        self.transport.loseConnection()

    def _linger(self) -> None:
        """Close, but let the client read the answer first although it is still sending.

        Closing with unread bytes makes the kernel send a reset, which may overtake the answer.
        """
        if self.isSecure():
            self._close()  # half a TLS connection cannot be closed
            return
        self._closing = self._deaf = True
        self._patience.arm(LINGER, self.transport.abortConnection)
        self.transport.loseWriteConnection()
        self._read_on()

    # -- time ---------------------------------------------------------------

    def _owed(self) -> Owes:
        current = self._current
        if current is None:
            return Owes.HEAD if self._parser.in_head else Owes.REQUEST
        return Owes.NOTHING if current.upload.complete else Owes.BODY

    def _late(self, owes: Owes) -> None:
        if owes is Owes.REQUEST:
            self.close_if_idle()
        elif owes is Owes.HEAD:
            self._refuse(RequestTimeout("the request's head took too long to arrive"))
            self._serve()
        elif self._current is not None and not self._current.upload.awaited:
            self._patience.came()  # it is we who keep the client waiting
            self._patience.watch()
        else:
            self._refuse(RequestTimeout("the request's body took too long to arrive"))

    # -- for uploads --------------------------------------------------------

    def pause_upload(self) -> None:
        """See `IncomingConnection.pause_upload`."""
        self.transport.pauseProducing()
        self._presence.watch(self.transport)

    def resume_upload(self) -> None:
        """See `IncomingConnection.resume_upload`."""
        self._patience.came()
        self._read_on()

    def _read_on(self) -> None:
        self._presence.stop()
        self.transport.resumeProducing()

    def upload_wanted(self) -> None:
        """See `IncomingConnection.upload_wanted`."""
        self._patience.came()
        current = self._current
        if current is not None and current.expects_continue and not current.startedWriting:
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

    def _respondToBadRequestAndDisconnect(self) -> None:
        """Called by twisted.web's Request, in whose contract it is: a form's body is not what it says."""
        if self._current is not None:
            self._current.refuse(BadRequest("the request's body is not valid multipart/form-data"))
