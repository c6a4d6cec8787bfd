"""Backends over TLS: both sides show what they should, and the client is told when that is not enough."""

from __future__ import annotations

import http.server
import json
import re
import socket
import ssl
import tempfile
import threading
from pathlib import Path
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from tests.integration.processes import (
    BIN,
    TWISTD,
    Gateway,
    Process,
    Shared,
    configuration,
    write_configuration,
)
from tests.upstream.authority import Issued, issue, issued, root, stranger, trust_store, write


class _Backend(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        shown: Any = None
        if isinstance(self.connection, ssl.SSLSocket):
            shown = self.connection.getpeercert()
        subject = shown["subject"][0][0][1] if shown else None
        body = json.dumps({"authorization": self.headers["Authorization"], "shown": subject}).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        """Nothing is printed."""


class Backend:
    """A server on this machine.

    Args:
        folder: For files.
        held: Its certificate; None to speak no TLS at all.
        asks: Whether it asks for a certificate by the authority of the tests.
    """

    def __init__(self, folder: Path, held: Issued | None, *, asks: bool = False) -> None:
        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), _Backend)
        if held is not None:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            paths = write(folder, held_pem=held.pem + held.key_pem(), root_pem=root().pem)
            context.load_cert_chain(paths["held_pem"])
            if asks:
                context.load_verify_locations(paths["root_pem"])
                context.verify_mode = ssl.CERT_REQUIRED
            self._server.socket = context.wrap_socket(self._server.socket, server_side=True)
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)
        self._thread.start()

    @property
    def port(self) -> int:
        """Where it listens."""
        return self._server.server_port

    def stop(self) -> None:
        """End it."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


class Backends:
    """Backends of many kinds, and a gateway with a model for each way to ask them."""

    def __init__(self) -> None:
        self._folder = tempfile.TemporaryDirectory()
        folder = Path(self._folder.name)
        files = write(
            folder,
            root_pem=root().pem,
            stranger_pem=stranger().pem,
            trust_p12=trust_store("opensesame", root().certificate),
            mine_p12=issued("gateway.test").store("opensesame"),
        )
        held = (issued("localhost"), issued("backend.test"), issued("127.0.0.1"), issue(by=root()), None)
        self._backends = [Backend(folder, each) for each in held]
        self._backends.append(Backend(folder, issued("localhost"), asks=True))
        local, named, address, nameless, plain, asks = (each.port for each in self._backends)
        store = {"trust-store": files["trust_p12"], "trust-store-password": "opensesame"}
        store |= {"key-store": files["mine_p12"], "key-store-password": "opensesame"}
        store |= {"trust-store-type": "PKCS12", "key-store-type": "PKCS12"}
        models: dict[str, tuple[str, int, dict[str, Any]]] = {
            "system": ("localhost", local, {}),
            "stranger": ("localhost", local, {"ca-file": files["stranger_pem"]}),
            "other-name": ("127.0.0.1", local, {}),
            "named": ("127.0.0.1", named, {"ca-file": files["root_pem"], "server-name": "backend.test"}),
            "address": ("127.0.0.1", address, {}),
            "nameless": ("localhost", nameless, {}),
            "plain": ("localhost", plain, {}),
            "asks": ("localhost", asks, store),
            "asks-in-vain": ("localhost", asks, {}),
            "anybody": ("127.0.0.1", named, {"trust-all": True}),
        }
        instances = [
            {
                "name": name,
                "base-url": f"https://{host}:{port}",
                "tls": tls,
                "headers": {"Authorization": "Bearer instance"},
            }
            for name, (host, port, tls) in models.items()
        ]
        tree = configuration("http://127.0.0.1:1", model={"services": {"chat": {"instances": instances}}})
        self.gateway = Gateway(tree, ("env", f"SSL_CERT_FILE={files['root_pem']}", *TWISTD))

    def stop(self) -> None:
        """End all of it."""
        self.gateway.stop()
        for each in self._backends:
            each.stop()
        self._folder.cleanup()


def ask(gateway: Gateway, model: str) -> tuple[int, dict[str, Any]]:
    """One request for a model."""
    client = gateway.connect()
    headers = {"Content-Type": "application/json", "Authorization": "Bearer client"}
    try:
        client.request("POST", "/v1/chat/completions", json.dumps({"model": model}), headers)
        response = client.getresponse()
        return response.status, json.loads(response.read())
    finally:
        client.close()


class TlsTests(SynchronousTestCase):
    """Who is spoken to, and who is not. Two models of one backend do not share what they found out."""

    shared = Shared(Backends, Backends.stop)

    def setUp(self) -> None:
        self.gateway = self.shared.get().gateway

    def answered(self, model: str) -> dict[str, Any]:
        """What the backend answers."""
        status, answer = ask(self.gateway, model)
        self.assertEqual(status, 200, answer)
        return answer

    def refused(self, model: str, reason: str) -> None:
        """The client is told that it did not work, the operator why."""
        status, answer = ask(self.gateway, model)
        self.assertEqual((status, answer["error"]["code"]), (502, "upstream_error"))
        self.assertIn("secure", answer["error"]["message"])
        self.gateway.wait_for(f" {re.escape(model)} at .*\\({re.escape(reason)}")

    def test_certificate_that_the_system_trusts(self) -> None:
        self.assertEqual(self.answered("system"), {"authorization": "Bearer instance", "shown": None})

    def test_authority_that_is_not_trusted(self) -> None:
        """Its own authorities are in place of the system's."""
        self.refused(
            "stranger", "its certificate comes from an authority that is not among those that are trusted"
        )

    def test_certificate_for_another_name(self) -> None:
        self.refused("other-name", "its certificate is for localhost, and not for 127.0.0.1")

    def test_certificate_for_nobody(self) -> None:
        """By a trusted authority: such as many companies make them."""
        self.refused("nameless", "its certificate is for nobody, and not for localhost")

    def test_backend_without_tls(self) -> None:
        """It answers the handshake in plain text."""
        self.refused("plain", "[('SSL routines'")

    def test_authority_and_name(self) -> None:
        """For a backend that is reached by its address."""
        self.answered("named")

    def test_certificate_for_the_address(self) -> None:
        self.answered("address")

    def test_both_sides_show_a_certificate(self) -> None:
        """With the stores that a Java program would use."""
        self.assertEqual(self.answered("asks")["shown"], "gateway.test")
        self.assertNotIn("opensesame", self.gateway.output)

    def test_backend_that_asks_in_vain(self) -> None:
        """Although the gateway has connections to it on which it was answered."""
        self.refused("asks-in-vain", "[('SSL routines', '', 'tlsv13 alert certificate required'")

    def test_anybody(self) -> None:
        """It works, and it is said at each start."""
        self.answered("anybody")
        self.gateway.wait_for(r"instances\[9\] \(anybody\): the certificate of https://127\.0\.0\.1:")


