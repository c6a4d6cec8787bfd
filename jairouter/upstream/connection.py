"""One connection to a backend: HTTP/1.1 over llhttp, one request at a time.

::

            send                    head of the answer            last byte
    IDLE ---------> AWAITING_HEAD --------------------> IN_BODY ------------> IDLE (kept alive)
     |                   |                                 |
     | lost, bytes that  |  lost, aborted, not HTTP        | lost, aborted, last byte without keep-alive
     v nobody asked for  v                                 v
    CLOSED             CLOSED                            CLOSED

The owner (the pool) is told each time the connection can be used again, and once when it is lost.
"""

from __future__ import annotations

import enum
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import httptools
from twisted.internet.defer import CancelledError, Deferred, maybeDeferred
from twisted.internet.error import ConnectionAborted, ConnectionDone
from twisted.internet.interfaces import IConsumer
from twisted.internet.protocol import Protocol, connectionDone
from twisted.python.failure import Failure
from twisted.web.client import ResponseDone
from twisted.web.iweb import UNKNOWN_LENGTH
from zope.interface import implementer

from jairouter.exchange import Phase
from jairouter.upstream.response import BodyTransport, Response
from jairouter.upstream.wire import WireBody

if TYPE_CHECKING:
    from twisted.internet.interfaces import IProducer
    from twisted.web.iweb import IBodyProducer

    from jairouter.exchange import Attempt
    from jairouter.upstream.outgoing import Outgoing

MAX_HEAD = 64 * 1024
"""Bytes of an answer's head, or of what is no content between two pieces of its body (trailers, chunk
extensions), that are accepted; Envoy's default is 60 KB."""

NO_BODY_STATUSES = frozenset({204, 304})


class BadAnswer(Exception):
    """The backend sent something that is no HTTP/1.1 answer, or more than was asked for."""


class WrongBodyLength(Exception):
    """A request body is shorter or longer than it said; sent on, it would run into the next request."""


class _State(enum.Enum):
    IDLE = "idle"
    AWAITING_HEAD = "awaiting head"
    IN_BODY = "in body"
    CLOSED = "closed"


