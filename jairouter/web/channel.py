"""One client connection: HTTP/1.1 over llhttp, under twisted.web's Request and Resource.

llhttp calls back while it parses and cannot be stopped half-way, so the callbacks only note what they
were told; `_digest` acts on it afterwards. Requests are answered one at a time, in the order in which
they came::

      bytes --> llhttp --> notes --> uploads, queue --> the one being answered --> next
                  ^                                                                  |
                  +---- backlog: bytes behind a request that is still answered <-----+

While an answer is under way the connection is still read (into a small backlog), because that is how a
client that leaves is noticed.
"""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, Any

import httptools
from twisted.internet.interfaces import ISSLTransport
from twisted.internet.protocol import Protocol, connectionDone
from twisted.web.http_headers import Headers

from jairouter.errors import (
    BadRequest,
    GatewayError,
    HeadersTooLarge,
    MethodNotAllowed,
    RequestTimeout,
    UriTooLong,
    render,
)
from jairouter.web.request import GatewayRequest

if TYPE_CHECKING:
    from twisted.internet.interfaces import IAddress, IProducer
    from twisted.python.failure import Failure

    from jairouter.timers import Timer
    from jairouter.web.site import GatewaySite

MAX_BACKLOG = 64 * 1024
LINGER = 5.0
"""Seconds in which the rest of an unwanted upload is swallowed, so that the client can read why."""

_REASONS = {400: b"Bad Request", 408: b"Request Timeout", 414: b"URI Too Long", 431: b"Headers Too Large"}


