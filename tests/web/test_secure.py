"""Tests for `jairouter.web.secure`; see `tests.integration.test_channel_over_tls`, too."""

from __future__ import annotations

from ipaddress import ip_network
from typing import Any

from cryptography.hazmat.primitives import hashes
from OpenSSL import SSL
from twisted.internet.error import ConnectionDone
from twisted.internet.interfaces import IConsumer, IPushProducer, ISSLTransport
from twisted.trial.unittest import SynchronousTestCase
from zope.interface.verify import verifyObject

from jairouter.tls.ciphers import Ciphers
from jairouter.tls.listener import ListenerTls
from jairouter.web import secure
from jairouter.web.client_address import TrustedProxies
from jairouter.web.secure import RECORD, UNREAD
from jairouter.web.site import ConnectionLimits
from tests.fakes import Client
from tests.upstream.authority import Issued, issue, issued, root, stranger
from tests.web.serving import ADDRESS, GET, Echo, Later, answers
from tests.web.tls import TlsClient, TlsServing, client_context, listener_tls

PROXY = b"PROXY TCP4 192.0.2.1 198.51.100.1 56324 443\r\n"


class Case(SynchronousTestCase):
    """A site over TLS whose requests the test answers."""

    def serve(self, tls: ListenerTls | None = None, **more: Any) -> TlsServing:
        self.pages = Later()
        self.serving = TlsServing(self.pages, tls=tls, **more)
        self.addCleanup(lambda: self.assertEqual(self.serving.close(), []))
        return self.serving

    def plain(self, *pieces: bytes) -> Client:
        """A client that does its own TLS, or none."""
        client = self.serving.network.connect(*ADDRESS)
        for piece in pieces:
            client.send(piece)
            self.serving.run()
        return client

    def tls(self, context: SSL.Context | None = None, ahead: bytes = b"") -> TlsClient:
        client = TlsClient(context, ahead)
        self.serving.connect(client)
        return client

    def get(self, client: TlsClient) -> Any:
        """Ask, and return the request as it came."""
        client.send(GET)
        self.serving.run()
        return self.pages.requests[-1] if self.pages.requests else None


