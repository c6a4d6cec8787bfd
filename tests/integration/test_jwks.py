"""Keys that somebody else publishes, over TLS as it is: who is believed, and what becomes of tokens."""

from __future__ import annotations

import contextlib
import http.client
import json
import socket
import ssl
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from jairouter.auth.algorithms import Signer, private_signer
from tests.auth.published_rig import ES, RS, jwk, key_set
from tests.integration.processes import TWISTD, Gateway, Server, Shared, configuration, simulator
from tests.upstream.authority import Issued, issue, issued, root, stranger, write

ISSUER = "https://login.example.com"
SIMULATOR: Shared[Server] = Shared(simulator, Server.stop)
QUESTION = json.dumps({"model": "org/chat", "messages": [{"role": "user", "content": "hello"}]})


class _Page(BaseHTTPRequestHandler):
    """What an issuer says."""

    def do_GET(self) -> None:
        server: Any = self.server
        server.asked += 1
        self.send_response(server.status)
        self.send_header("Location", "/elsewhere")
        self.send_header("Content-Length", str(len(server.page)))
        self.end_headers()
        self.wfile.write(server.page)

    def log_message(self, *_: object) -> None:
        """Nothing is logged."""


class _Issuer(ThreadingHTTPServer):
    """Publishes keys over TLS."""

    daemon_threads = True

    def __init__(self, shows: Path) -> None:
        super().__init__(("127.0.0.1", 0), _Page)
        self.page, self.status, self.asked = key_set(jwk(RS)), 200, 0
        self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.context.load_cert_chain(shows)

    def get_request(self) -> tuple[Any, Any]:
        connection, address = super().get_request()
        # The handshake is done with the first read, in the thread of the connection
        return self.context.wrap_socket(connection, server_side=True, do_handshake_on_connect=False), address

    def handle_error(self, *_: object) -> None:
        """A client that does not like the certificate is no error here."""


def token(key: Any = RS, kid: str = "k1", algorithm: str = "RS256", **claims: Any) -> str:
    """One of the issuer's."""
    now = int(time.time())
    said = {"iss": ISSUER, "sub": "bob", "aud": "gateway", "iat": now, "exp": now + 300, "roles": ["USER"]}
    return Signer(kid, algorithm, private_signer(key, algorithm)[0].sign).token(said | claims).decode()


