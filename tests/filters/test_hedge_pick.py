"""Tests for `jairouter.filters.hedge` around the real Pick: two attempts at a time must not be mixed up."""

from __future__ import annotations

from twisted.internet.defer import CancelledError
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase
from zope.interface import implementer
from zope.interface.verify import verifyObject

from jairouter.body import AnswerBody
from jairouter.exchange import Outcome
from jairouter.filters.hedge import Hedge
from jairouter.filters.pick import Pick
from jairouter.interfaces import ILimiter, Quota
from jairouter.traffic.instance import Instance
from jairouter.traffic.permits import Ledger
from tests.filters.attempting import hedge_policy, retry_policy
from tests.filters.inner import Inner, exchange, instance, run


@implementer(ILimiter)
class Shaping:
    """Lets everybody wait for so many seconds.

    Attributes:
        lent: How many places are taken.
    """

    lends = True
    since = 0.0

    def __init__(self, wait: float) -> None:
        self._wait = wait
        self.lent = 0

    def refusal(self, now: float) -> float:
        return 0.0

    def foretell(self, now: float) -> float:
        return 0.0

    def take(self, now: float) -> float:
        self.lent += 1
        return self._wait

    def give_back(self, now: float, turn: float) -> None:
        self.lent -= 1

    def quota(self, now: float) -> Quota:
        return Quota(1, 1, 0.0)

    def carry_over(self, old: ILimiter, now: float) -> None:
        pass


class MixedUpTests(SynchronousTestCase):
    """The first attempt waits for its turn under a limit for 5 s; after 2 s the hedge goes past it."""

    def setUp(self) -> None:
        self.clock, self.inner, self.ledger = Clock(), Inner(), Ledger()
        self.limiter = Shaping(5.0)
        self.slow, self.quick = instance(priority=0), instance(priority=1)
        self.slow.live.limiter = self.limiter
        self.asked: list[Instance] = []
        self.inner.on_respond = lambda exchange: self.asked.append(exchange.attempt.instance)
        hedge = Hedge(
            Pick(self.inner, self.ledger, self.clock), self.clock, {"chat": hedge_policy(retry_policy())}
        )
        self.exchange = exchange(None, "m", self.slow, self.quick)
        self.work = run(hedge, self.exchange)
        self.clock.advance(2)
        self.assertEqual((self.asked, self.limiter.lent), ([self.quick], 1))

    def tearDown(self) -> None:
        self.assertEqual(self.clock.getDelayedCalls(), [])
        self.assertEqual((self.limiter.lent, self.slow.in_flight, self.quick.in_flight), (0, 0, 0))
        self.assertTrue(self.ledger.at_rest, self.ledger)

    def outcomes(self) -> dict[Instance, Outcome | None]:
        return {attempt.instance: attempt.outcome for attempt in self.exchange.attempts}

    def test_interface(self) -> None:
        verifyObject(ILimiter, self.limiter)
        self.work.cancel()
        self.failureResultOf(self.work, CancelledError)

    def test_hedge_answers(self) -> None:
        """The first one is taken out of its wait."""
        self.exchange.attempt.status = 200
        body = self.inner.answer(AnswerBody.of(b"{}"))
        self.successResultOf(self.work)
        body.take()
        self.assertEqual(self.outcomes(), {self.slow: Outcome.ABANDONED, self.quick: Outcome.SUCCEEDED})
        self.assertEqual([attempt.hedge for attempt in self.exchange.attempts], [False, True])

    def test_first_goes_on(self) -> None:
        """What is inside of Pick finds the attempt that it is run for."""
        self.clock.advance(3)
        self.assertEqual(self.asked, [self.quick, self.slow])
        self.exchange.attempt.status = 200
        self.inner._works.pop(0)
        body = self.inner.answer(AnswerBody.of(b"{}"))
        self.successResultOf(self.work)
        body.take()
        self.assertEqual(self.outcomes(), {self.slow: Outcome.SUCCEEDED, self.quick: Outcome.ABANDONED})
        self.assertIs(self.exchange.attempt.instance, self.slow)

    def test_client_leaves(self) -> None:
        self.work.cancel()
        self.failureResultOf(self.work, CancelledError)
        self.assertEqual(set(self.outcomes().values()), {Outcome.ABANDONED})
