"""Tests of `jairouter check-config`."""

from __future__ import annotations

import contextlib
import io
import os
import sys
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from jairouter.command import main


class CheckConfigTests(SynchronousTestCase):
    """`jairouter check-config`."""

    def _check(
        self, *arguments: str, stdin: bytes = b"", environ: dict[str, str] | None = None
    ) -> tuple[int, str, str]:
        # The variables of whoever runs the tests must not count.
        self.patch(os, "environ", environ or {})
        out, err = io.StringIO(), io.StringIO()
        self.patch(sys, "stdin", io.TextIOWrapper(io.BytesIO(stdin)))
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
            status = main(["check-config", *arguments])
        return status, out.getvalue(), err.getvalue()

    def test_a_valid_configuration_is_shown(self) -> None:
        status, out, err = self._check("-", "--changed", stdin=b"server.port: 81")
        self.assertEqual((status, out), (0, "server:\n  port: 81\n"))
        told = [line for line in err.splitlines() if not line.startswith(("door: ", "warning: "))]
        self.assertEqual(told, [])

    def test_open_doors_are_told_and_not_part_of_what_is_shown(self) -> None:
        _, _, err = self._check("-", stdin=b"server.port: 81")
        self.assertIn("door: models: anybody\n", err)
        self.assertIn("warning: security is off and the listener is on all addresses", err)

    def test_a_faulty_configuration_opens_no_doors(self) -> None:
        _, _, err = self._check("-", stdin=b"server.port: x")
        self.assertNotIn("door", err)

    def test_a_secret_with_which_no_gateway_starts_is_a_fault(self) -> None:
        """As the production guide prints it; and none where a gateway would start with it."""
        guide = b"security.jwt: {enabled: true, secret: your-very-secure-jwt-secret-key-here}"
        status, out, err = self._check("-", stdin=guide)
        self.assertEqual((status, out), (1, ""))
        self.assertTrue(err.startswith("<stdin>:1: security.jwt.secret: it is made of the words"), err)
        self.assertEqual(self._check("-", "--profile", "dev", stdin=guide)[0], 0)

    def test_faults_of_all_kinds_are_told_at_once(self) -> None:
        """Passwords, secrets and files that are named are looked at in different places."""
        text = b"""
security.jwt:
  enabled: true
  secret: your-very-secure-jwt-secret-key-here
  accounts: [{username: admin, password: $2a$10$example-hashed-password, roles: [ADMIN]}]
server.ssl: {enabled: true, certificate: /nonexistent/a.pem, certificate-private-key: /nonexistent/a.key}
"""
        status, _, err = self._check("-", stdin=text)
        self.assertEqual(status, 1)
        for place in ("security.jwt.secret", "security.jwt.accounts[0].password", "server.ssl.certificate"):
            self.assertIn(f": {place}: ", err)

    def test_the_whole_tree_is_shown_unless_asked_otherwise(self) -> None:
        _, out, _ = self._check("-", stdin=b"server.port: 81")
        self.assertIn("read-timeout: 60s", out)

    def test_secrets_are_masked(self) -> None:
        _, out, err = self._check("-", stdin=b"security.jwt.secret: s3cret")
        self.assertNotIn("s3cret", out + err)

    def test_notices_go_to_standard_error(self) -> None:
        status, _, err = self._check("-", stdin=b"server:\n  tomcat.threads.max: 5")
        self.assertEqual(status, 0)
        self.assertTrue(err.startswith("<stdin>:2: server.tomcat.threads has no meaning here"))

    def test_faults_go_to_standard_error_and_fail(self) -> None:
        status, out, err = self._check("-", stdin=b"server.port: x\nzzz: 1")
        self.assertEqual((status, out), (1, ""))
        self.assertEqual(len(err.splitlines()), 2)

    def test_profiles(self) -> None:
        directory = Path(self.mktemp())
        directory.mkdir()
        (directory / "application.yml").write_text("server.port: 1")
        (directory / "application-a.yml").write_text("server.port: 2")
        _, out, _ = self._check(str(directory), "--profile", "a", "--changed")
        self.assertIn("port: 2", out)

    def test_environment_variables_count(self) -> None:
        _, out, _ = self._check("-", "--changed", environ={"SERVER_PORT": "83"})
        self.assertIn("port: 83", out)

    def test_control_characters_do_not_reach_the_terminal(self) -> None:
        _, _, err = self._check("-", stdin=b'"\\e[31mx": 1')
        self.assertNotIn("\x1b", err)

    def test_files_for_tls_are_looked_at(self) -> None:
        """What would keep the gateway from starting is said here too."""
        text = b"webclient.ssl:\n  enabled: true\n  ca-file: /none.pem\n  key-store: /none.p12\n"
        status, out, err = self._check("-", stdin=text)
        self.assertEqual((status, out), (1, ""))
        reason = "cannot be read: No such file or directory"
        self.assertEqual(
            err.splitlines(),
            [
                f"<stdin>:3: webclient.ssl.ca-file: /none.pem {reason}",
                f"<stdin>:4: webclient.ssl.key-store: /none.p12 {reason}",
            ],
        )

    def test_notices_about_tls(self) -> None:
        text = b'model.services.chat.instances: [{name: m, base-url: "https://h", tls: {trust-all: true}}]'
        status, _, err = self._check("-", stdin=text)
        self.assertEqual(status, 0)
        self.assertIn(
            "<stdin>:1: model.services.chat.instances[0] (m): the certificate of https://h is not", err
        )
