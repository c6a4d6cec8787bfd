"""How changes of the configuration went, for Prometheus."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from jairouter.telemetry.metrics.families import Source

if TYPE_CHECKING:
    from collections.abc import Iterable

    from prometheus_client.core import Metric

    from jairouter.telemetry.metrics.families import Families


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


class ConfigurationMetrics(Source):
    """Shows them, under names like those that Prometheus has for its own configuration.

    Args:
        counts: Asked for when metrics are read.
        families: Make what is shown.
    """

    def __init__(self, counts: Callable[[], ReloadCounts], families: Families) -> None:
        self._counts = counts
        self._families = families

    def look(self) -> Callable[[], Iterable[Metric]]:
        """See `Source.look`."""
        counts = replace(self._counts())
        return lambda: self._shown(counts)

    def _shown(self, counts: ReloadCounts) -> Iterable[Metric]:
        known = self._families.known
        yield known("config_version", [((), counts.version)])
        yield known("config_reloads", [(("success",), counts.succeeded), (("failure",), counts.failed)])
        yield known("config_last_reload_successful", [((), int(counts.good))])
        yield known("config_last_reload_success_timestamp_seconds", [((), counts.last_success)])
        yield known("config_undone", [((), counts.undone)])
