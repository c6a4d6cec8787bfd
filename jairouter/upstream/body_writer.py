"""How a request body that arrives piece by piece goes out."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from twisted.internet.interfaces import IConsumer
from zope.interface import implementer

if TYPE_CHECKING:
    from twisted.internet.interfaces import IProducer

    from jairouter.exchange import Attempt


@implementer(IConsumer)
class BodyWriter:
    """Writes a request body at the pace at which the backend reads.

    Args:
        transport: Where to.
        attempt: Told of progress, or None.
        length: Bytes announced; None when the body goes out in chunks.
        on_wrong_length: Called when the body is shorter or longer than announced; nothing more is written.
    """

    def __init__(
        self,
        transport: Any,
        attempt: Attempt | None,
        length: int | None,
        on_wrong_length: Callable[[], None],
    ) -> None:
        self._transport = transport
        self._attempt = attempt
        self._left = length
        self._on_wrong_length = on_wrong_length
        self._registered = False
        self._open = True

    def registerProducer(self, producer: IProducer, streaming: bool) -> None:
        """See `IConsumer.registerProducer`."""
        self._registered = True
        self._transport.registerProducer(producer, streaming)

    def unregisterProducer(self) -> None:
        """See `IConsumer.unregisterProducer`."""
        if self._registered:
            self._registered = False
            self._transport.unregisterProducer()

    def write(self, data: bytes) -> None:
        """See `IConsumer.write`."""
        if not self._open or not data:
            return  # an empty chunk would be the last one
        if self._left is not None:
            self._left -= len(data)
            if self._left < 0:
                self._wrong_length()
                return
        if self._attempt is not None:
            self._attempt.progress()
        self._transport.write(data if self._left is not None else b"%x\r\n%b\r\n" % (len(data), data))

    def finish(self) -> None:
        """The body is complete."""
        if not self._open:
            return
        if self._left:
            self._wrong_length()
            return
        if self._left is None:
            self._transport.write(b"0\r\n\r\n")
        self.close()

    def close(self) -> None:
        """Nothing more is written."""
        self._open = False
        self.unregisterProducer()

    def _wrong_length(self) -> None:
        self.close()
        self._on_wrong_length()
