"""Limits, through a whole gateway: what clients read, and what is left when they leave."""

from __future__ import annotations

import json
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from jairouter.config.files import Text
from jairouter.config.loader import load
from tests.cluster import answer_of
from tests.world import World

LAYOUT = """
server: {{address: 127.0.0.1, port: 8080}}
webclient: {{connection-timeout: 5s, read-timeout: 20s}}
logging: {{access: {{enabled: false}}}}
model:
  rate-limit: {everywhere}
  services:
    chat:
      rate-limit: {chat}
      instances: [{{name: m, base-url: "http://10.0.0.1:9000", rate-limit: {instance}}}]
"""
ASK = {"model": "m"}
OFF = {"enabled": False}


def configuration(everywhere: Any = OFF, chat: Any = OFF, instance: Any = OFF) -> str:
    """With these limits at the three levels."""
    levels = {"everywhere": everywhere, "chat": chat, "instance": instance}
    return LAYOUT.format(**{name: json.dumps(level) for name, level in levels.items()})


class LimitedTests(SynchronousTestCase):
    """One backend that the test plays by hand; at the end nothing is lent out."""

    def start(self, **levels: Any) -> World:
        world = self.world = World(configuration(**levels))
        self.addCleanup(self.assert_clean, world)
        return world

    def assert_clean(self, world: World) -> None:
        world.run()
        self.assertTrue(world.at_rest, world.gateway.ledger)
        self.assertEqual(world.close(), [])

    def reload(self, **levels: Any) -> None:
        loaded = load([Text("test.yml", configuration(**levels).encode())], (), {})
        self.world.gateway.reload(loaded.settings)

    def answered(self) -> tuple[int, dict[bytes, bytes], bytes]:
        """What one more client gets, when the backend answers whatever reaches it."""
        client = self.world.ask(ASK)
        if not client.received:
            self.world.backend.last.answer(b"{}")
            self.world.run()
        return answer_of(client)

    def test_guide(self) -> None:
        """The production guide's blocks: three buckets or more, and the tightest one is told."""
        guide = {"enabled": True, "algorithm": "token-bucket", "client-ip-enable": True}
        self.start(
            everywhere={**guide, "capacity": 10000, "rate": 1000}, chat={"capacity": 5000, "rate": 500}
        )
        status, headers, _ = self.answered()
        told = [headers[b"x-ratelimit-%s-requests" % name] for name in (b"limit", b"remaining", b"reset")]
        self.assertEqual((status, told), (200, [b"5000", b"4999", b"2ms"]))

    def test_refused(self) -> None:
        """With a status, a body and headers that the SDKs understand; the backend hears nothing of it."""
        world = self.start(chat={"enabled": True, "capacity": 1, "rate": 0.4})
        self.answered()
        status, headers, body = self.answered()
        expected = {
            "message": "the limit of the service chat is reached",
            "type": "rate_limit_error",
            "param": None,
            "code": "rate_limit_exceeded",
        }
        self.assertEqual((status, json.loads(body)), (429, {"error": expected}))
        self.assertEqual((headers[b"retry-after"], headers[b"retry-after-ms"]), (b"3", b"2500"))
        self.assertEqual(headers[b"x-ratelimit-remaining-requests"], b"0")
        self.assertEqual(headers[b"x-ratelimit-reset-requests"], b"3s")
        self.assertEqual(sum(bytes(each.received).count(b"POST") for each in world.backend.connections), 1)

    def test_stream(self) -> None:
        """The headers go out before the first event, and the place is held until the last."""
        world = self.start(chat={"enabled": True, "algorithm": "concurrency", "capacity": 1})
        client = world.ask({**ASK, "stream": True})
        world.backend.last.begin_stream()
        world.backend.last.chunk(b'data: {"choices": []}\n\n')
        world.run()
        self.assertIn(b"x-ratelimit-remaining-requests: 0\r\n", bytes(client.received).lower())
        self.assertEqual(self.answered()[0], 429)
        world.backend.last.chunk(b"data: [DONE]\n\n")
        world.backend.last.chunk(b"")
        world.run()
        self.assertEqual(self.answered()[0], 200)

    def test_client_leaves_in_the_queue(self) -> None:
        """Its place is free, and the backend never hears of it."""
        shaped = {"enabled": True, "algorithm": "leaky-bucket", "rate": 1, "capacity": 1}
        for level in ("everywhere", "chat", "instance"):
            world = self.start(**{level: shaped})
            world.ask(ASK)
            waiting = world.ask(ASK)
            self.assertEqual(world.gateway.ledger.outstanding()["limit"], 2)
            waiting.leave()
            world.run()
            self.assertEqual(world.gateway.ledger.outstanding()["limit"], 1)
            next_ = world.ask(ASK)
            self.assertEqual(bytes(next_.received), b"", level)
            world.backend.last.answer(b"{}")
            world.run(1.1)
            world.backend.last.answer(b"{}")
            world.run()
            self.assertEqual(answer_of(next_)[0], 200)

    def test_instance(self) -> None:
        """Its own limit is asked for each attempt."""
        self.start(instance={"enabled": True, "capacity": 1, "rate": 0.1})
        statuses = [self.answered()[0] for _ in range(2)]
        self.assertEqual(statuses, [200, 429])

    def test_reload(self) -> None:
        """What was used is used, at every level, and what is lent now comes back under the new limits."""
        slow = {"enabled": True, "rate": 0.01}
        for level in ("everywhere", "chat", "instance"):
            self.start(**{level: {**slow, "capacity": 1}})
            self.assertEqual(self.answered()[0], 200)
            self.reload(**{level: {**slow, "capacity": 5}})
            self.assertEqual(self.answered()[0], 429, level)

    def test_reload_while_held(self) -> None:
        """A request that began before counts until it is over."""
        held = {"enabled": True, "algorithm": "concurrency", "capacity": 1}
        for level in ("everywhere", "chat", "instance"):
            world = self.start(**{level: held})
            world.ask(ASK)
            backend = world.backend.last
            self.reload(**{level: {**held, "rate": 3}})
            self.assertEqual(self.answered()[0], 429, level)
            backend.answer(b"{}")
            world.run()
            self.assertEqual(self.answered()[0], 200, level)
