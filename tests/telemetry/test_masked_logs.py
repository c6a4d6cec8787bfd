"""What is masked in the log."""

from __future__ import annotations

from typing import Any

from twisted.logger import ILogObserver, Logger, LogPublisher, formatEvent
from twisted.python.failure import Failure
from twisted.trial.unittest import SynchronousTestCase
from zope.interface.verify import verifyObject

from jairouter.codec.masking import Rule, Rules
from jairouter.codec.strategies import (
    mask,
)
from jairouter.telemetry.logs.requests import Batch, Row
from jairouter.telemetry.masked_logs import WITHHELD, MaskedLog, MaskedLogs


class MaskedLogTests(SynchronousTestCase):
    """Observers see nothing that has to be masked."""

    def setUp(self) -> None:
        self.events: list[dict[str, Any]] = []
        note: Any = self.events.append
        self.publisher = LogPublisher(note)
        self.log = Logger(observer=self.publisher, namespace="gateway")

        self.masked = MaskedLogs(self.publisher, lambda: 0.0)

    def begin(self, pattern: str = r"\d{11}") -> None:
        self.masked.use(Rules([Rule("phone", "X", pattern, mask("*"), 1)]))

    def test_interfaces(self) -> None:
        verifyObject(ILogObserver, MaskedLog(self.publisher, lambda: 0.0))

    def test_a_line_is_masked(self) -> None:
        self.begin()
        self.log.warn("call {number}", number=13812345678)
        self.assertEqual([formatEvent(each) for each in self.events], ["call ***********"])
        self.assertEqual(self.events[0]["log_namespace"], "gateway")
        self.assertEqual(self.events[0]["log_level"].name, "warn")
        self.assertNotIn("13812345678", repr(self.events))

    def test_a_line_without_a_find_is_left_as_it_is(self) -> None:
        self.begin()
        self.log.info("call {who}", who="nobody")
        self.assertEqual(self.events[0]["who"], "nobody")

    def test_a_traceback_is_masked(self) -> None:
        self.begin()
        self.log.failure("it failed", Failure(ValueError("13812345678")))
        text = formatEvent(self.events[0])
        self.assertIn("it failed", text)
        self.assertIn("ValueError: ***********", text)
        self.assertNotIn("log_failure", self.events[0])

    def test_a_line_that_takes_for_ever_is_withheld(self) -> None:
        self.begin("(a|aa)+$")
        self.log.info("a" * 60 + "b")
        self.assertEqual([formatEvent(each) for each in self.events], [WITHHELD])

    def test_what_is_masked_can_change(self) -> None:
        """Each line is told once, whatever was in force before."""
        self.masked.use(None)
        self.log.info("a 1")
        self.begin("a")
        self.log.info("a 2")
        self.begin(r"\d")
        self.log.info("a 3")
        self.masked.use(None)
        self.log.info("a 4")
        self.assertEqual([formatEvent(each) for each in self.events], ["a 1", "* 2", "a *", "a 4"])

    def test_lines_about_requests_stay_lines(self) -> None:
        """Of which many are one event."""
        self.begin()
        row: Row = (0.0, 0.1, "192.0.2.1", "/v1/x", 200, 1, "m", "-", 0, None, "", "13812345678", None)
        other = (*row[:6], "13900000000", *row[7:11], "req_2", None)
        self.log.info("{requests}", requests=Batch([row, other], 0.0))
        [event] = self.events
        first, second = str(event["requests"]).splitlines()
        self.assertTrue(first.endswith("id=***********"), first)
        self.assertIn('model="***********" ', second)
        self.assertNotIn("13812345678", repr(event["requests"].rows))

    def test_traces_are_kept(self) -> None:
        self.begin()
        self.log.info("13812345678", trace_id="t", span_id="s")
        self.assertEqual((self.events[0]["trace_id"], self.events[0]["span_id"]), ("t", "s"))
