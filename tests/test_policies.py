"""Tests for `jairouter.policies`: the instances that are configured."""

from __future__ import annotations

from random import Random
from typing import Any, ClassVar

from twisted.trial.unittest import SynchronousTestCase

from jairouter.config.files import Text
from jairouter.config.loader import load
from jairouter.config.settings.root import Settings
from jairouter.exchange import Outcome
from jairouter.policies import InstancesTls, Means, Policies, make_policies
from jairouter.telemetry.changes import Changes
from jairouter.traffic.exclusion import Reason
from jairouter.traffic.live import Live
from jairouter.traffic.permits import Ledger
from jairouter.traffic.rule import Admitted, Refused
from tests.filters.inner import exchange

INSTANCES = """
model:
  services:
    chat:
      instances:
        - {name: m, base-url: "http://10.0.0.1:9000/", weight: 3, headers: {Authorization: "Bearer k"}}
        - {name: m, base-url: "http://10.0.0.2:9000", path: /api/chat}
        - {name: off, base-url: "http://10.0.0.3:9000", enabled: false}
        - {name: idle, base-url: "http://10.0.0.4:9000", status: inactive}
    embedding:
      instances: [{name: e, base-url: "http://10.0.0.5:9000"}]
"""


def settings(text: str) -> Settings:
    """Settings from YAML."""
    return load([Text("test.yml", text.encode())], (), {}).settings


def policies(text: str, tls: InstancesTls | None = None, old: Policies | None = None) -> Policies:
    """What YAML says about traffic."""
    return make_policies(
        settings(text), tls or {}, Means(Random(0), lambda: 0.0, lambda: 0.0, Ledger(), Changes()), old
    )


class ServicesTests(SynchronousTestCase):
    """The instances that may get traffic."""

    def setUp(self) -> None:
        self.services = policies(INSTANCES).services

    def test_by_service_and_model(self) -> None:
        """In the order of the configuration."""
        chat = self.services["chat"]["m"].instances
        self.assertEqual([each.base_url for each in chat], ["http://10.0.0.1:9000", "http://10.0.0.2:9000"])
        self.assertEqual([(each.weight, each.path) for each in chat], [(3, None), (1, "/api/chat")])
        self.assertEqual(chat[0].headers, ((b"Authorization", b"Bearer k"),))
        self.assertEqual([each.service for each in self.services["embedding"]["e"].instances], ["embedding"])

    def test_switched_off(self) -> None:
        """They are not there at all."""
        self.assertEqual(set(self.services["chat"]), {"m"})

    def test_draining(self) -> None:
        """It gets no requests, its life goes on, and it is still checked."""
        text = INSTANCES.replace("model:", "model:\n  load-balance: {health-check: {enabled: true}}", 1)
        old = policies(text)
        going = old.services["chat"]["m"].instances[0].live
        new = policies(text.replace("weight: 3", "weight: 3, status: draining"), old=old)
        first, second = new.services["chat"]["m"].instances
        self.assertEqual((first.weight, second.weight), (0, 1))
        self.assertIs(first.live, going)
        self.assertIn(first, new.checks)

    def test_nothing_configured(self) -> None:
        self.assertEqual(policies("{}").services, {})

    def test_tls(self) -> None:
        """Each instance has its own, by its position."""
        tls: Any = {("chat", 1): object()}
        services = policies(INSTANCES, tls).services
        self.assertEqual([each.tls for each in services["chat"]["m"].instances], [None, tls["chat", 1]])
        self.assertIsNone(services["embedding"]["e"].instances[0].tls)


class ReloadTests(SynchronousTestCase):
    """What goes on under another configuration."""

    def test_times_of_hedges(self) -> None:
        """A reload does not have the percentile of answers forgotten."""
        text = (
            "model: {retry: {hedge: {enabled: true, delay: 9s, percentile: 90}},"
            " services: {chat: {instances: [{name: m, base-url: 'http://10.0.0.1:9000'}]}}}"
        )
        old, case = policies(text), exchange(model="m")
        for _ in range(100):
            old.hedges["chat"].answered(case, 1.0)
        self.assertLess(policies(text, old=old).hedges["chat"].delay(case), 2.0)


