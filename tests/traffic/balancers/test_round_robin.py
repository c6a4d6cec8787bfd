"""Tests for `jairouter.traffic.balancers.round_robin`."""

from __future__ import annotations

import random

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase
from zope.interface.verify import verifyObject

from jairouter.interfaces import IBalancer
from jairouter.traffic.balancers.round_robin import RoundRobinBalancer
from tests.fuzz.examples import examples
from tests.traffic.balancers.crowd import crowd, letters, nobody, picked, shares

WEIGHTS = st.lists(st.sampled_from([0, 1, 1, 2, 3, 10, 1000]), min_size=1, max_size=8).filter(any)


class RoundRobinTests(SynchronousTestCase):
    """Smooth weighted round-robin."""

    def test_interface(self) -> None:
        verifyObject(IBalancer, RoundRobinBalancer())

    def test_order(self) -> None:
        """The orders that nginx's own description gives, and what DESIGN asks for."""
        for weights, order in (
            ((3, 1), "AABAAABA"),
            ((5, 1, 1), "AABACAAAABACAA"),
            ((1, 1, 1), "ABCABC"),
            ((2, 3), "BABABBABAB"),
            ((0, 1), "BB"),
        ):
            self.assertEqual(letters(RoundRobinBalancer(), crowd(*weights), len(order)), order, weights)

    def test_nobody(self) -> None:
        self.assertTrue(nobody(RoundRobinBalancer()))

    @examples(40)
    @given(WEIGHTS)
    def test_shares_follow_weights(self, weights: list[int]) -> None:
        """At no time is anybody two picks away from what is due."""
        candidates = crowd(*weights)
        balancer = RoundRobinBalancer()
        counts = dict.fromkeys(range(len(weights)), 0)
        for number in range(1, 200):
            counts[candidates.index(picked(balancer, candidates))] += 1
            for index, weight in enumerate(weights):
                self.assertLess(abs(counts[index] - number * weight / sum(weights)), 2)

    @examples(40)
    @given(st.lists(st.sampled_from([1, 2, 10, 1000]), min_size=3, max_size=8), st.integers(0, 2**32))
    def test_no_burst(self, weights: list[int], seed: int) -> None:
        """However candidates came and went before, nobody is then two picks away from what is due."""
        chance = random.Random(seed)
        candidates = crowd(*weights)
        balancer = RoundRobinBalancer()
        for _ in range(100):
            picked(balancer, chance.sample(candidates, chance.randint(1, len(candidates))))
        present = chance.sample(candidates, chance.randint(2, len(candidates)))
        total = sum(each.weight for each in present)
        counts = dict.fromkeys(present, 0)
        for number in range(1, 60):
            counts[picked(balancer, present)] += 1
            for each, count in counts.items():
                self.assertLess(abs(count - number * each.weight / total), 2.5)

    def test_no_burst_after_a_heavy_one(self) -> None:
        """Two of weight 1 take turns at once when the one of weight 1000 has gone."""
        candidates = crowd(1000, 1, 1)
        balancer = RoundRobinBalancer()
        while picked(balancer, candidates) is not candidates[1]:
            pass
        self.assertIn(letters(balancer, candidates[1:], 6), ("BABABA", "BBABAB"))

    def test_a_newcomer(self) -> None:
        """Who comes later is neither behind nor ahead."""
        candidates = crowd(1, 1, 1)
        balancer = RoundRobinBalancer()
        letters(balancer, candidates[:2], 1001)
        counts = shares(picked(balancer, candidates) for _ in range(6))
        self.assertEqual(set(counts.values()), {2})

    def test_many_newcomers(self) -> None:
        """Ten seats, one of them taken by another as soon as it was picked: that never waits longer."""
        stay, balancer = crowd(*[1] * 9), RoundRobinBalancer()
        waits = []
        for number in range(100):
            (newcomer,) = crowd(1, name=str(number))
            waits.append(1)
            while picked(balancer, [*stay, newcomer]) is not newcomer:
                waits[-1] += 1
        self.assertLessEqual(max(waits), 11, waits)

    def test_a_slow_start(self) -> None:
        """A tenth of its share gives a tenth of the picks."""
        candidates = crowd(1, 1)
        candidates[0].live.share = 0.1
        self.assertEqual(letters(RoundRobinBalancer(), candidates, 110).count("A"), 10)

    def test_models_do_not_disturb_each_other(self) -> None:
        """One balancer serves all models of a service."""
        balancer = RoundRobinBalancer()
        one, two = crowd(1, 1, name="one"), crowd(1, 1, name="two")
        mixed = [(letters(balancer, one, 1), letters(balancer, two, 1)) for _ in range(4)]
        self.assertEqual(mixed, [("A", "A"), ("B", "B")] * 2)
