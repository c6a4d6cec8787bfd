"""Retries, through a whole gateway: what backends get and what clients read."""

from __future__ import annotations

import json
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from jairouter.filters.pick import Pick
from jairouter.filters.retry import Retry
from jairouter.traffic.hedging import HedgePolicy
from jairouter.web.relay import Relay
from tests.cluster import Cluster, answer_of
from tests.fakes import Client
from tests.world import post

ASK = {"model": "m"}
STREAM = {"model": "m", "stream": True}
EVENT = b'data: {"choices": [{"delta": {"content": "hello"}}]}\n\n'
DONE = b"data: [DONE]\n\n"


class Case(SynchronousTestCase):
    """A gateway before backends that the test plays by hand; at the end nothing is lent out."""

    def cluster(self, number: int = 2, **given: Any) -> Cluster:
        self.world = Cluster(number, **given)
        self.addCleanup(self.assert_clean, self.world)
        return self.world

    def assert_clean(self, world: Cluster) -> None:
        world.run()
        self.assertTrue(world.at_rest, world.gateway.ledger)
        self.assertEqual(world.close(), [])

    def assert_answered(self, client: Client, status: int, body: bytes | None = None) -> dict[bytes, bytes]:
        """The client has one answer, and this. Returns its headers."""
        got, headers, content = answer_of(client)
        self.assertEqual(got, status, bytes(client.received))
        if body is not None:
            self.assertEqual(content, body)
        self.assertEqual(bytes(client.received).count(b"HTTP/1.1 "), 1)
        return headers


class FailoverTests(Case):
    """Another instance answers in place of one that failed."""

    def test_one_of_three_refuses(self) -> None:
        """Its clients do not notice."""
        world = self.cluster(3, in_order=False)
        for backend in world.backends:
            backend.status = "200 OK"
        world.refuse(1)
        for _ in range(30):
            self.assert_answered(world.ask(ASK), 200, b"{}")
        self.assertEqual(world.outcomes()["succeeded"], 30)
        self.assertGreater(world.outcomes()["failed"], 0)

    def test_failed_answer(self) -> None:
        """The second one is asked, with the same bytes; the first one's text never comes out."""
        world = self.cluster()
        client = world.ask(ASK)
        first, second = (backend.connections for backend in world.backends)
        first[0].answer(b'{"error": "overloaded"}', status="503 Service Unavailable")
        world.run()
        second[0].answer(b'{"good": 1}')
        world.run()
        headers = self.assert_answered(client, 200, b'{"good": 1}')
        self.assertEqual(
            (headers[b"x-jairouter-instance"], headers[b"x-jairouter-attempts"]), (b"backend-2", b"2")
        )
        bodies = [bytes(each[0].received).partition(b"\r\n\r\n")[2] for each in (first, second)]
        self.assertEqual(bodies, [json.dumps(ASK).encode()] * 2)
        self.assertEqual(world.outcomes(), {"failed": 1, "succeeded": 1})
        self.assertIsNone(first[0].closed, "the connection is as good as before")

    def test_failed_answer_that_is_long(self) -> None:
        """It is not waited for; its connection is closed, and it counts as failed and not as left."""
        world = self.cluster()
        client = world.ask(ASK)
        first = world.backends[0].last
        first.say(b"HTTP/1.1 429 Too Many\r\nContent-Type: application/json\r\nContent-Length: 99\r\n\r\n{")
        world.run()
        self.assertIsNotNone(first.closed)
        world.backends[1].last.answer(b"{}")
        world.run()
        self.assert_answered(client, 200, b"{}")
        self.assertEqual(world.outcomes(), {"throttled": 1, "succeeded": 1})

    def test_connection_lost(self) -> None:
        world = self.cluster()
        client = world.ask(ASK)
        world.backends[0].last.wire.abortConnection()
        world.run()
        world.backends[1].last.answer(b"{}")
        world.run()
        self.assert_answered(client, 200)

    def test_no_connection_in_time(self) -> None:
        world = self.cluster()
        world.vanish(0)
        client = world.ask(ASK)
        world.run(6)
        world.backends[1].last.answer(b"{}")
        world.run()
        self.assert_answered(client, 200)
        self.assertEqual(world.outcomes(), {"failed": 1, "succeeded": 1})

    def test_all_fail(self) -> None:
        """Each was asked once; the client gets what the last one said."""
        world = self.cluster(3)
        for index, backend in enumerate(world.backends):
            backend.status = f"50{index} Bad"
        headers = self.assert_answered(world.ask(ASK), 502, b"{}")
        self.assertEqual([backend.requests for backend in world.backends], [1, 1, 1])
        self.assertEqual(headers[b"x-should-retry"], b"false")
        self.assertEqual(headers[b"x-jairouter-attempts"], b"3")

    def test_the_backends_own_advice(self) -> None:
        """Two headers would be read as one value, which is no advice at all."""
        world = self.cluster(2)
        client = world.ask(ASK)
        for backend in world.backends:
            backend.last.answer(
                b"{}", status="500 Bad", content_type="application/json\r\nX-Should-Retry: true"
            )
            world.run()
        self.assert_answered(client, 500, b"{}")
        self.assertEqual(bytes(client.received).lower().count(b"x-should-retry:"), 1)
        self.assertIn(b"x-should-retry: false", client.received)

    def test_clients_fault(self) -> None:
        world = self.cluster()
        world.backends[0].status = "400 Bad Request"
        headers = self.assert_answered(world.ask(ASK), 400)
        self.assertEqual(world.backends[1].requests, 0)
        self.assertNotIn(b"x-should-retry", headers)

    def test_switched_off(self) -> None:
        world = self.cluster(enabled=False)
        world.backends[0].status = "503 No"
        self.assert_answered(world.ask(ASK), 503)
        self.assertEqual(world.backends[1].requests, 0)

    def test_same_instance(self) -> None:
        world = self.cluster(1, same_instance=True)
        client = world.ask(ASK)
        world.backends[0].last.answer(b"{}", status="503 No")
        world.run()
        world.backends[0].last.answer(b"{}")
        world.run()
        self.assert_answered(client, 200)


