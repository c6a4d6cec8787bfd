"""How a backend is reached: the endpoint of an origin, and connections that are open once they are secure."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final, cast

from twisted.internet.abstract import isIPAddress, isIPv6Address
from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.endpoints import (
    HostnameEndpoint,
    TCP4ClientEndpoint,
    TCP6ClientEndpoint,
    wrapClientTLS,
)
from twisted.internet.error import ConnectingCancelledError, TimeoutError
from twisted.internet.interfaces import IHandshakeListener
from twisted.internet.protocol import Factory
from twisted.internet.ssl import optionsForClientTLS
from twisted.python.failure import Failure
from zope.interface import implementer

from jairouter.upstream.connection import Connection
from jairouter.upstream.failures import BadAddress

if TYPE_CHECKING:
    from twisted.internet.interfaces import IAddress, IStreamClientEndpoint

    from jairouter.timers import TimerWheel
    from jairouter.upstream.outgoing import Origin

_NOT_IDNA: Final = re.compile(r"_|(?:^|\.)(?!xn--)[^.]{2}--")
"""Names that resolvers take and `HostnameEndpoint` does not; Docker's networks are full of them."""

ToldOfConnection = Callable[[Connection], None]


@implementer(IHandshakeListener)
class SecureConnection(Connection):
    """A connection that is open when its TLS handshake is complete.

    A peer that accepts and then says nothing must not count as connected: nothing is written to it, and
    the time it takes is time of connecting.

    Attributes:
        secured: Fires with the connection at the end of the handshake. Fails with what ended it before,
            such as `SSL.Error` or `VerificationError`. Cancelling it aborts the connection.
    """

    def __init__(self, opened: float, on_idle: ToldOfConnection, on_lost: ToldOfConnection) -> None:
        super().__init__(opened, on_idle, on_lost)
        self.secured: Deferred[SecureConnection] = Deferred(self._given_up)
        self._securing: Deferred[SecureConnection] | None = self.secured

    def handshakeCompleted(self) -> None:
        """See `IHandshakeListener.handshakeCompleted`."""
        securing, self._securing = self._securing, None
        if securing is not None:
            securing.callback(self)

    def _lose(self, reason: Failure) -> None:
        securing, self._securing = self._securing, None
        super()._lose(reason)
        if securing is not None:
            securing.errback(reason)

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


class Connector:
    """Opens connections to one origin.

    Args:
        reactor: To connect with.
        wheel: For the handshake's time, and what time it is.
        origin: Where to.
        timeout: Seconds for the connection, and as many for the handshake.
        on_idle: Given to each connection.
        on_lost: Given to each connection.
    """

    def __init__(
        self,
        reactor: Any,
        wheel: TimerWheel,
        origin: Origin,
        timeout: float,
        on_idle: ToldOfConnection,
        on_lost: ToldOfConnection,
    ) -> None:
        self._wheel = wheel
        self._secure = origin.secure
        self._timeout = timeout
        self._endpoint = _endpoint(reactor, origin, timeout)
        self._factory = _ConnectionFactory(
            SecureConnection if origin.secure else Connection, wheel.seconds, on_idle, on_lost
        )

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

    def __init__(
        self,
        kind: type[Connection],
        seconds: Callable[[], float],
        on_idle: ToldOfConnection,
        on_lost: ToldOfConnection,
    ) -> None:
        self._kind = kind
        self._seconds = seconds
        self._on_idle = on_idle
        self._on_lost = on_lost

    def buildProtocol(self, addr: IAddress | None) -> Connection:
        return self._kind(self._seconds(), self._on_idle, self._on_lost)


def _endpoint(reactor: Any, origin: Origin, timeout: float) -> IStreamClientEndpoint:
    endpoint: IStreamClientEndpoint
    if isIPAddress(origin.host):
        # No thread for the resolver where there is nothing to resolve
        endpoint = TCP4ClientEndpoint(reactor, origin.host, origin.port, timeout)
    elif isIPv6Address(origin.host):
        endpoint = TCP6ClientEndpoint(reactor, origin.host, origin.port, timeout)
    elif _NOT_IDNA.search(origin.host):
        endpoint = TCP4ClientEndpoint(reactor, origin.host, origin.port, timeout)
    else:
        endpoint = HostnameEndpoint(reactor, origin.host, origin.port, timeout)
    if origin.secure:
        try:
            # Made once per origin: reading the trust roots takes milliseconds
            endpoint = wrapClientTLS(optionsForClientTLS(origin.host), endpoint, reactor)
        except UnicodeError as error:
            raise BadAddress(f"{origin.host} cannot be named in a certificate: {error}") from error
    return endpoint


def _plainly(failure: Failure) -> Failure:
    """Endpoints have errors of their own for being cancelled, and for a name that is none."""
    if failure.check(ConnectingCancelledError):
        return Failure(CancelledError())
    if failure.check(ValueError):
        return Failure(BadAddress(failure.getErrorMessage()))
    return failure
