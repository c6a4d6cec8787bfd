"""How changes of the configuration went, for Prometheus."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.registry import Collector

if TYPE_CHECKING:
    from collections.abc import Iterable

    from prometheus_client.core import Metric


@dataclass(slots=True)
class ReloadCounts:
    """What is counted about configurations.

    Attributes:
        version: Number of the stored version in force; 0 without one.
        good: Whether all that was to be in force is.
        succeeded: How often a configuration was found good and is in force, the one at the start included.
        failed: How often one was not.
        undone: How often a version was taken back by itself.
        last_success: When the one in force was last found good, in seconds since the epoch.
    """

    version: int = 0
    good: bool = True
    succeeded: int = 0
    failed: int = 0
    undone: int = 0
    last_success: float = 0.0


class ConfigurationMetrics(Collector):
    """Shows them, under names like those that Prometheus has for its own configuration.

    Args:
        counts: Asked for when metrics are read.
        tags: Labels that every series carries.
    """

    def __init__(self, counts: Callable[[], ReloadCounts], tags: Mapping[str, str]) -> None:
        self._counts = counts
        self._tags = tags

    def collect(self) -> Iterable[Metric]:
        """See `Collector.collect`."""
        counts = self._counts()
        yield self._gauge("version", "Number of the stored version in force; 0 without one.", counts.version)
        about = "Configurations that were to come into force, by what came of it."
        reloads = CounterMetricFamily("jairouter_config_reloads", about, labels=[*self._tags, "result"])
        for result, number in (("success", counts.succeeded), ("failure", counts.failed)):
            reloads.add_metric([*self._tags.values(), result], number)
        yield reloads
        good = "1 when all that was to be in force is, else 0."
        yield self._gauge("last_reload_successful", good, float(counts.good))
        when = "When a configuration last came into force, or was found to be still good."
        yield self._gauge("last_reload_success_timestamp_seconds", when, counts.last_success)
        about = "Versions that were taken back because requests failed under them."
        undone = CounterMetricFamily("jairouter_config_undone", about, labels=[*self._tags])
        undone.add_metric([*self._tags.values()], counts.undone)
        yield undone

    def _gauge(self, name: str, about: str, value: float) -> Metric:
        gauge = GaugeMetricFamily(f"jairouter_config_{name}", about, labels=[*self._tags])
        gauge.add_metric([*self._tags.values()], value)
        return gauge
