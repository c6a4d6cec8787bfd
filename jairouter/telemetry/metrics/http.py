"""Requests by path and status, under the names that dashboards know from Spring Boot."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Final

from jairouter.routes import PREFIXES, ROUTES
from jairouter.telemetry.metrics.families import Source
from jairouter.telemetry.metrics.histogram import DURATIONS, Histogram, Taken, added_up

if TYPE_CHECKING:
    from collections.abc import Iterable

    from prometheus_client.core import Metric

    from jairouter.telemetry.metrics.families import Families, Labels

SERVICES: Final = {prefix + route.suffix: route.service for prefix in PREFIXES for route in ROUTES}
"""The service that each path of a model belongs to."""

_Answered = list[tuple[tuple[str, str, int], Taken]]


class HttpMetrics(Source):
    """Counts answers, those that came to no pipeline too.

    The counts are kept here, in plain lists, and shown through prometheus-client when they are asked for: its
    own counters take a lock at each step, which one thread does not need.

    Args:
        families: Make what is shown.
    """

    def __init__(self, families: Families) -> None:
        self._families = families
        self._answered: dict[tuple[str, str, int], Histogram] = {}

    def answered(self, method: str, uri: str, status: int, seconds: float) -> None:
        """Count one answer.

        Args:
            method: Of the request.
            uri: The route, never what a client may choose.
            status: What the client got.
            seconds: How long it took.
        """
        self.durations(method, uri, status).observe(seconds)

    def durations(self, method: str, uri: str, status: int) -> Histogram:
        """Where to count an answer; for those who ask once and count often."""
        key = (method, uri, status)
        durations = self._answered.get(key)
        if durations is None:
            durations = self._answered[key] = Histogram(DURATIONS)
        return durations

    def look(self) -> Callable[[], Iterable[Metric]]:
        """See `Source.look`."""
        answered = [(key, durations.taken()) for key, durations in self._answered.items()]
        return lambda: self._shown(answered)

    def _shown(self, answered: _Answered) -> Iterable[Metric]:
        known = self._families.known
        labelled: list[tuple[Labels, Taken]] = [
            ((method, uri, str(status)), taken) for (method, uri, status), taken in answered
        ]
        yield known("http_server_requests", [(labels, sum(taken[1])) for labels, taken in labelled])
        yield known("http_server_requests_seconds", labelled)
        counts: dict[Labels, int] = {}
        durations: dict[Labels, list[Taken]] = {}
        for (method, uri, status), taken in answered:
            service = SERVICES.get(uri)
            if service is not None:
                labels = (service, method, str(status))
                counts[labels] = counts.get(labels, 0) + sum(taken[1])
                durations.setdefault((service, method), []).append(taken)
        yield known("requests", counts.items())
        yield known(
            "request_duration_seconds", [(labels, added_up(several)) for labels, several in durations.items()]
        )
