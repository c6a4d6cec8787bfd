"""Commands with credentials as processes of their own: TLS, redirections, a terminal."""

from __future__ import annotations

import contextlib
import http.server
import json
import os
import pty
import ssl
import threading
from pathlib import Path
from typing import Any

from tests.integration.processes import ROOT
from tests.integration.test_commands import COMMAND, CommandTestCase
from tests.upstream.authority import issued, root, write

KEY = "sk-planted-key"


class _Answers(http.server.BaseHTTPRequestHandler):
    """Takes whoever asks for a gateway's history, and keeps what they have sent."""

    def do_GET(self) -> None:
        """Answer, or send on to another place."""
        server: Any = self.server
        server.asked.append((self.path, dict(self.headers)))
        if server.elsewhere:
            self.send_response(302)
            self.send_header("Location", server.elsewhere)
            self.end_headers()
            return
        body = json.dumps({"success": True, "message": "OK", "data": []}).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing."""


class _Listener(http.server.ThreadingHTTPServer):
    """Keeps what was asked.

    Attributes:
        asked: Path and headers of each question.
        elsewhere: Where it sends on to, if anywhere.
    """

    asked: list[tuple[str, dict[str, str]]]
    elsewhere: str


class _Server:
    """One place that answers; with TLS, as localhost, if it has a certificate."""

    def __init__(self, certificate: Path | None = None, elsewhere: str = "") -> None:
        self._server = _Listener(("127.0.0.1", 0), _Answers)
        self._server.asked, self._server.elsewhere = [], elsewhere
        if certificate is not None:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(certificate)
            self._server.socket = context.wrap_socket(self._server.socket, server_side=True)
        scheme = "http" if certificate is None else "https"
        self.url = f"{scheme}://localhost:{self._server.server_port}"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True)
        self._thread.start()

    @property
    def asked(self) -> list[tuple[str, dict[str, str]]]:
        """Path and headers of each question."""
        return self._server.asked

    def stop(self) -> None:
        """End it."""
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()


class CredentialsTests(CommandTestCase):
    """A key, and where it goes."""

    def setUp(self) -> None:
        super().setUp()
        self.key = self.folder / "key"
        self.key.write_text(KEY)
        self.key.chmod(0o600)

    def serve(self, *arguments: Any, **more: Any) -> _Server:
        server = _Server(*arguments, **more)
        self.addCleanup(server.stop)
        return server

    def test_tls_with_the_authority_that_is_named(self) -> None:
        held = issued("localhost")
        files = write(self.folder, held=held.pem + held.key_pem(), authority=root().pem)
        server, authority = self.serve(Path(files["held"])), files["authority"]
        question = ("versions", "--url", server.url, "--api-key-file", self.key)
        self.ask(*question, "--ca-file", authority)
        self.assertEqual([headers["X-API-Key"] for _, headers in server.asked], [KEY])
        self.assertIn("its certificate is not trusted", self.ask(*question, status=3))
        self.assertEqual(len(server.asked), 1)
        ran = self.run_it(*COMMAND, *question, "--insecure")
        self.assertEqual(ran.returncode, 0, ran.stderr)
        self.assertIn("warning: the certificate of the gateway is not checked", ran.stderr)
        self.assertIn("no certificate in it", self.ask(*question, "--ca-file", self.key, status=1))

    def test_a_redirection_takes_no_key_along(self) -> None:
        other = self.serve()
        first = self.serve(elsewhere=f"{other.url}/api/config/version/info")
        told = self.ask("versions", "--url", first.url, "--api-key-file", self.key, status=3)
        self.assertIn("which is not followed", told)
        self.assertEqual((len(first.asked), other.asked), (1, []))

    def test_a_password_is_typed_and_not_shown(self) -> None:
        """On the terminal itself, so that nothing in a pipe is taken for one."""
        shown = self.typed("hash-password", "--cost", "10", answers=["trombone glacier", "trombone glacier"])
        self.assertIn("$2b$10$", shown)
        self.assertNotIn("trombone", shown)

    def test_without_a_terminal_no_password_is_asked_for(self) -> None:
        ran = self.run_it("setsid", *COMMAND, "versions", "--username", "a", "--url", "http://127.0.0.1:9")
        self.assertEqual(ran.returncode, 2, ran.stderr)
        self.assertIn("there is no terminal to ask for a password", ran.stderr)

    def typed(self, *arguments: str, answers: list[str]) -> str:
        """Run a command on a terminal, and answer each of its questions. Returns all that it showed."""
        process, terminal = pty.fork()
        if not process:
            os.chdir(ROOT)
            os.execve(COMMAND[0], [*COMMAND, *arguments], self.environment())
        shown = b""
        with contextlib.suppress(OSError):  # the end of a terminal
            while piece := os.read(terminal, 1024):
                shown += piece
                # (Not a line that has ended since: what is typed before the next question is thrown away)
                if shown.endswith((b":", b": ")) and answers:
                    os.write(terminal, answers.pop(0).encode() + b"\n")
        _, status = os.waitpid(process, 0)
        os.close(terminal)
        self.assertEqual(os.waitstatus_to_exitcode(status), 0, shown)
        return shown.decode()
