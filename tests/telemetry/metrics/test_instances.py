"""Tests for `jairouter.telemetry.metrics.instances`."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from jairouter.exchange import Outcome
from jairouter.policies import Policies
from jairouter.telemetry.metrics.families import Families
from jairouter.telemetry.metrics.instances import InstanceMetrics
from jairouter.traffic.live import Live
from tests.telemetry.metrics.samples import Shown, shown
from tests.test_policies import policies

CONFIGURATION = """
model:
  load-balance: {health-check: {enabled: true, failure-threshold: 1}}
  circuit-breaker: {enabled: true, failure-threshold: 1, timeout: 10s, success-threshold: 1}
  services:
    chat:
      instances:
        - {name: m, base-url: "http://10.0.0.1:9000"}
        - {name: m, base-url: "http://10.0.0.2:9000"}
        - {name: m, base-url: "http://10.0.0.2:9000", path: /other}
        - {name: m, base-url: "http://10.0.0.3:9000", status: draining}
"""
FIRST = ("chat", "m", "http://10.0.0.1:9000")
TWO = ("chat", "m", "http://10.0.0.2:9000")
DRAINING = ("chat", "m", "http://10.0.0.3:9000")


class InstanceMetricsTests(SynchronousTestCase):
    """What is read off instances."""

    def setUp(self) -> None:
        self.policies = policies(CONFIGURATION)
        self.now = 100.0

    def lives(self) -> list[Live]:
        return [each.live for each in self.policies.services["chat"]["m"].instances]

    def shown(self, policies: Policies | None = None) -> Shown:
        services = (policies or self.policies).services
        return shown(InstanceMetrics(lambda: services, lambda: self.now, Families()))

    def test_all_is_well(self) -> None:
        found = self.shown()
        self.assertEqual(found["jairouter_backend_usable"], {FIRST: 1, TWO: 1, DRAINING: 0})
        self.assertEqual(found["jairouter_backend_health"], {FIRST: 1, TWO: 1, DRAINING: 1})
        self.assertEqual(found["jairouter_circuitbreaker_state"], {FIRST: 0, TWO: 0, DRAINING: 0})
        self.assertEqual(found["jairouter_model_usable_backends"], {("chat", "m"): 3})

    def test_both_names_of_a_breaker(self) -> None:
        found = self.shown()
        self.assertEqual(found["jairouter_circuit_breaker_state"], found["jairouter_circuitbreaker_state"])

    def test_open_is_1_and_half_open_2(self) -> None:
        """As the alert of the production guide has it."""
        live = self.lives()[0]
        live.settle(live.acquire(100.0), Outcome.FAILED, 100.0)
        found = self.shown()
        self.assertEqual(found["jairouter_circuitbreaker_state"][FIRST], 1)
        self.assertEqual(found["jairouter_backend_usable"][FIRST], 0)
        self.assertEqual(found["jairouter_model_usable_backends"]["chat", "m"], 2)
        self.now = 120.0
        live.acquire(self.now)
        self.assertEqual(self.shown()["jairouter_circuitbreaker_state"][FIRST], 2)

    def test_worst_of_two_at_one_address(self) -> None:
        """Instances that differ in their path alone are one series."""
        live = self.lives()[2]
        live.settle(live.acquire(100.0), Outcome.FAILED, 100.0)
        self.lives()[1].acquire(100.0)
        found = self.shown()
        self.assertEqual(found["jairouter_circuitbreaker_state"][TWO], 1)
        self.assertEqual(found["jairouter_backend_usable"][TWO], 1)
        self.assertEqual(found["jairouter_backend_in_flight"][TWO], 1)

    def test_down(self) -> None:
        self.lives()[0].probed(False, 100.0)
        found = self.shown()
        self.assertEqual(
            (found["jairouter_backend_health"][FIRST], found["jairouter_backend_usable"][FIRST]), (0, 0)
        )

    def test_neither_probes_nor_breakers(self) -> None:
        """What there is not, has no series."""
        plain = "model: {services: {chat: {instances: [{name: m, base-url: 'http://10.0.0.1:9000'}]}}}"
        plain += "\nmodel.circuit-breaker.enabled: false\nmodel.load-balance.health-check.enabled: false"
        found = self.shown(policies(plain))
        self.assertEqual(
            (found["jairouter_backend_health"], found["jairouter_circuitbreaker_state"]), ({}, {})
        )
        self.assertEqual(found["jairouter_backend_usable"], {FIRST: 1})

    def test_looking_changes_nothing(self) -> None:
        before = [(live.suspect, live.in_flight, live.share) for live in self.lives()]
        self.shown()
        self.assertEqual([(live.suspect, live.in_flight, live.share) for live in self.lives()], before)
