"""Receivers of a backend's answer: they turn what Twisted delivers into an `AnswerBody`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from twisted.internet.defer import Deferred
from twisted.internet.protocol import Protocol, connectionDone
from twisted.web.client import ResponseDone
from zope.interface import implementer

from jairouter.body import AnswerBody
from jairouter.codec.sse import EventSplitter, read_events
from jairouter.codec.sse_watch import Watch, parse_error
from jairouter.codec.usage import TAIL, StreamMeter
from jairouter.errors import GatewayError, StreamCut, UpstreamError, UpstreamRefusal
from jairouter.interfaces import IBodySource

if TYPE_CHECKING:
    from twisted.python.failure import Failure

    from jairouter.codec.sse_watch import Dialect, StreamedError
    from jairouter.exchange import Attempt


@implementer(IBodySource)
class PlainReceiver(Protocol):
    """Passes bytes on as they are.

    Args:
        discard: Nobody wants them: close the backend's connection unless the answer is complete already.

    Attributes:
        body: Where they go.
        received: How many have come.
        tail: The last of them, at least `TAIL` if there were as many.
    """

    transport: Any  # a BodyTransport

    def __init__(self, *, discard: bool = False) -> None:
        self.body = AnswerBody(self)
        self.received = 0
        self.tail = b""
        self._discard = discard
        self._over = False

    def connectionMade(self) -> None:
        """See `Protocol.connectionMade`: nothing flows until somebody takes it."""
        self.transport.pauseProducing()
        if self._discard:
            self.body.abandon()

    def dataReceived(self, data: bytes) -> None:
        """See `Protocol.dataReceived`."""
        self.received += len(data)
        self.tail = data if len(data) >= TAIL else (self.tail + data)[-TAIL:]
        self.body.chunk(data)

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        """See `Protocol.connectionLost`."""
        self._over = True
        if reason.check(ResponseDone):
            self.body.end()
        else:
            self.body.broke(StreamCut("the backend's answer broke off"))

    def pause(self) -> None:
        """See `IBodySource.pause`."""
        self.transport.pauseProducing()

    def resume(self) -> None:
        """See `IBodySource.resume`."""
        self.transport.resumeProducing()

    def abort(self) -> None:
        """See `IBodySource.abort`."""
        if not self._over:
            self.transport.abortConnection()


@implementer(IBodySource)
class EventReceiver(Protocol):
    r"""Passes an event stream on in whole events, and knows whether it is complete.

    ::

                first event           error event, end, broken
        PEEKING ------------> BEGUN ---------------------------> OVER
           |                                                       ^
           +--- error as first event, end or break before one -----+  (begun fails)

    Args:
        dialect: How the stream says that it is complete.
        max_event: Bytes of an unfinished event that are held back, and of comments before the first event.
        attempt: Told of the first token.

    Attributes:
        body: Where the events go.
        received: Bytes that have come.
        meter: What is known of its tokens.
        begun: Fires at the first event. Fails with `UpstreamError` when none comes, or when it is an error:
            vLLM and SGLang report errors so, under a status 200.
    """

    transport: Any  # a BodyTransport

    def __init__(self, dialect: Dialect, max_event: int, attempt: Attempt | None = None) -> None:
        self.body = AnswerBody(self)
        self.received = 0
        self.meter = StreamMeter()
        self._attempt = attempt
        self.begun: Deferred[None] = Deferred(lambda _: self.abort())
        self._splitter = EventSplitter(max_event)
        self._watch = Watch(dialect)
        self._max_event = max_event
        self._peeked = 0
        self._peeking = True
        self._over = False

    def dataReceived(self, data: bytes) -> None:
        """See `Protocol.dataReceived`."""
        self.received += len(data)
        events = self._splitter.feed(data)
        if events and not self._over:
            self._measure(events)
            self._take(events, self._watch.see(events))

    def _measure(self, events: bytes) -> None:
        meter = self.meter
        meter.see(events)
        if meter.begun and self._attempt is not None:
            self._attempt.token()
            self._attempt = None

    def _take(self, events: bytes, error: StreamedError | None) -> None:
        if self._peeking and error is not None:
            if parse_error(_first_event(events)) is not None:
                self._peek_failed(_refusal(error))
                return
            # Text came before it in the same read: what the client gets must not depend on packets
            self._begin()
        if self._peeking:
            self._peeked += len(events)
            self.body.chunk(events, mid_event=self._splitter.mid_event)
            # (A backend that sends nothing but comments is not listened to for ever)
            if self._watch.seen_event or self._splitter.mid_event or self._peeked > self._max_event:
                self._begin()
            return
        if error is None:
            self.body.chunk(events, mid_event=self._splitter.mid_event)
            return
        # What follows an error is no answer. A [DONE] above all would make it look like a success.
        self._over = True
        self.body.chunk(_through_error(events))
        self.body.end(told=_refusal(error))
        self.transport.abortConnection()

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        """See `Protocol.connectionLost`."""
        if self._over:
            return
        if not reason.check(ResponseDone):
            self._broke(StreamCut("the stream from the backend broke off"))
            return
        # An event that ends with the stream, without its empty line, is one all the same
        tail = self._splitter.flush()
        self._measure(tail)
        error = self._watch.see(tail)
        if error is not None:
            self._broke(_refusal(error))
        elif self._watch.ended:
            self._over = True
            if tail:
                self.body.chunk(tail)
            self.body.end()
            self._begin()
        elif self._peeking and not self._watch.seen_event:
            self._peek_failed(UpstreamError("the backend ended the stream without any event"))
        else:
            # The tail is half an event, which no client could read
            self._broke(StreamCut("the backend ended the stream before it was complete"))

    def _broke(self, error: GatewayError) -> None:
        if self._peeking:
            self._peek_failed(error)
        else:
            self._over = True
            self.body.broke(error)

    def _begin(self) -> None:
        if self._peeking:
            self._peeking = False
            self.transport.pauseProducing()  # until somebody takes the body
            self.begun.callback(None)

    def _peek_failed(self, error: GatewayError) -> None:
        self._over = True
        self._peeking = False
        self.transport.abortConnection()
        self.begun.errback(error)

    def pause(self) -> None:
        """See `IBodySource.pause`."""
        self.transport.pauseProducing()

    def resume(self) -> None:
        """See `IBodySource.resume`."""
        self.transport.resumeProducing()

    def abort(self) -> None:
        """See `IBodySource.abort`."""
        if not self._over:
            self._over = True
            self.transport.abortConnection()


def _refusal(error: StreamedError) -> UpstreamRefusal:
    code = None if error.code is None else str(error.code)
    return UpstreamRefusal(error.message, status=error.status or 502, type=error.type, code=code)


def _first_event(events: bytes) -> bytes:
    """The first event that is more than comments, as far as it is there."""
    splitter, first = EventSplitter(len(events)), b""
    for line in events.splitlines(keepends=True):
        first = splitter.feed(line)
        if next(read_events(first), None) is not None:
            break
    return first or events


def _through_error(events: bytes) -> bytes:
    """The events up to the one that is an error, which is the last."""
    splitter, through = EventSplitter(len(events)), b""
    for line in events.splitlines(keepends=True):
        event = splitter.feed(line)
        through += event
        if event and parse_error(event) is not None:
            return through
    return events
