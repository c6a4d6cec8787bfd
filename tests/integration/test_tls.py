"""Backends over TLS: the certificate is checked, and the client is told when it does not fit."""

from __future__ import annotations

import datetime
import http.server
import json
import socket
import ssl
import tempfile
import threading
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from twisted.trial.unittest import SynchronousTestCase

from tests.integration.processes import TWISTD, Gateway


class _Backend(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        body = json.dumps({"authorization": self.headers["Authorization"]}).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        """Nothing is printed."""


def write_certificate(folder: Path) -> None:
    """A certificate for `localhost`, its own authority, with its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "localhost")])
    now = datetime.datetime.now(datetime.UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(minutes=5))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    (folder / "certificate.pem").write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    (folder / "key.pem").write_bytes(private)


class TlsTests(SynchronousTestCase):
    """One backend with a certificate for `localhost`, asked by several names."""

    def setUp(self) -> None:
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name)
        write_certificate(self.folder)
        server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), _Backend)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.folder / "certificate.pem", self.folder / "key.pem")
        server.socket = context.wrap_socket(server.socket, server_side=True)
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        self.addCleanup(thread.join)
        self.addCleanup(server.server_close)
        self.addCleanup(server.shutdown)
        self.port = server.server_port

    def ask(
        self, host: str, trusted: Path, *, port: int = 0, **webclient: object
    ) -> tuple[int, dict[str, object]]:
        instance = {"name": "m", "base-url": f"https://{host}:{port or self.port}"}
        gateway = Gateway(
            {
                "server": {"address": "127.0.0.1", "port": 0, "drain": {"delay": "0s"}},
                "webclient": webclient,
                "model": {
                    "services": {
                        "chat": {"instances": [{**instance, "headers": {"Authorization": "Bearer instance"}}]}
                    }
                },
            },
            ("env", f"SSL_CERT_FILE={trusted}", *TWISTD),
        )
        self.addCleanup(gateway.stop)
        client = gateway.connect()
        self.addCleanup(client.close)
        headers = {"Content-Type": "application/json", "Authorization": "Bearer client"}
        client.request("POST", "/v1/chat/completions", json.dumps({"model": "m"}), headers)
        response = client.getresponse()
        return response.status, json.loads(response.read())

    def test_a_trusted_certificate(self) -> None:
        status, answer = self.ask("localhost", self.folder / "certificate.pem")
        self.assertEqual((status, answer), (200, {"authorization": "Bearer instance"}))

    def test_an_authority_that_nobody_trusts(self) -> None:
        (self.folder / "empty.pem").write_bytes(b"")
        status, answer = self.ask("localhost", self.folder / "empty.pem")
        self.assertEqual((status, _code(answer)), (502, "upstream_error"))

    def test_a_certificate_for_another_name(self) -> None:
        status, answer = self.ask("127.0.0.1", self.folder / "certificate.pem")
        self.assertEqual((status, _code(answer)), (502, "upstream_error"))

    def test_a_handshake_that_never_ends(self) -> None:
        """It is part of connecting, and limited as that is; the listener gets no byte of the request."""
        listener = socket.create_server(("127.0.0.1", 0))
        self.addCleanup(listener.close)
        status, answer = self.ask(
            "127.0.0.1",
            self.folder / "certificate.pem",
            port=listener.getsockname()[1],
            **{"connection-timeout": "1s"},
        )
        self.assertEqual((status, _code(answer)), (504, "upstream_timeout"))
        self.assertIn("reached", str(answer))

    def test_a_backend_without_tls(self) -> None:
        """It answers the handshake in plain text."""
        server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), _Backend)
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        self.addCleanup(thread.join)
        self.addCleanup(server.server_close)
        self.addCleanup(server.shutdown)
        status, answer = self.ask("127.0.0.1", self.folder / "certificate.pem", port=server.server_port)
        self.assertEqual((status, _code(answer)), (502, "upstream_error"))
        self.assertIn("secure", str(answer))


def _code(answer: dict[str, object]) -> object:
    error = answer["error"]
    assert isinstance(error, dict)
    return error["code"]