class HandshakeTests(Case):
    """Who gets through."""

    def failures(self) -> dict[str, int]:
        return dict(self.serving.handshakes.failures)

    def test_versions(self) -> None:
        self.serve(listener_tls(versions=("TLSv1.2",)))
        self.assertIsNotNone(self.get(self.tls()))
        self.serve(listener_tls(versions=("TLSv1.3",)))
        old = client_context()
        old.set_max_proto_version(SSL.TLS1_2_VERSION)
        client = self.tls(old)
        self.assertIn("alert protocol version", str(client.failed))
        self.assertEqual(self.failures(), {"version": 1})
        self.assertIsNotNone(self.get(self.tls()))

    def test_older_version(self) -> None:
        """Out of use, and not to be had by any setting."""
        self.serve()
        old = client_context()
        old.set_min_proto_version(SSL.TLS1_VERSION)
        old.set_max_proto_version(SSL.TLS1_1_VERSION)
        old.set_cipher_list(b"ALL:@SECLEVEL=0")
        self.assertIn("alert protocol version", str(self.tls(old).failed))

    def test_ciphers(self) -> None:
        """It is the gateway's order that counts."""
        first, second = "ECDHE-ECDSA-AES128-GCM-SHA256", "ECDHE-ECDSA-AES256-GCM-SHA384"
        self.serve(listener_tls(versions=("TLSv1.2",), ciphers=Ciphers(f"{first}:{second}")))
        wants = client_context()
        wants.set_cipher_list(f"{second}:{first}".encode())
        self.assertEqual(self.tls(wants).tls.get_cipher_name(), first)
        other = client_context()
        other.set_cipher_list(b"ECDHE-ECDSA-CHACHA20-POLY1305")
        self.assertIn("handshake failure", str(self.tls(other).failed))
        self.assertEqual(self.failures(), {"cipher": 1})

    def test_alpn(self) -> None:
        """HTTP/1.1, or nothing at all said of it."""
        self.serve()
        offers = client_context()
        offers.set_alpn_protos([b"h2", b"http/1.1"])
        self.assertEqual(self.tls(offers).tls.get_alpn_proto_negotiated(), b"http/1.1")
        wrong = client_context()
        wrong.set_alpn_protos([b"h2"])
        self.assertIn("no application protocol", str(self.tls(wrong).failed))
        self.assertEqual(self.failures(), {"alpn": 1})

    def test_refused_by_the_client(self) -> None:
        """It does not know our authority."""
        self.serve()
        knows_nobody = SSL.Context(SSL.TLS_CLIENT_METHOD)
        knows_nobody.set_verify(SSL.VERIFY_PEER)
        self.assertIsNotNone(self.tls(knows_nobody).failed)
        self.assertEqual(self.failures(), {"refused": 1})

    def test_http(self) -> None:
        """Somebody has written http:// for https://."""
        self.serve()
        client = self.plain(GET)
        [answer] = answers(client.received)
        self.assertEqual((answer.status, answer.complete), (400, True))
        self.assertIn(b"https://", answer.body)
        self.assertEqual((self.failures(), self.pages.requests), ({"http": 1}, []))

    def test_no_tls(self) -> None:
        self.serve()
        client = self.plain(b"\x00\x01\x02")
        self.assertEqual((bytes(client.received), self.failures()), (b"", {"not_tls": 1}))

    def test_garbage_in_the_place_of_a_hello(self) -> None:
        self.serve()
        client = self.plain(b"\x16\x03\x01\x00\x05hello")
        self.assertEqual(client.received[:1], b"\x15")  # an alert
        self.assertEqual(sum(self.failures().values()), 1)

    def test_whoever_failed_is_let_go(self) -> None:
        """Even if it does not close, it has no longer than for a head, and gives way before."""
        limits = ConnectionLimits(header_timeout=10.0, max_connections=1)
        self.serve(limits=limits)
        client = self.plain()
        wire: Any = client.transport
        wire.pauseProducing()
        client.send(GET)
        self.serving.run(9)
        self.assertEqual(len(self.serving.site.channels), 1)
        client.send(b"more")
        self.serving.run(2)
        self.assertEqual(self.serving.site.channels, {})
        self.plain(GET)
        self.assertIsNotNone(self.get(self.tls()))

    def test_handshake_without_end(self) -> None:
        """It is part of the head's time, which counts from the first moment."""
        self.serve(limits=ConnectionLimits(header_timeout=10.0))
        client = self.plain(b"\x16")
        for _ in range(9):
            client.send(b"\x03")
            self.serving.run(1)
        self.assertIsNone(client.closed)
        self.serving.run(2)
        self.assertIsNotNone(client.closed)
        self.assertEqual(self.failures(), {"timeout": 1})

    def test_left_in_the_handshake(self) -> None:
        self.serve()
        self.plain(b"\x16\x03\x01").leave()
        self.serving.run()
        self.assertEqual(self.failures(), {"left": 1})

    def test_probe_without_a_byte(self) -> None:
        """As load balancers look whether a port is open: nothing has failed."""
        self.serve()
        self.plain().leave()
        self.serving.run()
        self.assertEqual((self.failures(), self.serving.site.channels), ({}, {}))

    def test_drained_meanwhile(self) -> None:
        self.serve()
        client = self.plain(b"\x16\x03\x01")
        self.serving.site.drain()
        self.serving.run()
        self.assertIsNotNone(client.closed)

    def test_byte_by_byte(self) -> None:
        self.serve()
        self.serving.network.piece = 1
        self.assertIsNotNone(self.get(self.tls()))

    def test_another_certificate(self) -> None:
        """The next client sees it; one that is connected stays."""
        self.serve()
        before = self.tls()
        self.serving.handshakes.use(listener_tls(issued("other.test")))
        for client, name in ((self.tls(), "other.test"), (before, "gateway.test")):
            shown = client.tls.get_peer_certificate(as_cryptography=True)
            self.assertEqual(shown, issued(name).certificate)
            self.assertIsNotNone(self.get(client))