class StreamTests(Case):
    """No text is sent twice."""

    def test_breaks_after_its_first_event(self) -> None:
        """That is never retried: the client is told in the stream."""
        world = self.cluster()
        client = world.ask(STREAM)
        world.backends[0].last.begin_stream()
        world.backends[0].last.chunk(EVENT)
        world.run()
        world.backends[0].last.wire.abortConnection()
        world.run(5)
        self.assertEqual(world.backends[1].connections, [])
        received = bytes(client.received)
        self.assertEqual(received.count(b"hello"), 1)
        self.assertIn(b"stream_interrupted", received)
        self.assertNotIn(b"[DONE]", received)

    def test_error_after_its_first_event(self) -> None:
        world = self.cluster()
        client = world.ask(STREAM)
        world.backends[0].last.begin_stream()
        world.backends[0].last.chunk(EVENT + b'data: {"error": {"message": "x", "code": 503}}\n\n')
        world.run(5)
        self.assertEqual(world.backends[1].connections, [])
        self.assertEqual(bytes(client.received).count(b"hello"), 1)

    def answers_second(self, client: Client) -> None:
        """The second backend streams, and the client gets that alone."""
        second = self.world.backends[1].last
        second.begin_stream()
        for piece in (EVENT, DONE, b""):
            second.chunk(piece)
        self.world.run()
        self.assert_answered(client, 200)
        received = bytes(client.received)
        self.assertEqual((received.count(b"hello"), received.count(b"[DONE]")), (1, 1))
        self.assertNotIn(b"error", received)

    def test_breaks_before_its_first_event(self) -> None:
        world = self.cluster()
        client = world.ask(STREAM)
        world.backends[0].last.begin_stream()
        world.run()
        world.backends[0].last.wire.abortConnection()
        world.run()
        self.answers_second(client)

    def test_error_as_its_first_event(self) -> None:
        """As vLLM has it, under a status of 200."""
        world = self.cluster()
        client = world.ask(STREAM)
        world.backends[0].last.begin_stream()
        world.backends[0].last.chunk(b'data: {"error": {"message": "full", "code": 503}}\n\n')
        world.run()
        self.answers_second(client)
        self.assertEqual(world.outcomes(), {"failed": 1, "succeeded": 1})

    def test_error_as_its_first_event_of_the_clients_own(self) -> None:
        world = self.cluster()
        client = world.ask(STREAM)
        world.backends[0].last.begin_stream()
        world.backends[0].last.chunk(b'data: {"error": {"message": "too long", "code": 400}}\n\n')
        world.run()
        self.assert_answered(client, 400)
        self.assertEqual(world.backends[1].connections, [])


