"""TLS on the listener, with the clients that people have: curl, openssl, the OpenAI SDK, HAProxy."""

from __future__ import annotations

import contextlib
import json
import socket
import ssl
import subprocess
import tempfile
import time
from pathlib import Path
from typing import Any

from openai import DefaultHttpxClient, OpenAI
from twisted.trial.unittest import SynchronousTestCase

from tests.integration import test_large_bodies
from tests.integration.processes import Process, Shared, wait_until
from tests.integration.proxies import free_ports, listens, program
from tests.integration.secure import SecureGateway, SecurePair
from tests.integration.wire import post
from tests.upstream.authority import issue, issued, root, stranger, write

QUESTION = {"model": "org/chat", "messages": [{"role": "user", "content": "hi"}]}


def _start() -> SecurePair:
    return SecurePair(Path(tempfile.mkdtemp(prefix="jairouter-test-tls-")), server={"header-timeout": "2s"})


PAIR = Shared(_start, SecurePair.stop)


class Case(SynchronousTestCase):
    """A gateway for all tests."""

    def setUp(self) -> None:
        self.pair = PAIR.get()
        self.gateway = self.pair.gateway
        self.addCleanup(self.gateway.wait_at_rest)

    def curl(self, *arguments: str) -> subprocess.CompletedProcess[bytes]:
        command = ["curl", "-sS", "-v", "--cacert", str(self.gateway.trusts), *arguments]
        return subprocess.run(command, capture_output=True, timeout=60, check=False)


class ClientTests(Case):
    """Whom it speaks with."""

    def test_curl(self) -> None:
        """It asks for HTTP/2 as well, and is left at HTTP/1.1."""
        headers = ("-H", "Content-Type: application/json", "-d", json.dumps(QUESTION))
        ran = self.curl(f"{self.gateway.url}/v1/chat/completions", *headers)
        self.assertEqual(json.loads(ran.stdout)["object"], "chat.completion")
        self.assertIn(b"ALPN: server accepted http/1.1", ran.stderr)

    def test_stream(self) -> None:
        headers = ("-H", "Content-Type: application/json", "-d", json.dumps({**QUESTION, "stream": True}))
        ran = self.curl("-N", f"{self.gateway.url}/v1/chat/completions", *headers)
        self.assertTrue(ran.stdout.endswith(b"data: [DONE]\n\n"), ran.stdout[-100:])

    def test_sdk(self) -> None:
        http_client = DefaultHttpxClient(verify=self.gateway.context())
        client = OpenAI(base_url=f"{self.gateway.url}/v1", api_key="sk-test", http_client=http_client)
        self.addCleanup(client.close)
        chat: Any = client.chat.completions
        text = "".join(chunk.choices[0].delta.content or "" for chunk in chat.create(**QUESTION, stream=True))
        self.assertIn("hi", text)
        self.assertIn("hi", chat.create(**QUESTION).choices[0].message.content)

    def test_versions(self) -> None:
        """What openssl's client gets when it insists on one."""
        for option, expected in (
            ("-tls1_1", "alert protocol version"),
            ("-tls1_2", "New, TLSv1.2, Cipher is ECDHE-ECDSA-AES256-GCM-SHA384"),
            ("-tls1_3", "New, TLSv1.3, Cipher is TLS_AES_256_GCM_SHA384"),
        ):
            said = self.s_client(option, "-cipher", "DEFAULT:@SECLEVEL=0")
            self.assertIn(expected, said)
            self.assertIn("Compression: NONE", said)

    def test_cipher_without_forward_secrecy(self) -> None:
        self.assertIn("handshake failure", self.s_client("-tls1_2", "-cipher", "AES128-GCM-SHA256"))

    def s_client(self, *options: str) -> str:
        command = ["openssl", "s_client", "-connect", f"127.0.0.1:{self.gateway.port}", *options]
        ran = subprocess.run(command, input=b"", capture_output=True, timeout=30, check=False)
        return (ran.stdout + ran.stderr).decode(errors="replace")

    def test_http(self) -> None:
        """The wrong scheme, and what scanners send; none of it is logged."""
        ran = self.curl(f"http://127.0.0.1:{self.gateway.port}/v1/models")
        self.assertIn(b"400 Bad Request", ran.stderr)
        self.assertIn("https://", json.loads(ran.stdout)["error"]["message"])
        before = self.gateway.metric("jairouter_tls_handshake_failures_total", reason="not_tls")
        for _ in range(50):
            with socket.create_connection(("127.0.0.1", self.gateway.port)) as scanner:
                scanner.sendall(b"\x00" * 100)
                scanner.recv(100)
        name = "jairouter_tls_handshake_failures_total"
        self.assertEqual(self.gateway.metric(name, reason="not_tls"), before + 50)
        self.assertNotIn("it does not speak TLS", self.gateway.output)
        self.assertNotIn("Traceback", self.gateway.output)

    def test_handshake_without_end(self) -> None:
        """It takes as long as a head may."""
        with socket.create_connection(("127.0.0.1", self.gateway.port)) as client:
            client.settimeout(20)
            began = time.monotonic()
            client.sendall(b"\x16\x03\x01")
            self.assertEqual(client.recv(100), b"")
            self.assertGreater(time.monotonic() - began, 1.5)

    def test_client_leaves(self) -> None:
        """In the middle of a stream; with a farewell, and without."""
        for politely in (True, False):
            client = self.gateway.peer()
            client.say(
                post({**QUESTION, "stream": True}, "/v1/chat/completions", "X-Simulate: pace;every=0.05")
            )
            client.until(b"data: ")
            assert isinstance(client.socket, ssl.SSLSocket)
            if politely:
                client.socket.setblocking(False)
                with contextlib.suppress(OSError):  # it does not wait for our farewell
                    client.socket.unwrap()
            client.socket.close()
            self.gateway.wait_at_rest()

    def test_answer_that_is_cut_short(self) -> None:
        """To a client of HTTP/1.0, for whom the end of the connection is that of the body: it is no end."""
        client = self.gateway.peer()
        self.addCleanup(client.socket.close)
        body = b'{"model":"speak","input":"x"}'
        client.say(
            b"POST /v1/audio/speech HTTP/1.0\r\nContent-Type: application/json\r\nContent-Length: %d\r\n"
            b"X-Simulate: truncate-chunked\r\n\r\n%b" % (len(body), body)
        )
        self.assertNotIn(b"ength:", client.until(b"\r\n\r\n"))
        with self.assertRaises(ssl.SSLEOFError):
            while client.socket.recv(65536):
                pass