class NeverEndingTests(SynchronousTestCase):
    """A listener that says nothing."""

    def test_handshake(self) -> None:
        """It is part of connecting, and limited as that is; the listener gets no byte of the request."""
        listener = socket.create_server(("127.0.0.1", 0))
        self.addCleanup(listener.close)
        url = f"https://127.0.0.1:{listener.getsockname()[1]}"
        gateway = Gateway(configuration(url, webclient={"connection-timeout": "1s"}))
        self.addCleanup(gateway.stop)
        status, answer = ask(gateway, "org/chat")
        self.assertEqual((status, answer["error"]["code"]), (504, "upstream_timeout"))
        self.assertIn("reached", str(answer))


class StartTests(SynchronousTestCase):
    """What cannot be used is told, in the same words, by the gateway and before."""

    def test_all_faults_at_once(self) -> None:
        folder = Path(self.mktemp()).resolve()
        folder.mkdir()
        files = write(folder, empty_pem=b"", mine_p12=issued("gateway.test").store("opensesame"))
        instance = {"name": "m", "base-url": "https://10.0.0.1", "tls": {"ca-file": files["empty_pem"]}}
        store = {"enabled": True, "key-store": files["mine_p12"], "key-store-password": "x"}
        services = {"chat": {"instances": [instance]}}
        path = write_configuration({"webclient": {"ssl": store}, "model": {"services": services}}, folder)
        for command in ((*TWISTD, "--config"), (BIN / "jairouter", "check-config")):
            process = Process([*command, path])
            self.addCleanup(process.stop)
            self.assertEqual(process.wait(), 1)
            for told in (
                f"webclient.ssl.key-store: {files['mine_p12']} is not opened by its password",
                f"model.services.chat.instances[0].tls.ca-file: {files['empty_pem']} is empty",
            ):
                self.assertIn(told, process.output)
            self.assertNotIn("Traceback", process.output)
