"""Tests for `jairouter.reloading.at_start`."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from jairouter.config.settings.root import Settings
from jairouter.config.shape import Group, at
from jairouter.reloading.at_start import READ_ANEW, READ_AT_START, waiting
from tests.config.reading import read

START = read("server: {port: 8080, ssl: {key-store-password: one}}").settings


def told(text: str) -> list[str]:
    """What is said of a configuration, the gateway having started with `START`."""
    return [str(each) for each in waiting(START, read(text))]


class WaitingTests(SynchronousTestCase):
    """What takes effect at the next start."""

    def test_the_same(self) -> None:
        self.assertEqual(told("server: {port: 8080, ssl: {key-store-password: one}}"), [])

    def test_value_and_place(self) -> None:
        text = "server:\n  port: 8081\n  ssl: {key-store-password: one}"
        self.assertEqual(told(text), ["a.yml:2: server.port: 8081 takes effect at the next start"])

    def test_secrets_are_not_shown(self) -> None:
        said = told("server: {ssl: {key-store-password: two}}")
        self.assertEqual(said, ["a.yml:1: server.ssl.key-store-password takes effect at the next start"])

    def test_back_to_the_default(self) -> None:
        """Then it is written nowhere."""
        self.assertEqual(told("{}"), ["server.ssl.key-store-password takes effect at the next start"])

    def test_lists(self) -> None:
        """They are not shown, but their place is."""
        api = "management: {endpoints: {web: {exposure: {include: [health]}}}}"
        text = f"server: {{ssl: {{key-store-password: one}}}}\n{api}"
        key = "management.endpoints.web.exposure.include"
        self.assertEqual(told(text), [f"a.yml:2: {key} takes effect at the next start"])

    def test_what_is_read_anew(self) -> None:
        base = "server: {ssl: {key-store-password: one}, max-spooled-size: 1GB}\n"
        self.assertEqual(told(base + "webclient: {read-timeout: 5s}"), [])

    def test_who_may_use_the_management_api(self) -> None:
        """It stays who it was, which whoever narrows that down has to know."""
        base = "server: {ssl: {key-store-password: one}}\n"
        said = told(base + "management: {api: {enabled: false, allow-from: [10.0.0.1]}}")
        self.assertEqual(len(said), 2)
        self.assertIn("management.api.allow-from takes effect at the next start", said[1])

    def test_keys_exist(self) -> None:
        """A key that has been renamed would be forgotten here."""
        for key in READ_AT_START + READ_ANEW:
            self.assertIsNotNone(at(Group(Settings), tuple(key.split("."))), key)
