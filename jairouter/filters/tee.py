"""A tee in the way of an answer's body: it is passed on as it comes, and kept until it is complete."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from zope.interface import implementer

from jairouter.body import AnswerBody
from jairouter.errors import StreamCut
from jairouter.interfaces import IBodySink, IBodySource
from jairouter.request_body.pieces import Pieces

if TYPE_CHECKING:
    from jairouter.errors import GatewayError


@implementer(IBodySink, IBodySource)
class Tee:
    """Stands between two bodies, the sink of the inner one and the source of the outer one.

    Nothing is held up or held back here: a byte goes on in the call in which it comes, and the inner body is
    paused, resumed and given up in the same calls as the outer one. So the outer one never holds anything
    either, and whoever watches one of the two is told the same as who watches the other, before the client
    hears of the end.

    Args:
        inner: The body as it comes, of which nothing was passed on yet.
        most: Bytes that are kept; a longer body is passed on all the same.
        complete: Told all of the body when that is over, and complete, and was passed on.

    Attributes:
        outer: The body as it goes on.
    """

    __slots__ = ("_begun", "_complete", "_error", "_inner", "_kept", "_most", "outer")

    def __init__(self, inner: AnswerBody, most: int, complete: Callable[[bytes], None]) -> None:
        self.outer = AnswerBody(self)
        self._inner = inner
        self._most = most
        self._complete = complete
        self._kept: Pieces | None = Pieces()
        self._begun = False
        self._error: GatewayError | None = None
        inner.on_done(self._inner_over)
        self.outer.on_done(self._outer_over)

    def _inner_over(self, error: GatewayError | None) -> None:
        self._error = error

    def _outer_over(self, error: GatewayError | None) -> None:
        if error is not None:  # if it is the inner one's, that is over already
            self._inner.abandon(error)

    # -- from the inner body ------------------------------------------------

    def chunk(self, data: bytes) -> None:
        """See `IBodySink.chunk`."""
        kept = self._kept
        if kept is not None:
            if kept.size + len(data) > self._most:
                self._kept = None
            else:
                kept.append(data)
        self.outer.chunk(data, mid_event=self._inner.mid_event)

    def end(self) -> None:
        """See `IBodySink.end`."""
        kept, self._kept = self._kept, None
        self.outer.end(told=self._error)
        if kept is not None and self._error is None:
            self._complete(kept.joined())

    def broke(self, error: GatewayError) -> None:
        """See `IBodySink.broke`."""
        self._kept = None
        self.outer.broke(error)

    # -- from the outer body ------------------------------------------------

    def pause(self) -> None:
        """See `IBodySource.pause`."""
        self._inner.pause()

    def resume(self) -> None:
        """See `IBodySource.resume`. The first time, somebody takes the body."""
        if self._begun:
            self._inner.resume()
        else:
            self._begun = True
            self._inner.deliver(self)

    def abort(self) -> None:
        """See `IBodySource.abort`.

        If the outer body is over, so is the inner one by now. It is not if it was cut off before anybody took
        it: then it waits for somebody to tell, and the inner one with it.
        """
        self._kept = None
        self._inner.cut(StreamCut("the answer was cut off before it was passed on"))
