"""TLS towards backends, with real handshakes in memory: who is believed, and what is told and shown."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path
from typing import Any

from OpenSSL import SSL, crypto
from twisted.internet.interfaces import IOpenSSLClientConnectionCreator
from twisted.trial.unittest import SynchronousTestCase
from zope.interface.verify import verifyObject

from jairouter.tls.certificates import Identity
from jairouter.upstream.tls import (
    BackendTls,
    CertificateRefused,
    TlsClient,
    WrongProtocol,
    client_context,
)
from tests.upstream.authority import Issued, issue, issued, root, stranger, write

OLD_CIPHERS = b"ALL:@SECLEVEL=0"


class Told:
    """What `TlsClient` needs of a connection: somebody to tell why OpenSSL ends it."""

    def __init__(self) -> None:
        self.wrappedProtocol = self
        self.why: list[str] = []

    def distrusted(self, why: CertificateRefused) -> None:
        self.why.append(str(why))


class Server:
    """The backend's end.

    Attributes:
        name: What it was told (SNI), or None.
        offered: The protocols that it was offered.
    """

    def __init__(self, mine: Issued, choose: bytes | None = None) -> None:
        self.name: bytes | None = None
        self.offered: list[bytes] = []
        self.context = SSL.Context(SSL.TLS_SERVER_METHOD)
        self.context.use_certificate(mine.certificate)
        self.context.use_privatekey(mine.key)
        if mine.issuer is not None and mine.issuer is not root():
            self.context.add_extra_chain_cert(mine.issuer.certificate)
        self.context.set_tlsext_servername_callback(self._named)
        self.context.set_alpn_select_callback(self._choose)
        self._choice = choose

    def _named(self, connection: SSL.Connection) -> None:
        self.name = connection.get_servername()

    def _choose(self, _: SSL.Connection, offered: list[bytes]) -> Any:
        self.offered = offered
        return SSL.NO_OVERLAPPING_PROTOCOLS if self._choice is None else self._choice

    def ask_for_certificate(self) -> None:
        """Clients must show a certificate by the authority."""
        store = self.context.get_cert_store()
        assert store is not None
        store.add_cert(crypto.X509.from_cryptography(root().certificate))
        self.context.set_verify(SSL.VERIFY_PEER | SSL.VERIFY_FAIL_IF_NO_PEER_CERT)


class Case(SynchronousTestCase):
    """One handshake."""

    def shake(self, tls: TlsClient, server: Server) -> SSL.Connection:
        """Shake hands, then judge. Returns the client's end."""
        self.told = Told()
        client = tls.clientConnectionForTLS(self.told)
        other = SSL.Connection(server.context, None)
        client.set_connect_state()
        other.set_accept_state()
        self.other = other
        for _ in range(4):
            for end, peer in ((client, other), (other, client)):
                try:
                    end.do_handshake()
                except SSL.WantReadError:
                    pass
                finally:
                    _carry(end, peer)
        tls.check(client)
        return client

    def towards(self, host: str, name: str | None = None, **options: Any) -> TlsClient:
        """A client that trusts the authority of the tests alone."""
        options = {"authorities": (root().certificate,), "system": False, **options}
        return BackendTls(client_context(**options), name).towards(host)

    def refused(self, tls: TlsClient, mine: Issued) -> str:
        """The reason why a backend with this certificate is refused."""
        error = self.assertRaises(SSL.Error, self.shake, tls, Server(mine))
        return str(error) if isinstance(error, CertificateRefused) else self.told.why[0]


def _carry(source: SSL.Connection, target: SSL.Connection) -> None:
    with contextlib.suppress(SSL.WantReadError):
        target.bio_write(source.bio_read(1 << 16))


class TrustTests(Case):
    """Who made the certificate."""

    def test_interface(self) -> None:
        verifyObject(IOpenSSLClientConnectionCreator, self.towards("a.test"))

    def test_trusted(self) -> None:
        self.shake(self.towards("a.test"), Server(issued("a.test")))
        self.assertEqual(self.told.why, [])

    def test_stranger(self) -> None:
        told = self.refused(self.towards("a.test"), issue("a.test", by=stranger()))
        expected = (
            "a certificate in its chain is that of an authority which is not among those that are trusted"
        )
        self.assertEqual(told, expected)

    def test_stranger_who_is_not_sent(self) -> None:
        mine = issue("a.test", by=stranger())
        told = self.refused(self.towards("a.test"), Issued(mine.certificate, mine.key))
        expected = "its certificate comes from an authority that is not among those that are trusted, "
        self.assertEqual(told, expected + "or one in between is not sent")

    def test_its_own_authority(self) -> None:
        told = self.refused(self.towards("a.test"), issue("a.test"))
        expected = "its certificate is its own authority, which is not among those that are trusted"
        self.assertEqual(told, expected)

    def test_its_own_authority_that_is_trusted(self) -> None:
        """As many backends have it that nobody gave a certificate to."""
        mine = issue("a.test")
        self.shake(self.towards("a.test", authorities=(mine.certificate,)), Server(mine))

    def test_authority_in_between(self) -> None:
        between = issue("between.test", by=root(), authority=True)
        mine = issue("a.test", by=between)
        self.shake(self.towards("a.test"), Server(mine))
        # Whoever trusts this one alone does not have to trust the root
        self.shake(self.towards("a.test", authorities=(between.certificate,)), Server(mine))

    def test_made_by_what_is_no_authority(self) -> None:
        told = self.refused(self.towards("a.test"), issue("a.test", by=issued("b.test")))
        expected = "a certificate in its chain has made another one, but is none of an authority"
        self.assertEqual(told, expected)

    def test_expired(self) -> None:
        mine = issue("a.test", by=root(), days=(-3, -2))
        self.assertEqual(self.refused(self.towards("a.test"), mine), "its certificate has expired")

    def test_not_valid_yet(self) -> None:
        mine = issue("a.test", by=root(), days=(2, 3))
        self.assertEqual(self.refused(self.towards("a.test"), mine), "its certificate is not valid yet")

    def test_system(self) -> None:
        """The system knows nothing of the authority of the tests."""
        self.refused(self.towards("a.test", authorities=(), system=True), issued("a.test"))

    def test_system_and_more(self) -> None:
        self.shake(self.towards("a.test", system=True), Server(issued("a.test")))

    def test_in_place_of_the_system(self) -> None:
        """Whom the system trusts counts only if that is wanted."""
        folder = Path(self.mktemp())
        folder.mkdir()
        self.set_variable("SSL_CERT_FILE", write(folder, root_pem=root().pem)["root_pem"])
        both = self.towards("a.test", authorities=(stranger().certificate,), system=True)
        one = self.towards("a.test", authorities=(stranger().certificate,))
        self.shake(both, Server(issued("a.test")))
        self.refused(one, issued("a.test"))

    def set_variable(self, name: str, value: str) -> None:
        """Set a variable until the end of the test; of the process, since OpenSSL itself reads it."""
        if name in os.environ:
            self.addCleanup(os.environ.__setitem__, name, os.environ[name])
        else:
            self.addCleanup(os.environ.pop, name)
        os.environ[name] = value

    def test_anybody(self) -> None:
        """Neither who made it nor whom it is for counts."""
        for mine in (issue("b.test"), issue(), issue("a.test", days=(-3, -2))):
            self.shake(self.towards("a.test", verify=False), Server(mine))