class LargeBodyTests(test_large_bodies.LargeBodyTests):
    """The tests of large bodies over TLS, by the same clients."""

    def setUp(self) -> None:
        self.gateway = PAIR.get().gateway
        self.patch(subprocess, "run", self.run_curl)
        self.gateway.forget_peak()
        self.before = self.gateway.memory()

    _run_program = staticmethod(subprocess.run)

    def run_curl(self, command: list[str], **named: Any) -> Any:
        assert isinstance(self.gateway, SecureGateway)
        return self._run_program([*command, "--cacert", str(self.gateway.trusts)], **named)


class ClientCertificateTests(SynchronousTestCase):
    """Good ones, none, and others."""

    def ask(self, client_auth: str) -> dict[str, str]:
        folder = Path(self.mktemp()).resolve()
        folder.mkdir()
        held = {
            "good": issued("alice.test"),
            "foreign": issue("mallory.test", by=stranger()),
            "expired": issue("bob.test", by=root(), days=(-2, -1)),
        }
        paths = write(folder, **{f"{name}_pem": x.pem + x.key_pem() for name, x in held.items()})
        keys = {"client-auth": client_auth}
        if client_auth != "none":
            keys["trust-certificate"] = str(folder / "root.pem")
        pair = SecurePair(folder, keys)
        self.addCleanup(pair.stop)
        asked = {"missing": None, **{name: Path(paths[f"{name}_pem"]) for name in held}}
        return {name: self.answer(pair.gateway, shows) for name, shows in asked.items()}

    @staticmethod
    def answer(gateway: SecureGateway, shows: Path | None) -> str:
        try:
            client = gateway.peer(gateway.context(shows))
        except OSError as error:
            return str(error)
        try:
            client.say(post(QUESTION))
            return client.until(b"\r\n").decode().strip()
        except OSError as error:
            return str(error)
        finally:
            client.socket.close()

    def test_none(self) -> None:
        """Nobody is asked."""
        self.assertEqual(set(self.ask("none").values()), {"HTTP/1.1 200 OK"})

    def test_want(self) -> None:
        got = self.ask("want")
        self.assertEqual((got["missing"], got["good"]), ("HTTP/1.1 200 OK", "HTTP/1.1 200 OK"))
        self.assertIn("alert unknown ca", got["foreign"])
        self.assertIn("alert certificate expired", got["expired"])

    def test_need(self) -> None:
        got = self.ask("need")
        self.assertEqual(got["good"], "HTTP/1.1 200 OK")
        self.assertIn("alert certificate required", got["missing"])
        self.assertIn("alert unknown ca", got["foreign"])
        self.assertIn("alert certificate expired", got["expired"])


HAPROXY = """
defaults
    timeout connect 10s
    timeout client 30s
    timeout server 30s

listen through
    mode tcp
    bind 127.0.0.1:{through}
    server gateway 127.0.0.1:{gateway} send-proxy-v2
"""


class ProxyTests(SynchronousTestCase):
    """HAProxy passes TLS through, and says ahead of it whose connection it is."""

    def test_send_proxy_v2(self) -> None:
        folder = Path(self.mktemp()).resolve()
        folder.mkdir()
        trusted = {"forward-headers": {"trusted-proxies": ["127.0.0.1"]}, "proxy-protocol": "required"}
        pair = SecurePair(folder, server=trusted)
        self.addCleanup(pair.stop)
        ports = free_ports("through")
        (folder / "haproxy.cfg").write_text(HAPROXY.format(gateway=pair.gateway.port, **ports))
        haproxy = Process([program("haproxy"), "-db", "-f", folder / "haproxy.cfg"])
        self.addCleanup(haproxy.stop)
        wait_until(lambda: listens(ports["through"]), lambda: str(haproxy))
        url = f"https://127.0.0.1:{ports['through']}/v1/chat/completions"
        command = ["curl", "-sS", "--cacert", str(pair.gateway.trusts), "--interface", "127.0.0.7", url]
        command += ["-H", "Content-Type: application/json", "-d", json.dumps(QUESTION)]
        ran = subprocess.run(command, capture_output=True, timeout=30, check=False)
        self.assertEqual(json.loads(ran.stdout)["object"], "chat.completion")
        pair.gateway.wait_for(r"127\.0\.0\.7 POST /v1/chat/completions 200")
        with self.assertRaises(OSError):
            pair.gateway.peer()  # without the header there is no handshake
