"""Tests for `jairouter.web.management.models`."""

from __future__ import annotations

from collections.abc import Iterable

from jairouter.web.management import instances, models
from jairouter.web.management.endpoint import Endpoint
from jairouter.web.management.parts import Parts
from tests.web.management.in_memory import TODAY, Asking


class Models(Asking):
    """The models on offer."""

    def endpoints(self, parts: Parts) -> Iterable[Endpoint]:
        return (*models.endpoints(parts), *instances.endpoints(parts))

    def test_models_are_listed_as_documented(self) -> None:
        data = self.ask("listModels").data
        self.assertEqual("list", data["object"])
        first = {
            "id": "gpt-4",
            "object": "model",
            "created": int(TODAY),
            "owned_by": "model-router",
            "service_type": "chat",
            "adapter": "normal",
        }
        self.assertEqual(first, data["data"][0])
        self.assertEqual(["gpt-4", "llama", "e5"], [each["id"] for each in data["data"]])

    def test_since_when_does_not_change_with_each_call(self) -> None:
        before = self.ask("listModels").data
        self.clock.advance(100)
        self.assertEqual(before, self.ask("listModels").data)

    def test_a_model_is_listed_once_for_a_service(self) -> None:
        self.ask("addInstance", "chat", body={"name": "llama", "baseUrl": "http://b"})
        self.ask("addInstance", "embedding", body={"name": "llama", "baseUrl": "http://b"})
        found = [
            each["service_type"] for each in self.ask("listModels").data["data"] if each["id"] == "llama"
        ]
        self.assertEqual(["chat", "embedding"], found)

    def test_a_model_without_an_active_instance_is_not_on_offer(self) -> None:
        self.ask("disableInstance", "chat", "llama@http://ollama:11434")
        self.assertEqual(["gpt-4", "e5"], [each["id"] for each in self.ask("listModels").data["data"]])

    def test_what_is_configured_is_counted(self) -> None:
        self.ask("addInstance", "chat", body={"name": "llama", "baseUrl": "http://b"})
        counted = self.ask("countModels").data
        self.assertEqual((7, 2, 4, 3), tuple(counted[each] for each in _COUNTS))
        self.assertEqual((3, 1, 0), tuple(counted["instancesByService"][each] for each in _SERVICES))
        self.assertEqual((2, 1, 0), tuple(counted["modelsByService"][each] for each in _SERVICES))
        self.assertIn("imgEdit", counted["serviceTypes"])


_COUNTS = ("totalServices", "configuredServices", "totalInstances", "totalModels")
_SERVICES = ("chat", "embedding", "tts")
