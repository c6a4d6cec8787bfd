"""Tests for `jairouter.filters.forward`: no answer came."""

from __future__ import annotations

import errno

from OpenSSL import SSL
from service_identity import CertificateError, VerificationError
from service_identity.exceptions import DNSMismatch
from service_identity.hazmat import DNS_ID
from twisted.internet import error as net
from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.task import Clock
from twisted.logger import LogEvent, capturedLogs, formatEvent

from jairouter.adapters.normal import NormalAdapter
from jairouter.errors import (
    BadRequest,
    GatewayError,
    InternalError,
    PoolExhausted,
    UpstreamError,
    UpstreamTimeout,
    UpstreamUnreachable,
)
from jairouter.filters.forward import Forward
from jairouter.telemetry.logs.levels import Levels
from jairouter.telemetry.logs.often import Often
from jairouter.tracing import Trace
from jairouter.upstream.failures import BadAddress, BadAnswer, WrongBodyLength
from tests.filters.inner import attempted, exchange, instance, run
from tests.filters.test_forward import Case

HOST = "backend-7.internal"
FAILURES: tuple[tuple[Exception, type[GatewayError], int], ...] = (
    (net.ConnectionRefusedError(HOST), UpstreamUnreachable, 502),
    (net.NoRouteError(HOST), UpstreamUnreachable, 502),
    (net.ConnectError(HOST), UpstreamUnreachable, 502),
    (net.DNSLookupError(HOST), UpstreamUnreachable, 502),
    (net.UnknownHostError(HOST), UpstreamUnreachable, 502),
    (net.TimeoutError(HOST), UpstreamTimeout, 504),
    (net.TCPTimedOutError(HOST), UpstreamTimeout, 504),
    (TimeoutError(HOST), UpstreamTimeout, 504),
    (net.ConnectionLost(HOST), UpstreamError, 502),
    (net.ConnectionDone(HOST), UpstreamError, 502),
    (net.ConnectionAborted(HOST), UpstreamError, 502),
    (ConnectionResetError(HOST), UpstreamError, 502),
    (SSL.Error([("x", "y", HOST)]), UpstreamUnreachable, 502),
    (VerificationError(errors=[DNSMismatch(mismatched_id=DNS_ID(HOST))]), UpstreamUnreachable, 502),
    (CertificateError(HOST), UpstreamUnreachable, 502),
    (BadAnswer(HOST), UpstreamError, 502),
    (BadAddress(HOST), UpstreamUnreachable, 502),
    (WrongBodyLength(HOST), BadRequest, 400),
    (net.ConnectBindError(24, HOST), PoolExhausted, 503),
    # What Twisted makes of connect()'s errors
    (net.getConnectError((errno.EADDRNOTAVAIL, HOST)), PoolExhausted, 503),
    (net.getConnectError((errno.ECONNREFUSED, HOST)), UpstreamUnreachable, 502),
    (net.getConnectError((errno.EHOSTUNREACH, HOST)), UpstreamUnreachable, 502),
    (net.getConnectError((errno.EPERM, HOST)), UpstreamUnreachable, 502),
)


class FailureTests(Case):
    """No answer: what the client is told, and what it is not."""

    def fail_with(self, error: Exception) -> GatewayError:
        self.setUp()
        work = self.send(
            made={"base_url": f"http://{HOST}:9000", "headers": ((b"Authorization", b"s3cret"),)}
        )
        self.agent.answer.errback(error)
        told = self.failureResultOf(work, GatewayError).value
        assert isinstance(told, GatewayError)
        return told

    def test_translated(self) -> None:
        for error, expected, status in FAILURES:
            told = self.fail_with(error)
            self.assertEqual((type(told), told.status), (expected, status), repr(error))

    def test_no_names(self) -> None:
        """Hosts and keys are in the log at most."""
        for error, _, _ in FAILURES:
            told = self.fail_with(error)
            self.assertNotIn(HOST, told.message, repr(error))
            self.assertNotIn("s3cret", told.message, repr(error))

    def test_fault(self) -> None:
        """What nobody foresaw is our own fault, and is logged."""
        told = self.fail_with(RuntimeError(HOST))
        self.assertIsInstance(told, InternalError)
        self.assertNotIn(HOST, told.message)
        self.assertEqual(len(self.flushLoggedErrors(RuntimeError)), 1)

    def test_fault_at_once(self) -> None:
        def post(*_: object) -> None:
            raise ValueError(HOST)

        self.patch(self.agent, "post", post)
        self.failureResultOf(self.send(), InternalError)
        self.assertEqual(len(self.flushLoggedErrors(ValueError)), 1)

    def test_gateway_errors_pass(self) -> None:
        """The client's upload broke off, for one."""
        self.assertIsInstance(self.fail_with(BadRequest("broke off")), BadRequest)

    def test_cancelled(self) -> None:
        work = self.send()
        work.cancel()
        self.failureResultOf(work, CancelledError)

    def test_exchange_without_attempt(self) -> None:
        """Forward stands inside Pick; without it there is a fault, not a request."""
        self.failureResultOf(run(self.forward, exchange(None, "m", instance())), IndexError)
        self.assertEqual(self.agent.sent, [])


class LogTests(Case):
    """What is said of instances that fail: in an outage, each attempt does."""

    def setUp(self) -> None:
        super().setUp()
        self.clock, self.levels = Clock(), Levels()
        often = Often(self.clock.seconds, 10.0)
        adapter = NormalAdapter()
        self.forward = Forward(self.agent, adapter, 1000, often=often, levels=self.levels)  # type: ignore[arg-type]  # a fake

    def said(self, error: Exception, base_url: str = "http://a:1", times: int = 1) -> list[LogEvent]:
        """What is logged when attempts at an instance fail."""
        with capturedLogs() as events:
            for _ in range(times):
                self.agent.answer = Deferred()
                what = attempted(base_url=base_url)
                what.trace = Trace("t", "s", "", False)
                work = run(self.forward, what)
                self.agent.answer.errback(error)
                self.failureResultOf(work, GatewayError)
        return list(events)

    def test_once_in_a_while(self) -> None:
        [event] = self.said(net.ConnectionRefusedError(), times=100)
        self.assertEqual(event["log_level"].name, "warn")
        self.clock.advance(10)
        [event] = self.said(net.ConnectionRefusedError(), times=100)
        self.assertTrue(str(formatEvent(event)).endswith("(and 99 times before that were left out)"))
        self.assertEqual((event["trace_id"], event["span_id"]), ("t", "s"))

    def test_other_instances_and_other_kinds(self) -> None:
        """They are something else."""
        for error in (net.ConnectionRefusedError(), net.TimeoutError()):
            for base_url in ("http://a:1", "http://b:1"):
                self.assertEqual(len(self.said(error, base_url)), 1)

    def test_details(self) -> None:
        """Whoever wants them gets each."""
        self.levels.set("jairouter.filters", "DEBUG")
        levels = [event["log_level"].name for event in self.said(net.ConnectionRefusedError(), times=3)]
        self.assertEqual(levels, ["warn", "debug", "debug"])

    def test_faults(self) -> None:
        """Those of the gateway itself, with the traceback."""
        events = self.said(RuntimeError("x"), times=3)
        self.assertEqual([event["log_level"].name for event in events], ["critical"])
        self.assertEqual(len(self.flushLoggedErrors(RuntimeError)), 1)
