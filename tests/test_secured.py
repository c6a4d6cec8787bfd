"""A whole gateway that knows its callers, in memory."""

from __future__ import annotations

import json
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from jairouter.config.files import Text
from jairouter.config.loader import load
from tests.world import CONFIGURATION, World

SECURITY = """
security:
  api-key:
    enabled: true
    keys:
      - {name: front, value: front-key-0123456789, permissions: ["chat:read"]}
      - {name: other, value: other-key-0123456789, permissions: ["*:read"], models: [e], max-concurrent: 1}
      - {name: gone, value: gone-key-01234567890, permissions: ["*:read"], enabled: false}
      - {name: past, value: past-key-01234567890, permissions: ["*:read"], expires-at: 1970-01-01}
"""


def ask(path: str = "/v1/chat/completions", method: str = "POST", model: str = "m", **headers: str) -> bytes:
    """One request."""
    body = json.dumps({"model": model, "messages": []}).encode() if method == "POST" else b""
    lines = [f"{method} {path} HTTP/1.1", "Host: localhost"]
    lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
    if body:
        lines += ["Content-Type: application/json", f"Content-Length: {len(body)}"]
    return "\r\n".join([*lines, "", ""]).encode() + body


class Case(SynchronousTestCase):
    """A gateway, and requests."""

    configuration = CONFIGURATION + SECURITY

    def setUp(self) -> None:
        self.world = World(self.configuration)

    def tearDown(self) -> None:
        self.assertTrue(self.world.at_rest, self.world.gateway.ledger.outstanding())
        self.assertEqual(self.world.close(), [])

    def said(self, *args: Any, **given: Any) -> tuple[int, bytes]:
        """The status and all of an answer; the backend answers what reaches it."""
        client = self.world.client()
        before = {each: len(each.received) for each in self.world.backend.connections}
        client.send(ask(*args, **given))
        self.world.run()
        for connection in self.world.backend.connections:
            if len(connection.received) > before.get(connection, 0):
                connection.answer(b"{}")
        self.world.run()
        return int(client.received.split(b" ", 2)[1]), bytes(client.received)


class SecuredTests(Case):
    """Who may use the models."""

    def test_statuses(self) -> None:
        expected = {"front": 200, "nobody": 401, "gone": 401, "past": 401}
        for name, status in expected.items():
            key = f"{name}-key-01234567890"[:20]
            self.assertEqual(self.said(X_API_Key=key)[0], status, name)

    def test_what_is_missing_is_said(self) -> None:
        status, answer = self.said()
        self.assertEqual(status, 401)
        self.assertIn(b'WWW-Authenticate: Bearer realm="jairouter"', answer)
        self.assertIn(b'"code":"invalid_api_key"', answer)

    def test_permission(self) -> None:
        status, answer = self.said("/v1/embeddings", model="e", Authorization="Bearer front-key-0123456789")
        self.assertEqual(status, 403)
        self.assertIn(b'"type":"permission_denied"', answer)

    def test_the_backend_gets_no_credential(self) -> None:
        for header in ("Authorization", "X_API_Key"):
            value = "Bearer front-key-0123456789" if header == "Authorization" else "front-key-0123456789"
            self.assertEqual(self.said(**{header: value})[0], 200)
        sent = b"".join(bytes(each.received) for each in self.world.backend.connections)
        self.assertNotIn(b"front-key", sent)

    def test_the_backends_own_credential_goes_on(self) -> None:
        self.said(X_API_Key="front-key-0123456789", Authorization="Bearer for-the-backend")
        self.assertIn(b"Authorization: Bearer for-the-backend", self.world.backend.last.received)

    def test_models_of_a_key(self) -> None:
        for model in ("m", "none"):
            status, answer = self.said(model=model, X_API_Key="other-key-0123456789")
            self.assertEqual(status, 403, model)
            self.assertIn(b'"param":"model"', answer)
        self.assertEqual(self.said("/v1/embeddings", model="e", X_API_Key="other-key-0123456789")[0], 200)

    def test_one_at_a_time(self) -> None:
        first, second = self.world.client(), self.world.client()
        for client in (first, second):
            client.send(ask("/v1/embeddings", model="e", X_API_Key="other-key-0123456789"))
            self.world.run()
        self.assertIn(b" 429 ", second.received)
        self.world.backend.last.answer(b"{}")
        self.world.run()
        self.assertIn(b" 200 ", first.received)

    def test_the_list_is_what_one_may_use(self) -> None:
        listed = {"front": [b'"m"'], "other": [b'"e"']}
        for name, models in listed.items():
            status, answer = self.said("/v1/models", "GET", X_API_Key=f"{name}-key-0123456789")
            self.assertEqual(status, 200)
            shown = [each for each in (b'"m"', b'"e"', b'"t"') if b'"id":' + each in answer]
            self.assertEqual(shown, models, name)
        self.assertEqual(self.said("/v1/models", "GET")[0], 401)
        self.assertEqual(self.said("/v1/models/e", "GET", X_API_Key="front-key-0123456789")[0], 404)

    def test_health_is_for_everybody(self) -> None:
        self.assertEqual(self.said("/actuator/health", "GET")[0], 200)

    def test_counted(self) -> None:
        self.said()
        self.said(X_API_Key="front-key-0123456789")
        for result, number in (("denied", 1), ("allowed", 1)):
            self.assertEqual(self.world.metric("jairouter_security_events_total", result=result), number)
        self.assertEqual(self.world.gateway.security.keys.get("front")["usage"]["total"], 1)


