"""Everything about what is live, as it is served."""

from __future__ import annotations

import json
from urllib.parse import quote

from jairouter.web.management import balancing, breakers, decisions, health, limiters
from tests.web.management.examples import Api, request
from tests.web.management.live_rig import LiveCase


class ServedTests(LiveCase):
    """All of it at one place."""

    endpoints = staticmethod(
        lambda parts: tuple(
            each
            for module in (balancing, breakers, limiters, decisions, health)
            for each in module.endpoints(parts)
        )
    )

    def setUp(self) -> None:
        super().setUp()
        self.api = Api(*self.all.values())

    def test_documented(self) -> None:
        """No two are at one place or of one name, and the document has all of them."""
        paths = json.loads(self.api.ask("/v3/api-docs").body)["paths"]
        self.assertEqual(sum(len(each) for each in paths.values()), len(self.all))

    def test_decisions_are_no_service(self) -> None:
        self.assertIn("decisions", self.api.value("/api/loadbalancer/decisions")["data"])
        self.assertEqual(self.api.value("/api/loadbalancer/chat")["data"]["service"], "chat")

    def test_instance_in_a_path(self) -> None:
        path = f"/api/circuit-breakers/chat/{quote('m@http://a', safe='')}"
        self.assertEqual(self.api.value(path)["data"]["instanceId"], "m@http://a")
        self.assertEqual(self.api.code("/api/circuit-breakers/chat/x"), "INSTANCE_NOT_FOUND")

    def test_forced(self) -> None:
        """It makes no version, and so asks for none."""
        self.assertEqual(self.api.code("/api/circuit-breakers/chat/two/force-open", "POST"), "OK")
        self.assertIsNotNone(self.live("two").exclusion(self.clock.seconds()))
        self.assertIsNone(self.api.ask("/api/circuit-breakers/chat/two").headers.get("etag"))

    def test_client_leaves_a_check(self) -> None:
        """Nobody is asked for nobody."""
        path = f"/api/config/instance/embedding/{quote('e@http://f', safe='')}/health"
        client = self.api.serving.ask(request(path, "POST"))
        self.assertEqual(list(self.asked.open), ["http://f"])
        client.leave()
        self.api.serving.network.run()
        self.assertEqual((self.asked.open, self.asked.cancelled), ({}, 1))
