"""Tests for `jairouter.web.management.instance_limits`."""

from __future__ import annotations

from collections.abc import Iterable

from jairouter.web.management import instances
from jairouter.web.management.endpoint import Endpoint
from jairouter.web.management.parts import Parts
from tests.web.management.in_memory import Asking

LLAMA = "llama@http://ollama:11434"


class Limits(Asking):
    """The limit and the circuit breaker of a single instance."""

    def endpoints(self, parts: Parts) -> Iterable[Endpoint]:
        return instances.endpoints(parts)

    def test_an_instance_that_gives_nothing_has_nothing_of_its_own(self) -> None:
        self.assertEqual({}, self.ask("getRateLimitOfInstance", "chat", LLAMA).data)
        self.assertEqual({}, self.ask("getCircuitBreakerOfInstance", "chat", LLAMA).data)

    def test_a_limit_is_set_changed_and_taken_away(self) -> None:
        body = {"algorithm": "token_bucket", "capacity": 10, "refill-rate": 2}
        set_to = self.ask("updateRateLimitOfInstance", "chat", LLAMA, body=body).data["rateLimit"]
        self.assertEqual(("token-bucket", 10), (set_to["algorithm"], set_to["capacity"]))
        self.ask("patchRateLimitOfInstance", "chat", LLAMA, body={"capacity": 20})
        shown = self.ask("getRateLimitOfInstance", "chat", LLAMA).data
        self.assertEqual(("token-bucket", 20), (shown["algorithm"], shown["capacity"]))
        self.assertEqual({}, self.ask("deleteRateLimitOfInstance", "chat", LLAMA).data["rateLimit"])
        self.assertIsNone(self.configuration.loaded.settings.model.services["chat"].instances[1].rate_limit)

    def test_a_breaker_is_set(self) -> None:
        body = {"enabled": True, "failureThreshold": 3}
        reply = self.ask("updateCircuitBreakerOfInstance", "chat", LLAMA, body=body)
        self.assertEqual(body, reply.data["circuitBreaker"])

    def test_what_applies_to_the_breaker_is_shown_when_asked_for(self) -> None:
        self.ask("updateCircuitBreakerOfInstance", "chat", LLAMA, body={"failureThreshold": 3})
        shown = self.ask("getCircuitBreakerOfInstance", "chat", LLAMA, effective=True).data
        self.assertEqual((3, 2), (shown["failureThreshold"], shown["successThreshold"]))

    def test_what_was_shown_and_comes_back_makes_no_version(self) -> None:
        self.ask("updateRateLimitOfInstance", "chat", LLAMA, body={"capacity": 10, "rate": 2.5})
        shown = self.ask("getRateLimitOfInstance", "chat", LLAMA).data
        self.assertFalse(self.ask("updateRateLimitOfInstance", "chat", LLAMA, body=shown).data["changed"])

    def test_what_cannot_be_is_refused(self) -> None:
        refusal = self.refusal("updateRateLimitOfInstance", "chat", LLAMA, body={"capacity": -1})
        self.assertEqual("INVALID_CONFIGURATION", refusal.code)

    def test_an_instance_that_is_not_there_is_not_found(self) -> None:
        self.assertEqual(
            "INSTANCE_NOT_FOUND", self.refusal("getRateLimitOfInstance", "chat", "x@http://y").code
        )
        self.assertEqual(
            "SERVICE_NOT_FOUND", self.refusal("getRateLimitOfInstance", "tts", "x@http://y").code
        )
