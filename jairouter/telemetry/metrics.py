"""Metrics for Prometheus."""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter
from collections.abc import Callable, Mapping
from itertools import accumulate
from typing import TYPE_CHECKING

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily
from prometheus_client.registry import Collector
from prometheus_client.utils import floatToGoString
from zope.interface import implementer

from jairouter.interfaces import IRecorder

if TYPE_CHECKING:
    from collections.abc import Iterable

    from prometheus_client import CollectorRegistry
    from prometheus_client.core import Metric

    from jairouter.errors import GatewayError
    from jairouter.exchange import Exchange, Outcome
    from jairouter.traffic.instance import Instance
    from jairouter.traffic.permits import Ledger

BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 120.0, 300.0, 600.0)
"""Seconds: a gateway's own answers take milliseconds, a long generation takes minutes."""


@implementer(IRecorder)
class RequestMetrics(Collector):
    """Counts requests and their durations under the names that the production guide's rules use.

    The counts are kept here, in plain lists, and shown through prometheus-client when they are asked for: its
    own counters take a lock at each step, which one thread does not need.

    Args:
        registry: Where they are registered.
        seconds: The clock.
        tags: Labels that every series carries, such as ``environment``.
    """

    def __init__(
        self, registry: CollectorRegistry, seconds: Callable[[], float], tags: Mapping[str, str]
    ) -> None:
        self._seconds = seconds
        self._tags = tags
        self._answered: dict[tuple[str, str, int], _Durations] = {}
        self._calls: dict[tuple[Instance, Outcome | None], int] = {}
        self._sums: Counter[tuple[str, ...]] = Counter()  # as they are shown
        registry.register(self)

    def record(self, exchange: Exchange, status: int, sent: int, error: GatewayError | None) -> None:
        """See `IRecorder.record`."""
        self.answered("POST", exchange.request.route.path, status, self._seconds() - exchange.started)
        calls = self._calls
        for attempt in exchange.attempts:
            key = (attempt.instance, attempt.outcome)
            calls[key] = calls.get(key, 0) + 1

    def answered(self, method: str, uri: str, status: int, seconds: float) -> None:
        """Count one answer.

        Args:
            method: Of the request.
            uri: The route, never what a client may choose.
            status: What the client got.
            seconds: How long it took.
        """
        key = (method, uri, status)
        durations = self._answered.get(key)
        if durations is None:
            durations = self._answered[key] = _Durations()
        durations.observe(seconds)

    def collect(self) -> Iterable[Metric]:
        """See `Collector.collect`."""
        tags = tuple(self._tags.values())
        names = (*self._tags, "method", "uri", "status")
        count = CounterMetricFamily("http_server_requests", "Requests answered.", labels=names)
        about = "From a request's head to the last byte of its answer."
        duration = HistogramMetricFamily("http_server_requests_seconds", about, labels=names)
        for (method, uri, status), durations in self._answered.items():
            labels = (*tags, method, uri, str(status))
            buckets = durations.buckets()
            count.add_metric(labels, buckets[-1][1])
            duration.add_metric(labels, buckets, durations.total)
        yield count
        yield duration
        calls = CounterMetricFamily(
            "jairouter_backend_calls",
            "Attempts at instances by how they ended.",
            labels=(*self._tags, "service", "model", "backend", "outcome"),
        )
        self.sum_up()
        for series, number in self._sums.items():
            calls.add_metric((*tags, *series), number)
        yield calls

    def sum_up(self) -> None:
        """Know instances by their names only: others may be in force from now on, and these be gone."""
        for (instance, outcome), number in self._calls.items():
            ended = outcome.word if outcome else "unsettled"
            # Instances that differ in their path alone are one series
            self._sums[instance.service, instance.name, instance.base_url, ended] += number
        self._calls.clear()


class _Durations:
    """A histogram's counts."""

    __slots__ = ("_counts", "total")

    def __init__(self) -> None:
        self._counts = [0] * (len(BUCKETS) + 1)
        self.total = 0.0

    def observe(self, seconds: float) -> None:
        """Count one."""
        self._counts[bisect_left(BUCKETS, seconds)] += 1
        self.total += seconds

    def buckets(self) -> list[tuple[str, float]]:
        """How many took no longer than each bound."""
        bounds = (*(floatToGoString(bound) for bound in BUCKETS), "+Inf")
        return list(zip(bounds, accumulate(self._counts), strict=True))


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
