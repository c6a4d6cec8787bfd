"""A client that leaves, in every phase: the backend is told at once and nothing stays behind."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from tests.fakes import Client
from tests.world import BACKEND, World, post

CHAT = {"model": "m", "messages": []}
STREAM = {"model": "m", "messages": [], "stream": True}
EVENT = b'data: {"choices":[{"delta":{"content":"x"}}]}\n\n'


class DisconnectTests(SynchronousTestCase):
    """Each test leaves in another phase."""

    def setUp(self) -> None:
        self.world = World()
        self.addCleanup(self.assert_clean)

    def assert_clean(self) -> None:
        self.assertTrue(self.world.at_rest, self.world.gateway.ledger)
        self.assertEqual(self.world.close(), [])

    def leave(self, client: Client) -> None:
        """The client goes; one turn of the reactor later the backend must know."""
        client.leave()
        self.world.network.turn()
        self.world.network.turn()

    def assert_abandoned(self, attempts: int = 1) -> None:
        self.assertTrue(self.world.at_rest, self.world.gateway.ledger)
        count = self.world.metric(
            "jairouter_backend_calls_total", service="chat", model="m", outcome="abandoned"
        )
        self.assertEqual(count, attempts)
        gone = self.world.metric(
            "http_server_requests_total", method="POST", uri="/v1/chat/completions", status="499"
        )
        self.assertEqual(gone, attempts)

    def test_queued(self) -> None:
        """All connections are busy: the request leaves the queue."""
        busy = [self.world.ask(CHAT) for _ in range(4)]
        queued = self.world.ask(CHAT)
        self.leave(queued)
        self.assert_counts(open_requests=4)
        for connection in self.world.backend.connections:
            connection.answer(b"{}")
        self.world.run()
        self.assertTrue(all(b"200 OK" in client.received for client in busy))
        self.assert_abandoned()

    def assert_counts(self, open_requests: int) -> None:
        self.assertEqual(self.world.gateway.ledger.outstanding()["request"], open_requests)

    def test_connecting(self) -> None:
        """The connection to the backend is not there yet: connecting stops."""
        self.world.network.black_holes.add(BACKEND)
        client = self.world.ask(CHAT)
        self.leave(client)
        self.assertEqual(self.world.backend.connections, [])
        self.assert_abandoned()

    def test_sending_its_request(self) -> None:
        """The request itself is not complete: there is no attempt yet."""
        client = self.world.client()
        client.send(post(CHAT)[:-5])
        self.world.run()
        self.leave(client)
        self.assertEqual(self.world.backend.connections, [])

    def test_waiting_for_headers(self) -> None:
        """The backend has the request and is silent."""
        client = self.world.ask(CHAT)
        self.leave(client)
        self.assertIsNotNone(self.world.backend.last.closed)
        self.assert_abandoned()

    def test_before_the_first_event(self) -> None:
        """The head of a stream has come, no event yet."""
        client = self.world.ask(STREAM)
        self.world.backend.last.begin_stream()
        self.world.run()
        self.leave(client)
        self.assertIsNotNone(self.world.backend.last.closed)
        self.assert_abandoned()

    def test_in_a_stream(self) -> None:
        """Events flow."""
        client = self.world.ask(STREAM)
        self.world.backend.last.begin_stream()
        self.world.backend.last.chunk(EVENT)
        self.world.run()
        self.assertIn(EVENT, client.received)
        self.leave(client)
        self.assertIsNotNone(self.world.backend.last.closed)
        self.assert_abandoned()

    def test_in_a_plain_answer(self) -> None:
        """Half of a plain answer has come."""
        client = self.world.ask(CHAT)
        self.world.backend.last.say(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf")
        self.world.run()
        self.leave(client)
        self.assertIsNotNone(self.world.backend.last.closed)
        self.assert_abandoned()

    def test_while_it_does_not_read(self) -> None:
        """The client reads nothing, so the backend is not read either; then it leaves."""
        client = self.world.ask(STREAM)
        client.transport.pauseProducing()  # type: ignore[union-attr]
        self.world.backend.last.begin_stream()
        for _ in range(200):
            self.world.backend.last.chunk(b"data: " + b"x" * 4000 + b"\n\n")
            self.world.run()
        self.leave(client)
        self.assertIsNotNone(self.world.backend.last.closed)
        self.assert_abandoned()
