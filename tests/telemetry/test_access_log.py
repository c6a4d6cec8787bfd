"""Tests for `jairouter.telemetry.access_log`."""

from __future__ import annotations

from twisted.logger import capturedLogs, formatEvent
from twisted.trial.unittest import SynchronousTestCase
from zope.interface.verify import verifyClass, verifyObject

from jairouter.errors import BadRequest, GatewayError, ModelNotFound
from jairouter.exchange import Exchange, Outcome
from jairouter.interfaces import IRecorder
from jairouter.telemetry.access_log import AccessLog
from tests.filters.inner import attempted, exchange, request


class AccessLogTests(SynchronousTestCase):
    """One line per request."""

    def line(self, what: Exchange, status: int, sent: int, error: GatewayError | None = None) -> str:
        with capturedLogs() as events:
            AccessLog(lambda: 1.5).record(what, status, sent, error)
        [event] = events
        return formatEvent(event)

    def test_interface(self) -> None:
        verifyClass(IRecorder, AccessLog)
        verifyObject(IRecorder, AccessLog(lambda: 0.0))

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
