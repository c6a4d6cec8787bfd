"""Metrics that prometheus-client itself reads: of the process and of Python."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING

from jairouter.telemetry.metrics.families import Source

if TYPE_CHECKING:
    from prometheus_client.core import Metric
    from prometheus_client.registry import Collector


class Tagged(Source):
    """Another collector's metrics, with the labels that all metrics carry.

    Args:
        collector: It looks at nothing of ours, so that it may do so in another thread.
        tags: The labels (``management.metrics.tags``).
    """

    def __init__(self, collector: Collector, tags: Mapping[str, str]) -> None:
        self._collector = collector
        self._tags = tags

    def look(self) -> Callable[[], Iterable[Metric]]:
        """See `Source.look`."""
        return self._read

    def _read(self) -> Iterable[Metric]:
        for family in self._collector.collect():
            family.samples = [each._replace(labels={**self._tags, **each.labels}) for each in family.samples]
            yield family