class ProtocolTests(Case):
    """What is spoken."""

    def test_offered(self) -> None:
        server = Server(issued("a.test"), b"http/1.1")
        client = self.shake(self.towards("a.test"), server)
        self.assertEqual(server.offered, [b"http/1.1"])
        self.assertEqual(client.get_alpn_proto_negotiated(), b"http/1.1")

    def test_backend_that_chooses_nothing(self) -> None:
        """Most backends do not know of this."""
        self.shake(self.towards("a.test"), Server(issued("a.test")))

    def test_backend_that_chooses_what_was_not_offered(self) -> None:
        """Newer versions of OpenSSL notice it themselves."""
        tls, server = self.towards("a.test"), Server(issued("a.test"), b"h2")
        self.assertRaises((SSL.Error, WrongProtocol), self.shake, tls, server)

    def test_choice_that_older_versions_of_openssl_accept(self) -> None:
        class Connection:
            def get_alpn_proto_negotiated(self) -> bytes:
                return b"h2"

        connection: Any = Connection()
        error = self.assertRaises(WrongProtocol, self.towards("a.test", verify=False).check, connection)
        self.assertEqual(str(error), "the backend chose the protocol b'h2', which it was not offered")

    def test_version_that_is_secure(self) -> None:
        client = self.shake(self.towards("a.test"), self.server_of(SSL.TLS1_2_VERSION))
        self.assertEqual(client.get_protocol_version_name(), "TLSv1.2")

    def test_version_that_is_not(self) -> None:
        """RFC 8996. OpenSSL itself would do it, if it were told to take ciphers of that time."""
        context = client_context(authorities=(root().certificate,), system=False)
        context.set_cipher_list(OLD_CIPHERS)
        tls = BackendTls(context).towards("a.test")
        self.assertRaises(SSL.Error, self.shake, tls, self.server_of(SSL.TLS1_1_VERSION))

    @staticmethod
    def server_of(version: int) -> Server:
        """A backend that knows no newer version."""
        server = Server(issued("a.test"))
        server.context.set_max_proto_version(version)
        server.context.set_cipher_list(OLD_CIPHERS)
        return server


class IdentityTests(Case):
    """What is shown to a backend that asks."""

    def test_shown(self) -> None:
        mine = issued("gateway.test")
        server = Server(issued("a.test"))
        server.ask_for_certificate()
        identity = Identity(mine.certificate, (root().certificate,), mine.key)
        self.shake(self.towards("a.test", identity=identity), server)
        self.assertEqual(self.other.get_peer_certificate(as_cryptography=True), mine.certificate)

    def test_authority_in_between_is_shown_too(self) -> None:
        between = issue("between.test", by=root(), authority=True)
        mine = issue("gateway.test", by=between)
        server = Server(issued("a.test"))
        server.ask_for_certificate()
        identity = Identity(mine.certificate, (between.certificate,), mine.key)
        self.shake(self.towards("a.test", identity=identity), server)

    def test_none(self) -> None:
        server = Server(issued("a.test"))
        server.ask_for_certificate()
        self.assertRaises(SSL.Error, self.shake, self.towards("a.test"), server)


class SharingTests(SynchronousTestCase):
    """Reading trust roots takes milliseconds."""

    def test_one_context_for_all_hosts(self) -> None:
        context = client_context(system=False)
        tls = BackendTls(context)
        made = [tls.towards(host).clientConnectionForTLS(Told()).get_context() for host in ("a.test", "::1")]
        self.assertEqual(made, [context, context])

    def test_equal_only_to_itself(self) -> None:
        """Connections of instances with different options are never shared."""
        context = client_context(system=False)
        self.assertNotEqual(BackendTls(context), BackendTls(context))
