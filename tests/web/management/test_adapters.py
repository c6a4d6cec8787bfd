"""Tests for `jairouter.web.management.adapters`."""

from __future__ import annotations

from collections.abc import Iterable

from jairouter.web.management import adapters
from jairouter.web.management.endpoint import Endpoint
from jairouter.web.management.parts import Parts
from tests.web.management.in_memory import YAML, Asking


class Adapters(Asking):
    """The dialects that the configuration names."""

    text = YAML.replace("model:\n", "adapter-definitions: {own: {}}\nmodel:\n", 1).replace(
        "name: llama,", "name: llama, adapter: ollama,"
    )

    def endpoints(self, parts: Parts) -> Iterable[Endpoint]:
        return adapters.endpoints(parts)

    def test_all_are_named(self) -> None:
        self.assertEqual(["normal", "own", "ollama"], self.ask("listAdapters").data)

    def test_who_uses_which(self) -> None:
        data = self.ask("getAdapters").data
        used = {each["name"]: [user["instanceId"] for user in each["usedBy"]] for each in data["adapters"]}
        self.assertEqual(["llama@http://ollama:11434"], used["ollama"])
        self.assertEqual(["gpt-4@https://api.openai.com", "e5@http://localhost:9000"], used["normal"])
        self.assertEqual("normal", data["default"])

    def test_none_is_said_to_do_what_it_does_not(self) -> None:
        for each in self.ask("getAdapters").data["adapters"]:
            self.assertFalse(each["translates"])
        self.assertIn("nothing yet", self.ask("getAdapter", "ollama").data["description"])

    def test_one_of_our_own_making_is_told(self) -> None:
        self.assertTrue(self.ask("getAdapter", "own").data["definition"])

    def test_one_that_nobody_names_is_not_found(self) -> None:
        self.assertEqual("NOT_FOUND", self.refusal("getAdapter", "claude").code)
