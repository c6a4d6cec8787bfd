"""Who is told of requests, of those that watch for slow ones and errors."""

from __future__ import annotations

from typing import TYPE_CHECKING

from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from jairouter.interfaces import IRecorder
from jairouter.telemetry.metrics.families import Families
from jairouter.telemetry.slow.errors import ErrorCounts
from jairouter.telemetry.slow.requests import SlowRequests
from jairouter.telemetry.slow.watching import Watching
from jairouter.timers import TimerWheel
from tests.config.reading import read

if TYPE_CHECKING:
    from jairouter.config.settings.monitoring import AlertNotificationSettings


class _Nobody:
    settings: AlertNotificationSettings | None = None

    def close(self) -> None:
        pass


class RecordersTests(SynchronousTestCase):
    """`Watching.recorders`: what has nothing to do is not asked at each request."""

    def recorders(self, text: str) -> list[type[IRecorder]]:
        wheel = TimerWheel(Clock())
        slow = SlowRequests(wheel.seconds, Families(), lambda alert: None)
        watching = Watching(slow, ErrorCounts(wheel, Families()), _Nobody())
        return [type(each) for each in watching.recorders(read(text).settings.monitoring)]

    def test_usually(self) -> None:
        """There are thresholds by default; nobody counts errors."""
        self.assertEqual(self.recorders(""), [SlowRequests])

    def test_errors_too(self) -> None:
        found = self.recorders("monitoring.error-tracking.enabled: true")
        self.assertEqual(found, [SlowRequests, ErrorCounts])

    def test_nothing_is_watched(self) -> None:
        self.assertEqual(self.recorders("monitoring.enabled: false"), [])

    def test_errors_alone(self) -> None:
        """They have a switch of their own."""
        found = self.recorders("monitoring: {enabled: false, error-tracking.enabled: true}")
        self.assertEqual(found, [ErrorCounts])