class ReloadTests(Case):
    """Security that is turned on, and changed, while the gateway runs."""

    configuration = CONFIGURATION

    def reload(self, text: str) -> None:
        settings = load([Text("test.yml", (CONFIGURATION + text).encode())], (), {}).settings
        self.world.gateway.reload(settings)

    def test_on_and_off(self) -> None:
        self.assertEqual(self.said()[0], 200)
        self.reload(SECURITY)
        self.assertEqual(self.said()[0], 401)
        self.assertEqual(self.said(X_API_Key="front-key-0123456789")[0], 200)
        self.reload("")
        self.assertEqual(self.said()[0], 200)

    def test_a_key_that_is_taken_away(self) -> None:
        """Holds on connections that are open, too."""
        self.reload(SECURITY)
        client = self.world.client()
        client.send(ask("/v1/models", "GET", X_API_Key="front-key-0123456789"))
        self.world.run()
        self.reload(SECURITY.replace("front-key-0123456789", "front-key-9876543210"))
        client.send(ask("/v1/models", "GET", X_API_Key="front-key-0123456789"))
        self.world.run()
        self.assertEqual(client.received.count(b"HTTP/1.1 200"), 1)
        self.assertEqual(client.received.count(b"HTTP/1.1 401"), 1)

    def test_excluded_paths(self) -> None:
        self.reload(SECURITY + "  excluded-paths: [/v1/chat/**]\n")
        self.assertEqual(self.said()[0], 200)
        self.assertEqual(self.said("/v1/embeddings", model="e")[0], 401)
        self.assertEqual(self.said("/v1/models", "GET")[0], 401)

    def test_excluded_list_of_models(self) -> None:
        self.reload(SECURITY + "  excluded-paths: [/api/v1/models]\n")
        for path in ("/v1/models", "/api/v1/models", "/v1/models/m"):
            self.assertEqual(self.said(path, "GET")[0], 200 if path[-1] == "s" else 401, path)
        self.reload(SECURITY + "  excluded-paths: [/v1/models/**]\n")
        self.assertEqual(self.said("/v1/models/m", "GET")[0], 200)
        self.assertEqual(self.said("/v1/models", "GET")[0], 401)

    def test_the_management_api_is_never_excluded(self) -> None:
        self.reload(SECURITY + '  excluded-paths: ["/**", "/api/**", "*"]\n')
        self.assertEqual(self.said()[0], 200)
        for path in ("/api/config", "/api/v1/routing-monitor", "/api/auth/api-keys"):
            self.assertNotEqual(self.said(path, "GET")[0], 200, path)