class ClientCertificateTests(Case):
    """Who a client is."""

    def ask(self, client_auth: str, shows: Issued | None) -> TlsClient:
        self.serve(listener_tls(client_auth=client_auth))
        client = self.tls(client_context(shows))
        client.send(GET)
        self.serving.run()
        return client

    def shown(self) -> Any:
        return self.pages.requests[0].channel.client_certificate

    def test_not_asked_for(self) -> None:
        self.ask("none", issued("alice.test"))
        self.assertIsNone(self.shown())

    def test_known(self) -> None:
        for client_auth in ("want", "need"):
            alice = issued("alice.test")
            self.ask(client_auth, alice)
            print_ = alice.certificate.fingerprint(hashes.SHA256()).hex()
            self.assertEqual(self.shown(), ("alice.test", print_))
            self.assertIs(self.shown(), self.shown())

    def test_without_common_name(self) -> None:
        """Then it is the whole subject."""
        self.ask("need", issued("alice.test"))
        transport: Any = self.pages.requests[0].transport
        self.patch(
            transport._tls.__class__, "get_peer_certificate", lambda *_, **__: _Nameless(issued("a.test"))
        )
        self.assertEqual(self.shown().name, "O=nobody")

    def test_missing(self) -> None:
        self.ask("want", None)
        self.assertIsNone(self.shown())
        client = self.ask("need", None)
        self.assertIn("certificate required", str(client.failed))
        self.assertEqual(self.pages.requests, [])
        self.assertEqual(self.serving.handshakes.failures, {"no_certificate": 1})

    def test_not_good(self) -> None:
        """With `want` too: who shows one means it."""
        for client_auth in ("want", "need"):
            for bad, alert in (
                (stranger(), "alert unknown ca"),
                (issue("late.test", by=root(), days=(-2, -1)), "alert certificate expired"),
                (issue("early.test", by=root(), days=(1, 2)), "bad certificate"),
            ):
                client = self.ask(client_auth, bad)
                self.assertIn(alert, str(client.failed))
                self.assertEqual(self.pages.requests, [])
                self.assertEqual(self.serving.handshakes.failures, {"certificate": 1})

    def test_sessions_are_not_resumed(self) -> None:
        """Who comes back shows its certificate again."""
        for client_auth, resumed in (("none", True), ("need", False)):
            self.serve(listener_tls(client_auth=client_auth))
            context = client_context(issued("alice.test"))
            context.set_max_proto_version(SSL.TLS1_2_VERSION)
            first = self.tls(context)
            second = TlsClient(context)
            session = first.tls.get_session()
            assert session is not None
            second.tls.set_session(session)
            self.serving.connect(second)
            same = second.tls.master_key() == first.tls.master_key()
            self.assertEqual((same, self.get(second) is not None), (resumed, True))


class _Nameless:
    """A certificate with another subject."""

    def __init__(self, held: Issued) -> None:
        self._held = held
        self.subject = self

    def fingerprint(self, algorithm: hashes.HashAlgorithm) -> bytes:
        return self._held.certificate.fingerprint(algorithm)

    def get_attributes_for_oid(self, _: object) -> list[object]:
        return []

    def rfc4514_string(self) -> str:
        return "O=nobody"


class EndTests(Case):
    """Who says farewell, and who does not."""

    def setUp(self) -> None:
        super().setUp()
        self.serve()
        self.client = self.tls()
        self.request = self.get(self.client)

    def test_closed(self) -> None:
        """The client need not say farewell as well: it is not waited for."""
        self.serving.site.drain()
        self.pages.answer(b"done")
        self.serving.run()
        self.assertTrue(self.client.farewell)
        self.assertEqual(answers(self.client.received)[0].body, b"done")

    def test_idle_connection_is_drained(self) -> None:
        """At once, though its client, which has no reason to look, does nothing."""
        self.pages.answer(b"done")
        self.serving.run()
        self.serving.server_end(self.client).peer.pauseProducing()
        self.serving.site.drain()
        self.serving.run()
        self.assertEqual(self.serving.site.channels, {})

    def test_broken_off(self) -> None:
        """What was written arrives; that it is all nobody says."""
        self.request.write(b"some")
        self.request.channel.break_off()
        self.serving.run()
        self.assertTrue(self.client.received.endswith(b"some\r\n"))
        self.assertFalse(self.client.farewell)
        assert self.client.closed is not None
        self.client.closed.trap(ConnectionDone)

    def test_aborted(self) -> None:
        self.serving.site.abort()
        self.serving.run()
        self.assertFalse(self.client.farewell)
        self.assertIsNotNone(self.client.closed)

    def test_client_says_farewell(self) -> None:
        """As the end of a connection without TLS: nobody waits for the answer."""
        self.client.say_farewell()
        self.serving.run()
        self.assertEqual(self.pages.gone, [self.request])
        self.assertTrue(self.client.farewell)
        self.assertIsNotNone(self.client.closed)

    def test_client_says_farewell_and_does_not_read(self) -> None:
        """What was written to it until then keeps nothing open."""
        wire = self.serving.server_end(self.client)
        wire.peer.pauseProducing()
        self.request.write(b"x" * 1_000_000)
        self.patch(secure, "unsent", lambda _: 1)  # which looks into Twisted's own transports only
        self.client.say_farewell()
        self.serving.run()
        self.assertEqual(self.serving.site.channels, {})

    def test_client_leaves(self) -> None:
        self.client.leave()
        self.serving.run()
        self.assertEqual(self.pages.gone, [self.request])

    def test_damaged_record(self) -> None:
        """Somebody has changed it on the way."""
        self.serving.server_end(self.client).protocol.dataReceived(b"\x17\x03\x03\x00\x20" + b"x" * 32)
        self.serving.run()
        self.assertEqual(self.pages.gone, [self.request])
        self.assertIn("bad record mac", str(self.client.failed))

    def test_nothing_is_written_after_the_end(self) -> None:
        transport = self.serving.channel(self.client).transport
        transport.loseConnection()
        transport.write(b"late")
        self.serving.run()
        transport.write(b"later")
        self.assertEqual(self.client.received, b"")

    def test_nothing_holds_what_is_gone(self) -> None:
        """No ring is left for the garbage collector, nor OpenSSL's memory."""
        transport = self.serving.channel(self.client).transport
        self.client.leave()
        self.serving.run()
        self.assertEqual((transport._channel, transport._tls), (None, None))
        self.assertIsNone(transport.getPeerCertificate())


