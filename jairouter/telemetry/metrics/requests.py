"""Metrics of requests and their attempts, counted when each is over."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import TYPE_CHECKING

from zope.interface import implementer

from jairouter.interfaces import IRecorder
from jairouter.telemetry.metrics.families import Histogram, Source

if TYPE_CHECKING:
    from collections.abc import Iterable

    from prometheus_client import CollectorRegistry
    from prometheus_client.core import Metric

    from jairouter.errors import GatewayError
    from jairouter.exchange import Exchange, Outcome
    from jairouter.telemetry.metrics.families import Families, Labels, Taken
    from jairouter.traffic.instance import Instance

BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 120.0, 300.0, 600.0)
"""Seconds: a gateway's own answers take milliseconds, a long generation takes minutes."""


@implementer(IRecorder)
class RequestMetrics(Source):
    """Counts requests and their durations under the names that the production guide's rules use.

    The counts are kept here, in plain lists, and shown through prometheus-client when they are asked for: its
    own counters take a lock at each step, which one thread does not need.

    Args:
        registry: Where they are registered.
        seconds: The clock.
        families: Make what is shown.
    """

    def __init__(self, registry: CollectorRegistry, seconds: Callable[[], float], families: Families) -> None:
        self._seconds = seconds
        self._families = families
        self._answered: dict[tuple[str, str, int], Histogram] = {}
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
            durations = self._answered[key] = Histogram(BUCKETS)
        durations.observe(seconds)

    def look(self) -> Callable[[], Iterable[Metric]]:
        """See `Source.look`."""
        self.sum_up()
        answered: list[tuple[Labels, Taken]] = [
            ((method, uri, str(status)), durations.taken())
            for (method, uri, status), durations in self._answered.items()
        ]
        calls: list[tuple[Labels, int]] = list(self._sums.items())
        return lambda: self._shown(answered, calls)

    def _shown(
        self, answered: list[tuple[Labels, Taken]], calls: list[tuple[Labels, int]]
    ) -> Iterable[Metric]:
        families = self._families
        labels: Labels = ("method", "uri", "status")
        counts = ((values, sum(counts)) for values, (_, counts, _) in answered)
        yield families.counter("http_server_requests", "Requests answered.", labels, counts, foreign=True)
        about = "From a request's head to the last byte of its answer."
        yield families.histogram("http_server_requests_seconds", about, labels, answered, foreign=True)
        labels = ("service", "model", "backend", "outcome")
        yield families.counter("backend_calls", "Attempts at instances by how they ended.", labels, calls)

    def sum_up(self) -> None:
        """Know instances by their names only: others may be in force from now on, and these be gone."""
        for (instance, outcome), number in self._calls.items():
            ended = outcome.word if outcome else "unsettled"
            # Instances that differ in their path alone are one series
            self._sums[instance.service, instance.name, instance.base_url, ended] += number
        self._calls.clear()
