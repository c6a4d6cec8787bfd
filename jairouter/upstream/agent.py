"""An `IAgent` over our own connections and pool."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, cast

from twisted.internet.defer import Deferred, fail
from twisted.internet.error import ConnectionAborted, ConnectionDone, ConnectionLost
from twisted.logger import Logger
from twisted.python.failure import Failure
from twisted.web.iweb import IAgent
from zope.interface import implementer

from jairouter.upstream.answer_parser import MAX_HEAD
from jairouter.upstream.endpoints import Connector, Dialing
from jairouter.upstream.failures import BadAddress
from jairouter.upstream.names import Names
from jairouter.upstream.outgoing import Origin, Outgoing, compose, origin_of
from jairouter.upstream.pool import OriginPool, PoolLimits
from jairouter.upstream.wire import WireHeaders

if TYPE_CHECKING:
    from twisted.web.http_headers import Headers
    from twisted.web.iweb import IBodyProducer, IResponse

    from jairouter.timers import TimerWheel
    from jairouter.traffic.permits import Ledger
    from jairouter.upstream.connection import Connection
    from jairouter.upstream.response import Response
    from jairouter.upstream.tls import BackendTls

MAX_REMEMBERED_URLS: Final = 10_000

RACE: Final = 1.0
"""Seconds after sending within which the loss of a kept-alive connection is taken for the backend's having
closed it before the request came. That shows after one round trip; later, the request itself may be what
the backend died of, and must not be what the next one dies of too."""

_LOST: Final = (ConnectionDone, ConnectionLost, ConnectionAborted)


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
        names: Knows the addresses of hosts.
        max_head: Bytes of the head of an answer.
    """

    _log = Logger()

    def __init__(
        self,
        reactor: Any,
        wheel: TimerWheel,
        ledger: Ledger,
        limits: PoolLimits,
        connect_timeout: float = 10.0,
        names: Names | None = None,
        max_head: int = MAX_HEAD,
    ) -> None:
        names = names or Names(lambda: reactor.nameResolver, wheel)
        self._dialing = Dialing(reactor, wheel, names, connect_timeout, max_head)
        self._wheel = wheel
        self._ledger = ledger
        self._limits = limits
        self._pools: dict[Origin, OriginPool] = {}
        self._origins: dict[tuple[bytes, BackendTls | None], tuple[Origin, bytes, bytes]] = {}

    def request(
        self,
        method: bytes,
        uri: bytes,
        headers: Headers | None = None,
        bodyProducer: IBodyProducer | None = None,
    ) -> Deferred[IResponse]:
        """See `IAgent.request`. Cancelling the Deferred aborts the connection at once."""
        try:
            attempt = headers.attempt if isinstance(headers, WireHeaders) else None
            origin, host, target = self._take_apart(uri, attempt.instance.tls if attempt else None)
            outgoing = compose(method, host, target, headers, bodyProducer)
            pool = self._pools.get(origin) or self._new_pool(origin)
            connection = pool.take()
            if connection is not None:  # nearly always; nothing is to be waited for
                return cast("Deferred[IResponse]", self._send(connection, outgoing, origin))
        except (ValueError, BadAddress):
            return fail(Failure())
        answer = pool.acquire(outgoing.attempt).addCallback(self._send, outgoing, origin)
        return cast("Deferred[IResponse]", answer)

    def close(self) -> None:
        """Keep no connection any more."""
        for pool in self._pools.values():
            pool.close()

    def _send(self, connection: Connection, outgoing: Outgoing, origin: Origin) -> Deferred[Response]:
        reused = connection.uses > 0
        answer = connection.send(outgoing)
        if reused:
            answer.addErrback(self._lost, connection, outgoing, origin, self._wheel.seconds())
        return answer

    def _lost(
        self, failure: Failure, connection: Connection, outgoing: Outgoing, origin: Origin, sent: float
    ) -> Failure | Deferred[Response]:
        """Send once more what a closing backend most likely never read.

        RFC 9112, section 9.3.1, leaves this to whoever knows that a repetition does no harm. Nobody can
        know it of a prompt; that is why it must look like the race in every way: a connection that was
        used before, not a byte of an answer, and lost within `RACE`.
        """
        if connection.answered or not failure.check(*_LOST):
            return failure
        if self._wheel.seconds() - sent > RACE or not outgoing.repeatable:
            return failure
        self._log.info(
            "a kept-alive connection to {host}:{port} was closed as it was used again; sending once more",
            host=origin.host,
            port=origin.port,
        )
        again = self._pools[origin].acquire(outgoing.attempt, fresh=True)
        return again.addCallback(lambda fresh: fresh.send(outgoing))

    def _take_apart(self, uri: bytes, tls: BackendTls | None) -> tuple[Origin, bytes, bytes]:
        # Queries come from clients, so there is no end of them; what is before them is configured
        address, _, query = uri.partition(b"#")[0].partition(b"?")
        parts = self._origins.get((address, tls))
        if parts is None:
            parts = origin_of(address, tls)
            if len(self._origins) < MAX_REMEMBERED_URLS:
                self._origins[address, tls] = parts
        origin, host, path = parts
        return origin, host, path + b"?" + query if query else path

    def _new_pool(self, origin: Origin) -> OriginPool:
        def connect() -> Deferred[Connection]:
            return connector.connect()

        pool = OriginPool(self._limits, self._wheel, self._ledger, connect)
        connector = Connector(self._dialing, origin, pool.idle, pool.lost)
        self._pools[origin] = pool
        return pool
