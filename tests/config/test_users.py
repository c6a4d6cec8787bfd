"""Tests for `jairouter.config.users`, with the plugin of docs/write-an-authenticator.md."""

from __future__ import annotations

import importlib
import sys
import unittest
from pathlib import Path

import twisted.plugins
from twisted.cred.checkers import FilePasswordDB
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from jairouter.auth.outsiders import Outsiders
from jairouter.auth.passwords import Passwords
from jairouter.config.loader import load
from tests.auth.users import Threads
from tests.config.reading import faults_of, read
from tests.test_plugins import files_of

PAGE = Path(__file__).parents[2] / "docs" / "write-an-authenticator.md"
MODULES = ("acme_directory", "test_acme_directory", "twisted.plugins.acme_directory_plugin")

HASH = "$2a$10$" + "." * 53
SECRET = "Jk3mZq81xvTn0pLw7rYb5sHd2fGc9uEa4iXo6"
"""Of tokens; nobody guesses it."""


def written(accounts: str, more: str = "") -> str:
    """A configuration with these accounts."""
    return (
        f"security:\n  jwt:\n    enabled: true\n    secret: {SECRET}\n    accounts:\n"
        f"      - {{username: a, roles: [USER], {accounts}}}\n{more}"
    )


class PasswordTests(SynchronousTestCase):
    """What stands in place of a password."""

    def test_hashes(self) -> None:
        for hashed in (HASH, "{bcrypt}" + HASH, HASH.replace("2a", "2b"), HASH.replace("2a", "2y")):
            self.assertEqual(
                read(written(f'password: "{hashed}"')).notices, read(written("password: " + HASH)).notices
            )

    def test_anything_else_is_a_fault(self) -> None:
        for password in (
            "$2a$10$example-hashed-password",
            "secret",
            "{sha256}abc",
            "{noop}secret",
            HASH + "x",
            "",
        ):
            (fault,) = faults_of(written(f'password: "{password}"'))
            self.assertTrue(fault.startswith("a.yml:6: security.jwt.accounts[0].password: "), fault)
            self.assertNotIn("secret", fault)

    def test_in_development(self) -> None:
        """A clear text will do, and what is no hash only lets nobody in."""
        for profile in ("dev", "local", "test", "development"):
            read(written('password: "{noop}x"'), [profile])
            loaded = read(written("password: $2a$10$example-hashed-password"), [profile])
            told = [str(each) for each in loaded.notices if "bcrypt" in each.text]
            self.assertEqual(told, ["a.yml:6: this is no bcrypt hash: nobody can log in to the account"])
        self.assertEqual(len(faults_of(written('password: "{noop}x"'), ["prod"])), 1)

    def test_costly(self) -> None:
        for cost, times in ((14, 0), (15, 1)):
            loaded = read(written(f"password: {HASH.replace('10', str(cost))}"))
            self.assertEqual(sum("seconds of a processor" in each.text for each in loaded.notices), times)

    def test_where_nobody_logs_in(self) -> None:
        """Nothing is said."""
        read(written('password: "x"').replace("enabled: true", "enabled: false"))
        read(written('password: "x"') + "  enabled: false\n")

    def test_the_same_name(self) -> None:
        for name in ("a", "A", "\uff41"):
            more = f"      - {{username: {name}, password: {HASH}}}\n"
            (fault,) = faults_of(written(f"password: {HASH}", more))
            self.assertTrue(fault.startswith("a.yml:7: security.jwt.accounts[1].username: another"), fault)

    def test_roles(self) -> None:
        read(written(f"password: {HASH}").replace("[USER]", "[ROLE_ADMIN, user, 'chat:*']"))
        (fault,) = faults_of(written(f"password: {HASH}").replace("[USER]", "[USER, OPERATOR]"))
        self.assertIn("accounts[0].roles[1]: expected USER, ADMIN, or a permission such as", fault)

    def test_delays(self) -> None:
        (fault,) = faults_of("security.jwt.lockout: {delay: 10s}")
        self.assertEqual(fault, "a.yml:1: security.jwt.lockout.delay: has to be at most max-delay, 8s")


class CheckersTests(SynchronousTestCase):
    """Who else knows users."""

    def faults(self, description: str) -> list[str]:
        return faults_of(written(f"password: {HASH}", f'    checkers: ["{description}"]\n'))

    def test_unknown(self) -> None:
        (fault,) = self.faults("fiel:/etc/passwd")
        self.assertTrue(
            fault.startswith("a.yml:7: security.jwt.checkers[0]: expected a checker of Twisted ("), fault
        )
        self.assertTrue(fault.endswith("did you mean file?"), fault)

    def test_no_such_file(self) -> None:
        self.assertIn("there is no such file", self.faults("file:/nowhere/passwd")[0])

    def test_one_that_knows_no_passwords(self) -> None:
        self.assertIn("does not take user names", self.faults("anonymous")[0])

    def test_a_file(self) -> None:
        file = Path(self.mktemp())
        file.write_text("carol:secret\n")
        loaded = read(written(f"password: {HASH}", f'    checkers: ["file:{file}"]\n'))
        outsiders = Outsiders(Passwords(Threads()), Clock())
        outsiders.configure(loaded.settings.security.jwt.checkers, 10)
        (made,) = outsiders._checkers.values()
        self.assertIsInstance(made, FilePasswordDB)


class PluginTests(SynchronousTestCase):
    """The page's files, installed."""

    def setUp(self) -> None:
        self.folder = Path(self.mktemp())
        for name, content in files_of(PAGE.read_text("utf-8")).items():
            file = self.folder / name
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(content, "utf-8")
        path = str(self.folder.resolve())
        self.patch(sys, "path", [path, *sys.path])
        self.patch(twisted.plugins, "__path__", [f"{path}/twisted/plugins", *twisted.plugins.__path__])
        importlib.invalidate_caches()
        self.addCleanup(self._forget)

    @staticmethod
    def _forget() -> None:
        for name in MODULES:
            sys.modules.pop(name, None)

    def test_its_own_tests(self) -> None:
        suite = unittest.defaultTestLoader.loadTestsFromName("test_acme_directory")
        result = unittest.TestResult()
        suite.run(result)
        self.assertEqual((result.testsRun, result.errors, result.failures), (4, [], []))

    def test_from_configuration_to_checker(self) -> None:
        loaded = load([self.folder / "application.yml"], (), {"JWT_SECRET": SECRET})
        outsiders = Outsiders(Passwords(Threads()), Clock())
        settings = loaded.settings.security.jwt
        outsiders.configure(settings.checkers, settings.checker_timeout)
        self.assertEqual(settings.checker_roles, ("chat:read", "embedding:read"))
        (made,) = outsiders._checkers.values()
        self.assertEqual(type(made).__name__, "Directory")

    def test_what_it_does_not_understand(self) -> None:
        (fault,) = faults_of(written(f"password: {HASH}", '    checkers: ["acme:http://x"]\n'))
        self.assertEqual(fault, "a.yml:7: security.jwt.checkers[0]: expected a URL that begins with https")
