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
