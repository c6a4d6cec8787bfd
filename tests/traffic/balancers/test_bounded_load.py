"""Tests for `jairouter.traffic.balancers.hashing`: where keys go when the instance they belong to is busy."""

from __future__ import annotations

import random
from math import ceil

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from jairouter.traffic.instance import Instance
from tests.fuzz.examples import examples
from tests.traffic.balancers.crowd import crowd, picked
from tests.traffic.balancers.test_hashing import hashing


class BoundedLoadTests(SynchronousTestCase):
    """Nobody has more than the factor times its share."""

    @examples(40)
    @given(
        st.lists(st.sampled_from([0, 1, 1, 2, 5]), min_size=2, max_size=6).filter(any),
        st.sampled_from([1.0, 1.25, 2.0]),
        st.integers(1, 20),
        st.integers(0, 2**32),
    )
    def test_holds(self, weights: list[int], factor: float, keys: int, seed: int) -> None:
        """Whatever the keys, all of them equal too, and whatever comes to an end when."""
        chance = random.Random(seed)
        balancer, candidates = hashing(places=20, factor=factor), crowd(*weights)
        under_way: list[Instance] = []
        for _ in range(80):
            pick = picked(balancer, candidates, b"%d" % chance.randrange(keys))
            under_way.append(pick)
            pick.live.in_flight += 1
            most = ceil(factor * len(under_way) * pick.weight / sum(weights) - 1e-9)
            self.assertLessEqual(pick.live.in_flight, most)
            if len(under_way) > chance.randrange(60):
                under_way.pop(chance.randrange(len(under_way))).live.in_flight -= 1

    def test_the_next_one(self) -> None:
        """What one has no room for goes to the same next one, as long as that has."""
        balancer, candidates = hashing(), crowd(1, 1, 1, 1)
        home = picked(balancer, candidates, b"k")
        home.live.in_flight = 3
        elsewhere = {picked(balancer, candidates, b"k") for _ in range(10)}
        self.assertEqual(len(elsewhere), 1)
        self.assertNotIn(home, elsewhere)
        others = [each for each in candidates if each is not home]
        self.assertEqual(elsewhere, {picked(balancer, others, b"k")})

    def test_room_enough(self) -> None:
        """The home stays the home while all are as busy."""
        balancer, candidates = hashing(), crowd(1, 1, 1)
        home = picked(balancer, candidates, b"k")
        for each in candidates:
            each.live.in_flight = 10
        self.assertIs(picked(balancer, candidates, b"k"), home)

    def test_who_is_away_does_not_count(self) -> None:
        """What is under way at an instance that is no candidate leaves no more room at the others."""
        balancer, candidates = hashing(), crowd(1, 1, 1)
        home = picked(balancer, candidates, b"k")
        away = candidates[0] if candidates[0] is not home else candidates[1]
        present = [each for each in candidates if each is not away]
        away.live.in_flight = 100
        home.live.in_flight = 4
        self.assertIsNot(picked(balancer, present, b"k"), home)

    def test_a_slow_start(self) -> None:
        """It has less room, as it has less of a share."""
        balancer, candidates = hashing(factor=1.0), crowd(1, 1)
        candidates[0].live.share = 0.1
        for number in range(110):
            picked(balancer, candidates, b"%d" % number).live.in_flight += 1
        self.assertLessEqual(candidates[0].live.in_flight, 11)

    def test_all_start_slowly(self) -> None:
        """With few places, perhaps none of them counts yet; somebody gets the request all the same."""
        candidates = crowd(1, 1)
        for each in candidates:
            each.live.share = 1e-6
        picked(hashing(places=1), candidates, b"k")
