"""Tests for `jairouter.policies`: the instances that are configured."""

from __future__ import annotations

from random import Random
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from jairouter.config.files import Text
from jairouter.config.loader import load
from jairouter.config.settings.root import Settings
from jairouter.policies import make_retries, make_services

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


class ServicesTests(SynchronousTestCase):
    """The instances that may get traffic."""

    def setUp(self) -> None:
        self.services = make_services(settings(INSTANCES), Random(0))

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

    def test_nothing_configured(self) -> None:
        self.assertEqual(make_services(settings("{}"), Random(0)), {})

    def test_tls(self) -> None:
        """Each instance has its own, by its position."""
        tls: Any = {("chat", 1): object()}
        services = make_services(settings(INSTANCES), Random(0), tls)
        self.assertEqual([each.tls for each in services["chat"]["m"].instances], [None, tls["chat", 1]])
        self.assertIsNone(services["embedding"]["e"].instances[0].tls)


class RetriesTests(SynchronousTestCase):
    """Which services have further attempts, and with what settings."""

    TEXT = """
model:
  retry: {{{retry}}}
  services:
    chat: {{retry: {{hedge: {{enabled: true}}}}}}
    embedding: {{retry: {{enabled: false, hedge: {{enabled: true}}}}}}
    rerank: {{retry: {{same-instance: true}}, instances: [{{name: r, base-url: "http://10.0.0.1:9000"}}]}}
    tts: {{instances: [{{name: t, base-url: "http://10.0.0.1:9000"}}]}}
"""

    def test_by_service(self) -> None:
        retries, hedges = make_retries(settings(self.TEXT.format(retry="")), Random(0))
        self.assertEqual((set(retries), set(hedges)), ({"chat", "rerank", "tts"}, {"chat"}))
        self.assertIs(hedges["chat"].retry, retries["chat"], "both take from one budget")
        self.assertIsNot(retries["chat"].budget, retries["rerank"].budget)

    def test_budget(self) -> None:
        text = self.TEXT.format(retry="budget: {ratio: 0, min-per-second: 0.2, window: 10s}")
        budget = make_retries(settings(text), Random(0))[0]["chat"].budget
        self.assertEqual([budget.withdraw(1.0) for _ in range(3)], [True, True, False])

    def test_same_instance(self) -> None:
        services = make_services(settings(self.TEXT.format(retry="")), Random(0))
        self.assertEqual((services["rerank"]["r"].again, services["tts"]["t"].again), (True, False))
