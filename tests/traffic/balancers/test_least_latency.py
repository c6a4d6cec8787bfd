"""Tests for `jairouter.traffic.balancers.least_latency`."""

from __future__ import annotations

import heapq
import random
from collections import Counter
from itertools import count

from twisted.trial.unittest import SynchronousTestCase
from zope.interface.verify import verifyObject

from jairouter.interfaces import IBalancer
from jairouter.traffic.balancers.least_latency import LeastLatencyBalancer
from jairouter.traffic.instance import Instance
from jairouter.traffic.latency import TIME_CONSTANT, PeakEwma
from tests.traffic.balancers.crowd import crowd, nobody, picked, shares


class Traffic:
    """Requests to some instances, in a time of its own.

    Attributes:
        now: Seconds.
        seconds_of: How long each instance takes to answer.
    """

    def __init__(self, *weights: int, seed: int = 0) -> None:
        self.now = 0.0
        self.balancer = LeastLatencyBalancer(random.Random(seed), lambda: self.now)
        self.candidates = crowd(*weights)
        self.seconds_of = dict.fromkeys(self.candidates, 0.1)
        self._under_way: list[tuple[float, int, float, Instance]] = []
        self._order = count()

    def run(self, rate: float, seconds: float) -> Counter[str]:
        """So many requests a second for so long; returns who got how many."""
        picks = []
        for _ in range(int(rate * seconds)):
            self._until(self.now + 1 / rate)
            pick = picked(self.balancer, self.candidates)
            pick.live.in_flight += 1
            over = self.now + self.seconds_of[pick]
            heapq.heappush(self._under_way, (over, next(self._order), self.now, pick))
            picks.append(pick)
        return shares(picks)

    def _until(self, now: float) -> None:
        while self._under_way and self._under_way[0][0] <= now:
            self.now, _, began, instance = heapq.heappop(self._under_way)
            instance.live.in_flight -= 1
            assert instance.live.latency is not None
            instance.live.latency.observe(self.now - began, self.now)
        self.now = now


def measured(instance: Instance, seconds: float, now: float = 0.0) -> None:
    """An instance has answered."""
    instance.live.latency = PeakEwma()
    instance.live.latency.observe(seconds, now)


class CostTests(SynchronousTestCase):
    """Which of two is the better one."""

    def setUp(self) -> None:
        self.now = 0.0
        self.balancer = LeastLatencyBalancer(random.Random(0), lambda: self.now)
        self.candidates = crowd(1, 1)
        self.one, self.two = self.candidates

    def picks(self) -> set[str]:
        """Who is picked, at one time or another."""
        letters = {self.one: "one", self.two: "two"}
        return {letters[picked(self.balancer, self.candidates)] for _ in range(30)}

    def test_interface(self) -> None:
        verifyObject(IBalancer, self.balancer)

    def test_nobody(self) -> None:
        self.assertTrue(nobody(self.balancer))

    def test_latency(self) -> None:
        measured(self.one, 0.5)
        measured(self.two, 0.3)
        self.assertEqual(self.picks(), {"two"})

    def test_alike(self) -> None:
        """A difference that means nothing decides nothing."""
        measured(self.one, 0.5)
        measured(self.two, 0.45)
        self.assertEqual(self.picks(), {"one", "two"})

    def test_under_way(self) -> None:
        """Four in the queue of one that is three times as fast take longer."""
        measured(self.one, 0.1)
        measured(self.two, 0.3)
        self.one.live.in_flight = 4
        self.assertEqual(self.picks(), {"two"})

    def test_weight(self) -> None:
        measured(self.one, 0.1)
        measured(self.two, 0.1)
        self.one.live.share = 0.5
        self.assertEqual(self.picks(), {"two"})

    def test_never_measured(self) -> None:
        """It gets a try, and while that is under way, not another one."""
        measured(self.one, 0.1)
        self.assertEqual(self.picks(), {"one", "two"})
        self.two.live.in_flight = 1
        self.assertEqual(self.picks(), {"one"})

    def test_nobody_measured(self) -> None:
        self.assertEqual(self.picks(), {"one", "two"})
        self.one.live.in_flight = 1
        self.assertEqual(self.picks(), {"two"})

    def test_forgiven(self) -> None:
        """Ten times slower once: in five time constants it counts as the other does."""
        measured(self.one, 1.0)
        measured(self.two, 0.1)
        self.assertEqual(self.picks(), {"two"})
        self.now = 5 * TIME_CONSTANT
        measured(self.two, 0.1, self.now)
        self.assertEqual(self.picks(), {"one", "two"})

    def test_idle(self) -> None:
        """What was known last is the best guess when both were idle; there is no rush to either."""
        measured(self.one, 1.0)
        measured(self.two, 0.1)
        self.now = 3600.0
        self.assertEqual(self.picks(), {"one", "two"})
        self.one.live.in_flight = 1
        self.assertEqual(self.picks(), {"two"})

    def test_drained(self) -> None:
        """Also when chance names two that are."""
        candidates = crowd(0, 0, 0, 1)
        self.assertEqual({picked(self.balancer, candidates) for _ in range(30)}, {candidates[3]})


class TrafficTests(SynchronousTestCase):
    """What comes of it in a while."""

    def test_shares_follow_weights(self) -> None:
        """Where all are as fast and busy, within a tenth."""
        traffic = Traffic(4, 2, 2)
        for each in traffic.candidates:
            traffic.seconds_of[each] = 1.0
        traffic.run(50, 5)
        got = traffic.run(100, 10)
        for each in traffic.candidates:
            self.assertLess(abs(got[each.base_url] / 1000 - each.weight / 8), 0.1)

    def test_slow_and_fast_again(self) -> None:
        """One of three that is ten times slower gets a fraction of its share; when it is well, all of it."""
        traffic = Traffic(1, 1, 1)
        slow = traffic.candidates[0]
        before = traffic.run(20, 15)[slow.base_url]
        traffic.seconds_of[slow] = 1.0
        meanwhile = traffic.run(20, 15)[slow.base_url]
        traffic.seconds_of[slow] = 0.1
        traffic.run(20, 6 * TIME_CONSTANT)
        after = traffic.run(20, 15)[slow.base_url]
        self.assertGreater(before, 70)
        self.assertLess(meanwhile, 15)
        self.assertGreater(after, 70)

    def test_no_stampede(self) -> None:
        """A newcomer that has not answered yet gets no more than the others."""
        traffic = Traffic(1, 1, 1, 1)
        newcomer = traffic.candidates[3]
        for each in traffic.candidates[:3]:
            measured(each, 0.1)
        traffic.seconds_of[newcomer] = 10.0
        self.assertLess(traffic.run(500, 1)[newcomer.base_url], 125)

    def test_repeatable(self) -> None:
        """The same seed makes the same choices."""
        runs = [Traffic(1, 2, 3, seed=7).run(20, 10) for _ in range(2)]
        self.assertEqual(runs[0], runs[1])
