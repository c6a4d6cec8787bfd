"""Tests for `jairouter.traffic.balancers.random`."""

from __future__ import annotations

import random

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase
from zope.interface.verify import verifyClass, verifyObject

from jairouter.interfaces import IBalancer
from jairouter.traffic.balancers.random import RandomBalancer
from jairouter.traffic.instance import Instance
from tests.codec.properties import PROPERTY

SAMPLES = 2000


class Fixed(random.Random):
    """Always the same number."""

    def __init__(self, number: float) -> None:
        super().__init__()
        self.number = number

    def random(self) -> float:
        return self.number


def instances(*weights: int) -> list[Instance]:
    """One instance of each weight."""
    return [Instance("chat", "m", f"http://10.0.0.{n}", weight=weight) for n, weight in enumerate(weights)]


def picked(number: float, *weights: int) -> int | None:
    """Which one is picked when chance gives `number`."""
    candidates = instances(*weights)
    pick = RandomBalancer(Fixed(number)).pick(candidates, b"")
    return None if pick is None else candidates.index(pick)


class RandomBalancerTests(SynchronousTestCase):
    """Weighted random choice."""

    def test_interface(self) -> None:
        verifyClass(IBalancer, RandomBalancer)
        verifyObject(IBalancer, RandomBalancer(random.Random(0)))

    @settings(PROPERTY, max_examples=30)
    @given(st.lists(st.integers(0, 100), min_size=1, max_size=8).filter(any), st.integers(0))
    def test_shares_follow_weights(self, weights: list[int], seed: int) -> None:
        """Each share is within five standard deviations of what its weight promises."""
        balancer = RandomBalancer(random.Random(seed))
        candidates = instances(*weights)
        counts = dict.fromkeys(map(id, candidates), 0)
        for _ in range(SAMPLES):
            pick = balancer.pick(candidates, b"")
            assert pick is not None
            counts[id(pick)] += 1
        for candidate in candidates:
            share = candidate.weight / sum(weights)
            deviation = (SAMPLES * share * (1 - share)) ** 0.5
            self.assertLessEqual(abs(counts[id(candidate)] - SAMPLES * share), 5 * deviation + 1e-9)

    def test_edges(self) -> None:
        """Weights 3 and 1: the first has the first three quarters."""
        self.assertEqual([picked(n, 3, 1) for n in (0.0, 0.7499, 0.75, 0.9999)], [0, 0, 1, 1])

    @PROPERTY
    @given(st.lists(st.integers(0, 10**6), max_size=6), st.floats(0, 1, exclude_max=True))
    def test_weight_zero_never(self, weights: list[int], number: float) -> None:
        """Whatever chance gives, also where it is as close to 1 as can be."""
        for chance in (number, 0.0, 1 - 2**-53):
            index = picked(chance, *weights)
            if any(weights):
                assert index is not None
                self.assertGreater(weights[index], 0)
            else:
                self.assertIsNone(index)

    def test_nobody(self) -> None:
        self.assertIsNone(picked(0.5))
        self.assertIsNone(picked(0.5, 0, 0))

    def test_repeatable(self) -> None:
        """The same seed makes the same choices."""
        candidates = instances(1, 2, 3)
        one, two = (RandomBalancer(random.Random(7)) for _ in range(2))
        choices = [[balancer.pick(candidates, b"") for _ in range(50)] for balancer in (one, two)]
        self.assertEqual(choices[0], choices[1])
