"""A request body that is held in memory, and how one comes to be held."""

from __future__ import annotations

from typing import TYPE_CHECKING

from twisted.internet.defer import Deferred
from zope.interface import implementer

from jairouter.errors import RequestTooLarge
from jairouter.interfaces import IBodySink, IRequestBody
from jairouter.request_body.pieces import Pieces

if TYPE_CHECKING:
    from jairouter.errors import GatewayError


@implementer(IRequestBody)
class HeldBody:
    """All of a request body, in memory: it can be sent any number of times."""

    replayable = True
    complete = True

    def __init__(self, data: bytes) -> None:
        self.data: bytes | None = data
        self.length: int | None = len(data)
        self._sink: IBodySink | None = None

    def start(self, sink: IBodySink) -> None:
        """See `IRequestBody.start`."""
        self._sink = sink
        if self.data:
            sink.chunk(self.data)
        if self._sink is sink:  # it may have had enough
            self._sink = None
            sink.end()

    def pause(self) -> None:
        """Nothing to pause: it goes out in one piece."""

    def resume(self) -> None:
        """Nothing was paused."""

    def stop(self) -> None:
        """See `IRequestBody.stop`."""
        self._sink = None


def collect(body: IRequestBody, limit: int) -> Deferred[HeldBody]:
    """Read all of a body into memory.

    Args:
        body: Of a client.
        limit: Bytes that may be held; more is refused as soon as it is certain.

    Returns:
        Fires with the held body. Fails with `RequestTooLarge`, or with what kept the body from coming.
    """
    collector = _Collector(body, limit)
    if body.length is not None and body.length > limit:
        collector.broke(too_large(limit))
    else:
        body.start(collector)
    return collector.done


def too_large(limit: int) -> RequestTooLarge:
    """The refusal of a body of more than `limit` bytes."""
    return RequestTooLarge(f"the request body is larger than {limit} bytes")


@implementer(IBodySink)
class _Collector:
    def __init__(self, body: IRequestBody, limit: int) -> None:
        self.done: Deferred[HeldBody] = Deferred(lambda _: body.stop())
        self._body = body
        self._limit = limit
        self._held = Pieces()

    def chunk(self, data: bytes) -> None:
        if self._held.size + len(data) > self._limit:
            self._body.stop()
            self.broke(too_large(self._limit))
        else:
            self._held.append(data)

    def end(self) -> None:
        self.done.callback(HeldBody(self._held.joined()))

    def broke(self, error: GatewayError) -> None:
        self.done.errback(error)
