"""Tests for `jairouter.telemetry.metrics.loop_lag`."""

from __future__ import annotations

from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from jairouter.telemetry.metrics.families import Families
from jairouter.telemetry.metrics.loop_lag import INTERVAL, LoopLag
from tests.telemetry.metrics.samples import shown

NAME = "jairouter_event_loop_lag_seconds"


class LoopLagTests(SynchronousTestCase):
    """How late the event loop is."""

    def setUp(self) -> None:
        self.clock = Clock()
        self.lag = LoopLag(self.clock, Families())

    def test_in_time(self) -> None:
        self.lag.start()
        self.clock.pump([INTERVAL] * 3)
        found = shown(self.lag)
        self.assertEqual(found[f"{NAME}_count"], {(): 3})
        self.assertEqual(found[f"{NAME}_bucket"]["0.001",], 3)

    def test_late(self) -> None:
        self.lag.start()
        self.clock.advance(INTERVAL + 0.3)
        self.assertAlmostEqual(self.lag.latest, 0.3)
        found = shown(self.lag)
        self.assertEqual((found[f"{NAME}_bucket"]["0.25",], found[f"{NAME}_bucket"]["0.5",]), (0, 1))

    def test_stopped(self) -> None:
        self.lag.start()
        self.lag.start()
        self.lag.stop()
        self.lag.stop()
        self.assertEqual(self.clock.getDelayedCalls(), [])
