"""Tests for `jairouter.policies`: the instances that are configured."""

from __future__ import annotations

from random import Random
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from jairouter.config.files import Text
from jairouter.config.loader import load
from jairouter.config.settings.root import Settings
from jairouter.policies import InstancesTls, Means, Policies, make_policies
from jairouter.telemetry.changes import Changes
from jairouter.traffic.permits import Ledger
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
    return make_policies(settings(text), tls or {}, Means(Random(0), lambda: 0.0, Ledger(), Changes()), old)


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

    def test_timeout(self) -> None:
        """The nearest end counts; a breaker that is switched off sets none."""
        breaker = "timeout: 30s, recovery-timeout: 60s"
        for given, expected in ((f"enabled: true, {breaker}", [20.0, 30.0]), (breaker, [20.0, None])):
            found = policies(
                f"model: {{circuit-breaker: {{{given}}}, services: {{chat: {{instances: ["
                "{name: m, base-url: 'http://10.0.0.1:9000', timeout: 20s},"
                "{name: m, base-url: 'http://10.0.0.2:9000'}]}}}"
            )
            self.assertEqual([each.timeout for each in found.services["chat"]["m"].instances], expected)

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
