"""A transport over a TCP connection: what it leaves to that one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from twisted.internet.protocol import Protocol

if TYPE_CHECKING:
    from collections.abc import Iterable

    from twisted.internet.address import IPv4Address, IPv6Address
    from twisted.internet.interfaces import IProducer


class OverTcp(Protocol):
    """To whoever is below, a protocol; to whoever is above, a transport.

    Whoever encrypts passes on at once what is written, so that it is the socket that pauses and resumes
    whoever writes.
    """

    transport: Any  # ITCPTransport; Twisted's interfaces do not say that it is a producer too

    def write(self, data: bytes) -> None:
        """See `ITransport.write`."""
        raise NotImplementedError

    def writeSequence(self, iovec: Iterable[bytes]) -> None:
        """See `ITransport.writeSequence`."""
        self.write(b"".join(iovec))

    def pauseProducing(self) -> None:
        """See `IPushProducer.pauseProducing`."""
        self.transport.pauseProducing()

    def resumeProducing(self) -> None:
        """See `IPushProducer.resumeProducing`."""
        self.transport.resumeProducing()

    def registerProducer(self, producer: IProducer, streaming: bool) -> None:
        """See `IConsumer.registerProducer`."""
        self.transport.registerProducer(producer, streaming)

    def unregisterProducer(self) -> None:
        """See `IConsumer.unregisterProducer`."""
        self.transport.unregisterProducer()

    def getPeer(self) -> IPv4Address | IPv6Address:
        """See `ITransport.getPeer`."""
        return self.transport.getPeer()  # type: ignore[no-any-return]  # transport is Any, see above

    def getHost(self) -> IPv4Address | IPv6Address:
        """See `ITransport.getHost`."""
        return self.transport.getHost()  # type: ignore[no-any-return]  # transport is Any, see above

    def getHandle(self) -> Any:
        """The socket, which knows what has arrived and whether the client is there."""
        return self.transport.getHandle()

    def setTcpNoDelay(self, enabled: bool) -> None:
        """See `ITCPTransport.setTcpNoDelay`."""
        self.transport.setTcpNoDelay(enabled)

    def getTcpNoDelay(self) -> bool:
        """See `ITCPTransport.getTcpNoDelay`."""
        return bool(self.transport.getTcpNoDelay())

    def setTcpKeepAlive(self, enabled: bool) -> None:
        """See `ITCPTransport.setTcpKeepAlive`."""
        self.transport.setTcpKeepAlive(enabled)

    def getTcpKeepAlive(self) -> bool:
        """See `ITCPTransport.getTcpKeepAlive`."""
        return bool(self.transport.getTcpKeepAlive())