class GoingOnTests(SynchronousTestCase):
    """What is known about an instance goes on, and nothing is kept of those that are gone."""

    TEXT = """
model:
  circuit-breaker: {{enabled: {breaker}, failure-threshold: 1, recovery-timeout: {open}}}
  load-balance: {{type: {type}, health-check.enabled: {checks}, outlier-detection.enabled: true}}
  rate-limit: {{enabled: true, capacity: 4, rate: 1}}
  retry: {{hedge.enabled: true}}
  services:
    chat:
      fallback: {{enabled: true, strategy: cache}}
      instances:
        - {{name: m, base-url: "http://10.0.0.{host}:9000", instance-id: a, weight: {weight}}}
        - {{name: m, base-url: "http://10.0.0.9:9000", rate-limit: {{enabled: true, capacity: 3, rate: 1}}}}
"""
    USUAL: ClassVar[dict[str, object]] = {
        **{"breaker": True, "open": "5s", "type": "random", "checks": True},
        **{"host": 1, "weight": 1},
    }

    def make(self, old: Policies | None = None, **changed: object) -> Policies:
        return policies(self.TEXT.format(**{**self.USUAL, **changed}), old=old)

    def lives(self, made: Policies) -> list[Live]:
        return [each.live for each in made.services["chat"]["m"].instances]

    def test_one_that_has_moved(self) -> None:
        """It is known by the identity that it was given; the other one by its address."""
        before = self.make()
        after = self.make(before, host=2, weight=7)
        self.assertEqual(
            [a is b for a, b in zip(self.lives(after), self.lives(before), strict=True)], [True] * 2
        )
        self.assertEqual(self.lives(after)[0].share, 7.0)

    def test_breaker(self) -> None:
        """It stays open, and goes by what is configured now."""
        before = self.make()
        live = self.lives(before)[0]
        live.settle(live.acquire(0.0), Outcome.FAILED, 0.0)
        live = self.lives(self.make(before, open="50s"))[0]
        why = live.exclusion(7.0)
        assert why is not None
        self.assertEqual((why.reason, why.until), (Reason.BREAKER_OPEN, 50.0))

    def test_switched_off(self) -> None:
        before = self.make()
        live = self.lives(before)[0]
        live.settle(live.acquire(0.0), Outcome.FAILED, 0.0)
        assert live.health is not None
        live.health.up = False
        live = self.lives(self.make(before, breaker=False, checks=False))[0]
        self.assertEqual((live.breaker, live.health, live.exclusion(0.0)), (None, None, None))

    def test_trials_of_an_instance_that_is_gone(self) -> None:
        """What they hold is given back, and their end says nothing any more."""
        ledger = Ledger()
        means = Means(Random(0), lambda: 0.0, lambda: 0.0, ledger, Changes())
        before = make_policies(settings(self.TEXT.format(**self.USUAL)), {}, means)
        live = self.lives(before)[0]
        live.settle(live.acquire(0.0), Outcome.FAILED, 0.0)
        ticket = live.acquire(6.0)
        self.assertEqual(ledger.outstanding()["trial"], 1)
        make_policies(settings("{}"), {}, means, before)
        self.assertEqual(ledger.outstanding()["trial"], 0)
        live.settle(ticket, Outcome.SUCCEEDED, 7.0)
        self.assertTrue(ledger.at_rest)

    def test_counts(self) -> None:
        """Buckets, budgets and what is remembered."""
        before = self.make()
        rule, limiter = before.limits.rule("chat"), self.lives(before)[1].limiter
        assert rule is not None and limiter is not None
        for _ in range(3):
            rule.admit(exchange(), 0.0)
        limiter.take(0.0)
        before.retries["chat"].budget.withdraw(0.0)
        after = self.make(before)
        rule = after.limits.rule("chat")
        assert rule is not None
        self.assertIsInstance(rule.admit(exchange(), 0.0), Admitted)
        self.assertIsInstance(rule.admit(exchange(), 0.0), Refused)
        limiter = self.lives(after)[1].limiter
        assert limiter is not None
        self.assertEqual(limiter.quota(0.0).remaining, 2)
        budget = after.retries["chat"].budget
        self.assertEqual([budget.withdraw(0.0) for _ in range(10)], [True] * 9 + [False])
        self.assertIs(after.fallbacks["chat"].memory, before.fallbacks["chat"].memory)

    def test_another_balancer(self) -> None:
        """Nothing is left of what the old one kept."""
        before = self.make(type="least-latency")
        group = before.services["chat"]["m"]
        group.choose(0.0, b"")
        self.assertTrue(all(live.latency is not None for live in self.lives(before)))
        after = self.lives(self.make(before, type="round-robin"))
        self.assertEqual([(live.latency, live.memo) for live in after], [(None, None)] * 2)


class TimeoutTests(SynchronousTestCase):
    """How long one attempt may take: what the instance says, and its breaker."""

    def timeouts(self, own: str, breaker: str) -> tuple[float | None, float | None]:
        text = f"circuit-breaker: {{{breaker}}}"
        made = policies(
            f'model.services.chat.instances: [{{name: m, base-url: "http://a", timeout: {own}, {text}}}]'
        )
        instance = made.services["chat"]["m"].instances[0]
        return instance.timeout, instance.answer_timeout

    def test_both(self) -> None:
        self.assertEqual(self.timeouts("5s", "enabled: true, recovery-timeout: 60s, timeout: 9s"), (5.0, 9.0))

    def test_0_is_none(self) -> None:
        self.assertEqual(self.timeouts("0", "enabled: true, recovery-timeout: 60s, timeout: 0"), (None, None))

    def test_breaker_that_is_switched_off(self) -> None:
        self.assertEqual(self.timeouts("5s", "recovery-timeout: 60s, timeout: 9s"), (5.0, None))