class BudgetTests(Case):
    """An outage is not multiplied."""

    def test_everything_is_down(self) -> None:
        """A fifth more attempts than requests, and the floor of one window."""
        world = self.cluster(3, in_order=False)
        for backend in world.backends:
            backend.status = "503 No"
        clients = [world.ask(ASK) for _ in range(200)]
        attempts = sum(backend.requests for backend in world.backends)
        self.assertLessEqual(attempts, 1.2 * 200 + 10)
        self.assertGreater(attempts, 1.1 * 200)
        told = [b"x-should-retry" in self.assert_answered(client, 503) for client in clients]
        self.assertGreater(sum(told), 150)

    def test_clients_retries_earn_nothing(self) -> None:
        world = self.cluster(3)
        for backend in world.backends:
            backend.status = "503 No"
        again = post(ASK).replace(b"Host:", b"x-stainless-retry-count: 1\r\nHost:")
        for _ in range(100):
            world.client().send(again)
            world.run()
        self.assertEqual(sum(backend.requests for backend in world.backends), 110)

    def test_client_has_given_up(self) -> None:
        """It said for how long it waits."""
        world = self.cluster(2)
        client = world.client()
        client.send(post(ASK).replace(b"Host:", b"x-stainless-read-timeout: 3\r\nHost:"))
        world.run(3.5)
        world.backends[0].last.answer(b"{}", status="503 No")
        world.run()
        self.assert_answered(client, 503)
        self.assertEqual(world.backends[1].connections, [])


class LeavingTests(Case):
    """The client leaves; whoever is asked is told, and nothing is left."""

    def leave(self, client: Client) -> None:
        client.leave()
        self.world.run()
        self.assertTrue(self.world.at_rest, self.world.gateway.ledger)

    def test_while_the_second_is_connected_to(self) -> None:
        world = self.cluster()
        world.refuse(0)
        world.vanish(1)
        self.leave(world.ask(ASK))
        self.assertEqual(world.outcomes(), {"failed": 1, "abandoned": 1})

    def test_while_the_second_is_waited_for(self) -> None:
        world = self.cluster()
        world.refuse(0)
        self.leave(world.ask(ASK))
        self.assertIsNotNone(world.backends[1].last.closed)
        self.assertEqual(world.outcomes(), {"failed": 1, "abandoned": 1})

    def test_between_two_attempts(self) -> None:
        world = self.cluster(delay="1s")
        world.refuse(0)
        client = world.ask(ASK)
        self.assertTrue(world.gateway.ledger.outstanding()["request"])
        self.leave(client)
        world.run(3)
        self.assertEqual(world.backends[1].connections, [])
        self.assertEqual(world.outcomes(), {"failed": 1})

    def test_while_the_second_streams(self) -> None:
        world = self.cluster()
        world.refuse(0)
        client = world.ask(STREAM)
        world.backends[1].last.begin_stream()
        world.backends[1].last.chunk(EVENT)
        world.run()
        self.leave(client)
        self.assertIsNotNone(world.backends[1].last.closed)

    def test_gateway_stops_between_two_attempts(self) -> None:
        world = self.cluster(delay="1s")
        world.refuse(0)
        client = world.ask(ASK)
        world.gateway.listener._data_plane.cut()
        world.run(3)
        self.assert_answered(client, 503)
        self.assertEqual(world.backends[1].connections, [])


class FaultTests(Case):
    """Whatever goes wrong in the gateway itself, with an answer that has come: all is given back."""

    def broken(self, where: Any, name: str, status: str = "500 Bad", **given: Any) -> Client:
        """Ask while a method fails."""

        def fail(*arguments: Any, **more: Any) -> None:
            raise ZeroDivisionError

        self.patch(where, name, fail)
        world = self.cluster(**given)
        client = world.ask(ASK)
        world.backends[0].last.say(b"HTTP/1.1 %b\r\nContent-Length: 9\r\n\r\n{" % status.encode())
        world.run()
        self.assertEqual(len(self.flushLoggedErrors(ZeroDivisionError)), 1)
        self.assertTrue(world.at_rest, world.gateway.ledger)
        return client

    def test_behind_an_attempt(self) -> None:
        self.assert_answered(self.broken(Retry, "_wait"), 500)

    def test_with_an_attempt(self) -> None:
        self.assert_answered(self.broken(Pick, "_cool_down", "429 Too Many Requests"), 500)

    def test_among_hedges(self) -> None:
        """Nobody waits for ever for a race that nobody wins."""
        hedge = {"enabled": True}
        self.assert_answered(self.broken(HedgePolicy, "answered", "200 OK", hedge=hedge), 500)

    def test_before_the_client(self) -> None:
        self.assertIsNotNone(self.broken(Relay, "answer", "200 OK").closed)
