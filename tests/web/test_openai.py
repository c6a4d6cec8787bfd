"""Tests for `jairouter.web.openai`. Its operations are tested with the data plane."""

from __future__ import annotations

import json
from types import SimpleNamespace
from typing import Any

from twisted.trial.unittest import SynchronousTestCase
from twisted.web.resource import Resource

from jairouter.auditing import Event
from jairouter.auth.gate import Admitted
from jairouter.caller import Caller, Kind
from jairouter.web.openai import Models
from tests.web.serving import Serving, answers

SERVICES: Any = {"chat": {"llama": (), "org/model:7b": ()}, "embedding": {"llama": (), "e": ()}}


class ModelsTests(SynchronousTestCase):
    """The list of models."""

    def ask(self, path: str) -> tuple[int, Any]:
        root = Resource()
        root.putChild(b"models", Models(SERVICES, lambda: 1700))
        client = Serving(root).ask(f"GET /models{path} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
        [answer] = answers(client.received)
        return answer.status, json.loads(answer.body)

    def test_list(self) -> None:
        """Each model once, whatever it is offered for."""
        status, page = self.ask("")
        self.assertEqual((status, page["object"]), (200, "list"))
        self.assertEqual([model["id"] for model in page["data"]], ["llama", "org/model:7b", "e"])

    def test_who_asks_is_recorded(self) -> None:
        """Whoever may use models, as whoever may not."""
        kept: list[Event] = []
        for permission in ("chat:read", "config:read"):
            caller = Caller("ann", Kind.KEY, frozenset({permission}))
            gate = SimpleNamespace(admit=lambda *_, caller=caller: Admitted(caller, frozenset()))
            guard: Any = SimpleNamespace(
                gate=gate, audit=SimpleNamespace(often=kept.append), is_open=lambda _: False
            )
            Serving(Models(SERVICES, lambda: 1700, guard)).ask(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
        told = [(each.kind, each.user, each.resource) for each in kept]
        self.assertEqual(
            told,
            [
                ("AUTHENTICATION_SUCCESS", "ann", "/v1/models"),
                ("AUTHORIZATION_FAILURE", "ann", "/v1/models"),
            ],
        )

    def test_one(self) -> None:
        status, model = self.ask("/llama")
        self.assertEqual(status, 200)
        self.assertEqual((model["id"], model["object"], model["created"]), ("llama", "model", 1700))
        self.assertEqual(model["service_types"], ["chat", "embedding"])

    def test_slash_at_the_end(self) -> None:
        self.assertEqual(self.ask("/")[1]["object"], "list")

    def test_slash_in_the_name(self) -> None:
        """Encoded or not."""
        for path in ("/org/model:7b", "/org%2Fmodel%3A7b"):
            self.assertEqual(self.ask(path)[1]["id"], "org/model:7b", path)

    def test_unknown(self) -> None:
        status, page = self.ask("/gpt-5")
        self.assertEqual(
            (status, page["error"]["code"], page["error"]["param"]), (404, "model_not_found", "model")
        )

    def test_undecodable(self) -> None:
        self.assertEqual(self.ask("/%ff%fe")[0], 404)

    def test_long_name_is_not_repeated(self) -> None:
        self.assertLess(len(self.ask("/" + "x" * 5000)[1]["error"]["message"]), 300)