class JwksTests(SynchronousTestCase):
    """A gateway that asks an issuer for keys."""

    def setUp(self) -> None:
        self.folder = Path(self.mktemp()).resolve()
        self.folder.mkdir()

    @contextlib.contextmanager
    def issuer(self, held: Issued | None = None) -> Iterator[_Issuer]:
        held = held or issued("127.0.0.1")
        file = write(self.folder, issuer_pem=held.pem + held.key_pem())["issuer_pem"]
        server = _Issuer(Path(file))
        Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
        try:
            yield server
        finally:
            server.shutdown()
            server.server_close()

    def gateway(self, port: int, ca: Issued | None = None, **jwt: Any) -> Gateway:
        files = write(self.folder, ca_pem=(ca or root()).pem)
        given = {
            "enabled": True,
            "jwks-url": f"https://127.0.0.1:{port}/keys",
            "jwks-issuer": ISSUER,
            "jwks-ca-file": files["ca_pem"],
            "jwks-cache-ttl": "1s",
            "audience": ["gateway"],
        }
        gateway = Gateway(configuration(SIMULATOR.get().url, security={"jwt": given | jwt}), TWISTD)
        self.addCleanup(gateway.stop)
        return gateway

    def ask(self, gateway: Gateway, shown: str, **headers: str) -> tuple[int, http.client.HTTPResponse, str]:
        client = gateway.connect()
        self.addCleanup(client.close)
        headers = {"Content-Type": "application/json", "Authorization": f"Bearer {shown}", **headers}
        client.request("POST", "/v1/chat/completions", QUESTION, headers)
        answer = client.getresponse()
        return answer.status, answer, answer.read().decode()

    def status(self, gateway: Gateway, shown: str) -> int:
        return self.ask(gateway, shown)[0]

    def test_life(self) -> None:
        """Keys come, are others, cannot be had, and come again."""
        with self.issuer() as issuer:
            gateway = self.gateway(issuer.server_port)
            self.assertEqual(self.status(gateway, token()), 200)
            self.assertEqual(self.status(gateway, token(ES, "k1", "ES256")), 401)
            self.assertEqual(self.status(gateway, token(aud="another")), 401)
            issuer.page = key_set(jwk(ES, "k2"), {**jwk(RS), "n": "AQAB"}, {"kty": "oct", "k": "AQAB"})
            time.sleep(1.1)
            self.assertEqual(self.status(gateway, token(ES, "k2", "ES256")), 200)
            self.assertEqual(self.status(gateway, token()), 401)
            port = issuer.server_port
        time.sleep(1.1)
        self.assertEqual(self.status(gateway, token(ES, "k2", "ES256", sub="carol")), 200)
        gateway.wait_for(rf"the keys at https://127\.0\.0\.1:{port}/keys cannot be fetched")

    def test_not_believed(self) -> None:
        """Whoever's certificate is another's, or comes from somebody else, might say any keys."""
        for held, trusted in (
            (issued("other.test"), root()),
            (issued("127.0.0.1"), stranger()),
            (issue("127.0.0.1", by=root(), days=(-2, -1)), root()),
        ):
            with self.issuer(held) as issuer:
                gateway = self.gateway(issuer.server_port, trusted)
                status, answer, body = self.ask(gateway, token())
                self.assertEqual((status, issuer.asked), (503, 0))
                self.assertIn("identity_provider_unavailable", body)
                self.assertIsNotNone(answer.headers["Retry-After"])
                gateway.wait_for("/keys cannot be fetched: ")
                gateway.stop()

    def test_no_keys(self) -> None:
        """Redirects, which are not followed; pages that are none; and at last a good one."""
        with self.issuer() as issuer:
            issuer.status = 302
            gateway = self.gateway(issuer.server_port)
            self.assertEqual(self.status(gateway, token()), 503)
            self.assertEqual(issuer.asked, 1)
            gateway.wait_for("/keys cannot be fetched: status 302")
            good, issuer.status = issuer.page, 200
            for page in (b"", b"<html>", b'{"keys": []}', b" " * 300_000, b'{"keys": [' * 20_000):
                issuer.page = page
                time.sleep(1.1)
                self.assertEqual(self.status(gateway, token()), 503)
            issuer.page = good
            time.sleep(1.1)
            self.assertEqual(self.status(gateway, token()), 200)

    def test_silent(self) -> None:
        """Who says nothing at all, not even to shake hands, is not waited for for ever."""
        with socket.create_server(("127.0.0.1", 0)) as silent:
            gateway = self.gateway(silent.getsockname()[1])
            before = time.monotonic()
            self.assertEqual(self.status(gateway, token()), 503)
            self.assertGreater(time.monotonic() - before, 4)
            asking, _ = silent.accept()
            with asking, contextlib.suppress(ConnectionResetError):
                asking.settimeout(20)
                while asking.recv(4096):
                    pass  # until the gateway has closed

    def test_beside_a_key(self) -> None:
        """A token of a backend goes on, whatever the issuer knows, also while it says nothing."""
        key = "sk-fQ7wLm2ZcT9xVb4NkR8dHs3J"
        keys = [{"name": "frontend", "value": key, "permissions": ["chat:read"]}]
        with socket.create_server(("127.0.0.1", 0)) as silent:
            given = {"api-key": {"enabled": True, "keys": keys}}
            files = write(self.folder, ca_pem=root().pem)
            url = f"https://127.0.0.1:{silent.getsockname()[1]}/keys"
            jwt = {"enabled": True, "jwks-url": url, "jwks-ca-file": files["ca_pem"], "audience": ["gateway"]}
            gateway = Gateway(configuration(SIMULATOR.get().url, security={**given, "jwt": jwt}), TWISTD)
            self.addCleanup(gateway.stop)
            for kid in ("a", "b"):
                status, _, _ = self.ask(gateway, token(kid=kid), **{"X-API-Key": key})
                self.assertEqual(status, 200)
            silent.settimeout(0.2)
            with self.assertRaises(TimeoutError):
                silent.accept()
