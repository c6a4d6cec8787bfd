"""Hedges, through a whole gateway: two backends are asked, one answers."""

from __future__ import annotations

from typing import Any

from tests.cluster import Cluster
from tests.fakes import Client
from tests.test_retrying import ASK, DONE, EVENT, STREAM, Case


class HedgeTests(Case):
    """The first backend takes its time, so after two seconds the second one is asked as well."""

    def hedging(self, number: int = 2, **given: Any) -> Cluster:
        hedge = {"enabled": True, "delay": "2s", "max-extra-load": 1}
        return self.cluster(number, hedge=hedge, **given)

    def ask(self, payload: dict[str, Any] = ASK) -> Client:
        """Ask, and wait until both are at it."""
        client = self.world.ask(payload)
        self.assertEqual(self.world.backends[1].connections, [])
        self.world.run(2.1)
        self.assertEqual(self.world.gateway.ledger.outstanding()["attempt"], 2)
        return client

    def test_second_is_faster(self) -> None:
        """The first one's connection is closed; that says nothing about it."""
        world = self.hedging()
        client = self.ask()
        world.backends[1].last.answer(b'{"second": 1}')
        world.run()
        headers = self.assert_answered(client, 200, b'{"second": 1}')
        self.assertEqual(headers[b"x-jairouter-instance"], b"backend-2")
        self.assertIsNotNone(world.backends[0].last.closed)
        self.assertEqual(world.outcomes(), {"abandoned": 1, "succeeded": 1})
        self.assertTrue(world.at_rest)

    def test_first_is_faster(self) -> None:
        world = self.hedging()
        client = self.ask()
        world.backends[0].last.answer(b'{"first": 1}')
        world.run()
        headers = self.assert_answered(client, 200, b'{"first": 1}')
        self.assertEqual(headers[b"x-jairouter-instance"], b"backend-1")
        self.assertIsNotNone(world.backends[1].last.closed)

    def test_both_at_once(self) -> None:
        """In the same turn of the reactor: one of the two, once."""
        world = self.hedging()
        client = self.ask()
        for backend in world.backends:
            backend.last.answer(b"{}")
        world.run()
        self.assert_answered(client, 200, b"{}")

    def test_streams(self) -> None:
        """The one whose first event is there; not a byte of the other."""
        world = self.hedging()
        client = self.ask(STREAM)
        first, second = (backend.last for backend in world.backends)
        first.begin_stream()
        second.begin_stream()
        second.chunk(EVENT)
        world.run()
        first.chunk(EVENT.replace(b"hello", b"other"))
        for piece in (DONE, b""):
            second.chunk(piece)
        world.run()
        self.assert_answered(client, 200)
        self.assertEqual((bytes(client.received).count(b"hello"), b"other" in client.received), (1, False))

    def test_winner_breaks_off(self) -> None:
        """The other one is gone by then; nobody is asked any more."""
        world = self.hedging(3)
        client = self.ask(STREAM)
        world.backends[1].last.begin_stream()
        world.backends[1].last.chunk(EVENT)
        world.run()
        world.backends[1].last.wire.abortConnection()
        world.run(5)
        self.assertIn(b"stream_interrupted", client.received)
        self.assertEqual(world.backends[2].connections, [])

    def test_one_fails(self) -> None:
        world = self.hedging(3)
        client = self.ask()
        world.backends[0].last.answer(b"{}", status="503 No")
        world.run()
        self.assertEqual(world.backends[2].connections, [], "the other one is waited for")
        world.backends[1].last.answer(b"{}")
        world.run()
        self.assert_answered(client, 200)
        self.assertEqual(world.outcomes(), {"failed": 1, "succeeded": 1})

    def test_both_fail(self) -> None:
        """Then Retry asks the third one."""
        world = self.hedging(3)
        client = self.ask()
        for backend in world.backends[:2]:
            backend.last.answer(b"{}", status="503 No")
            world.run()
        world.backends[2].last.answer(b"{}")
        world.run()
        headers = self.assert_answered(client, 200)
        self.assertEqual(headers[b"x-jairouter-attempts"], b"3")
        self.assertEqual(world.outcomes(), {"failed": 2, "succeeded": 1})

    def test_one_times_out(self) -> None:
        """Each has times of its own: the second one goes on, and answers after the first one's end."""
        world = self.hedging()
        client = self.ask()
        world.run(18.5)
        self.assertEqual(world.outcomes(), {})
        self.assertIsNotNone(world.backends[0].last.closed)
        self.assertIsNone(world.backends[1].last.closed)
        world.backends[1].last.answer(b"{}")
        world.run()
        self.assert_answered(client, 200)
        self.assertEqual(world.outcomes(), {"failed": 1, "succeeded": 1})

    def test_second_refuses(self) -> None:
        world = self.hedging()
        world.refuse(1)
        client = world.ask(ASK)
        world.run(3)
        world.backends[0].last.answer(b"{}")
        world.run()
        self.assert_answered(client, 200)
        self.assertEqual(world.outcomes(), {"failed": 1, "succeeded": 1})

    def test_client_leaves(self) -> None:
        world = self.hedging()
        self.ask().leave()
        world.run()
        self.assertTrue(world.at_rest, world.gateway.ledger)
        self.assertTrue(all(backend.last.closed for backend in world.backends))
        self.assertEqual(world.outcomes(), {"abandoned": 2})

    def test_client_leaves_while_the_second_is_connected_to(self) -> None:
        world = self.hedging()
        world.vanish(1)
        self.ask().leave()
        world.run()
        self.assertTrue(world.at_rest, world.gateway.ledger)

    def test_gateway_stops(self) -> None:
        world = self.hedging()
        client = self.ask()
        world.gateway.listener._data_plane.cut()
        world.run()
        self.assert_answered(client, 503)
        self.assertTrue(world.at_rest, world.gateway.ledger)

    def test_off_by_default(self) -> None:
        world = self.cluster()
        client = world.ask(ASK)
        world.run(10)
        self.assertEqual(world.backends[1].connections, [])
        client.leave()
