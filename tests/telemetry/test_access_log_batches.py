"""Tests for `jairouter.telemetry.access_log`: the lines of a moment are one event, but do not look so."""

from __future__ import annotations

import io
import re
from collections.abc import Sequence

from twisted.internet.task import Clock
from twisted.logger import LogEvent, capturedLogs, formatTime, textFileLogObserver
from twisted.trial.unittest import SynchronousTestCase

from jairouter.telemetry.access_log import FLUSH, MAX_LINES, AccessLog
from jairouter.timers import TimerWheel
from tests.filters.inner import exchange

START = 1_800_000_000.25
LATE = 0.2
"""How late the timers may be."""


class BatchCase(SynchronousTestCase):
    """A log, and the events that it made.

    Attributes:
        events: What was logged.
    """

    def setUp(self) -> None:
        self.clock = Clock()
        self.clock.advance(START)
        self.log = AccessLog(TimerWheel(self.clock))
        capturing = capturedLogs()
        self.events: Sequence[LogEvent] = capturing.__enter__()
        self.addCleanup(capturing.__exit__, None, None, None)

    def record(self, *models: str) -> None:
        """One line for each model."""
        for model in models:
            self.log.record(exchange(model=model), 200, 1, None)

    @property
    def models(self) -> list[list[str]]:
        """The models of the lines of each event."""
        return [re.findall(r"model=(\S+)", event["lines"]) for event in self.events]

    def assert_no_timer(self) -> None:
        self.assertEqual(self.clock.getDelayedCalls(), [])


class WhenTests(BatchCase):
    """When lines are logged."""

    def test_not_at_once(self) -> None:
        self.record("a")
        self.assertEqual(self.events, [])
        self.log.flush()

    def test_soon(self) -> None:
        """Those of a moment together."""
        self.record("a")
        self.clock.advance(FLUSH / 2)
        self.record("b", "c")
        self.clock.advance(FLUSH / 2 + LATE)
        self.assertEqual(self.models, [["a", "b", "c"]])
        self.assert_no_timer()

    def test_later_ones_are_another_event(self) -> None:
        self.record("a")
        self.clock.advance(FLUSH + LATE)
        self.record("b")
        self.assertEqual(self.models, [["a"]])
        self.clock.advance(FLUSH + LATE)
        self.assertEqual(self.models, [["a"], ["b"]])
        self.assert_no_timer()

    def test_at_once_when_there_are_many(self) -> None:
        self.record(*["m"] * (MAX_LINES - 1))
        self.assertEqual(self.events, [])
        self.record("last", "next")
        self.assertEqual([len(models) for models in self.models], [MAX_LINES])
        self.assertEqual(self.models[0][-1], "last")
        self.clock.advance(FLUSH + LATE)
        self.assertEqual(self.models[1:], [["next"]])
        self.assert_no_timer()

    def test_at_the_end(self) -> None:
        """When the gateway stops, no line is lost."""
        self.record("a", "b")
        self.log.flush()
        self.assertEqual(self.models, [["a", "b"]])
        self.assert_no_timer()
        self.log.flush()
        self.assertEqual(len(self.events), 1)

    def test_duration_is_of_the_moment_when_it_was_recorded(self) -> None:
        """Not of the moment when it is logged."""
        what = exchange()
        what.started = START
        self.clock.advance(0.05)
        self.log.record(what, 200, 1, None)
        self.clock.advance(FLUSH + LATE)
        self.assertIn(" 50.0ms ", self.events[0]["lines"])

    def test_nothing(self) -> None:
        self.log.flush()
        self.clock.advance(10)
        self.assertEqual(self.events, [])


class TextTests(BatchCase):
    """What a log file says is what it would say had each line been an event."""

    def file(self) -> list[str]:
        """The lines of a log file. An event's own time is that of the logger's clock."""
        text = io.StringIO()
        observe = textFileLogObserver(text)
        for event in self.events:
            observe({**event, "log_time": START})
        return text.getvalue().splitlines()

    def test_only_the_first_comes_without_a_time(self) -> None:
        """It has the event's."""
        self.record("a", "b", "c")
        self.log.flush()
        first, *others = self.events[0]["lines"].split("\n")
        self.assertTrue(first.startswith("192.0.2.1 POST "), first)
        self.assertEqual(len(others), 2)
        for line in others:
            self.assertTrue(line.startswith(formatTime(START)), line)

    def test_all_lines_look_alike(self) -> None:
        """But for the tab, by which Twisted indents the further lines of an event."""
        self.record("a", "b", "c")
        self.log.flush()
        lines = [re.sub(r"model=\w", "model=?", line) for line in self.file()]
        self.assertEqual(len(lines), 3)
        self.assertEqual(lines[1:], ["\t" + lines[0]] * 2)
        self.assertIn(" [jairouter.telemetry.access_log.AccessLog#info] 192.0.2.1 POST ", lines[0])

    def test_each_has_its_own_time(self) -> None:
        """To the second; those of one second share it."""
        self.record("first")
        for seconds in (0.5, 0.0, 0.5):
            self.clock.rightNow += seconds  # nothing runs meanwhile: the process was busy
            self.record("m")
        self.log.flush()
        times = [line.partition(" [")[0].strip() for line in self.file()]
        self.assertEqual(times, [formatTime(START)] * 3 + [formatTime(START + 1)])

    def test_a_new_event_begins_without_a_time_again(self) -> None:
        for _ in range(2):
            self.record("a", "b")
            self.log.flush()
        for event in self.events:
            self.assertTrue(event["lines"].startswith("192.0.2.1 POST "), event["lines"])

    def test_a_line_stays_one_line(self) -> None:
        """Whatever a client calls its model."""
        self.record("a\nb", "c\r\nd", "e\u2028f")
        self.log.flush()
        self.assertEqual(len(self.events[0]["lines"].splitlines()), 3)

    def test_braces_mean_nothing_to_the_format(self) -> None:
        self.record("{lines}", "{log_time}")
        self.log.flush()
        self.assertEqual(self.models, [["{lines}", "{log_time}"]])
        self.assertIn("model={log_time} ", self.file()[1])
