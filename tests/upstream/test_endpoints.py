"""Connections to secure origins, with real TLS in memory: when they are open, and how they fail to open."""

from __future__ import annotations

from typing import Any

from OpenSSL import SSL
from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.error import ConnectionLost, TimeoutError
from twisted.internet.interfaces import IHandshakeListener, IOpenSSLServerConnectionCreator
from twisted.internet.protocol import Factory, Protocol
from twisted.protocols.tls import TLSMemoryBIOFactory
from zope.interface import implementer
from zope.interface.verify import verifyObject

from jairouter.exchange import HeaderPairs, Phase
from jairouter.interfaces import IRequestBody
from jairouter.upstream.endpoints import SecureConnection
from jairouter.upstream.failures import BadAddress, BadAnswer
from jairouter.upstream.response import Response
from jairouter.upstream.tls import BackendTls, CertificateRefused, WrongProtocol, client_context
from tests.upstream.authority import Issued, issue, issued, root, stranger
from tests.upstream.rig import OK, Phases, Wire
from tests.upstream.test_agent import AgentCase

ALERT = b"\x17"
"""How the farewell begins; in TLS 1.3 it looks like data."""
URL = b"https://10.0.0.1/v1/x"


class Peer(Protocol):
    """The backend's end, behind TLS."""

    def __init__(self) -> None:
        self.received = b""

    def dataReceived(self, data: bytes) -> None:
        self.received += data


@implementer(IOpenSSLServerConnectionCreator)
class Held:
    """The certificate that the backend has."""

    def __init__(self, held: Issued) -> None:
        self.context = SSL.Context(SSL.TLS_SERVER_METHOD)
        self.context.use_certificate(held.certificate)
        self.context.use_privatekey(held.key)

    def serverConnectionForTLS(self, protocol: object) -> SSL.Connection:
        return SSL.Connection(self.context)


class SecureCase(AgentCase):
    """An agent that trusts the authority of the tests, and an instance that should be `backend.test`."""

    def setUp(self) -> None:
        super().setUp()
        context = client_context(authorities=(root().certificate,), system=False)
        self.tls = BackendTls(context, "backend.test")
        self.attempt = Phases(self.tls)
        self.answer = self.ask(attempt=self.attempt)
        self.wire = self.accept()
        self.peer = Peer()

    def ask(
        self,
        body: IRequestBody | None = None,
        attempt: Phases | None = None,
        uri: bytes = URL,
        pairs: HeaderPairs = (),
    ) -> Deferred[Response]:
        """See `AgentCase.ask`; of the instance."""
        return super().ask(body, attempt or Phases(self.tls), uri, pairs)

    def serve(self, held: Issued | None = None) -> None:
        """The backend shakes hands, as far as it can come."""
        creator = Held(held or issued("backend.test"))
        factory = TLSMemoryBIOFactory(creator, False, Factory.forProtocol(lambda: self.peer), self.reactor)
        self.tls_end: Any = factory.buildProtocol(None)
        self.other = Wire()
        self.tls_end.makeConnection(self.other)
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
                self.tls_end.dataReceived(there)
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
        connection = SecureConnection(self.tls.towards("a.test"), 0.0, print, print)
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
        self.assertEqual(self.attempt.entered, [Phase.CONNECTING, Phase.WAITING])
        self.tls_end.write(OK)
        self.pump()
        self.assertEqual(self.successResultOf(self.answer).code, 200)
        self.assert_at_rest()

    def test_the_connection_is_used_again(self) -> None:
        self.serve()
        self.tls_end.write(OK)
        self.pump()
        self.successResultOf(self.answer)
        again = self.ask()
        self.pump()
        self.assertEqual(self.peer.received.count(b"POST"), 2)
        self.tls_end.write(OK)
        self.pump()
        self.successResultOf(again)
        self.assertEqual(len(self.reactor.tcpClients), 1)

    def test_closed_for_good_when_idle_too_long(self) -> None:
        """TLS would wait for the peer's farewell, and the descriptor with it, for ever if none comes."""
        self.serve()
        self.tls_end.write(OK)
        self.pump()
        self.successResultOf(self.answer)
        self.reactor.advance(21)
        self.assertTrue(self.wire.disconnecting)
        self.assertEqual(self.wire.value()[:1], ALERT)
        self.assert_at_rest()

    def test_closed_for_good_after_an_answer_that_is_the_last(self) -> None:
        self.serve()
        self.tls_end.write(OK.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n"))
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
        other = self.ask()
        waits = self.ask()
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
        """The reason is OpenSSL's own, not only that there is one."""
        mine = issue("backend.test", by=stranger())
        self.serve(Issued(mine.certificate, mine.key))
        self.lose(self.wire)
        self.fail_with(CertificateRefused)

    def test_certificate_for_another_name(self) -> None:
        """The handshake itself goes well."""
        self.serve(issued("other.test"))
        self.assertTrue(self.wire.aborted)
        self.fail_with(CertificateRefused)

    def test_certificate_for_nobody(self) -> None:
        """Twisted's own check would take it for good."""
        self.serve(issue(by=root()))
        self.fail_with(CertificateRefused)

    def test_another_protocol(self) -> None:
        """Chosen by a backend that did not listen to what it was offered."""
        self.patch(SSL.Connection, "get_alpn_proto_negotiated", lambda _: b"h2")
        self.serve()
        self.assertTrue(self.wire.aborted)
        self.fail_with(WrongProtocol)


class HeadTests(SecureCase):
    """How large the head of an answer may be."""

    max_head = 100

    def test_too_large(self) -> None:
        self.serve()
        self.tls_end.write(b"HTTP/1.1 200 OK\r\nX: " + b"x" * 100)
        self.pump()
        self.failureResultOf(self.answer, BadAnswer)
        self.assert_at_rest()


class SharingTests(SecureCase):
    """Whose connections are used for whom."""

    def used_by(self, tls: BackendTls | None) -> int:
        """How many connections there are when an instance has asked, after another one was answered."""
        self.serve()
        self.tls_end.write(OK)
        self.pump()
        self.successResultOf(self.answer)
        self.ask(attempt=Phases(tls)).addErrback(lambda _: None)
        return len(self.reactor.tcpClients)

    def test_same_options(self) -> None:
        self.assertEqual(self.used_by(self.tls), 1)

    def test_other_options(self) -> None:
        """A connection that was made without a check is nothing for an instance that wants one."""
        self.assertEqual(self.used_by(BackendTls(client_context(system=False))), 2)

    def test_none(self) -> None:
        self.assertEqual(self.used_by(None), 2)

    def test_without_tls(self) -> None:
        """Options make no difference where nothing is secured."""
        for tls in (self.tls, None):
            self.ask(attempt=Phases(tls), uri=b"http://10.0.0.9/").addErrback(lambda _: None)
        self.assertEqual(len(self.agent._pools), 2)


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
        self.refused(b"https://12345/x")
        self.refused(b"https://12345/x")
        self.assert_at_rest()

    def test_names_that_idna_does_not_allow(self) -> None:
        """Resolvers do, and Docker's networks are full of them."""
        for scheme in ("http", "https"):
            for host in ("my_host", "my--host"):
                answer = self.ask(uri=f"{scheme}://{host}/x".encode())
                self.assertEqual(self.reactor.tcpClients[-1][0], "127.0.0.1")
                answer.cancel()
                self.failureResultOf(answer, CancelledError)
