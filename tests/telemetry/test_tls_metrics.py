"""Tests for `jairouter.telemetry.tls_metrics`."""

from __future__ import annotations

from prometheus_client import CollectorRegistry, generate_latest
from twisted.trial.unittest import SynchronousTestCase

from jairouter.telemetry.metrics.families import Families
from jairouter.telemetry.tls_metrics import TlsMetrics


class TlsMetricsTests(SynchronousTestCase):
    """The page."""

    def test_page(self) -> None:
        failures = {"version": 2}
        registry = CollectorRegistry()
        registry.register(TlsMetrics(failures, lambda: 1_700_000_000.0, Families({"site": "x"})))
        failures["cipher"] = 1
        lines = [each for each in generate_latest(registry).decode().splitlines() if each[0] != "#"]
        self.assertEqual(
            lines,
            [
                'jairouter_tls_handshake_failures_total{reason="cipher",site="x"} 1.0',
                'jairouter_tls_handshake_failures_total{reason="version",site="x"} 2.0',
                'jairouter_tls_certificate_expiry_timestamp_seconds{site="x"} 1.7e+09',
            ],
        )
