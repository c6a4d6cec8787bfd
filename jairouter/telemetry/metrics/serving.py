"""What is going on now, for Prometheus: connections, requests, streams."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, NamedTuple

from jairouter.telemetry.metrics.families import Source

if TYPE_CHECKING:
    from prometheus_client.core import Metric

    from jairouter.telemetry.metrics.families import Families, Labels


class Pooled(NamedTuple):
    """The connections to one origin.

    Attributes:
        origin: Scheme, host and port.
        lent: Busy ones.
        idle: Others that are open.
        connecting: Those that are being opened.
        waiting: Requests that wait for one.
    """

    origin: str
    lent: int
    idle: int
    connecting: int
    waiting: int


class Serving(NamedTuple):
    """What is going on.

    Attributes:
        connections: Open ones of clients.
        under_way: Requests, by service and whether their answer is a stream.
        pools: The connections to each origin.
    """

    connections: int
    under_way: Mapping[tuple[str, bool], int]
    pools: Iterable[Pooled]


class ServingMetrics(Source):
    """Shows it.

    Args:
        serving: Says what is going on.
        families: Make what is shown.
    """

    def __init__(self, serving: Callable[[], Serving], families: Families) -> None:
        self._serving = serving
        self._families = families

    def look(self) -> Callable[[], Iterable[Metric]]:
        """See `Source.look`."""
        connections, under_way, pools = self._serving()
        return lambda: self._shown(connections, under_way, _merged(pools))

    def _shown(
        self,
        connections: int,
        under_way: Mapping[tuple[str, bool], int],
        pools: Mapping[str, Pooled],
    ) -> Iterable[Metric]:
        known = self._families.known
        yield known("client_connections", [((), connections)])
        requests: Counter[Labels] = Counter()
        streams: Counter[Labels] = Counter()
        for (service, streaming), count in under_way.items():
            requests[service,] += count
            streams[service,] += count if streaming else 0
        yield known("requests_in_flight", requests.items())
        yield known("streams_open", streams.items())
        states = (
            ((pool.origin, state), count)
            for pool in pools.values()
            for state, count in (("lent", pool.lent), ("idle", pool.idle), ("connecting", pool.connecting))
        )
        yield known("pool_connections", states)
        yield known("pool_waiting", (((pool.origin,), pool.waiting) for pool in pools.values()))


def _merged(pools: Iterable[Pooled]) -> Mapping[str, Pooled]:
    """Those to one origin that are secured in different ways are one series."""
    merged: dict[str, Pooled] = {}
    for pool in pools:
        before = merged.get(pool.origin, Pooled(pool.origin, 0, 0, 0, 0))
        counts = (a + b for a, b in zip(before[1:], pool[1:], strict=True))
        merged[pool.origin] = Pooled(pool.origin, *counts)
    return merged
