"""Tests for `jairouter.telemetry.slow`."""

from __future__ import annotations

from typing import Any

from prometheus_client.core import Metric
from twisted.internet.task import Clock
from twisted.logger import LogEvent, capturedLogs, formatEvent
from twisted.trial.unittest import SynchronousTestCase
from zope.interface.verify import verifyObject

from jairouter.errors import UpstreamError, UpstreamTimeout
from jairouter.exchange import Exchange
from jairouter.interfaces import IRecorder
from jairouter.telemetry.metrics.families import Families
from jairouter.telemetry.slow.alerts import SlowAlerts
from jairouter.telemetry.slow.errors import ErrorCounts
from jairouter.telemetry.slow.requests import SlowRequests, parts
from jairouter.telemetry.slow.thresholds import severity_of, thresholds_of
from jairouter.timers import TimerWheel
from jairouter.tracing import Trace
from tests.config.reading import read
from tests.filters.inner import attempted, exchange

ALERTS = """
monitoring:
  slow-query-alert:
    enabled: true
    global: {min-occurrences: 2, min-interval-ms: 60s, suppression-window-ms: 10m, max-alerts-per-hour: 3}
    operations:
      embedding-request: {min-occurrences: 1}
      rerank_request: {enabled: false}
"""


def samples(families: Any) -> dict[tuple[str, ...], float]:
    """What there is, by the name and the labels' values."""
    found: dict[tuple[str, ...], float] = {}
    family: Metric
    for family in families:
        for each in family.samples:
            found[each.name, *each.labels.values()] = each.value
    return found


class ThresholdTests(SynchronousTestCase):
    """From which time on a request is slow."""

    def of(self, text: str) -> dict[str, float]:
        return thresholds_of(read(text).settings.monitoring)

    def test_defaults(self) -> None:
        found = self.of("")
        self.assertEqual((found["chat"], found["imgGen"], found["rerank"]), (8.0, 30.0, 2.0))

    def test_all_three_places_mean_the_same(self) -> None:
        for place in ("metrics.thresholds", "performance.thresholds", "thresholds"):
            self.assertEqual(self.of(f"monitoring.{place}: {{chat: 100}}")["chat"], 0.1)
        both = "monitoring: {metrics.thresholds: {chat: 100}, thresholds: {chat: 200, tts: 300}}"
        self.assertEqual((self.of(both)["chat"], self.of(both)["tts"]), (0.1, 0.3))

    def test_names(self) -> None:
        found = self.of("monitoring.thresholds: {images: 7s, img-edit: 9s, slow-query: 1s}")
        self.assertEqual((found["imgGen"], found["imgEdit"], found["chat"]), (7.0, 9.0, 1.0))

    def test_severity(self) -> None:
        self.assertEqual([severity_of(times) for times in (1.1, 3, 5)], ["info", "warning", "critical"])


class AlertTests(SynchronousTestCase):
    """When slow requests raise an alert."""

    def setUp(self) -> None:
        self.alerts = SlowAlerts(read(ALERTS).settings.monitoring.slow_query_alert)

    def at(self, *times: float, severity: str = "critical", operation: str = "chat_request") -> list[bool]:
        return [self.alerts.slow(operation, severity, time) for time in times]

    def test_after_some(self) -> None:
        self.assertEqual(self.at(0, 1, 2, 3), [False, True, False, False])

    def test_those_of_another_day_do_not_count(self) -> None:
        self.assertEqual(self.at(0, 5000, 5001), [False, False, True])

    def test_the_same_is_not_repeated(self) -> None:
        self.assertEqual(self.at(0, 1, 599, 600, 602), [False, True, False, False, True])

    def test_interval_between_different_ones(self) -> None:
        self.at(0, 1)
        self.assertEqual(self.at(30, 31, 62, severity="warning"), [False, False, True])

    def test_most_in_an_hour(self) -> None:
        raised = [time for time in range(0, 7200, 10) if self.at(time)[0]]
        self.assertEqual(raised, [10, 610, 1210, 3610, 4210, 4810])

    def test_severities_that_do_not_count(self) -> None:
        self.assertEqual(self.at(0, 1, 2, severity="info"), [False] * 3)

    def test_operations(self) -> None:
        """What they do not say is as for all."""
        self.assertEqual(self.at(0, 1, operation="embedding_request"), [True, False])
        self.assertEqual(self.at(0, 1, 2, operation="rerank_request"), [False] * 3)

    def test_active(self) -> None:
        self.at(0, 1)
        self.assertEqual(self.alerts.active(2), {("chat_request", "critical"): 1})
        self.assertEqual(self.alerts.active(601), {("chat_request", "critical"): 0})

    def test_off(self) -> None:
        alerts = SlowAlerts(read("").settings.monitoring.slow_query_alert)
        self.assertEqual([alerts.slow("chat_request", "critical", time) for time in range(5)], [False] * 5)


