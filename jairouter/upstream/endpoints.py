"""How a backend is reached: the endpoint of an origin, and connections that are open once they are secure."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, cast

from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.endpoints import wrapClientTLS
from twisted.internet.error import ConnectingCancelledError, TimeoutError
from twisted.internet.interfaces import IHandshakeListener
from twisted.internet.protocol import Factory
from twisted.python.failure import Failure
from zope.interface import implementer

from jairouter.config.addresses import HOST_NAME
from jairouter.config.outbound import address_in
from jairouter.upstream.answer_parser import MAX_HEAD
from jairouter.upstream.connection import Connection
from jairouter.upstream.dialing import AddressEndpoint, NamedEndpoint
from jairouter.upstream.failures import BadAddress
from jairouter.upstream.outbound import Watch
from jairouter.upstream.tls import BackendTls, client_context

if TYPE_CHECKING:
    from twisted.internet.interfaces import IAddress, IStreamClientEndpoint

    from jairouter.timers import TimerWheel
    from jairouter.upstream.names import Names
    from jairouter.upstream.outgoing import Origin
    from jairouter.upstream.tls import CertificateRefused, TlsClient

ToldOfConnection = Callable[[Connection], None]


@implementer(IHandshakeListener)
class SecureConnection(Connection):
    """A connection that is open when its TLS handshake is complete.

    A peer that accepts and then says nothing must not count as connected: nothing is written to it, and
    the time it takes is time of connecting.

    Args:
        tls: Judges the peer.
        opened: See `Connection`.
        on_idle: See `Connection`.
        on_lost: See `Connection`.
        max_head: See `Connection`.

    Attributes:
        secured: Fires with the connection at the end of the handshake. Fails with what ended it before,
            such as `SSL.Error`, one of which is `CertificateRefused`. Cancelling it aborts the connection.
    """

    def __init__(
        self,
        tls: TlsClient,
        opened: float,
        on_idle: ToldOfConnection,
        on_lost: ToldOfConnection,
        max_head: int = MAX_HEAD,
    ) -> None:
        super().__init__(opened, on_idle, on_lost, max_head)
        self._tls = tls
        self._distrust: CertificateRefused | None = None
        self.secured: Deferred[SecureConnection] = Deferred(self._given_up)
        self._securing: Deferred[SecureConnection] | None = self.secured

    def distrusted(self, why: CertificateRefused) -> None:
        """OpenSSL will end the handshake, and not say why (called by `TlsClient`)."""
        self._distrust = why

    def handshakeCompleted(self) -> None:
        """See `IHandshakeListener.handshakeCompleted`."""
        try:
            self._tls.check(self.transport.getHandle())
        except Exception:  # whatever it is, the peer was not found to be the right one
            self.abort(Failure())
        securing, self._securing = self._securing, None
        if securing is not None:
            securing.callback(self)

    def _lose(self, reason: Failure) -> None:
        securing, self._securing = self._securing, None
        super()._lose(reason)
        if securing is not None:
            securing.errback(reason if self._distrust is None else Failure(self._distrust))

    def _hang_up(self) -> None:
        tls = self.transport
        super()._hang_up()
        if tls is not None:
            # Twisted waits for the peer's farewell, which need not come (RFC 8446, section 6.1, asks for no
            # wait); the connection would stay open, unknown to the pool
            tls.transport.loseConnection()

    def _given_up(self, _: Deferred[SecureConnection]) -> None:
        self._securing = None
        self.abort()


@dataclass(frozen=True, slots=True)
class Dialing:
    """What connecting to any origin takes.

    Attributes:
        reactor: To connect with.
        wheel: For timeouts, and what time it is.
        names: Knows the addresses of hosts.
        timeout: Seconds for the look-up and the connection, and as many for the handshake.
        max_head: Bytes of the head of an answer.
        watch: Says which addresses may be connected to.
    """

    reactor: Any
    wheel: TimerWheel
    names: Names
    timeout: float = 10.0
    max_head: int = MAX_HEAD
    watch: Watch = field(default_factory=Watch)


class Connector:
    """Opens connections to one origin.

    Args:
        dialing: See there.
        origin: Where to.
        on_idle: Given to each connection.
        on_lost: Given to each connection.

    Raises:
        BadAddress: No connection there could ever be made.
    """

    def __init__(
        self, dialing: Dialing, origin: Origin, on_idle: ToldOfConnection, on_lost: ToldOfConnection
    ) -> None:
        self._wheel = dialing.wheel
        self._timeout = dialing.timeout
        self._secure = origin.secure
        self._endpoint = _endpoint(dialing, origin)
        seconds, max_head = dialing.wheel.seconds, dialing.max_head
        if origin.secure:
            # Whoever has no options of their own pays for a context of their own
            tls = (origin.tls or BackendTls(client_context())).towards(origin.host)
            self._endpoint = wrapClientTLS(tls, self._endpoint, dialing.reactor)
            self._factory = _ConnectionFactory(
                lambda: SecureConnection(tls, seconds(), on_idle, on_lost, max_head)
            )
        else:
            self._factory = _ConnectionFactory(lambda: Connection(seconds(), on_idle, on_lost, max_head))

    def connect(self) -> Deferred[Connection]:
        """Open one.

        Returns:
            Fires with a connection that can be written to. Cancel it to give up.
        """
        connecting = cast("Deferred[Connection]", self._endpoint.connect(self._factory))
        if self._secure:
            connecting.addCallback(self._when_secure)
        return connecting.addErrback(_plainly)

    def _when_secure(self, connection: Connection) -> Deferred[Connection]:
        assert isinstance(connection, SecureConnection)
        timer = self._wheel.start(self._timeout, lambda: connection.abort(Failure(TimeoutError())))

        def over(result: Connection | Failure) -> Connection | Failure:
            timer.cancel()
            return result

        return cast("Deferred[Connection]", connection.secured).addBoth(over)


class _ConnectionFactory(Factory):
    noisy = False

    def __init__(self, make: Callable[[], Connection]) -> None:
        self._make = make

    def buildProtocol(self, addr: IAddress | None) -> Connection:
        return self._make()


def _endpoint(dialing: Dialing, origin: Origin) -> IStreamClientEndpoint:
    host, port, reactor, timeout = origin.host, origin.port, dialing.reactor, dialing.timeout
    # No thread for the resolver where there is nothing to resolve; and what it would take for an address in
    # another spelling, is judged as the address that it is
    address = address_in(host)
    if address is not None:
        return AddressEndpoint(reactor, dialing.watch, str(address), port, timeout)
    if not HOST_NAME.fullmatch(host):
        raise BadAddress(f"{host} is no name of a host")
    return NamedEndpoint(reactor, dialing.wheel, dialing.names, dialing.watch, host, port, timeout)


def _plainly(failure: Failure) -> Failure:
    """Endpoints have an error of their own for being cancelled."""
    return Failure(CancelledError()) if failure.check(ConnectingCancelledError) else failure
