"""Tests for `jairouter.web.management.instance_state`, with a whole gateway in memory."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from jairouter.web.management import instances
from jairouter.web.management.endpoint import Endpoint
from jairouter.web.management.parts import Parts
from tests.web.management.in_memory import Asking
from tests.world import World

TEXT = """
server: {address: 127.0.0.1, port: 8080, drain: {delay: 0s, timeout: 1s}}
logging: {access: {enabled: false}}
model:
  load-balance: {health-check: {enabled: true, interval: 10s, timeout: 1s, failure-threshold: 1, type: tcp}}
  circuit-breaker: {enabled: true}
  services:
    chat:
      instances:
        - {name: m, base-url: "http://10.0.0.1:9000"}
        - {name: m, base-url: "http://10.0.0.2:9000", instance-id: second}
"""
FIRST = "m@http://10.0.0.1:9000"


class State(Asking):
    """What replies say about an instance besides its settings."""

    text = TEXT

    def endpoints(self, parts: Parts) -> Iterable[Endpoint]:
        return instances.endpoints(parts)

    def make_parts(self) -> Parts:
        self.world = World(self.configuration.loaded.settings)
        self.clock, self.prober = self.world.network, self.world.gateway.prober
        self.configuration.in_force = lambda loaded: self.world.gateway.reload(loaded.settings)
        self.addCleanup(lambda: self.assertEqual([], self.world.close()))
        self.traffic = self.world.gateway.policies
        return super().make_parts()

    def shown(self, which: str = FIRST) -> dict[str, Any]:
        """One of the instances."""
        self.traffic = self.world.gateway.policies
        data: dict[str, Any] = self.ask("getInstance", "chat", which).data
        return data

    def test_nothing_is_known_before_the_first_check(self) -> None:
        shown = self.shown()
        self.assertEqual("unknown", shown["healthStatus"])
        self.assertNotIn("lastHealthCheck", shown)

    def test_one_that_answers_its_checks_is_healthy(self) -> None:
        self.world.run(5)
        shown = self.shown()
        self.assertEqual("healthy", shown["healthStatus"])
        self.assertRegex(shown["lastHealthCheck"], r"^2026-01-01T00:00:0[0-5]\.\d{3}Z$")

    def test_one_that_does_not_is_unhealthy_and_why_is_told(self) -> None:
        self.world.run(5)
        shown = self.shown("second")
        self.assertEqual("unhealthy", shown["healthStatus"])
        self.assertIn("refused", shown["lastHealthError"])

    def test_requests_under_way_are_counted(self) -> None:
        self.world.run(5)
        client = self.world.ask({"model": "m", "messages": []})
        self.assertEqual(1, self.shown()["inFlight"])
        self.world.backend.last.answer(b"{}")
        self.world.run()
        self.assertEqual(0, self.shown()["inFlight"])
        client.leave()

    def test_requests_under_way_are_counted_while_it_drains(self) -> None:
        self.world.run(5)
        client = self.world.ask({"model": "m", "messages": []})
        self.ask("drainInstance", "chat", FIRST)
        shown = self.shown()
        self.assertEqual(("draining", 1), (shown["status"], shown["inFlight"]))
        client.leave()
        self.world.run()

    def test_the_breaker_is_told(self) -> None:
        self.assertEqual("closed", self.shown()["circuitBreakerState"])
        instance = self.traffic.services["chat"]["m"].instances[0]
        instance.live.force_open(self.clock.seconds())
        self.assertEqual("open", self.shown()["circuitBreakerState"])

    def test_the_label_is_what_answers_call_it(self) -> None:
        for which, instance in zip(
            (FIRST, "second"), self.traffic.services["chat"]["m"].instances, strict=True
        ):
            self.assertEqual(instance.label, self.shown(which)["label"])

    def test_one_out_of_use_has_no_health(self) -> None:
        self.world.run(5)
        self.ask("disableInstance", "chat", FIRST)
        shown = self.shown()
        self.assertEqual(
            ("inactive", "unknown", 0), (shown["status"], shown["healthStatus"], shown["inFlight"])
        )

    def test_all_that_is_told_may_come_back_and_changes_nothing(self) -> None:
        self.world.run(5)
        for which in (FIRST, "second"):
            self.assertFalse(
                self.ask("updateInstance", "chat", which, body=self.shown(which)).data["changed"]
            )
