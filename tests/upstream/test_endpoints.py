"""Connections to secure origins, with real TLS in memory: when they are open, and how they fail to open."""

from __future__ import annotations

import datetime
from functools import cache
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from OpenSSL import SSL, crypto
from service_identity import VerificationError
from twisted.internet.defer import CancelledError
from twisted.internet.error import ConnectionLost, TimeoutError
from twisted.internet.interfaces import IHandshakeListener
from twisted.internet.protocol import Factory, Protocol
from twisted.internet.ssl import (
    Certificate,
    KeyPair,
    PrivateCertificate,
    optionsForClientTLS,
    trustRootFromCertificates,
)
from twisted.protocols.tls import TLSMemoryBIOFactory
from zope.interface.verify import verifyObject

from jairouter.exchange import Phase
from jairouter.upstream import endpoints
from jairouter.upstream.endpoints import SecureConnection
from jairouter.upstream.failures import BadAddress
from tests.upstream.rig import OK, Phases, Wire
from tests.upstream.test_agent import AgentCase

ALERT = b"\x17"
"""How the farewell begins; in TLS 1.3 it looks like data."""
URL = b"https://10.0.0.1/v1/x"


@cache
def certificate(name: str, number: int = 1) -> Any:
    """A certificate for a name, its own authority; another one for another number."""
    key = ec.generate_private_key(ec.SECP256R1())
    called = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)])
    now = datetime.datetime.now(datetime.UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(called)
        .issuer_name(called)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    pem, plain = serialization.Encoding.PEM, serialization.NoEncryption()
    private = key.private_bytes(pem, serialization.PrivateFormat.PKCS8, plain)
    return PrivateCertificate.fromCertificateAndKeyPair(
        Certificate.loadPEM(made.public_bytes(pem)), KeyPair.load(private, crypto.FILETYPE_PEM)
    )


class Peer(Protocol):
    """The backend's end, behind TLS."""

    def __init__(self) -> None:
        self.received = b""

    def dataReceived(self, data: bytes) -> None:
        self.received += data


class SecureCase(AgentCase):
    """An agent that trusts `certificate("backend.test")`, and a backend that has it."""

    def setUp(self) -> None:
        super().setUp()
        root = trustRootFromCertificates([certificate("backend.test")])

        def options(_: str) -> Any:
            return optionsForClientTLS(self.expected, trustRoot=root)

        self.patch(endpoints, "optionsForClientTLS", options)
        self.expected = "backend.test"
        self.attempt = Phases()
        self.answer = self.ask(attempt=self.attempt, uri=URL)
        self.wire = self.accept()
        self.peer = Peer()

    def serve(self, held: Any = None) -> None:
        """The backend shakes hands, as far as it can come."""
        options = (held or certificate("backend.test")).options()
        factory = TLSMemoryBIOFactory(options, False, Factory.forProtocol(lambda: self.peer), self.reactor)
        self.tls: Any = factory.buildProtocol(None)
        self.other = Wire()
        self.tls.makeConnection(self.other)
        self.pump()

    def pump(self) -> None:
        """Carry what was written to the other side, both ways, until nothing moves."""
        moved = True
        while moved:
            self.reactor.advance(0)
            there, here = self.wire.value(), self.other.value()
            moved = bool(there or here)
            self.wire.clear()
            self.other.clear()
            if there:
                self.tls.dataReceived(there)
            if here:
                self.wire.protocol.dataReceived(here)

    def fail_with(self, *kinds: type[Exception]) -> None:
        """The request fails, with nothing written."""
        self.failureResultOf(self.answer, *kinds)
        self.assertEqual(self.attempt.entered, [Phase.CONNECTING])
        self.assertEqual(self.peer.received, b"")
        self.assert_at_rest()


class HandshakeTests(SecureCase):
    """Connecting ends with the handshake."""

    def test_interface(self) -> None:
        connection = SecureConnection(0.0, print, print)
        verifyObject(IHandshakeListener, connection)

    def test_nothing_is_sent_before_its_end(self) -> None:
        """And the time until then is time of connecting."""
        self.assertEqual(self.attempt.entered, [Phase.CONNECTING])
        self.assertNoResult(self.answer)
        self.answer.cancel()
        self.failureResultOf(self.answer, CancelledError)

    def test_the_request_follows(self) -> None:
        self.serve()
        self.assertTrue(self.peer.received.startswith(b"POST /v1/x HTTP/1.1\r\n"))
        self.assertEqual(self.attempt.entered, [Phase.CONNECTING, Phase.SENDING, Phase.WAITING])
        self.tls.write(OK)
        self.pump()
        self.assertEqual(self.successResultOf(self.answer).code, 200)
        self.assert_at_rest()

    def test_the_connection_is_used_again(self) -> None:
        self.serve()
        self.tls.write(OK)
        self.pump()
        self.successResultOf(self.answer)
        again = self.ask(uri=URL)
        self.pump()
        self.assertEqual(self.peer.received.count(b"POST"), 2)
        self.tls.write(OK)
        self.pump()
        self.successResultOf(again)
        self.assertEqual(len(self.reactor.tcpClients), 1)

    def test_closed_for_good_when_idle_too_long(self) -> None:
        """TLS would wait for the peer's farewell, and the descriptor with it, for ever if none comes."""
        self.serve()
        self.tls.write(OK)
        self.pump()
        self.successResultOf(self.answer)
        self.reactor.advance(21)
        self.assertTrue(self.wire.disconnecting)
        self.assertEqual(self.wire.value()[:1], ALERT)
        self.assert_at_rest()

    def test_closed_for_good_after_an_answer_that_is_the_last(self) -> None:
        self.serve()
        self.tls.write(OK.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n"))
        self.reactor.advance(0)
        self.say(self.wire, self.other.value())
        self.successResultOf(self.answer)
        self.assertTrue(self.wire.disconnecting)
        self.assert_at_rest()

    def test_cancelled(self) -> None:
        self.answer.cancel()
        self.fail_with(CancelledError)
        self.assertTrue(self.wire.aborted)

    def test_never_ending(self) -> None:
        """Whoever watches no phases gives up too, or the connection would be lost to the pool for ever."""
        self.reactor.advance(6.9)
        self.assertNoResult(self.answer)
        self.reactor.advance(0.5)
        self.fail_with(TimeoutError)
        self.assertTrue(self.wire.aborted)

    def test_never_ending_for_one_who_waits_in_the_queue(self) -> None:
        """Nobody in particular waits for that connection."""
        other = self.ask(uri=URL)
        waits = self.ask(uri=URL)
        self.answer.cancel()
        self.failureResultOf(self.answer, CancelledError)
        self.accept(), self.accept()
        self.reactor.advance(7.5)
        self.failureResultOf(other, TimeoutError)
        self.failureResultOf(waits, TimeoutError)
        self.assert_at_rest()

    def test_closed_by_the_backend(self) -> None:
        self.lose(self.wire)
        self.fail_with(ConnectionLost)

    def test_not_tls_at_all(self) -> None:
        self.say(self.wire, b"HTTP/1.1 400 Bad Request\r\n\r\n")
        self.lose(self.wire)
        self.fail_with(SSL.Error)

    def test_certificate_that_nobody_trusts(self) -> None:
        self.serve(certificate("backend.test", 2))
        self.lose(self.wire)
        self.fail_with(SSL.Error)


class NameTests(SecureCase):
    """A certificate that is trusted, for another name."""

    def setUp(self) -> None:
        super().setUp()
        self.answer.cancel()
        self.failureResultOf(self.answer, CancelledError)
        self.expected = "other.test"
        self.attempt = Phases()
        self.answer = self.ask(attempt=self.attempt, uri=b"https://10.0.0.2/")
        self.wire = self.accept()

    def test_refused(self) -> None:
        self.serve()
        self.lose(self.wire)
        self.fail_with(VerificationError)


class AddressTests(AgentCase):
    """Addresses that can never be connected to: an error of their own, however they come here."""

    def refused(self, url: bytes) -> None:
        """One request, which fails at once."""
        self.failureResultOf(self.ask(uri=url), BadAddress)

    def test_refused(self) -> None:
        for host in (b"a..b", b"a" * 64, b"a%20b"):
            for scheme in (b"http", b"https"):
                self.refused(scheme + b"://" + host + b"/x")
        self.assert_at_rest()

    def test_no_name_for_a_certificate(self) -> None:
        self.refused(b"https://my_host/x")
        self.refused(b"https://my_host/x")
        self.assert_at_rest()

    def test_names_that_idna_does_not_allow(self) -> None:
        """Resolvers do, and Docker's networks are full of them."""
        for number, host in enumerate(("my_host", "my--host")):
            answer = self.ask(uri=f"http://{host}/x".encode())
            self.assertEqual(self.reactor.tcpClients[number][0], host)
            answer.cancel()
            self.failureResultOf(answer, CancelledError)
