"""What random schedules have found in traffic control, each as the shortest sequence that shows it."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from tests.cluster import Cluster
from tests.fakes import Client
from tests.world import CONFIGURATION, World, post

CHAT = {"model": "m", "messages": []}


class RegressionTests(SynchronousTestCase):
    """Each test names the seed that found it."""

    def assert_over(self, world: World) -> None:
        self.assertEqual(world.close(), [])
        self.assertTrue(world.at_rest, world.gateway.ledger)

    def begin(self, world: World) -> tuple[Client, bytes]:
        """A request whose last byte is still to come. Returns the client and that byte."""
        client, request = world.client(), post(CHAT)
        client.send(request[:-1])
        world.run()
        return client, request[-1:]

    def test_a_request_that_came_long_ago_does_not_renew_the_retry_budget(self) -> None:
        """Seed 532: an upload longer than the window wiped out what had been withdrawn."""
        world = Cluster(2, budget={"ratio": 0, "min-per-second": 0.5, "window": "2s"}, delay="0s")
        for index in (0, 1):
            world.refuse(index)
        world.run(10)
        late, rest = self.begin(world)
        world.run(5)
        world.ask(CHAT)
        self.assertEqual(sum(world.outcomes().values()), 2, "the budget allows one retry")
        late.send(rest)
        world.run()
        self.assertEqual(sum(world.outcomes().values()), 3, "and no other one in the same window")
        self.assert_over(world)

    def test_requests_from_before_a_reload_share_the_retry_budget_with_those_after_it(self) -> None:
        """Seed 52: each reload gave those under way a budget of their own."""
        world = Cluster(2, budget={"ratio": 0, "min-per-second": 0.1, "window": "10s"}, delay="0s")
        for index in (0, 1):
            world.refuse(index)
        early, rest = self.begin(world)
        world.gateway.reload(world.settings)
        world.ask(CHAT)
        self.assertEqual(sum(world.outcomes().values()), 2, "the budget allows one retry")
        early.send(rest)
        world.run()
        self.assertEqual(sum(world.outcomes().values()), 3)
        self.assert_over(world)

    def test_a_request_from_before_a_reload_counts_for_the_limits_after_it(self) -> None:
        """Seed 892: it was counted where nobody looked any more."""
        limited = CONFIGURATION + "  rate-limit: {enabled: true, capacity: 1, rate: 0.001}\n"
        world = World(limited)
        early, rest = self.begin(world)
        world.gateway.reload(world.settings)
        early.send(rest)
        world.run()
        self.assertEqual(len(world.backend.connections), 1)
        refused = world.ask(CHAT)
        self.assertTrue(refused.received.startswith(b"HTTP/1.1 429 "), refused.received)
        world.backend.last.answer(b"{}")
        self.assert_over(world)

    def test_a_stream_that_begins_with_comments_tells_of_its_limit(self) -> None:
        """Seed 9: what begins before there is an answer had no X-RateLimit headers."""
        limited = CONFIGURATION + "  rate-limit: {enabled: true, capacity: 5, rate: 1}\n"
        world = World(limited + "streaming: {keep-alive-before-first-event: 1s}\n")
        client = world.ask({**CHAT, "stream": True})
        world.run(1.5)
        self.assertTrue(b"x-ratelimit-remaining-requests: 4" in client.received, client.received)
        client.leave()
        world.run()
        self.assert_over(world)
