"""Tests for `jairouter.traffic.limiters.concurrency`."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase
from zope.interface.verify import verifyObject

from jairouter.interfaces import ILimiter, Quota
from jairouter.traffic.limiters.concurrency import Concurrency
from jairouter.traffic.limiters.token_bucket import TokenBucket
from tests.fuzz.examples import examples
from tests.traffic.limiters.arrivals import send


class ConcurrencyTests(SynchronousTestCase):
    """So many at a time."""

    def setUp(self) -> None:
        self.limiter = Concurrency(2, 0.0)

    def test_interface(self) -> None:
        verifyObject(ILimiter, self.limiter)

    @examples(20)
    @given(st.lists(st.booleans(), max_size=60), st.integers(1, 5))
    def test_bound(self, comings: list[bool], capacity: int) -> None:
        """Requests come and go in any order: never too many under way, and none refused without need."""
        limiter, under_way = Concurrency(capacity, 0.0), 0
        for comes in comings:
            if comes:
                passed = len(send(limiter, [0.0]))
                self.assertEqual(passed, under_way < capacity)
                under_way += passed
            elif under_way:
                limiter.give_back(0.0, 0.0)
                under_way -= 1
            self.assertEqual((limiter.lent, limiter.quota(0.0).remaining), (under_way, capacity - under_way))

    def test_refused(self) -> None:
        """Time does not help, but nobody can know how long it takes."""
        send(self.limiter, [0.0, 0.0])
        self.assertEqual((self.limiter.refusal(0.0), self.limiter.refusal(1e6)), (1.0, 1.0))

    def test_quota(self) -> None:
        self.assertEqual(self.limiter.quota(0.0), Quota(2, 2, 0.0))
        send(self.limiter, [0.0])
        self.assertEqual(self.limiter.quota(0.0), Quota(2, 1, 1.0))

    def test_carry_over(self) -> None:
        """What is under way counts under the new limit, and comes back though the old one is told."""
        send(self.limiter, [0.0, 0.0])
        smaller = Concurrency(1, 1.0)
        smaller.carry_over(self.limiter, 1.0)
        self.assertEqual((smaller.lent, smaller.quota(1.0).remaining), (2, 0))
        self.limiter.give_back(1.0, 0.0)
        self.assertTrue(smaller.refusal(1.0))
        self.limiter.give_back(1.0, 0.0)
        self.assertFalse(smaller.refusal(1.0))

    def test_carry_over_of_another(self) -> None:
        self.limiter.carry_over(TokenBucket(1.0, 1.0, 0.0), 1.0)
        self.assertEqual(self.limiter.quota(1.0).remaining, 2)
