"""Tests for `jairouter.telemetry.changes`."""

from __future__ import annotations

from twisted.logger import LogLevel, capturedLogs, formatEvent
from twisted.trial.unittest import SynchronousTestCase

from jairouter.exchange import Outcome
from jairouter.telemetry.changes import Changes
from jairouter.traffic.breaker import Breaker
from jairouter.traffic.breaker_limits import BreakerLimits
from jairouter.traffic.outliers import OutlierLimits, Outliers
from jairouter.traffic.permits import Ledger
from tests.filters.inner import instance


class ChangesTests(SynchronousTestCase):
    """One line per change."""

    def setUp(self) -> None:
        self.changes = Changes()
        self.instance = instance(label="a{b}", base_url="http://10.0.0.1")
        captured = capturedLogs()
        self.logs = captured.__enter__()
        self.addCleanup(captured.__exit__, None, None, None)

    def assert_logged(self, *expected: tuple[LogLevel, str]) -> None:
        self.assertEqual([(event["log_level"], formatEvent(event)) for event in self.logs], list(expected))

    def test_breaker(self) -> None:
        limits = BreakerLimits(failure_threshold=2, success_threshold=1)
        breaker = Breaker(limits, Ledger(), self.changes.breaker_of(self.instance))
        for _ in range(2):
            breaker.settle(breaker.acquire(0.0), Outcome.FAILED, 0.0)
        breaker.settle(breaker.acquire(60.0), Outcome.SUCCEEDED, 60.0)
        begin = "instance a{b} (http://10.0.0.1): breaker"
        self.assert_logged(
            (LogLevel.warn, f"{begin} closed -> open after 2 failures in a row"),
            (LogLevel.info, f"{begin} open -> half-open after 60 s"),
            (LogLevel.info, f"{begin} half-open -> closed after 1 good trial"),
        )

    def test_outlier(self) -> None:
        outliers = Outliers(
            [self.instance, instance()], OutlierLimits(failures=2, ejection_time=30.0), self.changes.ejected
        )
        for _ in range(2):
            outliers.settled(self.instance, Outcome.FAILED, 1.0, 1.0)
        self.assert_logged(
            (LogLevel.warn, "instance a{b} (http://10.0.0.1): left out for 30 s after 2 failures in a row")
        )
