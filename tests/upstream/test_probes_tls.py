"""Probes over TLS, which is that of the instance's requests."""

from __future__ import annotations

from OpenSSL import SSL
from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IOpenSSLServerConnectionCreator
from twisted.protocols.tls import TLSMemoryBIOFactory
from zope.interface import implementer

from jairouter.upstream.tls import BackendTls, client_context
from tests.upstream.authority import Issued, issued, root
from tests.upstream.test_probes import ProbeCase
from tests.world import BACKEND, ScriptedConnection


@implementer(IOpenSSLServerConnectionCreator)
class _Shown:
    def __init__(self, held: Issued) -> None:
        self._context = SSL.Context(SSL.TLS_SERVER_METHOD)
        self._context.use_certificate(held.certificate)
        self._context.use_privatekey(held.key)

    def serverConnectionForTLS(self, protocol: object) -> SSL.Connection:
        return SSL.Connection(self._context)


class SecureTests(ProbeCase):
    """TLS as for requests."""

    def ask_securely(self, name: str) -> Deferred[None]:
        """Probe a backend whose certificate is for `backend.test`, and that should be `name`."""
        creator = _Shown(issued("backend.test"))
        secure = TLSMemoryBIOFactory(creator, False, self.backend, self.network)
        self.network.listenTCP(8443, secure, interface=BACKEND[0])
        context = client_context(authorities=(root().certificate,), system=False)
        return self.ask("https://10.0.0.1:8443", tls=BackendTls(context, name))

    def test_trusted(self) -> None:
        asked = self.ask_securely("backend.test")
        last: ScriptedConnection = self.backend.last
        self.assertTrue(last.received.startswith(b"GET /v1/models "))
        last.answer(b"{}")
        self.network.run()
        self.succeeds(asked)

    def test_not_trusted(self) -> None:
        """The reason is good enough for the log."""
        asked = self.ask_securely("other.test")
        self.fails(asked, "its certificate is for backend.test, and not for other.test")

    def test_no_tls(self) -> None:
        asked = self.ask(
            "https://10.0.0.1:9000", tls=BackendTls(client_context(system=False), "backend.test")
        )
        self.say(b"HTTP/1.1 400 Bad Request\r\n\r\n")
        self.fails(asked, "no secure connection to it can be made")
