"""An `IAgent` over our own connections and pool."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, cast

from twisted.internet.abstract import isIPAddress, isIPv6Address
from twisted.internet.defer import CancelledError, Deferred, fail
from twisted.internet.endpoints import (
    HostnameEndpoint,
    TCP4ClientEndpoint,
    TCP6ClientEndpoint,
    wrapClientTLS,
)
from twisted.internet.error import ConnectingCancelledError, ConnectionAborted, ConnectionDone, ConnectionLost
from twisted.internet.protocol import Factory
from twisted.internet.ssl import optionsForClientTLS
from twisted.python.failure import Failure
from twisted.web.iweb import IAgent
from zope.interface import implementer

from jairouter.upstream.connection import Connection
from jairouter.upstream.outgoing import Origin, Outgoing, compose, origin_of
from jairouter.upstream.pool import OriginPool, PoolLimits

if TYPE_CHECKING:
    from twisted.internet.interfaces import IAddress, IStreamClientEndpoint
    from twisted.web.http_headers import Headers
    from twisted.web.iweb import IBodyProducer, IResponse

    from jairouter.timers import TimerWheel
    from jairouter.traffic.permits import Ledger

MAX_REMEMBERED_URLS = 10_000

_LOST = (ConnectionDone, ConnectionLost, ConnectionAborted)


@implementer(IAgent)
class Agent:
    """Sends requests to backends over kept-alive connections.

    Timeouts are not its business: it reports phases to the request's `Attempt`, and the Timeout filter
    cancels.

    Args:
        reactor: To connect with.
        wheel: For the pool's idle times.
        ledger: Counts busy connections.
        limits: Of each origin's pool.
        connect_timeout: Seconds; a safety net for users other than the pipeline.
    """

    def __init__(
        self,
        reactor: object,
        wheel: TimerWheel,
        ledger: Ledger,
        limits: PoolLimits,
        connect_timeout: float = 10.0,
    ) -> None:
        self._reactor = reactor
        self._wheel = wheel
        self._ledger = ledger
        self._limits = limits
        self._connect_timeout = connect_timeout
        self._pools: dict[Origin, OriginPool] = {}
        self._origins: dict[bytes, tuple[Origin, bytes, bytes]] = {}

    def request(
        self,
        method: bytes,
        uri: bytes,
        headers: Headers | None = None,
        bodyProducer: IBodyProducer | None = None,
    ) -> Deferred[IResponse]:
        """See `IAgent.request`. Cancelling the Deferred aborts the connection at once."""
        try:
            origin, host, target = self._take_apart(uri)
            outgoing = compose(method, host, target, headers, bodyProducer)
        except ValueError:
            return fail(Failure())
        return Deferred.fromCoroutine(self._send(origin, outgoing))

    def close(self) -> None:
        """Keep no connection any more."""
        for pool in self._pools.values():
            pool.close()

    async def _send(self, origin: Origin, outgoing: Outgoing) -> IResponse:
        pool = self._pool(origin)
        connection = await pool.acquire(outgoing.attempt)
        reused = connection.uses > 0
        try:
            return await connection.send(outgoing)
        except _LOST:
            # The backend closed a connection that it had kept open, just as it was used again. Nothing
            # came back, so most likely nothing was done; nginx and Go's net/http do the same.
            if not reused or connection.answered or not outgoing.repeatable:
                raise
        connection = await pool.acquire(outgoing.attempt, fresh=True)
        return await connection.send(outgoing)

    def _take_apart(self, uri: bytes) -> tuple[Origin, bytes, bytes]:
        parts = self._origins.get(uri)
        if parts is None:
            parts = origin_of(uri)
            # Queries come from clients, so there is no end of them
            if b"?" not in uri and len(self._origins) < MAX_REMEMBERED_URLS:
                self._origins[uri] = parts
        return parts

    def _pool(self, origin: Origin) -> OriginPool:
        pool = self._pools.get(origin)
        if pool is None:
            pool = self._pools[origin] = self._new_pool(origin)
        return pool

    def _new_pool(self, origin: Origin) -> OriginPool:
        endpoint = self._endpoint(origin)

        def connect() -> Deferred[Connection]:
            connecting = endpoint.connect(_ConnectionFactory(pool, self._wheel.seconds))
            connecting.addErrback(_plainly_cancelled)
            return cast("Deferred[Connection]", connecting)

        pool = OriginPool(self._limits, self._wheel, self._ledger, connect)
        return pool

    def _endpoint(self, origin: Origin) -> IStreamClientEndpoint:
        endpoint: IStreamClientEndpoint
        if isIPAddress(origin.host):
            # No thread for the resolver where there is nothing to resolve
            endpoint = TCP4ClientEndpoint(self._reactor, origin.host, origin.port, self._connect_timeout)
        elif isIPv6Address(origin.host):
            endpoint = TCP6ClientEndpoint(self._reactor, origin.host, origin.port, self._connect_timeout)
        elif "_" in origin.host:
            # HostnameEndpoint takes only names that IDNA allows; Docker's networks are full of others
            endpoint = TCP4ClientEndpoint(self._reactor, origin.host, origin.port, self._connect_timeout)
        else:
            endpoint = HostnameEndpoint(self._reactor, origin.host, origin.port, self._connect_timeout)
        if origin.secure:
            # Made once per origin: reading the trust roots takes milliseconds
            endpoint = wrapClientTLS(optionsForClientTLS(origin.host), endpoint)
        return endpoint


def _plainly_cancelled(failure: Failure) -> Failure:
    """Endpoints have an error of their own for a Deferred that was cancelled while they connected."""
    return Failure(CancelledError()) if failure.check(ConnectingCancelledError) else failure


class _ConnectionFactory(Factory):
    noisy = False

    def __init__(self, pool: OriginPool, seconds: Callable[[], float]) -> None:
        self._pool = pool
        self._seconds = seconds

    def buildProtocol(self, addr: IAddress | None) -> Connection:
        return Connection(self._seconds(), self._pool.idle, self._pool.lost)
