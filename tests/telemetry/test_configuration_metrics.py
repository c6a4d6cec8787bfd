"""Tests for `jairouter.telemetry.configuration_metrics`."""

from __future__ import annotations

from prometheus_client import CollectorRegistry
from twisted.trial.unittest import SynchronousTestCase

from jairouter.telemetry.configuration_metrics import ConfigurationMetrics, ReloadCounts
from jairouter.telemetry.metrics.families import Families


class ConfigurationMetricsTests(SynchronousTestCase):
    """What Prometheus reads."""

    def values(self, counts: ReloadCounts, **tags: str) -> list[float | None]:
        """All series, in the order of the attributes of the counts."""
        registry = CollectorRegistry()
        registry.register(ConfigurationMetrics(lambda: counts, Families(tags)))
        series: tuple[tuple[str, dict[str, str]], ...] = (
            ("version", {}),
            ("last_reload_successful", {}),
            ("reloads_total", {"result": "success"}),
            ("reloads_total", {"result": "failure"}),
            ("undone_total", {}),
            ("last_reload_success_timestamp_seconds", {}),
        )
        return [
            registry.get_sample_value(f"jairouter_config_{name}", {**tags, **own}) for name, own in series
        ]

    def test_shown(self) -> None:
        counts = ReloadCounts(7, True, 5, 2, 1, 1700000000.5)
        self.assertEqual(self.values(counts), [7, 1, 5, 2, 1, 1700000000.5])

    def test_failed(self) -> None:
        self.assertEqual(self.values(ReloadCounts(good=False))[1], 0)

    def test_tags(self) -> None:
        self.assertNotIn(None, self.values(ReloadCounts(), environment="test"))

    def test_asked_anew(self) -> None:
        counts, registry = ReloadCounts(), CollectorRegistry()
        registry.register(ConfigurationMetrics(lambda: counts, Families()))
        counts.version = 3
        self.assertEqual(registry.get_sample_value("jairouter_config_version"), 3)

    def test_taken_at_once(self) -> None:
        """They are shown in another thread, in which they may have changed."""
        counts = ReloadCounts(version=3)
        shown = ConfigurationMetrics(lambda: counts, Families()).look()
        counts.version = 4
        (version, *_) = shown()
        self.assertEqual([sample.value for sample in version.samples], [3])
