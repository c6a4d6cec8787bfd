"""Metrics for Prometheus."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from prometheus_client import CollectorRegistry, Counter, Histogram
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector
from zope.interface import implementer

from jairouter.interfaces import IRecorder

if TYPE_CHECKING:
    from collections.abc import Iterable

    from prometheus_client.core import Metric

    from jairouter.errors import GatewayError
    from jairouter.exchange import Exchange
    from jairouter.traffic.permits import Ledger

BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 120.0, 300.0, 600.0)
"""Seconds: a gateway's own answers take milliseconds, a long generation takes minutes."""


@implementer(IRecorder)
class RequestMetrics:
    """Counts requests and their durations under the names that the production guide's rules use.

    Args:
        registry: Where they are registered.
        seconds: The clock.
        tags: Labels that every series carries, such as ``environment``.
    """

    def __init__(
        self, registry: CollectorRegistry, seconds: Callable[[], float], tags: Mapping[str, str]
    ) -> None:
        self._seconds = seconds
        self._tags = tuple(tags.values())
        names = ("method", "uri", "status")
        self._count = Counter(
            "http_server_requests_total",
            "Requests answered.",
            (*tags, *names),
            registry=registry,
        )
        self._duration = Histogram(
            "http_server_requests_seconds",
            "From a request's head to the last byte of its answer.",
            (*tags, *names),
            registry=registry,
            buckets=BUCKETS,
        )
        self._attempts = Counter(
            "jairouter_backend_calls_total",
            "Attempts at instances by how they ended.",
            (*tags, "service", "model", "backend", "outcome"),
            registry=registry,
        )
        # labels() checks and joins strings at every call; the children are few and are kept
        self._children: dict[tuple[str, str, int], tuple[Counter, Histogram]] = {}
        self._attempt_children: dict[tuple[str, str, str, str], Counter] = {}

    def record(self, exchange: Exchange, status: int, sent: int, error: GatewayError | None) -> None:
        """See `IRecorder.record`."""
        self.answered("POST", exchange.request.route.path, status, self._seconds() - exchange.started)
        for attempt in exchange.attempts:
            outcome = attempt.outcome.value if attempt.outcome else "unsettled"
            instance = attempt.instance
            key = (instance.service, instance.name, instance.base_url, outcome)
            child = self._attempt_children.get(key)
            if child is None:
                child = self._attempt_children[key] = self._attempts.labels(*self._tags, *key)
            child.inc()

    def answered(self, method: str, uri: str, status: int, seconds: float) -> None:
        """Count one answer.

        Args:
            method: Of the request.
            uri: The route, never what a client may choose.
            status: What the client got.
            seconds: How long it took.
        """
        key = (method, uri, status)
        children = self._children.get(key)
        if children is None:
            labels = (*self._tags, method, uri, str(status))
            children = (self._count.labels(*labels), self._duration.labels(*labels))
            self._children[key] = children
        children[0].inc()
        children[1].observe(seconds)


class LedgerMetrics(Collector):
    """Shows the ledger: what is lent out now, by kind. At rest all are zero."""

    def __init__(self, ledger: Ledger, tags: Mapping[str, str]) -> None:
        self._ledger = ledger
        self._tags = tags

    def collect(self) -> Iterable[Metric]:
        """See `Collector.collect`."""
        gauge = GaugeMetricFamily(
            "jairouter_ledger_outstanding",
            "What is lent out now, by kind; zero at rest.",
            labels=[*self._tags, "kind"],
        )
        for kind, count in self._ledger.outstanding().items():
            gauge.add_metric([*self._tags.values(), kind], count)
        yield gauge