class SlowRequestsTests(SynchronousTestCase):
    """What is said and counted."""

    def setUp(self) -> None:
        self.clock, self.posted = Clock(), list[dict[str, Any]]()
        self.clock.advance(100)
        self.slow = SlowRequests(self.clock.seconds, Families(), self.posted.append)
        self.slow.configure(read("").settings.monitoring)

    def record(self, what: Exchange) -> list[str]:
        with capturedLogs() as events:
            self.slow.record(what, 200, 1, None)
        self.events: list[LogEvent] = list(events)
        return [str(formatEvent(event)) for event in events]

    def took(self, seconds: float) -> Exchange:
        what = attempted()
        what.started = self.clock.seconds() - seconds
        return what

    def test_interface(self) -> None:
        verifyObject(IRecorder, self.slow)

    def test_fast(self) -> None:
        self.assertEqual(self.record(self.took(7.9)), [])
        self.assertNotIn("slow_query_total", str(samples(self.slow.collect())))

    def test_where_the_time_went(self) -> None:
        what = self.took(10)
        what.waited, attempt = 1.0, what.attempt
        attempt.began, attempt.sent, attempt.answered, attempt.ended = 91.5, 92.0, 99.0, 100.0
        what.trace = Trace("t", "s", "", True)
        [line] = self.record(what)
        self.assertEqual(
            line,
            "slow request: chat_request at http://10.0.0.1:9000 took 10000 ms, 1.2 times the threshold "
            "(info): limit wait 1000 ms, before 500 ms, connection and request 500 ms, first byte 7000 ms, "
            "body 1000 ms; status 200, id=req_1",
        )
        self.assertEqual((self.events[0]["trace_id"], self.events[0]["span_id"]), ("t", "s"))

    def test_parts_are_all_there_is(self) -> None:
        """Whatever became of it."""
        what = self.took(10)
        for each in (exchange(), what):
            each.started = 90.0
            self.assertAlmostEqual(sum(seconds for _, seconds in parts(each, 100.0)), 10.0)

    def test_a_stream_is_judged_by_its_beginning(self) -> None:
        what = self.took(60)
        what.stream, what.attempt.answered = True, 41.0
        self.assertEqual(self.record(what), [])
        what.attempt.answered = 49.0
        self.assertIn("took 9000 ms", self.record(what)[0])

    def test_a_flood(self) -> None:
        """Of lines, not of counts."""
        self.assertEqual(sum(len(self.record(self.took(10))) for _ in range(50)), 1)
        self.assertEqual(samples(self.slow.collect())["slow_query_total", "chat_request", "info"], 50)
        self.clock.advance(1)
        self.assertIn("(and 49 times before that were left out)", self.record(self.took(10))[0])

    def test_metrics(self) -> None:
        self.record(self.took(40))
        found = samples(self.slow.collect())
        self.assertEqual(found["slow_query_total", "chat_request", "critical"], 1)
        self.assertEqual(found["slow_query_threshold_multiplier", "chat_request"], 5.0)
        self.assertEqual(found["slow_query_duration_seconds_sum", "chat_request"], 40.0)

    def test_alert(self) -> None:
        text = ALERTS + "    notification: {enable-webhook: true, webhook-url: 'http://x/s3cret'}"
        self.slow.configure(read(text).settings.monitoring)
        said = [line for _ in range(4) for line in self.record(self.took(40)) if "alert" in line]
        self.assertEqual(
            said, ["slow-query alert: chat_request is slow (critical): 40000 ms, 5.0 times the threshold"]
        )
        self.assertEqual([each["operation"] for each in self.posted], ["chat_request"])
        self.assertNotIn("s3cret", str(self.posted))
        found = samples(self.slow.collect())
        self.assertEqual(found["slow_query_alert_triggered_total", "chat_request", "critical"], 1)
        self.assertEqual(found["slow_query_alert_active", "chat_request", "critical"], 1)

    def test_a_reload_forgets_no_alert(self) -> None:
        """Unless they are other rules."""
        self.slow.configure(read(ALERTS).settings.monitoring)
        self.record(self.took(40))
        self.slow.configure(read(ALERTS + "  thresholds: {chat: 9s}").settings.monitoring)
        self.assertTrue(any("alert" in line for line in self.record(self.took(60))))

    def test_switched_off(self) -> None:
        self.slow.configure(read("monitoring.enabled: false").settings.monitoring)
        self.assertEqual(self.record(self.took(100)), [])


class ErrorTests(SynchronousTestCase):
    """Errors that are alike are counted."""

    def setUp(self) -> None:
        self.clock = Clock()
        self.errors = ErrorCounts(TimerWheel(self.clock), Families())
        text = (
            "monitoring.error-tracking: {enabled: true, aggregation-window-minutes: 1, max-aggregations: 2}"
        )
        self.errors.configure(read(text).settings.monitoring.error_tracking)

    def test_interface(self) -> None:
        verifyObject(IRecorder, self.errors)

    def test_summed_up(self) -> None:
        for _ in range(3):
            self.errors.record(attempted(), 504, 0, UpstreamTimeout("late"))
        self.errors.record(attempted(), 502, 0, UpstreamError("bad"))
        with capturedLogs() as events:
            self.clock.pump([30, 31])
        texts = [formatEvent(event) for event in events]
        self.assertEqual(texts[0], "errors: 3 x UpstreamTimeout (chat at http://10.0.0.1:9000, status 504)")
        self.assertEqual(len(texts), 2)
        self.assertEqual(self.clock.getDelayedCalls(), [])
        found = samples(self.errors.collect())
        self.assertEqual(found["jairouter_errors_total", "UpstreamTimeout", "chat"], 3)

    def test_bounded(self) -> None:
        for status in range(500, 510):
            self.errors.record(attempted(), status, 0, UpstreamError("bad"))
        with capturedLogs() as events:
            self.errors.sum_up()
        self.assertEqual(formatEvent(events[-1]), "errors: 8 of other kinds")
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_off(self) -> None:
        self.errors.configure(read("").settings.monitoring.error_tracking)
        self.errors.record(attempted(), 502, 0, UpstreamError("bad"))
        self.assertEqual(samples(self.errors.collect()), {})
        self.assertEqual(self.clock.getDelayedCalls(), [])
