"""From an answer to a client's connection: head, body, backpressure, keep-alive comments, the end.

::

                 commit                answer               end, broke
    WAITING ---------------> COMMITTED --------> RELAYING ---------------> OVER
       |                         |                  |                        ^
       |   answer                |                  | the client left        |
       +---------------------------------------->---+------------------------+

COMMITTED exists only where keep-alive comments before the first event are switched on: they need a
status line, so from then on an error is told in-band, and so is an answer that is no event stream.
"""

from __future__ import annotations

import enum
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from twisted.internet.interfaces import IPushProducer
from twisted.logger import Logger
from zope.interface import implementer

from jairouter.codec.sse import error_event
from jairouter.errors import ClientGone, GatewayError, UpstreamError, render
from jairouter.interfaces import IBodySink
from jairouter.web.answering import answering
from jairouter.web.errors import break_off, error_headers
from jairouter.web.in_band import ErrorAnswer
from jairouter.web.routing_headers import added_lines

if TYPE_CHECKING:
    from twisted.web.http import Request

    from jairouter.body import AnswerBody
    from jairouter.exchange import Answer, Exchange, HeaderPairs
    from jairouter.timers import Timer, TimerWheel

KEEP_ALIVE = b": keep-alive\n\n"
EVENT_STREAM_HEADERS = (
    (b"Content-Type", b"text/event-stream; charset=utf-8"),
    (b"Cache-Control", b"no-cache, no-transform"),
    (b"X-Accel-Buffering", b"no"),
)


class _State(enum.Enum):
    WAITING = "waiting"
    COMMITTED = "committed"
    RELAYING = "relaying"
    OVER = "over"


_WAITING, _COMMITTED, _RELAYING, _OVER = _State  # looking into the class takes five times as long


@dataclass(frozen=True, slots=True)
class KeepAlive:
    """When silent event streams get a comment.

    Attributes:
        interval: Seconds of silence after which a comment is written; 0 for never.
        before_first_event: Seconds without an answer after which a stream is begun with comments;
            0 for never, so that errors keep their status.
    """

    interval: float = 15.0
    before_first_event: float = 0.0


