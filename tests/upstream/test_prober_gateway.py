"""The prober in a whole gateway."""

from __future__ import annotations

from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from jairouter.config.files import Text
from jairouter.config.loader import load
from tests.world import BACKEND, World

GATEWAY = """
server: {address: 127.0.0.1, port: 8080}
logging: {access: {enabled: false}}
webclient: {connection-pool: {max-connections: 1}}
model:
  load-balance: {health-check: {enabled: true, interval: 1s, jitter: 0, failure-threshold: 1}}
  services:
    chat: {instances: [
      {name: m, base-url: "http://10.0.0.1:9000"},
      {name: drained, base-url: "http://10.0.0.1:9001", weight: 0},
      {name: off, base-url: "http://10.0.0.1:9002", enabled: false}]}
    embedding: {load-balance: {health-check: {enabled: false}}, instances: [
      {name: e, base-url: "http://10.0.0.1:9003"}]}
"""


class GatewayTests(SynchronousTestCase):
    """In a whole gateway."""

    def setUp(self) -> None:
        self.world = World(GATEWAY)

    def test_who_is_asked(self) -> None:
        """Drained instances, too; not those that are switched off, or that are not to be checked."""
        asked: list[int] = []
        network = self.world.network
        connect = network.connectTCP

        def noting(host: str, port: int, *args: Any, **options: Any) -> Any:
            asked.append(port)
            return connect(host, port, *args, **options)

        network.connectTCP = noting  # type: ignore[method-assign]  # takes notes
        self.world.run(1)
        self.assertEqual(set(asked), {9000, 9001})
        self.assertEqual(self.world.close(), [])

    def test_down(self) -> None:
        """Nobody is sent to an instance that is down."""
        del self.world.network.listeners[BACKEND]
        self.world.run(1)
        client = self.world.ask({"model": "m"})
        self.assertTrue(client.received.startswith(b"HTTP/1.1 503 "), bytes(client.received))
        self.assertEqual(self.world.close(), [])

    def test_full_pool(self) -> None:
        """A probe needs no connection of the pool, waits for none, and takes none away."""
        client = self.world.ask({"model": "m"})
        request = self.world.backend.last
        self.world.run(1)
        probe = self.world.backend.last
        self.assertIsNot(probe, request)
        self.assertTrue(probe.received.startswith(b"GET /v1/models "))
        request.answer(b"{}")
        probe.answer(b"{}")
        self.world.run()
        self.assertTrue(client.received.startswith(b"HTTP/1.1 200 "))
        self.assertIsNone(request.closed)
        self.assertIsNotNone(probe.closed)
        self.assertEqual(self.world.close(), [])

    def test_stopped_while_asking(self) -> None:
        """The connection of a probe is closed with the gateway."""
        self.world.run(1)
        self.assertEqual(self.world.close(), [])
        self.assertIsNotNone(self.world.backend.last.closed)

    def test_given_up(self) -> None:
        """A backend that does not answer keeps no connection."""
        self.world.run(1)
        first = self.world.backend.connections[0]
        self.world.run(5)
        self.assertIsNotNone(first.closed)
        self.assertEqual(self.world.close(), [])

    def test_reload(self) -> None:
        """Health goes on, and so does the schedule; what is not to be checked any more is up again."""
        del self.world.network.listeners[BACKEND]
        self.world.run(1)
        (live,) = (each.live for each in self.world.gateway.services["chat"]["m"].instances)
        for text, up in (("success-threshold: 3", False), ("enabled: false", True)):
            again = GATEWAY.replace("enabled: true" if up else "failure-threshold: 1", text)
            self.world.gateway.reload(load([Text("test.yml", again.encode())], (), {}).settings)
            self.assertEqual(live.believed_up(0), up)
        self.assertEqual(self.world.network.getDelayedCalls(), [])
        self.assertEqual(self.world.close(), [])
