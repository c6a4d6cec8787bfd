"""Tests for `jairouter.config.view.changes_view`."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from jairouter.config.patch import canonical_changes
from jairouter.config.view import changes_view

KEY = "gpt-4@https://api.openai.com"
CHANGES = {
    "model": {
        "rate-limit": {"max-wait": "5s", "client-ip": None},
        "services": {
            "imgGen": {"$patch": "replace", "load-balance": {"type": "ip-hash"}},
            "chat": {
                "instances": {
                    KEY: {"instance-id": "a", "headers": {"X-Key": "sk-1", "X-Other": "${KEY}"}},
                    "old@http://10.0.0.9:8000": None,
                }
            },
            "tts": {"instances": [{"name": "t", "base-url": "http://t", "path": "/x?key=sk-2"}]},
        },
    },
    "security": {"api-key": {"keys": [{"key-id": "b", "key-value": "sk-3"}]}},
}


class ChangesViewTests(SynchronousTestCase):
    """What changes say, as JSON has it."""

    def test_as_json_has_it(self) -> None:
        """Keys in camel case, but not those that somebody has chosen; secrets are masked."""
        shown = changes_view(CHANGES)
        services = shown["model"]["services"]
        self.assertEqual(shown["model"]["rateLimit"], {"maxWait": "5s", "clientIp": None})
        self.assertEqual(services["imgGen"], {"$patch": "replace", "loadBalance": {"type": "ip-hash"}})
        headers = {"X-Key": "********", "X-Other": "${KEY}"}
        instances = {KEY: {"instanceId": "a", "headers": headers}, "old@http://10.0.0.9:8000": None}
        self.assertEqual(services["chat"]["instances"], instances)
        self.assertEqual(shown["security"]["apiKey"]["keys"], [{"keyId": "b", "keyValue": "********"}])

    def test_no_secret(self) -> None:
        for number in (1, 2, 3):
            self.assertNotIn(f"sk-{number}", repr(changes_view(CHANGES)))

    def test_sent_back(self) -> None:
        """It is read as what it was."""
        changes = {"model": {"services": {"chat": {"adapter": "normal", "instances": {KEY: {"weight": 2}}}}}}
        self.assertEqual(canonical_changes(changes_view(changes), ()), changes)
