"""Tests for `jairouter.telemetry.metrics.room`."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from jairouter.telemetry.metrics.families import Families
from jairouter.telemetry.metrics.room import RoomMetrics
from tests.filters.inner import exchange
from tests.telemetry.metrics.samples import Shown, shown
from tests.test_policies import policies

CONFIGURATION = """
model:
  rate-limit: {enabled: true, algorithm: token-bucket, capacity: 10, rate: 1, client-ip-enable: true}
  retry: {enabled: true, budget: {ratio: 0.2, min-per-second: 1, window: 10s}}
  services:
    chat: {instances: [{name: m, base-url: "http://10.0.0.1:9000"}]}
"""


class RoomMetricsTests(SynchronousTestCase):
    """What limits and budgets have left."""

    def setUp(self) -> None:
        self.policies = policies(CONFIGURATION)

    def shown(self, now: float = 0.0) -> Shown:
        made = self.policies
        return shown(RoomMetrics(lambda: made.limits, lambda: made.retries, lambda: now, Families()))

    def test_limits(self) -> None:
        """Those that all requests share, not those of each client."""
        rule = self.policies.limits.rule("chat")
        assert rule is not None
        for _ in range(3):
            rule.admit(exchange(), 0.0)
        found = self.shown()
        self.assertEqual(found["jairouter_rate_limit_remaining"], {("chat", "all requests"): 7})
        self.assertEqual(found["jairouter_rate_limit_capacity"], {("chat", "all requests"): 10})

    def test_budget(self) -> None:
        """What is always there, and what requests have deposited."""
        budget = self.policies.retries["chat"].budget
        self.assertEqual(self.shown()["jairouter_retry_budget_remaining"], {("chat",): 10})
        for _ in range(5):
            budget.deposit(0.0)
        self.assertAlmostEqual(self.shown()["jairouter_retry_budget_remaining"]["chat",], 11)

    def test_spent(self) -> None:
        budget = self.policies.retries["chat"].budget
        while budget.withdraw(0.0):
            pass
        self.assertLess(self.shown()["jairouter_retry_budget_remaining"]["chat",], 1)
        self.assertEqual(self.shown(now=20.0)["jairouter_retry_budget_remaining"]["chat",], 10)
