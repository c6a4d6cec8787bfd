"""An `IAgent` over our own connections and pool."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, cast

from twisted.internet.error import ConnectionAborted, ConnectionDone, ConnectionLost
from twisted.logger import Logger
from twisted.web.iweb import UNKNOWN_LENGTH, IAgent
from zope.interface import implementer

from jairouter.headers import end_to_end, joined
from jairouter.task import as_deferred
from jairouter.twisted_headers import pairs_of
from jairouter.upstream.answer_parser import MAX_HEAD
from jairouter.upstream.endpoints import Connector, Dialing
from jairouter.upstream.names import Names
from jairouter.upstream.outgoing import Origin, Outgoing, compose, compose_behind, origin_of, start_of
from jairouter.upstream.pool import OriginPool, PoolLimits
from jairouter.upstream.wire import WireBody

if TYPE_CHECKING:
    from collections.abc import Coroutine, Iterable, Mapping

    from twisted.internet.defer import Deferred
    from twisted.web.http_headers import Headers
    from twisted.web.iweb import IBodyProducer, IResponse

    from jairouter.config.outbound import Outbound
    from jairouter.exchange import Attempt, HeaderPairs
    from jairouter.interfaces import IRequestBody
    from jairouter.timers import TimerWheel
    from jairouter.traffic.instance import Instance
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

    Attributes:
        dialing: How it connects; for others who connect to the same hosts.
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
        self.dialing = Dialing(reactor, wheel, names, connect_timeout, max_head)
        self._wheel = wheel
        self._ledger = ledger
        self._limits = limits
        self._pools: dict[Origin, OriginPool] = {}
        self._addresses: dict[tuple[bytes, BackendTls | None], _Address] = {}
        self._kept: dict[tuple[str, BackendTls | None], Origin | None] = {}

    def request(
        self,
        method: bytes,
        uri: bytes,
        headers: Headers | None = None,
        bodyProducer: IBodyProducer | None = None,
    ) -> Deferred[IResponse]:
        """See `IAgent.request`. Cancelling the Deferred aborts the connection at once."""
        return cast("Deferred[IResponse]", as_deferred(self._request(method, uri, headers, bodyProducer)))

    async def _request(
        self, method: bytes, uri: bytes, headers: Headers | None, producer: IBodyProducer | None
    ) -> Response:
        length: int | None = 0
        if producer is not None:
            length = None if producer.length is UNKNOWN_LENGTH else int(producer.length)
        address, query = self._take_apart(uri, None)
        pairs = () if headers is None else pairs_of(headers)
        sent = end_to_end(pairs, joined(pairs, b"connection"))
        head = compose(method, address.host, address.path + query, sent, length)
        return await self._exchange(address, Outgoing(method, head, producer=producer))

    def post(
        self, uri: bytes, headers: HeaderPairs, body: IRequestBody, attempt: Attempt
    ) -> Coroutine[Any, Any, Response]:
        """Send an attempt's request as it is.

        Args:
            uri: Absolute.
            headers: End-to-end headers; framing and Host are added.
            body: What is sent.
            attempt: Told about phases and progress.

        Returns:
            The answer, as soon as its head is complete. Awaiting it raises `BadAddress`, or what kept it from
            coming in Twisted's words. Nobody wants it any more (`CancelledError`): the connection is aborted.

        Raises:
            ValueError: The address or a header would not stay one on the wire.
        """
        data = body.data
        address, query = self._take_apart(uri, attempt.instance.tls)
        start = start_of(b"POST", address.host, address.path + query) if query else address.post
        head = compose_behind(start, headers, body.length if data is None else len(data))
        producer = WireBody(body) if data is None else None
        return self._exchange(address, Outgoing(b"POST", head, data, producer, attempt))

    def keep(self, instances: Iterable[Instance]) -> None:
        """Forget whatever leads to none of these: other settings are in force, and there may be many of them.

        What is under way ends as it began. A context of TLS takes most of a megabyte, and every reading of
        the settings makes new ones.

        Args:
            instances: All that requests may go to from now on.
        """
        # Nearly all were there before, and to take an address apart takes a while
        before, self._kept = self._kept, {}
        for instance in instances:
            key = instance.base_url, instance.tls
            if key not in self._kept:
                self._kept[key] = before[key] if key in before else _origin(*key)
        wanted = set(self._kept.values())
        for origin in [each for each in self._pools if each not in wanted]:
            self._pools.pop(origin).close()
        self._addresses = {key: each for key, each in self._addresses.items() if each.origin in wanted}

    @property
    def pools(self) -> Mapping[Origin, OriginPool]:
        """The connections that there are."""
        return self._pools

    def restrict(self, rules: Outbound) -> None:
        """Connect to what other rules allow, and keep no connection that they may not.

        What is under way ends as it began.
        """
        if rules != self.dialing.watch.rules:
            self.dialing.watch.rules = rules
            self.close()
            self._pools, self._addresses = {}, {}

    def close(self) -> None:
        """Keep no connection any more."""
        for pool in self._pools.values():
            pool.close()

    async def _exchange(self, address: _Address, outgoing: Outgoing) -> Response:
        pool = address.pool or self._pool_of(address)
        connection = pool.take()  # nearly always there is one, and nothing is to be waited for
        if connection is None:
            connection = await pool.acquire(outgoing.attempt)
        reused, sent = connection.uses > 0, self._wheel.seconds()
        try:
            return await connection.send(outgoing)
        except _LOST as lost:
            # RFC 9112, section 9.3.1, leaves a repetition to whoever knows that it does no harm. Nobody can
            # know that of a prompt; so it must look like the race in every way: used before, not a byte of an
            # answer, and lost within `RACE`
            in_time = self._wheel.seconds() - sent <= RACE
            if not reused or connection.answered or not in_time or not outgoing.repeatable:
                raise
            # Twisted raises the same one again and again; it would hold the request
            lost.__traceback__ = None
        self._log.info(
            "a kept-alive connection to {host}:{port} was closed as it was used again; sending once more",
            host=address.origin.host,
            port=address.origin.port,
        )
        fresh = await pool.acquire(outgoing.attempt, fresh=True)
        return await fresh.send(outgoing)

    def _take_apart(self, uri: bytes, tls: BackendTls | None) -> tuple[_Address, bytes]:
        """An address, and the query with its question mark."""
        address = self._addresses.get((uri, tls))
        if address is not None:
            return address, b""  # nearly always
        # Queries come from clients, so there is no end of them; what is before them is configured
        known, _, query = uri.partition(b"#")[0].partition(b"?")
        address = self._addresses.get((known, tls))
        if address is None:
            address = _Address(known, tls)
            if len(self._addresses) < MAX_REMEMBERED_URLS:
                self._addresses[known, tls] = address
        return address, b"?" + query if query else b""

    def _pool_of(self, address: _Address) -> OriginPool:
        address.pool = pool = self._pools.get(address.origin) or self._new_pool(address.origin)
        return pool

    def _new_pool(self, origin: Origin) -> OriginPool:
        def connect() -> Deferred[Connection]:
            return connector.connect()

        pool = OriginPool(self._limits, self._wheel, self._ledger, connect)
        connector = Connector(self.dialing, origin, pool.idle, pool.lost)
        self._pools[origin] = pool
        return pool


def _origin(base_url: str, tls: BackendTls | None) -> Origin | None:
    try:
        return origin_of(base_url.encode("ascii"), tls)[0]
    except ValueError:
        return None  # whatever is sent there fails before there is a connection


class _Address:
    """What is to be known about a URL without its query.

    Attributes:
        origin: Where connections go.
        host: The value of the Host header.
        path: The request target.
        post: The start of a request that is sent there.
        pool: The connections, once there was one.
    """

    __slots__ = ("host", "origin", "path", "pool", "post")

    def __init__(self, uri: bytes, tls: BackendTls | None) -> None:
        self.origin, self.host, self.path = origin_of(uri, tls)
        self.post = start_of(b"POST", self.host, self.path)
        self.pool: OriginPool | None = None
