"""Checks of instances, for Prometheus."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import TYPE_CHECKING, Final

from jairouter.telemetry.metrics.families import Histogram, Source
from jairouter.telemetry.metrics.kept import Kept, forget

if TYPE_CHECKING:
    from collections.abc import Iterable

    from prometheus_client.core import Metric

    from jairouter.telemetry.metrics.families import Families, Labels
    from jairouter.traffic.instance import Instance

BOUNDS: Final = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
"""Seconds."""


class CheckMetrics(Source):
    """Counts checks by what came of them.

    Args:
        families: Make what is shown.
    """

    def __init__(self, families: Families) -> None:
        self._families = families
        self._results: Counter[tuple[str, str, str, str]] = Counter()
        self._durations: dict[str, Histogram] = {}
        self._kept = Kept()

    def configure(self, instances: Iterable[Instance]) -> None:
        """Other settings are in force: instances that are gone are forgotten; see `Kept`."""
        there = ((each.service, each.name, each.base_url) for each in instances)
        forget(self._results, self._kept.those(there), 3)

    def checked(self, instance: Instance, seconds: float, good: bool) -> None:
        """A check is over.

        Args:
            instance: That was asked.
            seconds: That it took.
            good: Whether it is well.
        """
        service, result = instance.service, "success" if good else "failure"
        self._results[service, instance.name, instance.base_url, result] += 1
        if service not in self._durations:
            self._durations[service] = Histogram(BOUNDS)
        self._durations[service].observe(seconds)

    def look(self) -> Callable[[], Iterable[Metric]]:
        """See `Source.look`."""
        results: list[tuple[Labels, int]] = list(self._results.items())
        durations: list[tuple[Labels, object]] = [
            ((service,), each.taken()) for service, each in self._durations.items()
        ]

        def families() -> Iterable[Metric]:
            yield self._families.known("health_checks", results)
            yield self._families.known("health_check_duration_seconds", durations)

        return families
