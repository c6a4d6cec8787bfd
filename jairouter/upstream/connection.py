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

from twisted.internet.defer import CancelledError, maybeDeferred
from twisted.internet.error import ConnectionAborted, ConnectionDone, ConnectionLost
from twisted.internet.protocol import Protocol, connectionDone
from twisted.python.failure import Failure
from twisted.web.iweb import UNKNOWN_LENGTH

from jairouter.eager import Write, eager_write, unsent
from jairouter.exchange import Phase
from jairouter.task import Promise
from jairouter.upstream.answer_parser import MAX_HEAD, AnswerParser
from jairouter.upstream.body_writer import BodyWriter
from jairouter.upstream.failures import BadAnswer, WrongBodyLength
from jairouter.upstream.response import DONE, BodyTransport, Response

if TYPE_CHECKING:
    from twisted.internet.defer import Deferred
    from twisted.web.iweb import IBodyProducer

    from jairouter.exchange import Attempt
    from jairouter.upstream.outgoing import Outgoing


class _State(enum.Enum):
    IDLE = "idle"
    AWAITING_HEAD = "awaiting head"
    IN_BODY = "in body"
    CLOSED = "closed"


# Looking into the class takes five times as long
_IDLE, _AWAITING_HEAD, _IN_BODY, _CLOSED = _State
_SENDING, _WAITING, _RECEIVING = Phase.SENDING, Phase.WAITING, Phase.RECEIVING


