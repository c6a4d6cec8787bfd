"""An answer that is waited for until all of it is here."""

from __future__ import annotations

from typing import TYPE_CHECKING

from twisted.internet.defer import Deferred
from zope.interface import implementer

from jairouter.body import AnswerBody
from jairouter.errors import ClientGone, StreamCut
from jairouter.interfaces import IBodySink, IBodySource
from jairouter.request_body.pieces import Pieces

if TYPE_CHECKING:
    from jairouter.errors import GatewayError


@implementer(IBodySink, IBodySource)
class Gathered:
    """Takes a body until it is complete, or too long to be kept.

    Args:
        inner: The body as it comes, of which nothing was passed on yet.
        most: Bytes that are kept.

    Attributes:
        outer: The same body, to be passed on: whole, or else what has come of it and then the rest.
        done: Fires when the outer body can be had: with whether it is whole. Fails with what the inner one
            broke with. To cancel it is to give the body up.
    """

    def __init__(self, inner: AnswerBody, most: int) -> None:
        self.outer: AnswerBody
        self.done: Deferred[bool] = Deferred(lambda _: self._give_up())
        self._inner = inner
        self._most = most
        self._kept = Pieces()
        self._begun = False
        self._going_on = False
        inner.deliver(self)

    def _give_up(self) -> None:
        self._inner.abandon(ClientGone("the client left before its answer was complete"))

    def chunk(self, data: bytes) -> None:
        """See `IBodySink.chunk`."""
        if self._going_on:
            self.outer.chunk(data)
            return
        self._kept.append(data)
        if self._kept.size > self._most:
            self._inner.pause()
            self._going_on = True
            self.outer = AnswerBody(self, self._kept.joined())
            self.outer.on_done(self._outer_over)
            self._kept.clear()
            self.done.callback(False)

    def end(self) -> None:
        """See `IBodySink.end`."""
        if self._going_on:
            self.outer.end()
        else:
            self.outer = AnswerBody.of(self._kept.joined())
            self.done.callback(True)

    def broke(self, error: GatewayError) -> None:
        """See `IBodySink.broke`."""
        if self._going_on:
            self.outer.broke(error)
        elif not self.done.called:
            self.done.errback(error)

    def _outer_over(self, error: GatewayError | None) -> None:
        if error is not None:
            self._inner.abandon(error)

    # -- from the outer body, if it is not whole ----------------------------

    def pause(self) -> None:
        """See `IBodySource.pause`."""
        self._inner.pause()

    def resume(self) -> None:
        """See `IBodySource.resume`."""
        self._inner.resume()

    def abort(self) -> None:
        """See `IBodySource.abort`."""
        self._inner.cut(StreamCut("the answer was cut off before it was passed on"))
