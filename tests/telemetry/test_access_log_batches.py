"""Tests for `jairouter.telemetry.access_log`: the lines of a moment are one event, but do not look so."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence

from twisted.internet.task import Clock
from twisted.logger import LogEvent, capturedLogs
from twisted.trial.unittest import SynchronousTestCase

from jairouter.config.settings.logging import REQUEST_FIELDS, STRUCTURED_FIELDS
from jairouter.errors import UpstreamRefusal
from jairouter.exchange import Outcome
from jairouter.telemetry.access_log import FLUSH, MAX_LINES, AccessLog
from jairouter.telemetry.logs.pattern import TextLines
from jairouter.telemetry.logs.structured import JsonLines
from jairouter.timers import TimerWheel
from jairouter.tracing import Trace
from tests.filters.inner import attempted, exchange

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
        return [re.findall(r"model=(\S+)", str(event["requests"])) for event in self.events]

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
        self.assertIn(" 50.0ms ", str(self.events[0]["requests"]))

    def test_nothing(self) -> None:
        self.log.flush()
        self.clock.advance(10)
        self.assertEqual(self.events, [])


class TextTests(BatchCase):
    """What a log file says is what it would say had each request been an event."""

    def file(self, pattern: str = "%d{HH:mm:ss.SSS}{UTC} [%X{traceId}] %c %-5p - %m") -> list[str]:
        """The lines of a log file."""
        form = TextLines(pattern)
        return "".join(form.requests(event["requests"], "main") for event in self.events).splitlines()

    def test_all_lines_look_alike(self) -> None:
        self.record("a", "b", "c")
        self.log.flush()
        lines = [re.sub(r"model=\w", "model=?", line) for line in self.file()]
        self.assertEqual(lines, [lines[0]] * 3)
        self.assertIn(" jairouter.access INFO  - 192.0.2.1 POST ", lines[0])

    def test_each_has_its_own_time(self) -> None:
        """To the millisecond."""
        self.record("first")
        for seconds in (0.5, 0.0, 0.5):
            self.clock.rightNow += seconds  # nothing runs meanwhile: the process was busy
            self.record("m")
        self.log.flush()
        times = [line.partition(" [")[0] for line in self.file()]
        self.assertEqual(times, ["08:00:00.250", "08:00:00.750", "08:00:00.750", "08:00:01.250"])

    def test_each_has_its_own_trace(self) -> None:
        for trace in (Trace("a" * 32, "b" * 16, "", True), None, Trace("c" * 32, "d" * 16, "", False)):
            what = exchange()
            what.trace = trace
            self.log.record(what, 200, 1, None)
        self.log.flush()
        lines = self.file("%d [%X{traceId},%X{spanId}] %m")
        found = [re.search(r"\[(.*?)\]", line) for line in lines]
        self.assertEqual(
            [match and match[1] for match in found], [f"{'a' * 32},{'b' * 16}", ",", f"{'c' * 32},{'d' * 16}"]
        )

    def test_any_pattern(self) -> None:
        """What cannot be written in one go is written line by line, and says the same."""
        self.record("a", "b")
        self.log.flush()
        plain, slow = self.file("%d [%X{traceId}] %m"), self.file("%d [%-0X{traceId}] %-1m")
        self.assertEqual(plain, slow)
        self.assertEqual(len(plain), 2)
        self.assertEqual([line[-4:] for line in self.file("%d{mm}%replace(%m){'req', 'x'}")], ["=x_1"] * 2)

    def test_a_line_stays_one_line(self) -> None:
        """Whatever a client calls its model."""
        self.record("a\nb", "c\r\nd", "e\u2028f", "g\x9bh")
        self.log.flush()
        self.assertEqual(len(self.file()), 4)
        self.assertTrue(all(line.isprintable() for line in self.file()))

    def test_braces_mean_nothing_to_the_format(self) -> None:
        self.record("{requests}", "%msg%n")
        self.log.flush()
        self.assertEqual(self.models, [["{requests}", '"%msg%n"']])


class JsonTests(BatchCase):
    """Each request is a JSON object."""

    def objects(self) -> list[dict[str, object]]:
        form = JsonLines({"message": "msg"}, "here", "gw")
        text = "".join(form.requests(event["requests"], "main") for event in self.events)
        return [json.loads(line) for line in text.splitlines()]

    def test_members(self) -> None:
        what = attempted()
        what.attempt.outcome = Outcome.FAILED
        what.trace = Trace("a" * 32, "b" * 16, "", True)
        what.started = START - 0.0123
        self.log.record(what, 502, 42, UpstreamRefusal("no", code="over\nloaded"))
        self.log.flush()
        self.assertEqual(
            self.objects(),
            [
                {
                    "@timestamp": "2027-01-15T08:00:00.250Z",
                    "level": "INFO",
                    "logger": "jairouter.access",
                    "msg": "POST /v1/chat/completions 502",
                    "thread": "main",
                    "traceId": "a" * 32,
                    "spanId": "b" * 16,
                    "host": "here",
                    "service": "gw",
                    "clientIp": "192.0.2.1",
                    "method": "POST",
                    "path": "/v1/chat/completions",
                    "status": 502,
                    "bytes": 42,
                    "duration": 12.3,
                    "attempts": 1,
                    "requestId": "req_1",
                    "model": "m",
                    "instance": "http://10.0.0.1:9000",
                    "outcome": "failed",
                    "error": "over\nloaded",
                }
            ],
        )

    def test_what_is_not_known_is_left_out(self) -> None:
        self.log.record(exchange(model=""), 404, 0, None)
        self.log.flush()
        missing = {"model", "instance", "outcome", "error", "traceId", "spanId"}
        self.assertFalse(missing & self.objects()[0].keys())

    def test_forged_members(self) -> None:
        """Nobody adds some by what they call their model; nor by half a character, which is none in UTF-8."""
        self.record('x","status":500,"y":"', "\ud800", "\x1b[31m")
        self.log.flush()
        found = self.objects()
        self.assertEqual([each["status"] for each in found], [200] * 3)
        self.assertEqual([each["model"] for each in found], ['x","status":500,"y":"', "\ud800", "\x1b[31m"])

    def test_names_are_those_that_settings_keep_free(self) -> None:
        """Or a configured name could stand twice in one line."""
        what = attempted()
        what.attempt.outcome = Outcome.FAILED
        self.log.record(what, 502, 42, UpstreamRefusal("no"))
        self.log.flush()
        own = self.objects()[0].keys() - {"@timestamp", "msg", *STRUCTURED_FIELDS}
        self.assertEqual(own, set(REQUEST_FIELDS))
