"""Tests for `jairouter.telemetry.access_log`."""

from __future__ import annotations

import json

from twisted.internet.task import Clock
from twisted.logger import capturedLogs, formatEvent
from twisted.trial.unittest import SynchronousTestCase
from zope.interface.verify import verifyClass, verifyObject

from jairouter.errors import BadRequest, GatewayError, ModelNotFound, UpstreamRefusal
from jairouter.exchange import Exchange, Outcome
from jairouter.interfaces import IRecorder
from jairouter.telemetry.access_log import AccessLog
from jairouter.timers import TimerWheel
from tests.filters.inner import attempted, exchange, request


class AccessLogTests(SynchronousTestCase):
    """One line per request."""

    def setUp(self) -> None:
        self.clock = Clock()
        self.clock.advance(1.5)
        self.wheel = TimerWheel(self.clock)

    def line(self, what: Exchange, status: int, sent: int, error: GatewayError | None = None) -> str:
        log = AccessLog(self.wheel)
        with capturedLogs() as events:
            log.record(what, status, sent, error)
            log.flush()
        [event] = events
        return formatEvent(event)

    def test_interface(self) -> None:
        verifyClass(IRecorder, AccessLog)
        verifyObject(IRecorder, AccessLog(self.wheel))

    def test_answered(self) -> None:
        what = attempted()
        what.attempt.outcome = Outcome.SUCCEEDED
        self.assertEqual(
            self.line(what, 200, 42),
            "192.0.2.1 POST /v1/chat/completions 200 42B 1500.0ms model=m instance=http://10.0.0.1:9000 "
            "attempts=1 outcome=succeeded error=- id=req_1",
        )

    def test_refused(self) -> None:
        """What is not known is a dash."""
        line = self.line(exchange(model=""), 404, 0, ModelNotFound("no"))
        self.assertIn("model=- instance=- attempts=0 outcome=- error=model_not_found", line)

    def test_error_without_code(self) -> None:
        self.assertIn("error=invalid_request_error", self.line(exchange(), 400, 0, BadRequest("no")))

    def test_no_secrets(self) -> None:
        """Neither headers nor bodies nor queries."""
        sent = request(headers=((b"Authorization", b"s3cret"),), body=b"s3cret", query=b"key=s3cret")
        what = attempted(sent=sent, headers=((b"Authorization", b"s3cret"),))
        self.assertNotIn("s3cret", self.line(what, 200, 0))

    def test_long_model(self) -> None:
        """A client cannot fill the log with it."""
        self.assertLess(len(self.line(exchange(model="x" * 100_000), 404, 0)), 400)

    def test_model_that_looks_like_more_fields(self) -> None:
        """A client cannot forge them."""
        line = self.line(exchange(model='x outcome=succeeded" id=forged'), 404, 0)
        self.assertIn('model="x outcome=succeeded\\" id=forged" instance=-', line)

    def test_braces_in_a_model(self) -> None:
        """They mean nothing to the log's format."""
        self.assertIn("model={id} ", self.line(exchange(model="{id}"), 404, 0))

    def test_long_code(self) -> None:
        """Nor can a backend, whose error's code it is; or its type, where it has none."""
        for error in (UpstreamRefusal("no", code="c" * 100_000), UpstreamRefusal("no", type="t" * 100_000)):
            self.assertLess(len(self.line(exchange(), 200, 5, error)), 400)

    def test_code_that_looks_like_more_fields(self) -> None:
        """Or like another line."""
        forged = "x id=1\n2026-01-01T00:00:00+0000 [-] 192.0.2.6 POST"
        for error in (UpstreamRefusal("no", code=forged), UpstreamRefusal("no", type=forged)):
            line = self.line(exchange(), 200, 5, error)
            self.assertEqual(line.splitlines(), [line])
            self.assertTrue(line.endswith(f" error={json.dumps(forged)} id=req_1"), line)

    def test_code_of_a_backend(self) -> None:
        """An ordinary one is written as it is."""
        self.assertIn(
            " error=rate-limit.4 ", self.line(exchange(), 200, 5, UpstreamRefusal("no", code="rate-limit.4"))
        )

    def test_logger(self) -> None:
        """Its level is that of `jairouter.access`, whatever the class is called."""
        log = AccessLog(self.wheel)
        with capturedLogs() as events:
            log.record(exchange(), 200, 0, None)
            log.flush()
        self.assertEqual(events[0]["log_namespace"], "jairouter.access")
