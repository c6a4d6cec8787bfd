"""Callers that have to say who they are, as they come: OpenAI's SDK, curl, a browser on the page."""

from __future__ import annotations

import json
from typing import Any

from openai import AuthenticationError, OpenAI, PermissionDeniedError, RateLimitError
from twisted.trial.unittest import SynchronousTestCase

from tests.integration.browser import Browser
from tests.integration.processes import shared_pair, wait_until

QUESTION: Any = [{"role": "user", "content": "Hello"}]
PASSWORD = "violet-tram-horizon-73"
HASH = "$2b$04$oOW8JxmfY3VxNBVodn1YuekLzmGdjozwjxuSR7/Y/6xOkxFVWEJKm"
ADMIN, FRONT, ONE, FEW = (f"sk-{name}-q7Zr4Wm9Xc2Vb8Nk3Lp6" for name in ("admin", "front", "one", "few"))
KEYS = [
    {"name": "admin", "value": ADMIN, "permissions": ["admin"]},
    {"name": "front", "value": FRONT, "permissions": ["chat:read", "embedding:read"]},
    {"name": "one", "value": ONE, "permissions": ["read"], "models": ["embed"]},
    {"name": "few", "value": FEW, "permissions": ["chat:read"], "requests-per-minute": 1},
]
JWT = {
    "enabled": True,
    "secret": "k3Vd0q9mXz7TfLr2Wn8YbPc5HsJg1EaU4iRo6KtQvZyD",
    "accounts": [{"username": "root", "password": HASH, "roles": ["ADMIN"]}],
}
PAIR = shared_pair(security={"api-key": {"enabled": True, "keys": KEYS}, "jwt": JWT})


class SdkTests(SynchronousTestCase):
    """What the SDK makes of refusals."""

    def client(self, key: str) -> OpenAI:
        client = OpenAI(base_url=f"{PAIR.get().gateway.url}/v1", api_key=key, max_retries=0, timeout=20)
        self.addCleanup(client.close)
        return client

    def chat(self, client: OpenAI) -> Any:
        return client.chat.completions.create(model="org/chat", messages=QUESTION)

    def test_what_a_key_is_for(self) -> None:
        """It chats, embeds, lists what it may use, and does nothing else."""
        client = self.client(FRONT)
        self.assertTrue(self.chat(client).choices[0].message.content)
        self.assertTrue(client.embeddings.create(model="embed", input="x").data)
        self.assertEqual({each.id for each in client.models.list()}, {"org/chat", "embed"})
        with self.assertRaises(PermissionDeniedError) as caught:
            client.audio.speech.create(model="speak", input="x", voice="alloy")
        self.assertIn("tts:read", str(caught.exception))

    def test_a_wrong_key(self) -> None:
        with self.assertRaises(AuthenticationError) as caught:
            self.chat(self.client("sk-nobody-has-this-one"))
        self.assertEqual(caught.exception.code, "invalid_api_key")

    def test_a_model_that_the_key_is_not_for(self) -> None:
        client = self.client(ONE)
        self.assertEqual([each.id for each in client.models.list()], ["embed"])
        with self.assertRaises(PermissionDeniedError):
            self.chat(client)

    def test_the_limit_of_a_key(self) -> None:
        """It says when to come again, in the header that the SDK goes by."""
        client = self.client(FEW)
        self.chat(client)
        with self.assertRaises(RateLimitError) as caught:
            self.chat(client)
        self.assertGreater(int(caught.exception.response.headers["retry-after"]), 0)

    def test_other_ways_to_show_a_key(self) -> None:
        """Anthropic's header is let in; a user and a password are told what is needed."""
        connection = PAIR.get().gateway.connect()
        self.addCleanup(connection.close)
        answers = []
        for fields in ({"x-api-key": FRONT}, {"Authorization": "Basic cm9vdDpyb290"}):
            connection.request("GET", "/v1/models", headers=fields)
            response = connection.getresponse()
            answers.append((response.status, json.loads(response.read())))
        self.assertEqual([status for status, _ in answers], [200, 401])
        self.assertIn("Authorization: Bearer", answers[1][1]["error"]["message"])


class PageTests(SynchronousTestCase):
    """``/swagger-ui`` of a gateway that asks who calls; nothing is made up."""

    def setUp(self) -> None:
        self.browser = Browser()
        self.addCleanup(self.browser.stop)
        self.browser.go(f"{PAIR.get().gateway.url}/swagger-ui")
        self.wait("document.getElementById('who').textContent")

    def test_with_a_key(self) -> None:
        self.browser.type("#key", ADMIN)
        self.browser.click("#with-key button")
        self.wait("document.getElementById('who').textContent.startsWith('Asking as admin (api-key)') && 1")
        self.assertEqual(self.status_of("getCurrentVersion"), "200")

    def test_with_a_key_that_may_not(self) -> None:
        self.browser.type("#key", FRONT)
        self.browser.click("#with-key button")
        self.wait("document.getElementById('who').textContent.startsWith('Asking as front') && 1")
        self.assertEqual(self.status_of("getCurrentVersion"), "403")

    def test_with_a_user(self) -> None:
        """Logs in, asks, logs out, and cannot ask any more."""
        self.browser.type("#user", "root")
        self.browser.type("#password", PASSWORD)
        self.browser.click("#login button")
        self.wait("document.getElementById('who').textContent.startsWith('Asking as root (jwt)') && 1")
        self.assertEqual(self.status_of("getCurrentVersion"), "200")
        self.browser.click("#logout")
        self.wait("document.getElementById('who').textContent.startsWith('Say who') && 1")

    def status_of(self, name: str) -> str:
        """What an endpoint answers when its button is pressed."""
        self.browser.click(f"#{name} summary")
        self.wait(f"document.querySelector('#{name} .send button') && 1")
        self.browser.click(f"#{name} .send button")
        shown: str = self.wait(f"document.querySelector('#{name} .send pre').textContent")
        return shown.partition("\n")[0]

    def wait(self, expression: str) -> Any:
        return wait_until(lambda: self.browser.run(f"return {expression}"), expression)
