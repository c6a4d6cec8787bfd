"""What twisted.web's Request asks of its channel and a transport can answer."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from twisted.internet.interfaces import ISSLTransport
from twisted.internet.protocol import Protocol

if TYPE_CHECKING:
    from twisted.internet.interfaces import IAddress, IProducer


class RequestTransport(Protocol):
    """A protocol that is the transport of the request under way.

    It is the producer of its own transport, so that it learns when the client does not read; while a
    request has a producer, that one learns it instead.
    """

    transport: Any  # ITCPTransport or TLS's; Twisted's interfaces do not say that both are producers
    _producing = False  # we, not a request's producer
    _ending = False

    def write(self, data: bytes) -> None:
        """Write a piece of the answer."""
        self.transport.write(data)

    def writeSequence(self, data: list[bytes]) -> None:
        """Write pieces of the answer."""
        self.write(b"".join(data))

    def registerProducer(self, producer: IProducer, streaming: bool) -> None:
        """The current request has a producer of its own."""
        self._stop_producing()
        self.transport.registerProducer(producer, streaming)

    def unregisterProducer(self) -> None:
        """The current request's producer is done."""
        self.transport.unregisterProducer()
        self._start_producing()

    def _start_producing(self) -> None:
        if not self._ending:
            self._producing = True
            self.transport.registerProducer(self, True)

    def _stop_producing(self) -> None:
        if self._producing:
            self._producing = False
            self.transport.unregisterProducer()

    def _last_words(self) -> None:
        """Nothing more is written: a transport does not close while a producer waits for it."""
        self._ending = True
        self._stop_producing()

    def loseConnection(self) -> None:
        """Close when everything is written."""
        self._last_words()
        self.transport.loseConnection()

    def abortConnection(self) -> None:
        """Close at once."""
        self.transport.abortConnection()

    def getPeer(self) -> IAddress:
        """The client's address."""
        return self.transport.getPeer()  # type: ignore[no-any-return]  # transport is Any, see above

    def getHost(self) -> IAddress:
        """The address it came to."""
        return self.transport.getHost()  # type: ignore[no-any-return]  # transport is Any, see above

    def isSecure(self) -> bool:
        """Whether it came over TLS."""
        return ISSLTransport(self.transport, None) is not None
