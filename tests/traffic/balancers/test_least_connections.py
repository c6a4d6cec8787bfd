"""Tests for `jairouter.traffic.balancers.least_connections`."""

from __future__ import annotations

import random

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase
from zope.interface.verify import verifyObject

from jairouter.interfaces import IBalancer
from jairouter.traffic.balancers.least_connections import LeastConnectionsBalancer
from tests.fuzz.examples import examples
from tests.traffic.balancers.crowd import crowd, letters, nobody, picked


class LeastConnectionsTests(SynchronousTestCase):
    """The least under way for the weight."""

    def setUp(self) -> None:
        self.balancer = LeastConnectionsBalancer()

    def test_interface(self) -> None:
        verifyObject(IBalancer, self.balancer)

    def test_nobody(self) -> None:
        self.assertTrue(nobody(self.balancer))

    def test_least(self) -> None:
        candidates = crowd(1, 1, 1)
        for each, under_way in zip(candidates, (2, 1, 3), strict=True):
            each.live.in_flight = under_way
        self.assertEqual(letters(self.balancer, candidates, 5), "BBBBB")

    def test_weight(self) -> None:
        """Five at weight 3 are less than two at weight 1, and seven are more."""
        candidates = crowd(3, 1)
        candidates[1].live.in_flight = 2
        for under_way, letter in ((5, "A"), (7, "B")):
            candidates[0].live.in_flight = under_way
            self.assertEqual(letters(self.balancer, candidates, 1), letter)

    def test_equals_take_turns(self) -> None:
        """One request after the other, as at night, goes not always to the first; weights count then too."""
        self.assertEqual(letters(self.balancer, crowd(1, 1, 1), 6), "ABCABC")
        self.assertEqual(letters(self.balancer, crowd(3, 1), 8), "AABAAABA")

    def test_equals_among_others(self) -> None:
        candidates = crowd(1, 1, 1)
        candidates[1].live.in_flight = 1
        self.assertEqual(letters(self.balancer, candidates, 4), "ACAC")

    def test_drained(self) -> None:
        """Who has nothing under way because it gets nothing, gets nothing."""
        candidates = crowd(0, 1)
        candidates[1].live.in_flight = 50
        self.assertEqual(letters(self.balancer, candidates, 3), "BBB")

    def test_a_slow_start(self) -> None:
        """A tenth of the share carries a tenth of what is under way."""
        candidates = crowd(1, 1)
        candidates[0].live.share = 0.1
        for _ in range(110):
            picked(self.balancer, candidates).live.in_flight += 1
        self.assertIn(candidates[0].live.in_flight, (10, 11))

    @examples(30)
    @given(
        st.lists(st.sampled_from([0, 1, 2, 3, 10]), min_size=1, max_size=6).filter(any),
        st.integers(0, 2**32),
    )
    def test_shares_follow_weights(self, weights: list[int], seed: int) -> None:
        """However long each request takes, what is under way is shared out to within one for each."""
        chance = random.Random(seed)
        candidates = crowd(*weights)
        under_way = []
        for _ in range(200):
            pick = picked(self.balancer, candidates)
            pick.live.in_flight += 1
            under_way.append(pick)
            if len(under_way) > 60:
                under_way.pop(chance.randrange(len(under_way))).live.in_flight -= 1
        for _ in range(1000):  # nobody is ready any more
            picked(self.balancer, candidates).live.in_flight += 1
        for each in candidates:
            due = 1060 * each.weight / sum(weights)
            self.assertLess(abs(each.live.in_flight - due), len(weights))
