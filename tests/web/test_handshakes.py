"""Tests for `jairouter.web.handshakes`: certificates in force, and failures that fill no log."""

from __future__ import annotations

from OpenSSL import SSL
from twisted.internet.task import Clock
from twisted.logger import LogLevel, capturedLogs, formatEvent
from twisted.trial.unittest import SynchronousTestCase

from jairouter.web.handshakes import NOTICE, RENEWAL, Handshakes, NothingInCommon, reason_for
from tests.upstream.authority import issued
from tests.web.tls import listener_tls


class HandshakesTests(SynchronousTestCase):
    """Beginning them, and counting those that fail."""

    def setUp(self) -> None:
        self.clock = Clock()
        self.clock.advance(1000.0)
        self.handshakes = Handshakes(listener_tls(), self.clock.seconds)

    def shown(self) -> object:
        """The certificate that a new connection would show."""
        certificate = self.handshakes.begin(None).get_certificate(as_cryptography=True)
        return certificate

    def failed(self, *labels: str) -> list[str]:
        with capturedLogs() as events:
            for label in labels:
                self.handshakes.failed("192.0.2.1", label, f"it is {label}")
        self.assertTrue(all(event["log_level"] is LogLevel.info for event in events))
        return [formatEvent(event) for event in events]

    def test_another_certificate(self) -> None:
        """For the next connection; one that has begun keeps what it has."""
        before = self.handshakes.begin(None)
        self.handshakes.use(listener_tls(issued("other.test")))
        self.assertEqual(self.shown(), issued("other.test").certificate)
        self.assertEqual(before.get_certificate(as_cryptography=True), issued("gateway.test").certificate)

    def test_keys_of_tickets(self) -> None:
        """They are in the context, of which there is a new one twice a day."""
        first = self.handshakes.begin(None).get_context()
        self.clock.advance(RENEWAL - 1)
        self.assertIs(self.handshakes.begin(None).get_context(), first)
        self.clock.advance(1)
        second = self.handshakes.begin(None).get_context()
        self.assertIsNot(second, first)
        self.assertIs(self.handshakes.begin(None).get_context(), second)

    def test_one_line_a_minute(self) -> None:
        """However many fail; the next line says how many that were."""
        told = self.failed(*["version"] * 10)
        self.assertEqual(told, ["a TLS handshake with 192.0.2.1 has failed: it is version"])
        self.clock.advance(NOTICE - 0.1)
        self.assertEqual(self.failed("version"), [])
        self.clock.advance(0.1)
        text = "11 TLS handshakes have failed since this was last told; that with 192.0.2.1: it is cipher"
        self.assertEqual(self.failed("cipher"), [text])
        self.assertEqual(self.handshakes.failures, {"version": 11, "cipher": 1})

    def test_scanners(self) -> None:
        """They are counted only, and hide nothing else."""
        self.assertEqual(self.failed("http", "not_tls", "left"), [])
        self.assertEqual(len(self.failed("version")), 1)
        self.assertEqual(self.handshakes.failures["http"], 1)

    def test_reasons(self) -> None:
        """Labels are few, whatever OpenSSL says."""
        for reason, label in (
            ("unsupported protocol", "version"),
            ("no shared cipher", "cipher"),
            ("peer did not return a certificate", "no_certificate"),
            ("certificate verify failed", "certificate"),
            ("ssl/tls alert certificate unknown", "refused"),
            ("length mismatch", "other"),
        ):
            found, told = reason_for(SSL.Error([("SSL routines", "", reason)]))
            self.assertEqual(found, label)
            self.assertNotIn("SSL routines", told)
        self.assertEqual(reason_for(NothingInCommon())[0], "alpn")
        self.assertEqual(reason_for(SSL.Error()), ("other", "no reason is known"))
