"""Tests for `jairouter.telemetry.metrics.ledger`."""

from __future__ import annotations

from prometheus_client import CollectorRegistry
from twisted.trial.unittest import SynchronousTestCase

from jairouter.exchange import Outcome
from jairouter.telemetry.metrics.families import Families
from jairouter.telemetry.metrics.ledger import LedgerMetrics
from jairouter.traffic.permits import Ledger


class LedgerMetricsTests(SynchronousTestCase):
    """What is lent out now."""

    def test_shown(self) -> None:
        ledger, registry = Ledger(("slot", "line")), CollectorRegistry()
        registry.register(LedgerMetrics(ledger, Families()))
        permit = ledger.open("slot")
        name = "jairouter_ledger_outstanding"
        self.assertEqual(registry.get_sample_value(name, {"kind": "slot"}), 1)
        self.assertEqual(registry.get_sample_value(name, {"kind": "line"}), 0)
        permit.settle(Outcome.NEUTRAL)
        self.assertEqual(registry.get_sample_value(name, {"kind": "slot"}), 0)