@implementer(IBodySink, IPushProducer)
class Relay:
    """See the module's picture. The client's connection steers it as its producer.

    Args:
        request: Where the answer goes.
        wheel: For keep-alive comments.
        keep_alive: When.
    """

    _log = Logger()
    _state = _WAITING
    # (an answer that is here as a whole needs none of these)
    _body: AnswerBody | None = None
    _event_stream = False
    _added: bytes = b""
    _head: tuple[int, HeaderPairs, int | None, bytes] | None = None
    _paused = False
    _registered = False
    _timer: Timer | None = None
    _written = 0.0

    def __init__(self, request: Request, wheel: TimerWheel, keep_alive: KeepAlive) -> None:
        self._request = request
        self._out = answering(request)
        self._wheel = wheel
        self._keep_alive = keep_alive

    def wait_for(self, exchange: Exchange) -> None:
        """No answer yet. If it turns out that the client wants an event stream, it may get comments."""
        delay = self._keep_alive.before_first_event
        if delay and self._state is _WAITING:
            self._timer = self._wheel.start(delay, partial(self._waited, exchange))

    # -- the answer ---------------------------------------------------------

    def answer(self, answer: Answer, added: bytes = b"") -> None:
        """Pass an answer on.

        Args:
            answer: The backend's.
            added: The gateway's own headers, as lines.
        """
        self._body = answer.body
        if self._state is _OVER:
            answer.body.abandon()
        elif self._state is _COMMITTED:
            self._answer_in_band(answer)
        else:
            self._stop_timer()
            self._added = added
            if answer.body.whole:
                self._answer_at_once(answer, added)
                return
            self._event_stream = answer.event_stream
            self._head = (answer.status, answer.headers, answer.length, added)
            self._relay(answer.body)

    def _answer_at_once(self, answer: Answer, added: bytes) -> None:
        """The usual case of an answer that is no stream."""
        self._state = _OVER
        # Settled first: who has its answer must not find its own slot still taken
        data = answer.body.take()
        self._out.head(answer.status, answer.headers, None if answer.event_stream else len(data), added)
        if data:
            self._out.write(data)
        self._out.finish()

    def _answer_in_band(self, answer: Answer) -> None:
        if answer.event_stream:
            if not self._keep_alive.interval:
                self._stop_timer()
            self._relay(answer.body)
        elif answer.status >= 400:
            answer.body.deliver(ErrorAnswer(answer.status, self._tell_error))
        else:
            error = UpstreamError("the backend did not answer with an event stream")
            answer.body.abandon(error)
            self._tell_error(render(error))

    def _relay(self, body: AnswerBody) -> None:
        self._state = _RELAYING
        if not body.whole:
            self._registered = True
            self._request.registerProducer(self, True)
            if self._state is not _RELAYING:
                return  # the connection is lost, and said so
        if self._event_stream and self._keep_alive.interval:
            self._arm(self._keep_alive.interval)
        body.deliver(self)

    def fail(self, error: GatewayError, added: bytes = b"") -> None:
        """There is no answer.

        Args:
            error: Why.
            added: The gateway's own headers, as lines.
        """
        if self._state is _COMMITTED:
            self._tell_error(render(error))
        elif self._state is _WAITING:
            self._finish(error, added)

    def client_gone(self) -> None:
        """The connection is lost: whoever sends the body is told at once."""
        self._state = _OVER
        self._stop_timer()
        if self._body is not None:
            self._body.abandon()

    def give_up(self) -> None:
        """Something here failed: tell both sides that there is no more."""
        try:
            self.client_gone()
        finally:
            if getattr(self._request, "channel", None) is not None:
                self._unregister()  # a transport does not close while a producer of its own is paused
                break_off(self._request)

    # -- the body -----------------------------------------------------------

    def chunk(self, data: bytes) -> None:
        """See `IBodySink.chunk`."""
        self._write_head()
        if self._timer is not None:
            self._written = self._wheel.seconds()
        self._out.write(data)

    def end(self) -> None:
        """See `IBodySink.end`."""
        self._write_head()
        self._finish()

    def broke(self, error: GatewayError) -> None:
        """See `IBodySink.broke`: say so in-band, or where that cannot be, break off as well."""
        if self._state is not _RELAYING:
            return
        if self._event_stream and not isinstance(error, ClientGone):
            self._tell_error(render(error))
            return
        if self._head is not None:
            # Not a byte has gone out: the client can be told in so many words
            self._finish(error, self._added)
            return
        # A body of announced length or in chunks that ends early is how HTTP/1.1 says "not complete"
        self._stop_timer()
        self._state = _OVER
        self._unregister()
        break_off(self._request, at_once=isinstance(error, ClientGone))

    # -- backpressure: called by the client's connection --------------------

    def pauseProducing(self) -> None:
        """See `IPushProducer.pauseProducing`: the client does not read."""
        self._paused = True
        if self._body is not None:
            self._body.pause()

    def resumeProducing(self) -> None:
        """See `IPushProducer.resumeProducing`: the client reads again."""
        self._paused = False
        if self._body is not None:
            self._body.resume()

    def stopProducing(self) -> None:
        """See `IProducer.stopProducing`: the connection is closing."""
        try:
            self.client_gone()
        except Exception:
            # Twisted would stop telling the others, the connection itself among them
            self._log.failure("giving up an answer failed")

    # -- inside -------------------------------------------------------------

    def _write_head(self) -> None:
        """Begin the answer, if it has not begun."""
        if self._head is not None:
            head, self._head = self._head, None
            self._out.head(*head)

    def _waited(self, exchange: Exchange) -> None:
        self._timer = None
        if exchange.stream:
            self._commit(exchange)
        elif not exchange.model:
            self.wait_for(exchange)  # its body is still arriving: it may yet want an event stream

    def _commit(self, exchange: Exchange) -> None:
        self._state = _COMMITTED
        exchange.committed = True
        self._event_stream = True
        self._out.head(200, EVENT_STREAM_HEADERS, None, added_lines(exchange, None))
        self._out.write(KEEP_ALIVE)
        self._arm(self._keep_alive.interval or self._keep_alive.before_first_event)

    def _arm(self, seconds: float) -> None:
        if self._timer is None:
            self._written = self._wheel.seconds()
            self._timer = self._wheel.start(seconds, self._silent)

    def _silent(self) -> None:
        """The timer went off; bytes may have gone out since it was armed."""
        self._timer = None
        interval = self._keep_alive.interval or self._keep_alive.before_first_event
        wait = self._written + interval - self._wheel.seconds()
        if wait <= 0:
            if not self._paused and not (self._body is not None and self._body.mid_event):
                self._write_head()
                self._out.write(KEEP_ALIVE)
                self._written = self._wheel.seconds()
            wait = interval
        self._timer = self._wheel.start(wait, self._silent)

    def _tell_error(self, payload: bytes) -> None:
        self._write_head()
        mid_event = self._body is not None and self._body.mid_event
        self._out.write(error_event(payload, after_partial=mid_event))
        self._finish()

    def _finish(self, error: GatewayError | None = None, added: bytes = b"") -> None:
        self._stop_timer()
        self._state = _OVER
        self._unregister()
        if error is not None:
            body = render(error)
            self._out.head(error.status, error_headers(error), len(body), added)
            self._out.write(body)
        self._out.finish()

    def _unregister(self) -> None:
        if self._registered:
            self._registered = False
            self._request.unregisterProducer()

    def _stop_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
