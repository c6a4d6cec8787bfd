"""A request body in the form in which the connection, and every `IAgent`, takes it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from twisted.internet.defer import Deferred
from twisted.web.iweb import UNKNOWN_LENGTH, IBodyProducer
from zope.interface import implementer

from jairouter.interfaces import IBodySink

if TYPE_CHECKING:
    from twisted.internet.interfaces import IConsumer

    from jairouter.errors import GatewayError
    from jairouter.interfaces import IRequestBody


@implementer(IBodyProducer)
class WireBody:
    """A request body that is sent as it arrives.

    Attributes:
        body: The body.
        length: Bytes, or `UNKNOWN_LENGTH`.
    """

    def __init__(self, body: IRequestBody) -> None:
        self.body = body
        self.length: int | str = UNKNOWN_LENGTH if body.length is None else body.length

    def startProducing(self, consumer: IConsumer) -> Deferred[None]:
        """See `IBodyProducer.startProducing`. The Deferred fails when the client stops half-way."""
        finished: Deferred[None] = Deferred(lambda _: self.body.stop())
        self.body.start(_ConsumerSink(consumer, finished))
        return finished

    def pauseProducing(self) -> None:
        """See `IPushProducer.pauseProducing`."""
        self.body.pause()

    def resumeProducing(self) -> None:
        """See `IPushProducer.resumeProducing`."""
        self.body.resume()

    def stopProducing(self) -> None:
        """See `IProducer.stopProducing`."""
        self.body.stop()


@implementer(IBodySink)
class _ConsumerSink:
    """Writes a request body to the consumer that the agent gave."""

    def __init__(self, consumer: IConsumer, finished: Deferred[None]) -> None:
        self._consumer = consumer
        self._finished = finished

    def chunk(self, data: bytes) -> None:
        """See `IBodySink.chunk`."""
        self._consumer.write(data)

    def end(self) -> None:
        """See `IBodySink.end`."""
        self._finished.callback(None)

    def broke(self, error: GatewayError) -> None:
        """See `IBodySink.broke`."""
        self._finished.errback(error)
