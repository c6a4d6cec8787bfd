"""Tests for `jairouter.reloading.at_start`."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from jairouter.config.settings.root import Settings
from jairouter.config.shape import Group, at
from jairouter.reloading.at_start import READ_ANEW, READ_AT_START, waiting
from tests.config.reading import read

STORE = "store: {redis: {password: one}}\n"
START = read("server: {port: 8080}\n" + STORE).settings


def told(text: str) -> list[str]:
    """What is said of a configuration, the gateway having started with `START`."""
    return [str(each) for each in waiting(START, read(text))]


class WaitingTests(SynchronousTestCase):
    """What takes effect at the next start."""

    def test_the_same(self) -> None:
        self.assertEqual(told("server: {port: 8080}\n" + STORE), [])

    def test_value_and_place(self) -> None:
        text = "server:\n  port: 8081\n" + STORE
        self.assertEqual(told(text), ["a.yml:2: server.port: 8081 takes effect at the next start"])

    def test_secrets_are_not_shown(self) -> None:
        said = told("store: {redis: {password: two}}")
        self.assertEqual(said, ["a.yml:1: store.redis.password takes effect at the next start"])

    def test_back_to_the_default(self) -> None:
        """Then it is written nowhere."""
        self.assertEqual(told("{}"), ["store.redis.password takes effect at the next start"])

    def test_lists(self) -> None:
        """They are not shown, but their place is."""
        api = "management: {endpoints: {web: {exposure: {include: [health]}}}}"
        text = f"{STORE}{api}"
        key = "management.endpoints.web.exposure.include"
        self.assertEqual(told(text), [f"a.yml:2: {key} takes effect at the next start"])

    def test_metrics(self) -> None:
        """What is counted is made once; from when on a request is slow is asked again and again."""
        text = STORE + "server: {port: 8080}\nmonitoring: {metrics: {prefix: gate, thresholds: {chat: 1s}}}"
        key = "monitoring.metrics.prefix"
        self.assertEqual(told(text), [f"a.yml:3: {key}: gate takes effect at the next start"])

    def test_what_is_read_anew(self) -> None:
        base = "server: {max-spooled-size: 1GB, ssl: {certificate: other.pem, key-password: two}}\n" + STORE
        self.assertEqual(told(base + "webclient: {read-timeout: 5s}"), [])

    def test_levels_are_read_anew(self) -> None:
        """Unlike the rest of what is said about logs."""
        said = told("logging: {level: {root: WARN}, file: {max-history: 3}}\n" + STORE)
        self.assertEqual(said, ["a.yml:1: logging.file.max-history: 3 takes effect at the next start"])

    def test_whether_the_listener_speaks_tls(self) -> None:
        """Other than what it shows."""
        said = told("server: {ssl: {enabled: true, certificate: other.pem}}\n" + STORE)
        self.assertEqual(said, ["a.yml:1: server.ssl.enabled: True takes effect at the next start"])

    def test_who_may_use_the_management_api(self) -> None:
        """It stays who it was, which whoever narrows that down has to know."""
        said = told(STORE + "management: {api: {enabled: false, allow-from: [10.0.0.1]}}")
        self.assertEqual(len(said), 2)
        self.assertIn("management.api.allow-from takes effect at the next start", said[1])

    def test_keys_exist(self) -> None:
        """A key that has been renamed would be forgotten here."""
        for key in READ_AT_START + READ_ANEW:
            self.assertIsNotNone(at(Group(Settings), tuple(key.split("."))), key)