class Channel(Protocol):
    """See the module's picture.

    Args:
        site: What is served, and its limits.
    """

    transport: Any  # ITCPTransport or TLS's; Twisted's interfaces do not say that both are producers

    def __init__(self, site: GatewaySite) -> None:
        self.site = self.factory = site
        self._limits = site.limits
        self._parser = httptools.HttpRequestParser(self)
        self._notes: list[tuple[GatewayRequest, bytes | None]] = []
        self._incoming: GatewayRequest | None = None
        self._current: GatewayRequest | None = None
        self._queue: deque[GatewayRequest] = deque()
        self._backlog = bytearray()
        self._refusal: GatewayError | None = None
        self._timer: Timer | None = None
        self._last_read = 0.0
        self._serving = self._closing = self._head_timed = False
        self._in_head = False
        self._url = b""
        self._pairs: list[tuple[bytes, bytes]] = []
        self._pair_bytes = self._head_bytes = 0
        self._too_much: GatewayError | None = None

    # -- called by Twisted --------------------------------------------------

    def connectionMade(self) -> None:
        """See `Protocol.connectionMade`."""
        self.site.channels.add(self)
        self.transport.setTcpNoDelay(True)
        self._arm(self._limits.header_timeout, self._head_late)

    def dataReceived(self, data: bytes) -> None:
        """See `Protocol.dataReceived`."""
        if self._closing:
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
        self._closing = True
        self._disarm()
        requests = [*([self._current] if self._current else []), *self._queue]
        self._current = self._incoming = None
        self._queue.clear()
        for request in requests:
            request.connectionLost(reason)
            request.upload.lost()

    # -- parsing ------------------------------------------------------------

    def _feed(self, data: bytes) -> None:
        self._last_read = self.site.wheel.seconds()
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserUpgrade as upgrade:
            self._ignore_upgrade(data[upgrade.args[0] :])
        except httptools.HttpParserError as error:
            self._digest()
            self._refuse(self._too_much or BadRequest(f"this is not valid HTTP/1.1 ({error})"))
        else:
            self._digest()
            if self._in_head:
                # A header without an end is never reported by llhttp; what came before it counts as well,
                # but that is at most one read
                self._head_bytes += len(data)
                if self._head_bytes > self._limits.max_header_bytes + MAX_BACKLOG:
                    self._refuse(HeadersTooLarge("the request's headers are too large"))

    def on_message_begin(self) -> None:
        """Called by llhttp: a request line begins."""
        self._new_head()

    def on_url(self, url: bytes) -> None:
        """Called by llhttp: a piece of the request target."""
        self._url += url
        if len(self._url) > self._limits.max_request_line:
            self._stop_parsing(UriTooLong("the request line is too long"))

    def on_header(self, name: bytes, value: bytes) -> None:
        """Called by llhttp: one header, or, after the head, one trailer, which is dropped."""
        if not self._in_head:
            return
        self._pairs.append((name, value))
        self._pair_bytes += len(name) + len(value)
        limits = self._limits
        if len(self._pairs) > limits.max_headers or self._pair_bytes > limits.max_header_bytes:
            self._stop_parsing(HeadersTooLarge("the request's headers are too large"))

    def on_headers_complete(self) -> None:
        """Called by llhttp: the head is complete."""
        self._in_head = False
        self._incoming = GatewayRequest.parsed(self, self._parser, self._url, tuple(self._pairs))
        self._queue.append(self._incoming)

    def on_body(self, data: bytes) -> None:
        """Called by llhttp: a piece of a body."""
        if self._incoming is not None:
            self._notes.append((self._incoming, data))

    def on_message_complete(self) -> None:
        """Called by llhttp: a request's last byte."""
        if self._incoming is not None:
            self._notes.append((self._incoming, None))
            self._incoming = None

    def _stop_parsing(self, error: GatewayError) -> None:
        self._too_much = error
        raise error  # llhttp stops and reports that a callback failed

    def _ignore_upgrade(self, rest: bytes) -> None:
        """Go on in HTTP/1.1 (RFC 9110, section 7.8, lets a server ignore an upgrade).

        curl and Java's client offer h2c with ordinary requests. llhttp believes that the protocol changes
        and gives up its state, so a new parser is told about the body that follows.
        """
        request = self._queue[-1]
        # To llhttp the request ended with its head
        self._notes = [note for note in self._notes if note[0] is not request]
        if request.method == b"CONNECT":
            request.fault = MethodNotAllowed("CONNECT is not served")
        self._parser = httptools.HttpRequestParser(self)
        framing = [b"%b: %b\r\n" % pair for pair in request.pairs if pair[0].lower() in _FRAMING]
        head = (self._url, self._pairs)
        self._parser.feed_data(b"POST / HTTP/1.1\r\nHost: x\r\n" + b"".join(framing) + b"\r\n")
        self._url, self._pairs = head
        resumed = self._queue.pop()
        if self._incoming is resumed:
            self._incoming = request
        self._notes = [(request if noted is resumed else noted, data) for noted, data in self._notes]
        self._digest()
        if rest:
            self._feed(rest)

    def _digest(self) -> None:
        notes, self._notes = self._notes, []
        for request, data in notes:
            if data is None:
                request.upload.finished()
            else:
                request.upload.received(data)

    def _new_head(self) -> None:
        self._in_head = True
        self._url = b""
        self._pairs = []
        self._pair_bytes = self._head_bytes = 0
        self._too_much = None

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
        if not request.upload.complete:
            self._linger()
        elif not request.keep_alive or self.site.draining:
            self._closing = True
            self.transport.loseConnection()
        else:
            self._serve()

    def _refuse(self, error: GatewayError) -> None:
        """What came is no request (or not a whole one): say so, after what was asked before, and close."""
        self._backlog.clear()
        incoming, self._incoming = self._incoming, None
        if incoming is not None:
            incoming.keep_alive = False
            incoming.upload.lost(error)
        else:
            self._refusal = error

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

    def _linger(self) -> None:
        """Close, but let the client read the answer first although it is still sending.

        Closing with unread bytes makes the kernel send a reset, which may overtake the answer.
        """
        self._closing = True
        half_close = getattr(self.transport, "loseWriteConnection", None)
        if half_close is None:
            self.transport.loseConnection()
            return
        half_close()
        self.transport.resumeProducing()
        self._arm(LINGER, self.transport.abortConnection)

    # -- time ---------------------------------------------------------------

    def _watch_time(self) -> None:
        """Arm the one timer for what the client owes: a head, the rest of a body, or the next request."""
        if self._closing:
            return
        if self._current is None:
            if self._in_head and self._head_bytes:
                if not self._head_timed:
                    self._head_timed = True
                    self._arm(self._limits.header_timeout, self._head_late)
            else:
                self._arm(self._limits.keep_alive_timeout, self.close_if_idle)
        else:
            self._head_timed = False
            if self._current.upload.complete:
                self._disarm()
            else:
                self._arm(self._limits.body_timeout, self._body_late)

    def _head_late(self) -> None:
        self._head_timed = False
        if self._head_bytes == 0:
            self.close_if_idle()
        else:
            self._refuse(RequestTimeout("the request's head took too long to arrive"))
            self._serve()

    def _body_late(self) -> None:
        current = self._current
        if current is None or current.upload.complete:
            return
        wait = self._last_read + self._limits.body_timeout - self.site.wheel.seconds()
        if current.upload.paused or wait > 0:
            self._arm(max(wait, 1.0), self._body_late)
        else:
            current.keep_alive = False
            current.upload.lost(RequestTimeout("the request's body took too long to arrive"))

    def close_if_idle(self) -> None:
        """Close, unless a request is being answered or read."""
        if self._current is None and self._incoming is None and not self._queue and not self._closing:
            self._closing = True
            self.transport.loseConnection()

    def _arm(self, seconds: float, callback: Any) -> None:
        self._disarm()
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


_FRAMING = (b"content-length", b"transfer-encoding")
