"""Clients over TLS on the network in memory, and a site that serves them."""

from __future__ import annotations

from functools import cache
from typing import Any

from OpenSSL import SSL, crypto

from jairouter.tls.certificates import Identity
from jairouter.tls.ciphers import Ciphers
from jairouter.tls.listener import ListenerTls
from jairouter.web.handshakes import Handshakes
from tests.fakes import Client
from tests.upstream.authority import Issued, issued, root
from tests.web.serving import ADDRESS, Serving

VERSIONS = ("TLSv1.2", "TLSv1.3")


def listener_tls(held: Issued | None = None, client_auth: str = "none", **changes: Any) -> ListenerTls:
    """What a listener is secured by."""
    held = held or issued("gateway.test")
    values: dict[str, Any] = {"versions": VERSIONS, "ciphers": Ciphers(), "files": (), "digest": b"x" * 32}
    identity = Identity(held.certificate, (), held.key)
    authorities = (root().certificate,)
    return ListenerTls(
        identity=identity, authorities=authorities, client_auth=client_auth, **(values | changes)
    )


@cache
def _shared() -> ListenerTls:
    return listener_tls()


def client_context(shows: Issued | None = None) -> SSL.Context:
    """A client that believes the tests' authority."""
    context = SSL.Context(SSL.TLS_CLIENT_METHOD)
    store = context.get_cert_store()
    assert store is not None
    store.add_cert(crypto.X509.from_cryptography(root().certificate))
    context.set_verify(SSL.VERIFY_PEER)
    if shows is not None:
        context.use_certificate(shows.certificate)
        context.use_privatekey(shows.key)
    return context


class TlsClient(Client):
    """As `Client`, over TLS: what it sends and receives is what is inside.

    Args:
        context: Of the client.
        ahead: What goes ahead of TLS.

    Attributes:
        farewell: Whether the other side has said that this was all.
        failed: Why the client has ended TLS, or None.
        tls: OpenSSL's connection.
    """

    def __init__(self, context: SSL.Context | None = None, ahead: bytes = b"") -> None:
        super().__init__()
        self.farewell = False
        self.failed: SSL.Error | None = None
        self.tls = SSL.Connection(context or client_context(), None)
        self.tls.set_connect_state()
        self._ahead = ahead
        self._waiting: list[bytes] = []
        self._secured = False

    def connectionMade(self) -> None:
        if self._ahead:
            super().send(self._ahead)
        self._go_on()

    def dataReceived(self, data: bytes) -> None:
        self.tls.bio_write(data)
        self._go_on()

    def send(self, data: bytes) -> None:
        self._waiting.append(data)
        if self._secured:
            self._go_on()

    def say_farewell(self) -> None:
        """Say that this was all."""
        self.tls.shutdown()
        self._flush()

    def _go_on(self) -> None:
        try:
            if not self._secured:
                self.tls.do_handshake()
                self._secured = True
            waiting, self._waiting = self._waiting, []
            for data in waiting:
                self._encrypt(data)
            self._flush()
            while True:
                self.received += self.tls.recv(16384)
        except SSL.WantReadError:
            pass
        except SSL.ZeroReturnError:
            self.farewell = True
        except SSL.Error as error:
            self.failed = self.failed or error
        self._flush()

    def _encrypt(self, data: bytes) -> None:
        while data:
            data = data[self.tls.send(data[:16384]) :]

    def _flush(self) -> None:
        try:
            while True:
                super().send(self.tls.bio_read(1 << 16))
        except SSL.WantReadError:
            pass


class TlsServing(Serving):
    """As `Serving`, over TLS."""

    secure = True

    def __init__(self, *arguments: Any, tls: ListenerTls | None = None, **named: Any) -> None:
        super().__init__(*arguments, **named)
        self.handshakes = self.site.handshakes = Handshakes(tls or _shared(), self.network.seconds)

    def client(self) -> Client:
        """A new connection, secured."""
        return self.connect(TlsClient())

    def channel(self, client: Client) -> Any:
        """See `Serving.channel`."""
        return self.server_end(client).protocol._channel

    def connect(self, client: Client) -> Client:
        """A connection of this client, which has shaken hands if that was to be."""
        self.network.connect(*ADDRESS, client)
        self.run()
        return client
