"""Tests for `jairouter.web.management.balancing`."""

from __future__ import annotations

from typing import Any

from jairouter.exchange import Outcome
from jairouter.refusals import InvalidRequest, ServiceNotFound
from jairouter.traffic.latency import PeakEwma
from jairouter.web.management import balancing
from tests.traffic.lives import attempt
from tests.traffic.looking import state
from tests.upstream.prober_rig import REFUSED
from tests.web.management.live_rig import LiveCase


class BalancingTests(LiveCase):
    """Who would get a request now, and who would not."""

    endpoints = staticmethod(balancing.endpoints)

    def chat(self) -> dict[str, dict[str, Any]]:
        """The instances of chat, by their id."""
        models = self.call("getLoadBalancer", "chat")["models"]
        return {each["instanceId"]: each for model in models for each in model["instances"]}

    def why(self, which: str) -> tuple[str, float | None] | None:
        """Why one cannot be used, and for how long."""
        why = self.chat()[which]["excluded"]
        return None if why is None else (why["reason"], why["seconds"])

    def test_all(self) -> None:
        shown = self.call("getLoadBalancers")
        self.assertEqual([each["service"] for each in shown], ["chat", "embedding"])
        self.assertEqual(shown[0], self.call("getLoadBalancer", "Chat"))
        self.assertEqual((shown[0]["balancer"], shown[0]["inactive"]), ("round-robin", ["off@http://e"]))
        self.assertEqual(self.call("getLoadBalancer", "embeddings"), shown[1])

    def test_model(self) -> None:
        """Its tiers, the better one first, and who is needed of them."""
        shown = self.call("getLoadBalancer", "chat")["models"][0]
        self.assertEqual((shown["model"], shown["panic"]), ("m", False))
        self.assertEqual(shown["candidates"], ["m@http://a", "two"])
        self.assertEqual([each["priority"] for each in shown["tiers"]], [0, 1])
        self.assertEqual(shown["tiers"][1]["instances"], ["m@http://c"])
        self.assertEqual(self.why("m@http://c"), ("tier", None))

    def test_nothing_special(self) -> None:
        self.live("http://a").acquire(1000.0)
        shown = self.chat()["m@http://a"]
        self.assertEqual((shown["name"], shown["baseUrl"], shown["weight"]), ("m", "http://a", 4))
        self.assertEqual((shown["share"], shown["inFlight"], shown["usable"]), (4.0, 1, True))
        self.assertEqual(shown["breaker"]["state"], "closed")
        self.assertIsNone(shown["latency"])

    def test_address_as_it_was_written(self) -> None:
        self.assertEqual(self.chat()["two"]["baseUrl"], "http://${B:b}")

    def test_draining(self) -> None:
        self.assertEqual(self.why("n@http://d"), ("drained", None))

    def test_breaker(self) -> None:
        for _ in range(2):
            attempt(self.live("two"), Outcome.FAILED, 1000.0)
        self.clock.advance(10)
        self.assertEqual(self.why("two"), ("breaker-open", 20.0))

    def test_down(self) -> None:
        self.clock.advance(3)
        while self.why("m@http://a") is None:
            self.asked.answer(REFUSED, "http://a")
            self.clock.advance(10)
        self.assertEqual(self.why("m@http://a"), ("down", None))
        health = self.chat()["m@http://a"]["health"]
        self.assertEqual((health["up"], health["reason"]), (False, "connection refused"))
        self.assertTrue(health["since"].startswith("2025-08-01T12:00:"), health)

    def test_slow_start(self) -> None:
        self.live("http://a").recover(1000.0)
        self.clock.advance(15)
        shown = self.chat()["m@http://a"]
        self.assertEqual((shown["share"], shown["fullShareIn"]), (2.0, 15.0))

    def test_cooling(self) -> None:
        self.live("two").cool(1005.0, 1000.0)
        self.clock.advance(1)
        self.assertEqual((self.why("two"), self.chat()["two"]["coolingFor"]), (("cooling", 4.0), 4.0))

    def test_ejected(self) -> None:
        self.live("two").eject(1005.0, 1000.0)
        self.assertEqual((self.why("two"), self.chat()["two"]["ejectedFor"]), (("ejected", 5.0), 5.0))

    def test_latency(self) -> None:
        latency = self.live("two").latency = PeakEwma()
        latency.observe(0.25, 1000.0)
        self.assertEqual(self.chat()["two"]["latency"], {"seconds": 0.25, "belief": 1.0})

    def test_changes_nothing(self) -> None:
        """Even where it is time that something changed."""
        self.live("two").eject(1005.0, 1000.0)
        self.live("http://a").force_open(1000.0)
        self.clock.advance(20)
        before = state(self.policies)
        self.call("getLoadBalancers")
        self.assertEqual(state(self.policies), before)

    def test_no_such_service(self) -> None:
        self.refused(ServiceNotFound, "getLoadBalancer", "tts")
        self.refused(InvalidRequest, "getLoadBalancer", "chess")

    def test_ids_follow_the_configuration(self) -> None:
        self.call("getLoadBalancers")
        self.reload(self.configuration.replace("instance-id: two", "instance-id: second"))
        self.assertIn("second", self.chat())
