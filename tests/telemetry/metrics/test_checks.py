"""Tests for `jairouter.telemetry.metrics.checks`."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from jairouter.telemetry.metrics.checks import CheckMetrics
from jairouter.telemetry.metrics.families import Families
from jairouter.traffic.instance import Instance
from tests.telemetry.metrics.samples import shown


class CheckMetricsTests(SynchronousTestCase):
    """Checks by what came of them."""

    def test_counted(self) -> None:
        checks, instance = CheckMetrics(Families()), Instance("chat", "m", "http://10.0.0.1:9000", None)
        for good in (True, True, False):
            checks.checked(instance, 0.03, good)
        found, labels = shown(checks), ("chat", "m", "http://10.0.0.1:9000")
        self.assertEqual(
            found["jairouter_health_checks_total"], {(*labels, "success"): 2, (*labels, "failure"): 1}
        )
        self.assertEqual(found["jairouter_health_check_duration_seconds_count"], {("chat",): 3})

    def test_instances_that_are_gone_are_forgotten(self) -> None:
        """Whoever exchanges instances all the time would make the page longer and longer."""
        checks = CheckMetrics(Families())
        stays = Instance("chat", "m", "http://10.0.0.1:9000", None)
        for number in range(5):
            other = Instance("chat", "m", f"http://10.0.1.{number}:9000", None)
            checks.configure([stays, other])
            checks.checked(stays, 0.03, True)
            checks.checked(other, 0.03, True)
        found = shown(checks)["jairouter_health_checks_total"]
        self.assertEqual([found["chat", "m", stays.base_url, "success"], len(found)], [5, 3])