class FlowTests(Case):
    """Bytes in both directions."""

    def test_large_answer(self) -> None:
        """In records of TLS, and no byte is lost."""
        self.serve()
        client = self.tls()
        self.get(client)
        body = bytes(range(256)) * (RECORD // 64) + b"end"
        self.pages.answer(body)
        self.serving.run()
        self.assertEqual(answers(client.received)[0].body, body)

    def test_many_records_in_one_read(self) -> None:
        """They are one piece for whoever reads."""
        serving = TlsServing(root_page := Echo())
        self.addCleanup(serving.close)
        client = serving.client()
        for _ in range(20):
            client.send(GET)
        serving.run()
        self.assertEqual((len(root_page.seen), len(answers(client.received))), (20, 20))

    def test_more_than_is_read_from_openssl_at_once(self) -> None:
        """As the handshake of a long chain of certificates is."""
        self.serve()
        client = self.tls()
        transport = self.serving.channel(client).transport
        transport._tls.send(b"x" * 1000)
        transport._flush(100)
        self.serving.run()
        self.assertEqual(client.received, b"x" * 1000)

    def test_interface(self) -> None:
        self.serve()
        transport = self.serving.channel(self.tls()).transport
        for interface in (ISSLTransport, IConsumer, IPushProducer):
            verifyObject(interface, transport)

    def renegotiating(self, data: bytes = b"") -> tuple[TlsClient, int]:
        """A client that wants to, and asks something else in the same moment; and how much it is sent."""
        self.serve(listener_tls(versions=("TLSv1.2",)))
        client = self.tls()
        sent = len(self.serving.server_end(client).sent)
        if data:
            client._encrypt(data)
        client.tls.renegotiate()
        client._encrypt(b"")
        client._go_on()
        self.serving.run()
        return client, len(self.serving.server_end(client).sent) - sent

    def test_answers_of_tls_itself_do_not_pile_up(self) -> None:
        """Renegotiation is refused at once, not when the next answer goes out."""
        for data in (b"", b"GET / HT"):
            self.assertGreater(self.renegotiating(data)[1], 0)

    def test_answers_of_tls_itself_are_not_kept_for_those_who_do_not_read(self) -> None:
        """They could be asked for without end, and the channel would not know."""
        self.serve()
        transport = self.serving.channel(self.tls()).transport
        answered, aborted = UNREAD // 4, []
        self.patch(transport, "_flush", lambda: answered)
        self.patch(transport, "abortConnection", lambda: aborted.append(True))
        for unread in (1, 1, 0, 1, 1, 1, 1):
            self.patch(secure, "unsent", lambda _, unread=unread: unread)
            self.assertEqual(aborted, [])
            transport._answer()
        self.assertEqual(aborted, [True])


class ProxyTests(Case):
    """A PROXY header comes before the handshake."""

    def test_header(self) -> None:
        for split in (0, 9, len(PROXY)):
            self.serve(proxies=TrustedProxies([ip_network("127.0.0.1")], proxy_protocol=True))
            self.serving.network.piece = split or None
            request = self.get(self.tls(ahead=PROXY))
            self.assertEqual(request.channel.client_ip, "192.0.2.1")
            self.assertTrue(request.isSecure())
            request.transport.abortConnection()
            self.serving.run()
            self.assertIsNone(request.transport._take_header)  # else it would be in a ring with the channel

    def test_none(self) -> None:
        self.serve(proxies=TrustedProxies([ip_network("127.0.0.1")], proxy_protocol=True))
        client = self.tls()
        self.assertIsNotNone(client.closed)
        self.assertEqual((client.received, self.serving.site.channels), (b"", {}))
