"""Tests for `jairouter.filters.pick`."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from twisted.internet.defer import CancelledError
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase
from zope.interface import implementer
from zope.interface.verify import verifyObject

from jairouter.body import AnswerBody
from jairouter.errors import (
    BadRequest,
    ClientGone,
    GatewayError,
    InternalError,
    NoHealthyUpstream,
    PoolExhausted,
    RequestTimeout,
    ShuttingDown,
    StreamCut,
    UpstreamError,
    UpstreamRefusal,
    UpstreamTimeout,
)
from jairouter.exchange import Outcome
from jairouter.filters.pick import Pick
from jairouter.interfaces import Affinity, IBalancer, IResponder
from jairouter.traffic.instance import Instance
from jairouter.traffic.permits import Ledger
from tests.filters.inner import Inner, Sink, exchange, group, instance, run


@implementer(IBalancer)
class First:
    """Picks the first; notes what it was asked."""

    affinity = Affinity.NONE

    def __init__(self) -> None:
        self.asked: list[tuple[Instance, ...]] = []

    def pick(self, candidates: Sequence[Instance], key: bytes) -> Instance | None:
        self.asked.append(tuple(candidates))
        return candidates[0] if candidates else None


def calm() -> Instance:
    """An instance of which nothing is to be asked."""
    made = instance()
    made.live.suspect = False
    return made


class PickTests(SynchronousTestCase):
    """One instance per attempt, held until the last byte, given back exactly once."""

    def setUp(self) -> None:
        self.inner, self.balancer, self.ledger = Inner(), First(), Ledger()
        self.clock = Clock()
        self.clock.advance(7)
        self.pick = Pick(self.inner, self.ledger, self.clock)
        self.instance = calm()
        self.exchange = exchange()
        self.exchange.group = group(self.instance, calm(), balancer=self.balancer)
        self.work = run(self.pick, self.exchange)

    def assert_settled(self, outcome: Outcome) -> None:
        self.assertEqual(self.exchange.attempt.outcome, outcome)
        self.assertTrue(self.ledger.at_rest, self.ledger)
        self.assertEqual(self.instance.in_flight, 0)

    def assert_held(self) -> None:
        self.assertEqual((self.instance.in_flight, self.ledger.outstanding()["attempt"]), (1, 1))
        self.assertIsNone(self.exchange.attempt.outcome)

    def test_interfaces(self) -> None:
        verifyObject(IResponder, self.pick)
        verifyObject(IBalancer, self.balancer)

    def test_picked_once(self) -> None:
        """The balancer is asked once, and the attempt goes to whom it named."""
        assert self.exchange.group is not None
        self.assertEqual(self.balancer.asked, [self.exchange.group.instances])
        [attempt] = self.exchange.attempts
        self.assertEqual((attempt.instance, attempt.since, attempt.candidates), (self.instance, 7.0, 2))
        self.assert_held()

    def test_nobody(self) -> None:
        empty = exchange()
        error = self.failureResultOf(run(self.pick, empty), NoHealthyUpstream).value
        assert isinstance(error, NoHealthyUpstream)
        self.assertIsNotNone(error.retry_after)
        self.assertEqual((empty.attempts, self.ledger.outstanding()["attempt"]), ([], 1))

    def test_held_until_the_last_byte(self) -> None:
        body = self.answer(200)
        body.deliver(Sink())
        body.chunk(b"some")
        self.assert_held()
        body.end()
        self.assert_settled(Outcome.SUCCEEDED)

    def answer(self, status: int) -> AnswerBody:
        self.exchange.attempt.status = status
        body = self.inner.answer(status=status)
        self.successResultOf(self.work)
        return body

    def test_complete_answers(self) -> None:
        """By the status of the backend."""
        for status, outcome in (
            (200, Outcome.SUCCEEDED),
            (204, Outcome.SUCCEEDED),
            (400, Outcome.NEUTRAL),
            (401, Outcome.NEUTRAL),
            (404, Outcome.NEUTRAL),
            (429, Outcome.THROTTLED),
            (500, Outcome.FAILED),
            (503, Outcome.FAILED),
        ):
            self.setUp()
            body = self.answer(status)
            body.deliver(Sink())
            body.end()
            self.assert_settled(outcome)

    def test_incomplete_answers(self) -> None:
        """By what kept it from being complete."""
        ends: tuple[tuple[Callable[[AnswerBody], None], Outcome], ...] = (
            (lambda body: body.broke(StreamCut("cut")), Outcome.FAILED),
            (lambda body: body.end(told=UpstreamRefusal("full", status=429)), Outcome.THROTTLED),
            (lambda body: body.cut(UpstreamTimeout("late")), Outcome.FAILED),
            (lambda body: body.cut(ShuttingDown("stopping")), Outcome.ABANDONED),
            (lambda body: body.cut(RequestTimeout("not read")), Outcome.NEUTRAL),
            (AnswerBody.abandon, Outcome.ABANDONED),
        )
        for end, outcome in ends:
            self.setUp()
            body = self.answer(200)
            body.deliver(Sink())
            end(body)
            self.assert_settled(outcome)

    def test_given_up_before_it_is_delivered(self) -> None:
        self.answer(200).abandon()
        self.assert_settled(Outcome.ABANDONED)

    def test_errors(self) -> None:
        """Without an answer, by the error; it is passed on."""
        errors: tuple[tuple[GatewayError, Outcome], ...] = (
            (UpstreamError("refused"), Outcome.FAILED),
            (UpstreamTimeout("late"), Outcome.FAILED),
            (UpstreamRefusal("full", status=429), Outcome.THROTTLED),
            (UpstreamRefusal("too long", status=400), Outcome.NEUTRAL),
            (PoolExhausted("busy"), Outcome.NEUTRAL),
            (InternalError("ours"), Outcome.NEUTRAL),
            (BadRequest("yours"), Outcome.NEUTRAL),
            (ClientGone("gone"), Outcome.ABANDONED),
            (ShuttingDown("stopping"), Outcome.ABANDONED),
        )
        for error, outcome in errors:
            self.setUp()
            self.inner.fail(error)
            self.failureResultOf(self.work, type(error))
            self.assert_settled(outcome)

    def test_client_left(self) -> None:
        self.work.cancel()
        self.failureResultOf(self.work, CancelledError)
        self.assertEqual(self.inner.cancelled, 1)
        self.assert_settled(Outcome.ABANDONED)

    def test_fault(self) -> None:
        """What nobody foresaw says nothing about the instance."""
        self.inner.fail(RuntimeError("broken"))
        self.failureResultOf(self.work, RuntimeError)
        self.assert_settled(Outcome.NEUTRAL)

    def test_thrown_away(self) -> None:
        """The coroutine is closed where it waits."""
        self.exchange = exchange(None, "m", self.instance)
        self.work.cancel()
        self.failureResultOf(self.work)
        coroutine = self.pick.respond(self.exchange)
        coroutine.send(None)
        self.assert_held()
        coroutine.close()
        self.assert_settled(Outcome.NEUTRAL)