class Connection(Protocol):
    """See the module's picture.

    Args:
        opened: When it was made, in the clock's seconds.
        on_idle: Told each time the connection can be used again.
        on_lost: Told once when it never can.

    Attributes:
        uses: How many requests were sent on it.
        answered: Whether any byte came back for the request under way.
    """

    transport: Any  # ITCPTransport or TLS's; Twisted's interfaces do not say that both are producers

    def __init__(
        self, opened: float, on_idle: Callable[[Connection], None], on_lost: Callable[[Connection], None]
    ) -> None:
        self.uses = 0
        self.opened = opened
        self.answered = False
        self._on_idle = on_idle
        self._on_lost = on_lost
        self._state = _State.IDLE
        self._parser = httptools.HttpResponseParser(self)
        self._attempt: Attempt | None = None
        self._outgoing: Outgoing | None = None
        self._upload: Deferred[None] | None = None
        self._answer: Deferred[Response] | None = None
        self._response: Response | None = None
        self._new_message()

    def __repr__(self) -> str:
        return f"<Connection {self._state.value} uses={self.uses}>"

    def _new_message(self) -> None:
        self._pairs: list[tuple[bytes, bytes]] = []
        self._chunks: list[bytes] = []
        self._without_content = 0
        self._status = 0
        self._version = ""
        self._length: int | None = None
        self._head_done = self._complete = self._until_close = self._chunked = self._cut_short = False
        self._keep_alive = True
        self._broken = ""

    # -- sending ------------------------------------------------------------

    def send(self, outgoing: Outgoing) -> Deferred[Response]:
        """Send one request.

        Returns:
            Fires with the answer once its head is complete. Cancelling it aborts the connection.
        """
        if self._state is not _State.IDLE or self.transport is None:
            raise RuntimeError(f"cannot send on {self!r}")
        self._state = _State.AWAITING_HEAD
        self.uses += 1
        self.answered = False
        self._outgoing = outgoing
        self._attempt = outgoing.attempt
        answer = self._answer = Deferred(self._cancelled)
        self._enter(Phase.SENDING)
        producer = outgoing.body
        if producer is None:
            self.transport.write(outgoing.head)
            self._enter(Phase.WAITING)
        elif isinstance(producer, WireBody) and producer.body.data is not None:
            # One system call for head and body: this is nearly every request
            self.transport.write(outgoing.head + producer.body.data)
            self._enter(Phase.WAITING)
        else:
            self.transport.write(outgoing.head)
            self._stream(producer)
        return answer

    def _stream(self, producer: IBodyProducer) -> None:
        writer = _BodyWriter(self, None if producer.length is UNKNOWN_LENGTH else int(producer.length))
        writer.registerProducer(producer, True)
        upload = self._upload = maybeDeferred(producer.startProducing, writer)
        upload.addCallbacks(
            self._upload_done, self._upload_failed, callbackArgs=(writer,), errbackArgs=(writer,)
        )
        if self._state is _State.CLOSED:  # already, by what the producer wrote
            self._stop_upload(producer)

    def _upload_done(self, _: None, writer: _BodyWriter) -> None:
        self._upload = None
        writer.finish()
        if self._state is _State.AWAITING_HEAD:
            self._enter(Phase.WAITING)

    def _upload_failed(self, failure: Failure, writer: _BodyWriter) -> None:
        self._upload = None
        writer.close()
        if not failure.check(CancelledError):
            # The client broke off: the backend must not take what came for the whole
            self.abort(failure)

    def _stop_upload(self, producer: IBodyProducer | None) -> None:
        upload, self._upload = self._upload, None
        if upload is not None and producer is not None:
            producer.stopProducing()
            upload.cancel()

    # -- receiving: called by Twisted ---------------------------------------

    def dataReceived(self, data: bytes) -> None:
        """Bytes from the backend; see `Protocol.dataReceived`."""
        if self._state is _State.CLOSED:
            return
        if self._state is _State.IDLE:
            # Nothing was asked for: a late 408, or an attempt to poison the next answer
            self.abort()
            return
        self.answered = True
        if self._attempt is not None:
            self._attempt.progress()
        self._without_content += len(data)
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserUpgrade:
            self._broken = "an answer that changes the protocol"
        except httptools.HttpParserError as error:
            self._broken = self._broken or f"no valid HTTP/1.1 ({error})"
        if self._chunks:
            self._without_content = 0
        elif self._without_content > MAX_HEAD:
            self._broken = self._broken or "an endless head, or endless trailers"
        self._digest()

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        """The connection is gone; see `Protocol.connectionLost`."""
        if self._state is _State.IN_BODY and self._until_close and reason.check(ConnectionDone):
            reason = Failure(ResponseDone())
        self._lose(reason)
        self.transport = None

    # -- receiving: called by llhttp, which must not be re-entered: they only take note ------------

    def on_message_begin(self) -> None:
        """A status line begins."""
        if self._complete:
            self._broken = "more than one answer to one request"

    def on_header(self, name: bytes, value: bytes) -> None:
        """One header is complete; after the head, a trailer, which is dropped."""
        if not self._head_done:
            self._pairs.append((name, value.rstrip(b" \t")))

    def on_headers_complete(self) -> None:
        """The head is complete."""
        if self._complete:
            return
        self._status = self._parser.get_status_code()
        # Both are asked for now: when the answer is complete, llhttp has forgotten how it was framed
        self._version = self._parser.get_http_version()
        self._keep_alive = self._parser.should_keep_alive()
        length, chunked, fault = _framing(self._pairs)
        self._length, self._chunked = length, chunked
        if self._version not in ("1.0", "1.1") or self._status < 100:
            fault = "no HTTP/1.1 status line"
        if fault:
            self._broken = self._broken or fault
        elif self._status >= 200:
            self._head_done = True

    def on_body(self, data: bytes) -> None:
        """A piece of the body."""
        if not self._complete:
            self._chunks.append(data)

    def on_message_complete(self) -> None:
        """The answer's last byte, or the end of an interim answer (RFC 9110, section 15.2)."""
        if not self._head_done:
            self._pairs.clear()
        elif not self._broken:
            self._complete = True

    # -- after each piece of input ------------------------------------------

    def _digest(self) -> None:
        if self._state is _State.AWAITING_HEAD:
            if self._head_done:
                self._head_arrived()
            elif self._broken:
                self.abort(Failure(BadAnswer(self._broken)))
        if self._state is _State.IN_BODY:
            self._body_arrived()

    def _head_arrived(self) -> None:
        assert self._outgoing is not None
        outgoing = self._outgoing
        self._state = _State.IN_BODY
        self._without_content = 0
        self._enter(Phase.RECEIVING)
        length = self._length
        if self._status in NO_BODY_STATUSES or outgoing.method == b"HEAD":
            self._complete, length = True, 0
            self._chunks.clear()
        elif not self._chunked and length is None:
            self._until_close = True
        # A request that was not sent to its end leaves the backend waiting for the rest
        self._cut_short = self._upload is not None
        if self._until_close or self._cut_short or outgoing.method == b"HEAD":
            # (After HEAD llhttp would wait for the body that was announced)
            self._keep_alive = False
        self._stop_upload(outgoing.body)
        pairs = tuple(self._pairs)
        self._response = Response(outgoing, self._version, self._status, pairs, length, BodyTransport(self))

    def _body_arrived(self) -> None:
        response, answer = self._response, self._answer
        self._answer = None
        assert response is not None
        if self._chunks:
            data = self._chunks[0] if len(self._chunks) == 1 else b"".join(self._chunks)
            self._chunks.clear()
            response.data_received(data)
        if self._state is _State.IN_BODY:
            if self._complete:
                self._finished(response)
            elif self._broken:
                self.abort(Failure(BadAnswer(self._broken)))
        # Last, so that an answer that came in one piece is seen as complete
        if answer is not None:
            response.hold()
            answer.callback(response)

    def _finished(self, response: Response) -> None:
        if not self._keep_alive or self._broken:
            cut_short = self._cut_short
            self._lose(Failure(ResponseDone()))
            if cut_short:
                self.abort()  # what is not written yet must not keep it open
            elif self.transport is not None:
                self.transport.loseConnection()
            return
        self._state = _State.IDLE
        self._response = self._outgoing = self._attempt = None
        self._new_message()
        response.body_ended(Failure(ResponseDone()))
        self._on_idle(self)

    # -- ending -------------------------------------------------------------

    def abort(self, reason: Failure | None = None) -> None:
        """Close at once, whatever is under way."""
        if self._state is not _State.CLOSED:
            self._lose(reason or Failure(ConnectionAborted()))
        transport, self.transport = self.transport, None
        if transport is not None:
            transport.abortConnection()

    def close(self) -> None:
        """Close in good order a connection that is idle."""
        if self._state is _State.IDLE:
            self._lose(connectionDone)
            if self.transport is not None:
                self.transport.loseConnection()

    def _cancelled(self, _: Deferred[Response]) -> None:
        self._answer = None
        self.abort()

    def _lose(self, reason: Failure) -> None:
        """The one way to CLOSED: tell whoever waits, then the owner."""
        state, self._state = self._state, _State.CLOSED
        if state is _State.CLOSED:
            return
        outgoing, self._outgoing = self._outgoing, None
        answer, self._answer = self._answer, None
        response, self._response = self._response, None
        self._attempt = None
        try:
            if outgoing is not None:
                self._stop_upload(outgoing.body)
            if response is not None:
                response.body_ended(reason)
            elif answer is not None:
                answer.errback(reason)
        finally:
            self._on_lost(self)

    def _enter(self, phase: Phase) -> None:
        if self._attempt is not None:
            self._attempt.enter(phase)


