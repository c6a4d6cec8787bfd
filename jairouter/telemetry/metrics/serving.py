"""What is going on now, for Prometheus: connections, requests, streams."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, NamedTuple

from jairouter.telemetry.metrics.families import Source

if TYPE_CHECKING:
    from prometheus_client.core import Metric

    from jairouter.telemetry.metrics.families import Families


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
        gauge = self._families.gauge
        yield gauge("client_connections", "Open connections of clients.", (), [((), connections)])
        requests: dict[str, int] = {}
        streams: dict[str, int] = {}
        for (service, streaming), count in under_way.items():
            requests[service] = requests.get(service, 0) + count
            streams[service] = streams.get(service, 0) + (count if streaming else 0)
        about = "Requests under way, from their head to the last byte of their answer."
        yield gauge("requests_in_flight", about, ["service"], (((each,), n) for each, n in requests.items()))
        about = "Of these, the ones that are answered by a stream of events."
        yield gauge("streams_open", about, ["service"], (((each,), n) for each, n in streams.items()))
        about = "Connections to backends, by what they do."
        states = (
            ((pool.origin, state), count)
            for pool in pools.values()
            for state, count in (("lent", pool.lent), ("idle", pool.idle), ("connecting", pool.connecting))
        )
        yield gauge("pool_connections", about, ("origin", "state"), states)
        about = "Requests that wait for a connection, because all that there may be are busy."
        waiting = (((pool.origin,), pool.waiting) for pool in pools.values())
        yield gauge("pool_waiting", about, ["origin"], waiting)


def _merged(pools: Iterable[Pooled]) -> Mapping[str, Pooled]:
    """Those to one origin that are secured in different ways are one series."""
    merged: dict[str, Pooled] = {}
    for pool in pools:
        before = merged.get(pool.origin)
        if before is not None:
            pool = Pooled(pool.origin, *(a + b for a, b in zip(before[1:], pool[1:], strict=True)))
        merged[pool.origin] = pool
    return merged
