"""Tests for `jairouter.telemetry.metrics.serving`."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from jairouter.telemetry.metrics.families import Families
from jairouter.telemetry.metrics.serving import Pooled, Serving, ServingMetrics
from tests.telemetry.metrics.samples import Shown, shown

ORIGIN = "http://10.0.0.1:9000"


class ServingMetricsTests(SynchronousTestCase):
    """What is going on."""

    def shown(self, serving: Serving) -> Shown:
        return shown(ServingMetrics(lambda: serving, Families()))

    def test_requests(self) -> None:
        found = self.shown(Serving(5, {("chat", True): 2, ("chat", False): 1, ("tts", False): 4}, ()))
        self.assertEqual(found["jairouter_client_connections"], {(): 5})
        self.assertEqual(found["jairouter_requests_in_flight"], {("chat",): 3, ("tts",): 4})
        self.assertEqual(found["jairouter_streams_open"], {("chat",): 2, ("tts",): 0})

    def test_pools(self) -> None:
        """Two that are secured in different ways are one series."""
        pools = (Pooled(ORIGIN, 1, 2, 3, 4), Pooled(ORIGIN, 10, 20, 30, 40))
        found = self.shown(Serving(0, {}, pools))
        self.assertEqual(
            found["jairouter_pool_connections"],
            {(ORIGIN, "lent"): 11, (ORIGIN, "idle"): 22, (ORIGIN, "connecting"): 33},
        )
        self.assertEqual(found["jairouter_pool_waiting"], {(ORIGIN,): 44})
