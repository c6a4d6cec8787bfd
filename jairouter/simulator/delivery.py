"""Plays an `Answer` onto a connection, in its time, and notices when nobody listens any more."""

from __future__ import annotations

from collections.abc import Iterator
from http import HTTPStatus
from typing import TYPE_CHECKING

from twisted.internet.interfaces import IDelayedCall, IPushProducer, IReactorTime
from zope.interface import implementer

from jairouter.simulator.answer import Answer, Cut, Framing, Piece

if TYPE_CHECKING:
    from jairouter.simulator.site import SimulatorRequest

# So many pieces without a pause are written before other connections get their turn.
_BURST = 16

# Seconds between the last bytes and a reset, so that the bytes are on the wire before it: a reset
# throws away what the kernel still holds.
_BEFORE_RESET = 0.02


@implementer(IPushProducer)
class Delivery:
    """One answer on its way.

    Attributes:
        phase: How far it has come: `before-headers`, `before-body` or `mid-body`.
        over: Whether nothing more will be done: complete, or broken off on purpose.
    """

    def __init__(self, clock: IReactorTime, request: SimulatorRequest, answer: Answer) -> None:
        self.phase = "before-headers"
        self.over = False
        self._clock = clock
        self._request = request
        self._answer = answer
        self._pieces: Iterator[Piece] = iter(())
        self._timer: IDelayedCall | None = None
        self._due = 0.0
        self._paused = False
        self._registered = False

    def start(self) -> None:
        """Begin, after the answer's latency."""
        latency = self._answer.latency
        if latency:
            self._timer = self._clock.callLater(latency, self._begin)
        else:
            self._begin()

    def stop(self) -> None:
        """Do nothing more: the client has left."""
        self.over = True
        if self._timer is not None and self._timer.active():
            self._timer.cancel()
        self._timer = None
        self._pieces = iter(())

    def pauseProducing(self) -> None:
        """See `IPushProducer`."""
        self._paused = True

    def resumeProducing(self) -> None:
        """See `IPushProducer`."""
        self._paused = False
        if self._timer is None and not self.over and self._registered:
            self._more()

    def stopProducing(self) -> None:
        """See `IProducer`."""
        self.stop()

    def _begin(self) -> None:
        self._timer = None
        answer = self._answer
        if answer.prelude:
            self._request.channel.write(answer.prelude)
        if answer.instead is not None:
            self._break_off(answer.instead)
            return
        self._frame()
        if answer.head_gap > 0:
            self._dribble(_head(self._request), 0)
            return
        self._request.write(b"")
        self._body()

    def _frame(self) -> None:
        """Put the answer's status and headers on the request."""
        request, answer = self._request, self._answer
        request.setResponseCode(answer.status, _reason(answer.status))
        request.setHeader(b"Content-Type", answer.content_type)
        for name, value in answer.headers:
            request.setHeader(name, value)
        if answer.framing is Framing.LENGTH:
            request.setHeader(b"Content-Length", b"%d" % answer.length)
        elif answer.framing is Framing.CLOSE:
            # As an HTTP/1.0 server would: no length, no chunks, the end is the end.
            request.clientproto = b"HTTP/1.0"
            request.setHeader(b"Connection", b"close")
            request.channel.persistent = False

    def _dribble(self, head: bytes, at: int) -> None:
        """Write the head byte by byte, then go on as if twisted.web had written it."""
        self._timer = None
        if at < len(head):
            self._request.channel.write(head[at : at + 1])
            self._timer = self._clock.callLater(self._answer.head_gap, self._dribble, head, at + 1)
            return
        self._request.startedWriting = 1
        self._request.chunked = int(b"\r\nTransfer-Encoding: chunked\r\n" in head)
        self._body()

    def _body(self) -> None:
        self.phase = "before-body"
        self._due = self._clock.seconds()
        self._pieces = iter(self._answer.pieces)
        if not isinstance(self._answer.pieces, tuple):
            self._registered = True
            self._request.registerProducer(self, True)
        self._more()

    def _more(self) -> None:
        """Write what is due now and arrange for what is due later."""
        self._timer = None
        gap = self._answer.gap
        for _ in range(_BURST if gap is None else 1):
            if self._paused or self.over:
                return
            piece = next(self._pieces, None)
            if piece is None:
                self._finish()
                return
            if isinstance(piece, Cut):
                self._break_off(piece)
                return
            if isinstance(piece, float):
                self._due = self._clock.seconds() + piece
                self._timer = self._clock.callLater(piece, self._more)
                return
            self.phase = "mid-body"
            self._request.write(piece)
        if not self.over:
            # Each piece has its own due time, so that lateness does not add up.
            self._due += gap or 0.0
            self._timer = self._clock.callLater(max(0.0, self._due - self._clock.seconds()), self._more)

    def _finish(self) -> None:
        self.over = True
        if self._registered:
            self._request.unregisterProducer()
        self._request.channel.drop_next = self._answer.drop_next
        self._request.finish()

    def _break_off(self, cut: Cut) -> None:
        if cut is Cut.STALL:
            # Still answering, as far as anyone can tell: a client that leaves now has waited.
            self._pieces = iter((Cut.STALL,))
            return
        if cut is Cut.RESET and self._answer.instead is None:
            self._timer = self._clock.callLater(_BEFORE_RESET, self._reset)
            return
        if cut is Cut.RESET:
            self._reset()
            return
        self._end()
        self._request.channel.loseConnection()

    def _reset(self) -> None:
        self._timer = None
        self._end()
        self._request.channel.abort()

    def _end(self) -> None:
        """Break off on purpose: when the connection is gone, it was not the client who left."""
        self.over = True
        self._request.settle()


def _reason(status: int) -> bytes:
    """Return the phrase for a status; twisted.web's own list lacks some, 429 for one."""
    try:
        return HTTPStatus(status).phrase.encode()
    except ValueError:
        return b"Simulated"


def _head(request: SimulatorRequest) -> bytes:
    """Return the head of the response as twisted.web would write it."""
    headers = request.responseHeaders
    if not headers.hasHeader(b"Content-Length") and request.clientproto == b"HTTP/1.1":
        headers.setRawHeaders(b"Transfer-Encoding", [b"chunked"])
    lines = [b"%b %d %b" % (request.clientproto, request.code, _reason(request.code))]
    lines += [b"%b: %b" % (name, value) for name, values in headers.getAllRawHeaders() for value in values]
    return b"\r\n".join(lines) + b"\r\n\r\n"
