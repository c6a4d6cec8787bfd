"""Tests for `jairouter.filters.forward`: no answer came."""

from __future__ import annotations

import errno

from OpenSSL import SSL
from service_identity import CertificateError, VerificationError
from service_identity.exceptions import DNSMismatch
from service_identity.hazmat import DNS_ID
from twisted.internet import error as net
from twisted.internet.defer import CancelledError

from jairouter.errors import (
    BadRequest,
    GatewayError,
    InternalError,
    PoolExhausted,
    UpstreamError,
    UpstreamTimeout,
    UpstreamUnreachable,
)
from jairouter.upstream.failures import BadAddress, BadAnswer, WrongBodyLength
from tests.filters.inner import exchange, instance, run
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
