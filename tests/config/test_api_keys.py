"""Tests for `jairouter.config.settings.api_keys`, as files give them."""

from __future__ import annotations

from hashlib import sha256

from twisted.trial.unittest import SynchronousTestCase

from jairouter.config.dump import dump
from jairouter.config.settings.api_keys import KeySettings
from tests.config.reading import faults_of, read

DIGEST = sha256(b"sk-planted").hexdigest()


class KeySettingsTests(SynchronousTestCase):
    """One key, or several."""

    def text(self, *keys: str) -> str:
        return "security: {api-key: {keys: [\n" + ",\n".join(f"{{{key}}}" for key in keys) + "\n]}}"

    def key(self, given: str) -> KeySettings:
        return read(self.text(given)).settings.security.api_key.keys[0]

    def fault(self, *keys: str) -> str:
        (fault,) = faults_of(self.text(*keys))
        self.assertNotIn("planted", fault)
        self.assertNotIn(DIGEST, fault)
        return fault.removeprefix("a.yml:").partition(": security.api-key.keys")[2]

    def test_all(self) -> None:
        key = self.key(
            "name: a, value: sk-planted, permissions: [chat:read, admin], enabled: off, "
            "expires-at: 2030-01-31, requests-per-minute: 60, burst: 5, max-concurrent: 2, "
            "requests-per-day: 1000, models: [gpt-4, 'llama*'], "
            "allow-from: [10.0.0.0/8, '::1'], metadata: {team: x}"
        )
        self.assertEqual((key.key_id, key.enabled, key.expires_at), ("a", False, 1_896_048_000.0))
        self.assertEqual((key.requests_per_minute, key.burst), (60, 5))
        self.assertEqual((key.max_concurrent, key.requests_per_day), (2, 1000))
        self.assertEqual((key.models, dict(key.metadata)), (("gpt-4", "llama*"), {"team": "x"}))
        self.assertEqual(list(map(str, key.allow_from)), ["10.0.0.0/8", "::1/128"])

    def test_timestamp_of_yaml(self) -> None:
        """One that other readers of YAML would turn into a date by themselves."""
        for text in ("2030-01-31", "'2030-01-31'", "2030-01-31T00:00:00Z", "2030-01-31 02:00:00 +02:00"):
            self.assertEqual(self.key(f"id: a, value: sk, expires-at: {text}").expires_at, 1_896_048_000.0)

    def test_fingerprint(self) -> None:
        """The same of a value and of its hash."""
        for given in (
            "value: sk-planted",
            f"value-hash: 'sha256:{DIGEST}'",
            f"value-hash: sha256:{DIGEST.upper()}",
        ):
            self.assertEqual(self.key(f"name: a, {given}").fingerprint.hex(), DIGEST)

    def test_not_shown(self) -> None:
        for given in ("key-value: sk-planted", f"value-hash: sha256:{DIGEST}"):
            loaded = read(self.text(f"name: a, {given}"))
            for shown in (repr(loaded.settings), str(dump(loaded.settings)), str(loaded.settings.security)):
                self.assertNotIn("planted", shown)
                self.assertNotIn(DIGEST, shown)

    def test_values(self) -> None:
        """One of the two; none that could not come in a header."""
        self.assertEqual(self.fault("name: a"), "[0]: needs a value, or a value-hash")
        both = f"name: a, value: sk-planted, value-hash: sha256:{DIGEST}"
        self.assertIn("[0].value-hash: value and value-hash are both given", self.fault(both))
        for value in ("''", "sk planted", "sk-plantedä", '"sk-planted\\n"', "x" * 513):
            self.assertIn("1 to 512 visible ASCII characters", self.fault(f"name: a, value: {value}"))
        for value in (DIGEST, f"sha256:{DIGEST}0", f"md5:{DIGEST}"):
            self.assertIn("[0].value-hash: expected sha256:", self.fault(f"name: a, value-hash: '{value}'"))

    def test_permissions(self) -> None:
        told = self.fault("name: a, value: sk-planted, permissions: [chat:read, chat:wirte]")
        self.assertEqual(told, "[0].permissions[1]: 'chat:wirte' is no permission; did you mean chat:write?")

    def test_each_key_tells_its_own(self) -> None:
        keys = [f"{{name: a{each}, value: sk-{each}, permissions: [nonsense]}}" for each in range(3)]
        found = faults_of("security: {api-key: {keys: [" + ", ".join(keys) + "]}}")
        self.assertEqual(len(found), 3)

    def test_same_name(self) -> None:
        told = self.fault("name: a, value: sk-planted", "id: a, value: sk-2")
        self.assertEqual(told, "[1].key-id: two keys are called a")

    def test_same_value(self) -> None:
        """Also where one of them gives only its hash."""
        for other in ("value: sk-planted", f"value-hash: sha256:{DIGEST}"):
            told = self.fault("name: a, value: sk-planted", "name: b, value: sk-2", f"name: c, {other}")
            self.assertIn(": a and c have the same value", told)

    def test_limits(self) -> None:
        self.assertIn("means nothing without requests-per-minute", self.fault("name: a, value: sk, burst: 3"))
        for given in (
            "max-concurrent: 0",
            "requests-per-day: -1",
            "requests-per-minute: 1.5",
            "allow-from: 10.0.0.1/8",
        ):
            self.assertIn("expected", self.fault(f"name: a, value: sk-planted, {given}"))

    def test_accepted_for_compatibility(self) -> None:
        loaded = read("jairouter.security.api-key: {cache-enabled: true, cache-expiration-seconds: 3600}")
        self.assertTrue(loaded.settings.security.api_key.cache_enabled)