def _framing(pairs: list[tuple[bytes, bytes]]) -> tuple[int | None, bool, str]:
    """Length, whether chunked, and what is wrong with them; llhttp has refused what is ambiguous.

    Only ``chunked`` may come: no other coding was offered (there is no TE header in our requests), and
    what is passed on must not be in a coding whose header stops here.
    """
    length, codings = None, []
    for name, value in pairs:
        lowered = name.lower()
        if lowered == b"content-length":
            length = int(value[-20:])  # zeros before that: llhttp has checked that it fits 64 bits
        elif lowered == b"transfer-encoding":
            codings.append(value.lower())
    fault = "a transfer coding that was not asked for" if codings not in ([], [b"chunked"]) else ""
    return length, bool(codings), fault


@implementer(IConsumer)
class _BodyWriter:
    """Writes a request body that arrives piece by piece, at the pace at which the backend reads.

    Args:
        connection: Where to.
        length: Bytes announced; None when the body goes out in chunks.
    """

    def __init__(self, connection: Connection, length: int | None) -> None:
        self._connection = connection
        self._transport = connection.transport
        self._attempt = connection._attempt
        self._left = length
        self._registered = False
        self._open = True

    def registerProducer(self, producer: IProducer, streaming: bool) -> None:
        """See `IConsumer.registerProducer`."""
        self._registered = True
        self._transport.registerProducer(producer, streaming)

    def unregisterProducer(self) -> None:
        """See `IConsumer.unregisterProducer`."""
        if self._registered:
            self._registered = False
            self._transport.unregisterProducer()

    def write(self, data: bytes) -> None:
        """See `IConsumer.write`."""
        if not self._open or not data or self._connection._state is _State.CLOSED:
            return  # an empty chunk would be the last one
        if self._left is not None:
            self._left -= len(data)
            if self._left < 0:
                self._wrong_length()
                return
        if self._attempt is not None:
            self._attempt.progress()
        self._transport.write(data if self._left is not None else b"%x\r\n%b\r\n" % (len(data), data))

    def finish(self) -> None:
        """The body is complete."""
        if self._left:
            self._wrong_length()
        elif self._left is None and self._open:
            self._transport.write(b"0\r\n\r\n")
        self.close()

    def close(self) -> None:
        """Nothing more is written."""
        self._open = False
        self.unregisterProducer()

    def _wrong_length(self) -> None:
        self._connection.abort(Failure(WrongBodyLength("the request body is not as long as it said")))