class Connection(Protocol):
    """See the module's picture.

    Args:
        opened: When it was made, in the clock's seconds.
        on_idle: Told each time the connection can be used again.
        on_lost: Told once when it never can.
        max_head: See `AnswerParser`.

    Attributes:
        uses: How many requests were sent on it.
        answered: Whether any byte came back for the request under way.
    """

    transport: Any  # ITCPTransport or TLS's; Twisted's interfaces do not say that both are producers
    _write: Write

    def __init__(
        self,
        opened: float,
        on_idle: Callable[[Connection], None],
        on_lost: Callable[[Connection], None],
        max_head: int = MAX_HEAD,
    ) -> None:
        self.uses = 0
        self.opened = opened
        self.answered = False
        self._on_idle = on_idle
        self._on_lost = on_lost
        self._state = _IDLE
        self._parser = AnswerParser(max_head)
        self._cut_short = False
        self._size = 0  # bytes of the request, if it was written in one piece
        self._attempt: Attempt | None = None
        self._outgoing: Outgoing | None = None
        self._upload: Deferred[None] | None = None
        self._writer: BodyWriter | None = None
        self._answer: Promise[Response] | None = None
        self._response: Response | None = None

    def __repr__(self) -> str:
        return f"<Connection {self._state.value} uses={self.uses}>"

    def connectionMade(self) -> None:
        """See `Protocol.connectionMade`."""
        self._write = eager_write(self.transport)

    # -- sending ------------------------------------------------------------

    def send(self, outgoing: Outgoing) -> Promise[Response]:
        """Send one request.

        Returns:
            The answer, once its head is complete. Cancelling it aborts the connection.
        """
        if self._state is not _IDLE or self.transport is None:
            raise RuntimeError(f"cannot send on {self!r}")
        self._state = _AWAITING_HEAD
        self.uses += 1
        self.answered = False
        self._outgoing = outgoing
        self._attempt = outgoing.attempt
        self._parser.expect(to_head=outgoing.method == b"HEAD")
        answer: Promise[Response] = Promise(self._cancelled)
        self._answer = answer
        if outgoing.producer is None:
            # One system call for head and body: this is nearly every request
            data = outgoing.head + outgoing.data if outgoing.data else outgoing.head
            self._size = len(data)
            self._write(data)
            if outgoing.attempt is not None:
                outgoing.attempt.enter(_WAITING)
        else:
            self._size = 0
            self._enter(_SENDING)
            self._write(outgoing.head)
            self._stream(outgoing.producer)
        return answer

    def _stream(self, producer: IBodyProducer) -> None:
        length = None if producer.length is UNKNOWN_LENGTH else int(producer.length)
        writer = self._writer = BodyWriter(self.transport, self._attempt, length, self._wrong_length)
        writer.registerProducer(producer, True)
        upload = self._upload = maybeDeferred(producer.startProducing, writer)
        upload.addCallbacks(self._upload_done, self._upload_failed)
        if self._state is _CLOSED:  # already, by what the producer wrote
            self._stop_upload(producer)

    def _upload_done(self, _: None) -> None:
        self._upload = None
        writer, self._writer = self._writer, None
        if writer is not None:
            writer.finish()
        if self._state is _AWAITING_HEAD:
            self._enter(_WAITING)

    def _upload_failed(self, failure: Failure) -> None:
        self._upload = None
        self._stop_writing()
        if not failure.check(CancelledError):
            # The client broke off: the backend must not take what came for the whole
            self.abort(failure)

    def _stop_upload(self, producer: IBodyProducer | None) -> None:
        self._stop_writing()
        upload, self._upload = self._upload, None
        if upload is not None and producer is not None:
            producer.stopProducing()
            upload.cancel()

    def _stop_writing(self) -> None:
        writer, self._writer = self._writer, None
        if writer is not None:
            writer.close()

    def _wrong_length(self) -> None:
        self.abort(Failure(WrongBodyLength("the request body is not as long as it said")))

    # -- receiving: called by Twisted ---------------------------------------

    def dataReceived(self, data: bytes) -> None:
        """Bytes from the backend; see `Protocol.dataReceived`."""
        if self._state is _CLOSED:
            return
        if self._state is _IDLE:
            # Nothing was asked for: a late 408, or an attempt to poison the next answer
            self.abort()
            return
        waiting = unsent(self.transport) if self._state is _AWAITING_HEAD else 0
        if waiting and not self.answered and waiting >= self._size > 0:
            # As above: what came cannot be the answer to a request that has not gone out
            self.abort(Failure(ConnectionLost()))
            return
        self.answered = True
        body = self._parser.feed(data)
        if self._state is _AWAITING_HEAD and self._parser.head_done:
            self._head_arrived(body, cut_short=self._upload is not None or waiting > 0)
            return
        if self._attempt is not None:
            self._attempt.progress()
        if self._state is _IN_BODY:
            self._body_arrived(body)
        elif self._parser.fault:
            self.abort(Failure(BadAnswer(self._parser.fault)))

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        """The connection is gone; see `Protocol.connectionLost`."""
        if self._state is _IN_BODY and self._parser.until_close and reason.check(ConnectionDone):
            reason = DONE
        self._lose(reason)
        self.transport = None

    # -- after each piece of input ------------------------------------------

    def _head_arrived(self, body: bytes, *, cut_short: bool) -> None:
        assert self._outgoing is not None
        assert self._answer is not None
        parser, answer, self._answer = self._parser, self._answer, None
        # A request that was not sent to its end leaves the backend waiting for the rest
        self._cut_short = cut_short
        if self._attempt is not None:
            self._attempt.enter(_RECEIVING)
        if self._outgoing.producer is not None:
            self._stop_upload(self._outgoing.producer)
        if parser.complete and not parser.fault and parser.keep_alive and not self._cut_short:
            # All of it in one read: nothing is left to be held or paused
            response = Response(parser, None)
            response.came_whole(body)
            self._rest()
        else:
            self._state = _IN_BODY
            response = self._response = Response(parser, BodyTransport(self))
            self._body_arrived(body)
            response.hold()
        # Last, so that an answer that came in one piece is seen as complete
        answer.settle(response)

    def _body_arrived(self, body: bytes) -> None:
        response, parser = self._response, self._parser
        assert response is not None
        if body:
            response.data_received(body)
        if self._state is _IN_BODY:
            if parser.complete:
                self._finished(response)
            elif parser.fault:
                self.abort(Failure(BadAnswer(parser.fault)))

    def _finished(self, response: Response) -> None:
        if self._cut_short or not self._parser.keep_alive or self._parser.fault:
            self._lose(DONE)
            if self._cut_short:
                self.abort()  # what is not written yet must not keep it open
            else:
                self._hang_up()
            return
        response.body_ended(DONE)
        self._rest()

    def _rest(self) -> None:
        self._state = _IDLE
        self._response = self._outgoing = self._attempt = None
        self._on_idle(self)

    # -- ending -------------------------------------------------------------

    def abort(self, reason: Failure | None = None) -> None:
        """Close at once, whatever is under way."""
        if self._state is not _CLOSED:
            self._lose(reason or Failure(ConnectionAborted()))
        transport, self.transport = self.transport, None
        if transport is not None:
            transport.abortConnection()

    def close(self) -> None:
        """Close in good order a connection that is idle."""
        if self._state is _IDLE:
            self._lose(connectionDone)
            self._hang_up()

    def _hang_up(self) -> None:
        if self.transport is not None:
            self.transport.loseConnection()

    def _cancelled(self) -> None:
        self._answer = None
        self.abort()

    def _lose(self, reason: Failure) -> None:
        """The one way to CLOSED: tell the owner, then whoever waits, who may ask it for another one."""
        state, self._state = self._state, _CLOSED
        if state is _CLOSED:
            return
        outgoing, self._outgoing = self._outgoing, None
        answer, self._answer = self._answer, None
        response, self._response = self._response, None
        self._attempt = None
        self._parser.close()
        try:
            self._on_lost(self)
        finally:
            if outgoing is not None:
                self._stop_upload(outgoing.producer)
            if response is not None:
                response.body_ended(reason)
            elif answer is not None:
                answer.settle(reason)

    def _enter(self, phase: Phase) -> None:
        if self._attempt is not None:
            self._attempt.enter(phase)
