"""Tests of what services and instances take from further out."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from jairouter.config.inheritance import (
    adapter_for,
    circuit_breaker_for,
    fallback_for,
    load_balance_for,
    rate_limit_for,
)
from jairouter.config.settings.model import ModelSettings
from tests.config.reading import read


def model(globally: str, service: str = "", instance: str = "") -> ModelSettings:
    """Make a model tree from what is given at each level."""
    instances = f"instances: [{{name: a, base-url: http://a, {instance}}}]"
    text = f"model: {{{globally}, services: {{chat: {{{service + ', ' if service else ''}{instances}}}}}}}"
    return read(text).settings.model


class InheritanceTests(SynchronousTestCase):
    """Each key comes from the nearest place that gives it."""

    def test_limits(self) -> None:
        given = model(
            "rateLimit: {rate: 1, capacity: 1}", "rateLimit: {rate: 2}", "rateLimit: {scope: model}"
        )
        limit = rate_limit_for(given, "chat", given.services["chat"].instances[0])
        self.assertEqual((limit.capacity, limit.rate, limit.scope), (1, 2, "model"))

    def test_parts_of_parts(self) -> None:
        given = model("rateLimit.clientIp: {rate: 1, maxClients: 5}", "rateLimit.clientIp.rate: 2")
        limit = rate_limit_for(given, "chat")
        self.assertEqual((limit.client_ip.rate, limit.client_ip.max_clients), (2, 5))

    def test_a_default_that_is_written_counts_as_given(self) -> None:
        given = model("loadBalance: round-robin", "loadBalance.type: random")
        self.assertEqual(load_balance_for(given, "chat").type, "random")

    def test_a_service_that_is_not_configured_has_what_is_global(self) -> None:
        given = model("loadBalance: ip-hash, fallback.strategy: cache, adapter: vllm")
        self.assertEqual(load_balance_for(given, "tts").type, "ip-hash")
        self.assertEqual(fallback_for(given, "tts").strategy, "cache")
        self.assertEqual(adapter_for(given, "tts"), "vllm")

    def test_adapters(self) -> None:
        given = model("adapter: a", "adapter: b", "adapter: c")
        self.assertEqual(adapter_for(given, "chat"), "b")
        self.assertEqual(adapter_for(given, "chat", given.services["chat"].instances[0]), "c")


class BreakerTimeoutTests(SynchronousTestCase):
    """What `recovery-timeout` and `timeout` mean together."""

    def _both(self, globally: str, service: str = "") -> tuple[float | None, float | None]:
        given = model(f"circuitBreaker: {{{globally}}}", f"circuitBreaker: {{{service}}}")
        breaker = circuit_breaker_for(given, "chat", given.services["chat"].instances[0])
        return breaker.recovery_timeout, breaker.timeout

    def test_neither(self) -> None:
        self.assertEqual(self._both(""), (60, None))

    def test_the_timeout_alone_is_the_recovery_timeout(self) -> None:
        self.assertEqual(self._both("timeout: 30000"), (30, None))
        self.assertEqual(self._both("", "timeout: 30s"), (30, None))

    def test_both_at_one_level(self) -> None:
        self.assertEqual(self._both("timeout: 30000, recovery-timeout: 60000"), (60, 30))

    def test_a_nearer_timeout_beside_a_recovery_timeout_further_out(self) -> None:
        self.assertEqual(self._both("recovery-timeout: 60000", "timeout: 5s"), (60, 5))

    def test_a_nearer_recovery_timeout_replaces_an_old_timeout(self) -> None:
        self.assertEqual(self._both("timeout: 30000", "recovery-timeout: 10s"), (10, None))
