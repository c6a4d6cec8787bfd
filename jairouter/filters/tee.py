"""A tee in the way of an answer's body: it is passed on as it comes, and kept until it is complete."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from zope.interface import implementer

from jairouter.filters.between import Between
from jairouter.interfaces import IBodySink
from jairouter.request_body.pieces import Pieces

if TYPE_CHECKING:
    from jairouter.body import AnswerBody
    from jairouter.errors import GatewayError


@implementer(IBodySink)
class Tee(Between):
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

    __slots__ = ("_complete", "_kept", "_most")

    def __init__(self, inner: AnswerBody, most: int, complete: Callable[[bytes], None]) -> None:
        super().__init__(inner)
        self._most = most
        self._complete = complete
        self._kept: Pieces | None = Pieces()

    def chunk(self, data: bytes) -> None:
        """See `IBodySink.chunk`."""
        kept = self._kept
        if kept is not None:
            if kept.size + len(data) > self._most:
                self._kept = None
            else:
                kept.append(data)
        self.outer.chunk(data, mid_event=self.inner.mid_event)

    def end(self) -> None:
        """See `IBodySink.end`."""
        kept, self._kept = self._kept, None
        self.outer.end(told=self.error)
        if kept is not None and self.error is None:
            self._complete(kept.joined())

    def broke(self, error: GatewayError) -> None:
        """See `IBodySink.broke`."""
        self._kept = None
        self.outer.broke(error)

    def abort(self) -> None:
        """See `Between.abort`."""
        self._kept = None
        super().abort()
