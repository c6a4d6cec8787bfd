"""Tests for `jairouter.telemetry.logs.line`, `.escaping` and `.structured`: one event, one line."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.logger import LogEvent, Logger
from twisted.python.failure import Failure
from twisted.trial.unittest import SynchronousTestCase

from jairouter.telemetry.logs.escaping import CUT, MOST, one_line
from jairouter.telemetry.logs.line import Line, line_of
from jairouter.telemetry.logs.pattern import TextLines
from jairouter.telemetry.logs.structured import JsonLines


def logged(text: str, **fields: Any) -> Line:
    """The line of one event."""
    events: list[LogEvent] = []
    note: Any = events.append
    Logger("a.b", observer=note).warn(text, **fields)
    return line_of(events[0])


class LineTests(SynchronousTestCase):
    """What is known of an event."""

    def test_fields(self) -> None:
        line = logged("{a}!", a="x", trace_id="t" * 32, span_id="s" * 16)
        self.assertEqual(line[1:4], ("WARN", "a.b", "x!"))
        self.assertEqual((line.trace_id, line.span_id), ("t" * 32, "s" * 16))
        self.assertGreater(line.time, 0)

    def test_a_failure(self) -> None:
        events: list[LogEvent] = []
        note: Any = events.append
        Logger("a.b", observer=note).failure("oh", Failure(ValueError("no\nway")))
        line = line_of(events[0])
        self.assertEqual((line.level, line.message), ("ERROR", "oh"))
        self.assertIn("ValueError: no\nway", line.traceback)
        self.assertEqual(json.loads(JsonLines({}, "h", "s").write(line))["exception"], line.traceback)

    def test_what_cannot_be_formatted(self) -> None:
        """Says so, and nothing fails."""
        self.assertIn("format", logged("{nothing}").message)
        bad: Any = {"log_failure": object(), "log_format": "x"}
        self.assertIn("no traceback", line_of(bad).traceback)

    def test_ids_that_are_none(self) -> None:
        line = logged("x", trace_id="a\nb", span_id=7)
        self.assertEqual((line.trace_id, line.span_id), ("a\\nb", ""))


class OneLineTests(SynchronousTestCase):
    """Nothing leaves its line, or steers a terminal."""

    def test_escaped(self) -> None:
        self.assertEqual(
            one_line("a\nb\r\x1b[31mc\x00\x85\u2028\u202e\ud800\x9b\t\x7f"),
            "a\\nb\\r\\x1b[31mc\\x00\\x85\\u2028\\u202e\\ud800\\x9b\\t\\x7f",
        )

    def test_other_letters_stay(self) -> None:
        self.assertEqual(one_line("żółw 你好 🐢"), "żółw 你好 🐢")

    def test_long(self) -> None:
        self.assertEqual(one_line("x" * (MOST + 1)), "x" * MOST + CUT)

    @settings(max_examples=40, deadline=None)
    @given(st.text(max_size=20), st.text(max_size=20))
    def test_anything(self, message: str, other: str) -> None:
        """As a text and as JSON, written as UTF-8 and read by whoever splits lines in whichever way."""
        line = Line(1.0, "INFO", "l", one_line(message), "t", "", "", one_line(other))
        [text, _] = TextLines("%m%n").write(line._replace(traceback="x")).encode().decode().splitlines()
        self.assertEqual(text.count("\n"), 0)
        whole = JsonLines({}, "h", "s").write(logged("{a}", a=message)).encode().decode()
        self.assertEqual(whole.count("\n"), 1)
        self.assertIn("message", json.loads(whole))


class StructuredTests(SynchronousTestCase):
    """JSON objects."""

    def test_members(self) -> None:
        line = Line(1_800_000_000.25, "INFO", "a.b", 'say "x"', "main", "t", "s")
        self.assertEqual(
            json.loads(JsonLines({"level": "severity"}, "here", "gw").write(line)),
            {
                "@timestamp": "2027-01-15T08:00:00.250Z",
                "severity": "INFO",
                "logger": "a.b",
                "message": 'say "x"',
                "thread": "main",
                "traceId": "t",
                "spanId": "s",
                "host": "here",
                "service": "gw",
            },
        )

    def test_half_of_a_character(self) -> None:
        """Which UTF-8 does not know."""
        line = Line(0.0, "INFO", "a", "x", "t", traceback="\ud800")
        self.assertEqual(json.loads(JsonLines({}, "h", "s").write(line))["exception"], "\\ud800")
