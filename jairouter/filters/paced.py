"""A request body that knows who holds it up, the client or the backend."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from zope.interface import implementer

from jairouter.interfaces import IRequestBody

if TYPE_CHECKING:
    from jairouter.interfaces import IBodySink


@implementer(IRequestBody)
class PacedBody:
    """Passes everything on to another body, and notes when the backend pauses it.

    Args:
        body: What is sent.
        on_change: Called when the backend stops or starts to take it.

    Attributes:
        paused: Whether the backend takes no more for now; if not, more depends on the client.
    """

    def __init__(self, body: IRequestBody, on_change: Callable[[], None]) -> None:
        self.paused = False
        self._body = body
        self._on_change = on_change

    @property
    def length(self) -> int | None:
        """See `IRequestBody.length`."""
        return self._body.length

    @property
    def data(self) -> bytes | None:
        """See `IRequestBody.data`."""
        return self._body.data

    @property
    def replayable(self) -> bool:
        """See `IRequestBody.replayable`."""
        return self._body.replayable

    def start(self, sink: IBodySink) -> None:
        """See `IRequestBody.start`."""
        self.paused = False
        self._body.start(sink)

    def pause(self) -> None:
        """See `IRequestBody.pause`."""
        self.paused = True
        self._body.pause()
        self._on_change()

    def resume(self) -> None:
        """See `IRequestBody.resume`."""
        self.paused = False
        self._on_change()
        self._body.resume()

    def stop(self) -> None:
        """See `IRequestBody.stop`."""
        self._body.stop()
