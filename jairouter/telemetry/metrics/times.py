"""For how long requests waited, and for how long the gateway itself was at work for them."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING

from zope.interface import implementer

from jairouter.interfaces import IRecorder
from jairouter.telemetry.metrics.families import Source
from jairouter.telemetry.metrics.histogram import OVERHEAD, WAITS, Histogram

if TYPE_CHECKING:
    from prometheus_client.core import Metric

    from jairouter.errors import GatewayError
    from jairouter.exchange import Attempt, Exchange
    from jairouter.telemetry.metrics.families import Families


@implementer(IRecorder)
class TimeMetrics(Source):
    """Counts them.

    The gateway's own time is that from a request's being there to its being handed to a connection, and from
    the end of its answer to the end of the exchange; waits for a turn under a limit and for a connection are
    not in it. What is done while an answer passes through cannot be told from its backend's time.

    Args:
        seconds: The clock.
        families: Make what is shown.
    """

    def __init__(self, seconds: Callable[[], float], families: Families) -> None:
        self._seconds = seconds
        self._families = families
        self._waits: dict[tuple[str, str], Histogram] = {}
        self._overhead: dict[str, Histogram] = {}

    def record(self, exchange: Exchange, status: int, sent: int, error: GatewayError | None) -> None:
        """See `IRecorder.record`."""
        service, attempts, waited = exchange.request.route.service, exchange.attempts, exchange.waited
        if waited:
            self._wait(service, "limit", waited)
        taken = self._seconds() - exchange.arrived - waited
        if attempts:
            attempt = attempts[0]
            ended = attempt.ended or attempt.since
            taken -= ended - (attempt.connected or (ended if attempt.queued else attempt.sent))
            if attempt.queued or len(attempts) > 1:
                for each in attempts:
                    if each.queued:
                        waited = _until_connected(each)
                        taken -= waited
                        self._wait(service, "connection", waited)
                if len(attempts) > 1:
                    return
        overhead = self._overhead.get(service)
        if overhead is None:
            overhead = self._overhead[service] = Histogram(OVERHEAD)
        overhead.observe(taken if taken > 0.0 else 0.0)

    def _wait(self, service: str, where: str, seconds: float) -> None:
        waits = self._waits.get((service, where))
        if waits is None:
            waits = self._waits[service, where] = Histogram(WAITS)
        waits.observe(seconds)

    def look(self) -> Callable[[], Iterable[Metric]]:
        """See `Source.look`."""
        waits = [(key, each.taken()) for key, each in self._waits.items()]
        overhead = [((service,), each.taken()) for service, each in self._overhead.items()]
        known = self._families.known
        return lambda: (
            known("queue_wait_seconds", waits),
            known("gateway_overhead_seconds", overhead),
        )


def _until_connected(attempt: Attempt) -> float:
    """For how long an attempt waited for its connection, or for nothing."""
    return max((attempt.connected or attempt.ended or attempt.since) - attempt.queued, 0.0)
