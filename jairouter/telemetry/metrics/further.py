"""What was done when a first attempt was not enough: further attempts, second ones, other answers."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING

from zope.interface import implementer

from jairouter.errors import ClientGone, ShuttingDown, StreamCut, UpstreamRefusal, UpstreamTimeout
from jairouter.exchange import Outcome
from jairouter.interfaces import IRecorder
from jairouter.telemetry.metrics.families import Source

if TYPE_CHECKING:
    from prometheus_client.core import Metric

    from jairouter.errors import GatewayError
    from jairouter.exchange import Exchange
    from jairouter.telemetry.metrics.families import Families

_LOST = frozenset({Outcome.FAILED, Outcome.THROTTLED})
"""How an attempt ends that has not made it, even if none of the others has."""

_REASONS = (
    (ClientGone, "client_gone"),
    (ShuttingDown, "shutting_down"),
    (UpstreamTimeout, "timeout"),
    (UpstreamRefusal, "told_error"),
    (StreamCut, "cut"),
)
"""Why a stream broke; a backend chooses the codes of its own errors, so that they are no labels."""


@implementer(IRecorder)
class FurtherMetrics(Source):
    """Counts them, and event streams that broke.

    Args:
        families: Make what is shown.
    """

    def __init__(self, families: Families) -> None:
        self._families = families
        self._counts: dict[str, Counter[tuple[str, str]]] = {
            name: Counter()
            for name in ("retries", "retries_denied", "hedges", "fallbacks", "streams_interrupted")
        }

    def configure(self, services: Iterable[str]) -> None:
        """Other settings are in force: the series of these services, whose labels are known, are there."""
        for service in services:
            for result in ("won", "lost"):
                self._counts["hedges"][service, result] += 0

    def record(self, exchange: Exchange, status: int, sent: int, error: GatewayError | None) -> None:
        """See `IRecorder.record`."""
        if exchange.retried:
            self._count("retries", exchange, *exchange.retried)
        if exchange.not_retried:
            self._count("retries_denied", exchange, exchange.not_retried)
        if len(exchange.attempts) > 1:
            last = exchange.attempts[-1]
            winner = None if last.outcome in _LOST else last
            hedges = ("won" if each is winner else "lost" for each in exchange.attempts if each.hedge)
            self._count("hedges", exchange, *hedges)
        if exchange.fallback:
            self._count("fallbacks", exchange, exchange.fallback.partition(":")[0])
        if error is not None and exchange.stream and (sent or exchange.committed):
            self._count("streams_interrupted", exchange, _why(error))

    def _count(self, name: str, exchange: Exchange, *words: str) -> None:
        counts, service = self._counts[name], exchange.request.route.service
        for word in words:
            counts[service, word] += 1

    def look(self) -> Callable[[], Iterable[Metric]]:
        """See `Source.look`."""
        counts = {name: list(each.items()) for name, each in self._counts.items()}
        return lambda: [self._families.known(name, series) for name, series in counts.items()]


def _why(error: GatewayError) -> str:
    return next((word for kind, word in _REASONS if isinstance(error, kind)), "other")
