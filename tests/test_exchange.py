"""What travels through the pipeline."""

from __future__ import annotations

import dataclasses

from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from jairouter.body import AnswerBody
from jairouter.codec.sse_watch import Dialect
from jairouter.exchange import Answer, Attempt, BodyKind, Exchange, Phase, Request, Route
from jairouter.request_body.held import HeldBody
from jairouter.traffic.instance import Instance
from tests.filters.inner import request

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
        self.attempt.enter(Phase.RECEIVING)
        self.clock.advance(3)
        self.attempt.progress()
        self.assertEqual((self.attempt.phase, self.attempt.since), (Phase.RECEIVING, 3))

    def test_sent_when_it_waits(self) -> None:
        """Neither before nor anew by what comes back."""
        for phase, sent in (
            (Phase.CONNECTING, 0),
            (Phase.SENDING, 0),
            (Phase.WAITING, 3),
            (Phase.RECEIVING, 3),
            (Phase.BLOCKED, 3),
        ):
            self.clock.advance(1)
            self.attempt.enter(phase)
            self.attempt.progress()
            self.assertEqual((self.attempt.since, self.attempt.sent), (self.clock.seconds(), sent))

    def test_sent_when_the_answer_comes_first(self) -> None:
        """What is left of the request is not sent then; nor does it count from the answer's later bytes."""
        for phase, sent in (
            (Phase.SENDING, 0),
            (Phase.SENDING, 0),
            (Phase.RECEIVING, 3),
            (Phase.RECEIVING, 3),
            (Phase.BLOCKED, 3),
            (Phase.RECEIVING, 3),
        ):
            self.clock.advance(1)
            self.attempt.enter(phase)
            self.attempt.progress()
            self.assertEqual((self.attempt.since, self.attempt.sent), (self.clock.seconds(), sent))


class ExchangeTests(SynchronousTestCase):
    """A request and what is found out about it."""

    def setUp(self) -> None:
        self.request = Request("id", ROUTE, b"", (), b"application/json", HeldBody(b"{}"), "10.9.9.9")

    def test_body_is_the_clients_until_it_is_replaced(self) -> None:
        exchange = Exchange(self.request, 0.0)
        self.assertIs(exchange.body, self.request.body)
        exchange.body = HeldBody(b"other")
        self.assertEqual(self.request.body.data, b"{}")

    def test_turn_to(self) -> None:
        """Of attempts at a time, the one that goes on counts; none is lost or there twice."""
        exchange = Exchange(self.request, 0.0)
        instance = Instance("chat", "m", "http://10.0.0.1:9000")
        one, two, three = exchange.attempts[:] = [Attempt(instance, lambda: 0.0) for _ in range(3)]
        exchange.turn_to(three)
        self.assertEqual(exchange.attempts, [one, two, three])
        exchange.turn_to(one)
        self.assertEqual(exchange.attempts, [two, three, one])
        self.assertIs(exchange.attempt, one)

    def test_attempt_under_way(self) -> None:
        exchange = Exchange(self.request, 0.0)
        self.assertRaises(IndexError, lambda: exchange.attempt)
        attempts = [Attempt(Instance("chat", "m", "http://10.0.0.1"), lambda: 0.0) for _ in range(2)]
        exchange.attempts += attempts
        self.assertIs(exchange.attempt, attempts[1])

    def test_attempts_are_not_shared(self) -> None:
        Exchange(self.request, 0.0).attempts.append(Attempt(Instance("c", "m", "http://h"), lambda: 0.0))
        self.assertEqual(Exchange(self.request, 0.0).attempts, [])

    def test_other_headers(self) -> None:
        """Nothing else changes."""
        before = request()._replace(fields={b"a": b"b"}, client_ip="10.0.0.9", retry_count=b"2")
        other = ((b"A", b"1"),)
        after = before.with_headers(other)
        self.assertEqual((type(after), after), (Request, before._replace(headers=other)))

    def test_request_is_frozen(self) -> None:
        with self.assertRaises(AttributeError):
            self.request.id = "other"  # type: ignore[misc]


class AnswerTests(SynchronousTestCase):
    """What goes back."""

    def test_usual(self) -> None:
        """No event stream, and of a length that is not known."""
        answer = Answer(200, (), AnswerBody.of(b""))
        self.assertEqual((answer.event_stream, answer.length), (False, None))

    def test_answer_is_frozen(self) -> None:
        with self.assertRaises(AttributeError):
            Answer(200, (), AnswerBody.of(b"")).status = 404  # type: ignore[misc]


class RouteTests(SynchronousTestCase):
    """One operation of the data plane."""

    def test_path(self) -> None:
        self.assertEqual(ROUTE.path, "/v1/chat/completions")

    def test_is_frozen(self) -> None:
        with self.assertRaises(dataclasses.FrozenInstanceError):
            ROUTE.path = "/v2"  # type: ignore[misc]


class CallerTests(SynchronousTestCase):
    """Who is asking."""

    def caller(self, *headers: tuple[bytes, bytes], client_ip: str = "192.0.2.1") -> bytes:
        return Exchange(request(headers=headers)._replace(client_ip=client_ip), 0.0).caller

    def test_by_key(self) -> None:
        keys = (
            (b"Authorization", b"Bearer a"),
            (b"authorization", b"Bearer b"),
            (b"X-API-Key", b"a"),
            (b"Jairouter_Token", b"b"),
        )
        self.assertEqual(len({self.caller(each) for each in keys}), len(keys))
        self.assertEqual(self.caller(keys[0]), self.caller(keys[0], client_ip="192.0.2.2"))

    def test_without_a_key_by_address(self) -> None:
        self.assertNotEqual(self.caller(), self.caller(client_ip="192.0.2.2"))

    def test_another_key_beside_it_changes_nothing(self) -> None:
        key = (b"Authorization", b"Bearer a")
        self.assertEqual(self.caller(key), self.caller((b"api-key", b"made up"), key))

    def test_no_key_is_kept(self) -> None:
        self.assertNotIn(b"s3cret", self.caller((b"x-api-key", b"s3cret")))
