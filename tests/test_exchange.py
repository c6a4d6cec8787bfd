"""What travels through the pipeline."""

from __future__ import annotations

import dataclasses

from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from jairouter.codec.sse_watch import Dialect
from jairouter.exchange import Attempt, BodyKind, Exchange, Phase, Request, Route
from jairouter.request_body.held import HeldBody
from jairouter.traffic.instance import Instance

ROUTE = Route("/chat/completions", "chat", BodyKind.JSON, Dialect.CHAT)


class AttemptTests(SynchronousTestCase):
    """One try at one instance."""

    def setUp(self) -> None:
        self.clock = Clock()
        self.attempt = Attempt(Instance("chat", "m", "http://10.0.0.1"), self.clock.seconds)

    def test_at_first(self) -> None:
        self.assertEqual((self.attempt.phase, self.attempt.since), (Phase.QUEUED, 0.0))
        self.assertEqual((self.attempt.status, self.attempt.outcome), (0, None))

    def test_enter(self) -> None:
        self.clock.advance(3)
        self.attempt.enter(Phase.SENDING)
        self.assertEqual((self.attempt.phase, self.attempt.since), (Phase.SENDING, 3))

    def test_progress_is_no_change_of_phase(self) -> None:
        phases: list[Phase] = []
        self.attempt.watch(lambda: phases.append(self.attempt.phase))
        self.clock.advance(3)
        self.attempt.progress()
        self.assertEqual((self.attempt.since, phases), (3, []))

    def test_watcher_sees_the_new_phase(self) -> None:
        seen: list[tuple[Phase, float]] = []
        self.attempt.watch(lambda: seen.append((self.attempt.phase, self.attempt.since)))
        self.clock.advance(2)
        self.attempt.enter(Phase.WAITING)
        self.assertEqual(seen, [(Phase.WAITING, 2)])


class ExchangeTests(SynchronousTestCase):
    """A request and what is found out about it."""

    def setUp(self) -> None:
        self.request = Request("id", ROUTE, b"", (), b"application/json", HeldBody(b"{}"), "10.9.9.9")

    def test_body_is_the_clients_until_it_is_replaced(self) -> None:
        exchange = Exchange(self.request, 0.0)
        self.assertIs(exchange.body, self.request.body)
        exchange.body = HeldBody(b"other")
        self.assertEqual(self.request.body.data, b"{}")

    def test_attempt_under_way(self) -> None:
        exchange = Exchange(self.request, 0.0)
        self.assertRaises(IndexError, lambda: exchange.attempt)
        attempts = [Attempt(Instance("chat", "m", "http://10.0.0.1"), lambda: 0.0) for _ in range(2)]
        exchange.attempts += attempts
        self.assertIs(exchange.attempt, attempts[1])

    def test_attempts_are_not_shared(self) -> None:
        Exchange(self.request, 0.0).attempts.append(Attempt(Instance("c", "m", "http://h"), lambda: 0.0))
        self.assertEqual(Exchange(self.request, 0.0).attempts, [])

    def test_request_is_frozen(self) -> None:
        with self.assertRaises(dataclasses.FrozenInstanceError):
            self.request.id = "other"  # type: ignore[misc]

    def test_path(self) -> None:
        self.assertEqual(ROUTE.path, "/v1/chat/completions")
