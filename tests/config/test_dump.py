"""Tests of how settings are shown, compared and written back."""

from __future__ import annotations

import copy
import pickle

import yaml
from twisted.trial.unittest import SynchronousTestCase

from jairouter.config.dump import dump
from jairouter.config.loader import Text, load
from jairouter.config.secret import MASK, Secret
from jairouter.config.settings.root import Settings
from jairouter.config.settings.server import ServerSettings
from tests.config.reading import read

FULL = """
webclient: {total-timeout: 1.5, ssl.trust-store-password: s3cret}
model:
  rate-limit: {enabled: true, rate: 0.5}
  services:
    chat:
      rate-limit: {capacity: 7, client-ip: {max-clients: 3}}
      instances:
      - name: 'null'
        base-url: http://[::1]:80/v1
        path: /x?key=s3cret
        weight: 0
        headers: {A: s3cret}
        api-key: '${X:\\${s3cret}}'
monitoring.slow-query-alert: {global.min-occurrences: 2, operations.chat_request.enabled: no}
adapter-definitions: {my-own: {type: extend, parent: normal}}
management.metrics.tags: {on: 'on', '1': '~'}
"""


class DumpTests(SynchronousTestCase):
    """Settings written as configuration."""

    def test_what_is_written_loads_to_the_same_settings(self) -> None:
        settings = read(FULL).settings
        for changed in (False, True):
            text = yaml.safe_dump(dump(settings, reveal=True, changed=changed))
            self.assertEqual(load([Text("dump", text.encode())]).settings, settings)

    def test_what_is_written_inherits_as_before(self) -> None:
        text = yaml.safe_dump(dump(read(FULL).settings, reveal=True))
        limit = load([Text("dump", text.encode())]).settings.model.services["chat"].rate_limit
        assert limit is not None
        self.assertEqual(limit.model_fields_set, {"capacity", "client_ip"})

    def test_secrets_are_masked(self) -> None:
        shown = yaml.safe_dump(dump(read(FULL).settings)) + repr(read(FULL).settings)
        self.assertNotIn("s3cret", shown)
        self.assertIn(f"/x?{MASK}", shown)

    def test_changed_shows_only_what_differs(self) -> None:
        self.assertEqual(
            dump(read("server: {port: 81, drain: {delay: 5s}}").settings, changed=True),
            {"server": {"port": 81}},
        )


class SecretTests(SynchronousTestCase):
    """A secret shows itself only when asked."""

    def test_it_is_masked_however_it_is_printed(self) -> None:
        secret = Secret("s3cret")
        for shown in (
            str(secret),
            repr(secret),
            f"{secret:>20}",
            "".join(map(str, [secret])),
            repr([secret]),
        ):
            self.assertNotIn("s3cret", shown)
        self.assertEqual(secret.reveal(), "s3cret")

    def test_it_is_a_value(self) -> None:
        self.assertEqual(Secret("a"), Secret("a"))
        self.assertNotEqual(Secret("a"), Secret("b"))
        self.assertEqual(len({Secret("a"), Secret("a")}), 1)
        self.assertEqual(copy.deepcopy(Secret("a")), Secret("a"))

    def test_it_can_be_neither_changed_nor_pickled(self) -> None:
        self.assertRaises(AttributeError, setattr, Secret("a"), "_text", "b")
        self.assertRaises(TypeError, pickle.dumps, Secret("a"))


class SettingsTests(SynchronousTestCase):
    """Settings are values."""

    def test_they_can_be_made_without_files(self) -> None:
        settings = Settings(server=ServerSettings(port=0))
        self.assertEqual((settings.server.port, settings.server.drain.delay), (0, 5.0))

    def test_they_are_frozen_all_the_way(self) -> None:
        settings = read(FULL).settings
        self.assertRaises(ValueError, setattr, settings.server, "port", 1)
        self.assertFalse(hasattr(settings.model.services, "__setitem__"))
        self.assertEqual(hash(settings), hash(read(FULL).settings))

    def test_every_key_is_described(self) -> None:
        from jairouter.config.reference import page  # noqa: PLC0415

        bare = [row for row in page().splitlines() if row.startswith("| `") and row.endswith("|  |")]
        self.assertEqual(bare, [])
