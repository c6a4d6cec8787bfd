"""Tests for `jairouter.telemetry.metrics.log_counts`."""

from __future__ import annotations

from twisted.logger import ILogObserver, Logger, LogLevel
from twisted.trial.unittest import SynchronousTestCase
from zope.interface.verify import verifyObject

from jairouter.telemetry.metrics.families import Families
from jairouter.telemetry.metrics.log_counts import LogCounts
from tests.telemetry.metrics.samples import shown


class LogCountsTests(SynchronousTestCase):
    """Events by level."""

    def test_levels(self) -> None:
        """As Logback calls them, in capitals, and all of them from the start."""
        counts = LogCounts(Families())
        verifyObject(ILogObserver, counts)
        log = Logger(observer=counts)
        for level in (LogLevel.critical, LogLevel.error, LogLevel.warn, LogLevel.info):
            log.emit(level, "x")
        self.assertEqual(
            shown(counts)["logback_events_total"],
            {("ERROR",): 2, ("WARN",): 1, ("INFO",): 1, ("DEBUG",): 0, ("TRACE",): 0},
        )

    def test_an_event_of_an_older_logger(self) -> None:
        counts = LogCounts(Families())
        counts({"log_format": "x"})
        self.assertEqual(shown(counts)["logback_events_total"]["INFO",], 1)
