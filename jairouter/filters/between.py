"""What stands between two bodies of one answer, and does something to the bytes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from zope.interface import implementer

from jairouter.body import AnswerBody
from jairouter.errors import StreamCut
from jairouter.interfaces import IBodySource

if TYPE_CHECKING:
    from jairouter.errors import GatewayError


@implementer(IBodySource)
class Between:
    """The source of the outer body. Whoever inherits from it is the sink of the inner one.

    The inner body is paused, resumed and given up in the same calls as the outer one, so that the client's
    pace goes on to the backend, and the end of each side to the other.

    Args:
        inner: The body as it comes, of which nothing was passed on yet.

    Attributes:
        outer: The body as it goes on.
        error: What the inner body ended with, also where its own bytes tell that to the client.
    """

    __slots__ = ("_begun", "error", "inner", "outer")

    def __init__(self, inner: AnswerBody) -> None:
        self.outer = AnswerBody(self)
        self.inner = inner
        self.error: GatewayError | None = None
        self._begun = False
        inner.on_done(self._inner_over)
        self.outer.on_done(self.over)

    def _inner_over(self, error: GatewayError | None) -> None:
        self.error = error

    def over(self, error: GatewayError | None) -> None:
        """The outer body is over."""
        if error is not None:  # if it is the inner one's, that is over already
            self.inner.abandon(error)

    def pause(self) -> None:
        """See `IBodySource.pause`."""
        self.inner.pause()

    def resume(self) -> None:
        """See `IBodySource.resume`. The first time, somebody takes the body."""
        if self._begun:
            self.inner.resume()
        else:
            self._begun = True
            self.inner.deliver(self)  # type: ignore[arg-type]  # whoever inherits is a sink

    def abort(self) -> None:
        """See `IBodySource.abort`.

        If the outer body is over, so is the inner one by now. It is not if it was cut off before anybody took
        it: then it waits for somebody to tell, and the inner one with it.
        """
        self.inner.cut(StreamCut("the answer was cut off before it was passed on"))
