"""Tests of who asks a running gateway."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from jairouter.command.credentials import is_here
from tests.command.running import CommandTestCase, FakeGateway, Ran, refusal

KEY = "sk-planted-key"
TOKEN = "planted.jwt.token"
PASSWORD = "planted password"
INFO = "GET /api/config/version/info"
LOGIN = "POST /api/auth/jwt/login"
LOGOUT = "POST /api/auth/jwt/logout"


class Asking(CommandTestCase):
    """A gateway that is not there, and files with secrets."""

    def setUp(self) -> None:
        super().setUp()
        self.gateway = FakeGateway(self)
        self.gateway.answers[INFO] = []
        self.gateway.answers[LOGIN] = {"token": TOKEN}
        self.gateway.answers[LOGOUT] = None

    def ask(self, *arguments: str | Path, url: str = "http://127.0.0.1:81", **more: Any) -> Ran:
        ran = self.run_command("versions", "--url", url, *arguments, **more)
        for secret in (KEY, TOKEN, PASSWORD):
            self.assertNotIn(secret, ran.out + ran.err)
        return ran

    def secret(self, text: str, mode: int = 0o600) -> Path:
        path = self.write("secret", text)
        path.chmod(mode)
        return path

    def headers(self, at: int = -1) -> dict[str, str]:
        """What said who asks, in one of the questions."""
        headers = self.gateway.asked[at].headers
        return {name: headers[name] for name in headers if name in {"X-API-Key", "X-Mine", "Authorization"}}


class CredentialsTests(Asking):
    """What is sent."""

    def test_nobody(self) -> None:
        self.assertEqual((self.ask().status, self.headers()), (0, {}))

    def test_a_key_in_a_file(self) -> None:
        ran = self.ask("--api-key-file", self.secret(KEY + "\n"))
        self.assertEqual((ran.status, ran.err, self.headers()), (0, "", {"X-API-Key": KEY}))

    def test_a_key_in_a_variable(self) -> None:
        self.ask(environ={"JAIROUTER_API_KEY": KEY})
        self.assertEqual(self.headers(), {"X-API-Key": KEY})

    def test_a_key_in_a_header_of_another_name(self) -> None:
        self.ask("--api-key-header", "X-Mine", environ={"JAIROUTER_API_KEY": KEY})
        self.assertEqual(self.headers(), {"X-Mine": KEY})
        self.assertEqual(self.ask("--api-key-header", "X: Mine").status, 2)

    def test_a_token(self) -> None:
        for text in (TOKEN, f"Bearer {TOKEN}\n", f"  bearer\t{TOKEN} "):
            self.ask("--token-file", self.secret(text))
            self.assertEqual(self.headers(), {"Authorization": f"Bearer {TOKEN}"})
        self.ask(environ={"JAIROUTER_TOKEN": TOKEN})
        self.assertEqual(self.headers(), {"Authorization": f"Bearer {TOKEN}"})

    def test_what_is_named_counts_before_variables(self) -> None:
        environ = {"JAIROUTER_API_KEY": "sk-other"}
        self.ask("--token-file", self.secret(TOKEN), environ=environ)
        self.assertEqual(self.headers(), {"Authorization": f"Bearer {TOKEN}"})

    def test_of_variables_the_key_counts(self) -> None:
        self.ask(environ={"JAIROUTER_API_KEY": KEY, "JAIROUTER_TOKEN": TOKEN})
        self.assertEqual(self.headers(), {"X-API-Key": KEY})

    def test_two_at_once_make_no_sense(self) -> None:
        ran = self.ask("--api-key-file", "a", "--username", "b")
        self.assertEqual(ran.status, 2)
        self.assertIn("--api-key-file and --username", ran.err)
        self.assertEqual(self.ask("--password-file", "a").status, 2)

    def test_a_secret_as_an_argument_is_refused_and_not_repeated(self) -> None:
        """It would be in the list of processes."""
        for name, secret in (("--api-key", KEY), ("--token", TOKEN), ("--password", PASSWORD)):
            for arguments in ((name, secret), (f"{name}={secret}",)):
                ran = self.ask(*arguments)
                self.assertEqual(ran.status, 2)
                self.assertIn(f"{name}-file", ran.err)


class LoginTests(Asking):
    """A user who logs in for the time of a command."""

    def questions(self) -> list[str]:
        return [f"{each.method} {each.path}" for each in self.gateway.asked]

    def test_in_and_out_again(self) -> None:
        ran = self.ask("--username", "admin", hidden=lambda question: PASSWORD)
        self.assertEqual((ran.status, ran.err), (0, ""))
        self.assertEqual(self.questions(), [LOGIN, INFO, LOGOUT])
        login = self.gateway.asked[0]
        self.assertEqual(login.json, {"username": "admin", "password": PASSWORD})
        self.assertEqual(self.headers(0), {})
        for at in (1, 2):
            self.assertEqual(self.headers(at), {"Authorization": f"Bearer {TOKEN}"})

    def test_the_password_of_a_file_or_a_variable(self) -> None:
        self.ask("--username", "a", "--password-file", self.secret(PASSWORD + "\r\n"))
        self.assertEqual(self.gateway.asked[0].json["password"], PASSWORD)
        self.gateway.asked.clear()
        self.ask("--username", "a", environ={"JAIROUTER_PASSWORD": PASSWORD})
        self.assertEqual(self.gateway.asked[0].json["password"], PASSWORD)

    def test_out_again_though_the_command_fails(self) -> None:
        self.gateway.answers[INFO] = refusal(503, "STORE_UNAVAILABLE", "no")
        ran = self.ask("--username", "a", environ={"JAIROUTER_PASSWORD": PASSWORD})
        self.assertEqual((ran.status, self.questions()), (1, [LOGIN, INFO, LOGOUT]))

    def test_out_again_after_ctrl_c(self) -> None:
        self.gateway.answers[INFO] = KeyboardInterrupt()
        ran = self.ask("--username", "a", environ={"JAIROUTER_PASSWORD": PASSWORD})
        self.assertEqual((ran.status, self.questions()), (130, [LOGIN, INFO, LOGOUT]))

    def test_what_was_done_is_done_though_logging_out_fails(self) -> None:
        self.gateway.answers[LOGOUT] = ConnectionRefusedError(111, "Connection refused")
        ran = self.ask("--username", "a", environ={"JAIROUTER_PASSWORD": PASSWORD})
        self.assertEqual(ran.status, 0)
        self.assertIn("cannot log out", ran.err)

    def test_nothing_is_said_where_the_command_has_logged_out(self) -> None:
        """Who changes their password, or revokes their tokens, has no token any more."""
        self.gateway.answers[LOGOUT] = refusal(401, "BLACKLISTED_TOKEN", "the token was revoked")
        ran = self.ask("--username", "a", environ={"JAIROUTER_PASSWORD": PASSWORD})
        self.assertEqual((ran.status, ran.err), (0, ""))

    def test_a_wrong_password(self) -> None:
        self.gateway.answers[LOGIN] = refusal(401, "LOGIN_FAILED", "no such user, or another password")
        ran = self.ask("--username", "a", environ={"JAIROUTER_PASSWORD": PASSWORD})
        self.assertEqual((ran.status, self.questions()), (4, [LOGIN]))
        self.assertEqual(ran.err, "jairouter: cannot log in as a: no such user, or another password\n")

    def test_an_answer_without_a_token(self) -> None:
        self.gateway.answers[LOGIN] = {"message": "fine"}
        ran = self.ask("--username", "a", environ={"JAIROUTER_PASSWORD": PASSWORD})
        self.assertEqual(ran.status, 3)


class FileTests(Asking):
    """Files with secrets."""

    def test_one_that_others_may_read_is_warned_of(self) -> None:
        for mode in (0o640, 0o604, 0o644):
            ran = self.ask("--api-key-file", self.secret(KEY, mode))
            self.assertEqual(ran.status, 0)
            self.assertIn(f"warning: {self.folder}/secret has mode {mode:04o}", ran.err)
        self.assertEqual(self.ask("--api-key-file", self.secret(KEY, 0o400)).err, "")

    def test_a_pipe_is_nobody_elses(self) -> None:
        """As in ``--api-key-file <(pass show key)``."""
        reader, writer = os.pipe()
        os.write(writer, KEY.encode())
        os.close(writer)
        self.addCleanup(os.close, reader)
        ran = self.ask("--api-key-file", f"/dev/fd/{reader}")
        self.assertEqual((ran.err, self.headers()), ("", {"X-API-Key": KEY}))
        # Everybody may use this one, and there is nothing to be warned of
        self.assertNotIn("warning", self.ask("--api-key-file", "/dev/null").err)

    def test_what_cannot_be_a_key(self) -> None:
        for text in ("", "\n", f"{KEY}\nX-Other: 1", f"{KEY} {KEY}", f"{KEY}ä", "x" * 70_000):
            ran = self.ask("--api-key-file", self.secret(text))
            self.assertEqual((ran.status, self.gateway.asked), (1, []), text[:30])
        (self.folder / "secret").write_bytes(b"\xff" + KEY.encode())
        self.assertEqual(self.ask("--api-key-file", self.folder / "secret").status, 1)

    def test_no_file(self) -> None:
        ran = self.ask("--api-key-file", self.folder / "none")
        self.assertEqual((ran.status, ran.err.count("No such file")), (1, 1))

    def test_a_variable_with_a_line_break(self) -> None:
        self.assertEqual(self.ask(environ={"JAIROUTER_API_KEY": f"{KEY}\r\nX: 1"}).status, 1)


class WayTests(Asking):
    """Where credentials are sent to."""

    def test_not_unencrypted_to_another_machine(self) -> None:
        for more in ({"JAIROUTER_API_KEY": KEY}, {"JAIROUTER_TOKEN": TOKEN}):
            ran = self.ask(url="http://gw:81", environ=more)
            self.assertEqual((ran.status, self.gateway.asked), (2, []))
            self.assertIn("whoever is on the way could use it", ran.err)
        ran = self.ask("--username", "a", url="http://gw:81", environ={"JAIROUTER_PASSWORD": PASSWORD})
        self.assertEqual((ran.status, self.gateway.asked), (2, []))

    def test_unless_that_is_wanted(self) -> None:
        self.ask("--insecure-http", url="http://gw:81", environ={"JAIROUTER_API_KEY": KEY})
        self.assertEqual(self.headers(), {"X-API-Key": KEY})

    def test_without_credentials_there_is_nothing_to_lose(self) -> None:
        self.assertEqual(self.ask(url="http://gw:81").status, 0)

    def test_this_machine(self) -> None:
        for host in ("127.0.0.1", "127.9.9.9", "::1", "localhost", "LOCALHOST."):
            self.assertTrue(is_here(host), host)
        for host in ("gw", "10.0.0.1", "0.0.0.0", "localhost.example", "127.0.0.1.example", "::"):
            self.assertFalse(is_here(host), host)

    def test_no_redirection_is_followed(self) -> None:
        """It would carry the key to another place."""
        self.gateway.answers[INFO] = (302, b"")
        ran = self.ask(environ={"JAIROUTER_API_KEY": KEY})
        self.assertEqual((ran.status, len(self.gateway.asked)), (3, 1))
        self.assertIn("is not followed", ran.err)


class DeniedTests(Asking):
    """What the gateway does not allow."""

    def test_nobody_asks(self) -> None:
        self.gateway.answers[INFO] = refusal(401, "MISSING_API_KEY", "a key is needed")
        ran = self.ask()
        self.assertEqual(ran.status, 4)
        self.assertIn("a key is needed; it asks who you are: --api-key-file", ran.err)

    def test_an_unknown_key(self) -> None:
        self.gateway.answers[INFO] = refusal(401, "INVALID_API_KEY", "no such key")
        ran = self.ask(environ={"JAIROUTER_API_KEY": KEY})
        self.assertEqual(ran.status, 4)
        self.assertIn("does not take the key in $JAIROUTER_API_KEY: no such key", ran.err)

    def test_no_permission(self) -> None:
        self.gateway.answers[INFO] = refusal(403, "INSUFFICIENT_PERMISSIONS", "front may not config:read")
        ran = self.ask(environ={"JAIROUTER_API_KEY": KEY})
        self.assertEqual((ran.status, ran.err), (4, "jairouter: front may not config:read\n"))

    def test_a_proxy_says_no(self) -> None:
        """Its page is none that this command could read."""
        self.gateway.answers[INFO] = (401, b"<html>")
        self.assertEqual(self.ask().status, 4)
