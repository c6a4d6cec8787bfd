"""Tests for `jairouter.traffic.limiters.keyed`."""

from __future__ import annotations

from functools import partial
from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from jairouter.interfaces import ILimiter
from jairouter.traffic.limiters.concurrency import Concurrency
from jairouter.traffic.limiters.early import EARLY
from jairouter.traffic.limiters.keyed import Bounds, Keyed
from jairouter.traffic.limiters.token_bucket import TokenBucket
from tests.fuzz.examples import examples
from tests.traffic.limiters.arrivals import excess

ROOMY = Bounds(1000, 1800.0, 300.0)
BUCKET = partial(TokenBucket, 10.0, 5.0)


def table(bounds: Bounds = ROOMY, make: Any = BUCKET) -> Keyed:
    """An empty one, at the time 0."""
    return Keyed(make, bounds, 0.0)


def send(keyed: Keyed, key: str, now: float, times: int = 1) -> int:
    """Let requests come for a key. Returns how many were let through."""
    passed = 0
    for _ in range(times):
        limiter = keyed.limiter(key, now)
        if not limiter.refusal(now):
            limiter.take(now)
            passed += 1
    return passed


class KeyedTests(SynchronousTestCase):
    """Each its own, as long as it is remembered."""

    def test_each_its_own(self) -> None:
        keyed = table()
        self.assertEqual([send(keyed, key, 0.0, 9) for key in "aab"], [5, 0, 5])
        self.assertEqual(len(keyed), 2)

    def test_known(self) -> None:
        """Looking for somebody makes nobody known."""
        keyed = table()
        self.assertIsNone(keyed.known("a"))
        limiter = keyed.limiter("a", 0.0)
        self.assertIs(keyed.known("a"), limiter)
        self.assertEqual(len(keyed), 1)

    @examples(20)
    @given(st.lists(st.tuples(st.integers(0, 30), st.floats(0, 60), st.integers(1, 9)), max_size=60))
    def test_bound(self, comings: list[tuple[int, float, int]]) -> None:
        """While there is room nobody gets more than its limit, though the idle are forgotten all the time."""
        keyed, now = table(Bounds(31, 1.0, 0.5), partial(TokenBucket, 0.1, 5.0)), 0.0
        passed: dict[str, list[float]] = {}
        for client, gap, times in comings:
            now += gap
            got = send(keyed, str(client), now, times)
            passed.setdefault(str(client), []).extend([now] * got)
        for times_of_one in passed.values():
            self.assertLessEqual(excess(times_of_one, 0.1), 5 + EARLY)


class ForgettingTests(SynchronousTestCase):
    """The idle, and the idlest where there is no room."""

    def keys(self, keyed: Keyed) -> str:
        return "".join(key for key in "abcdefghij" if keyed.known(key) is not None)

    def test_idle(self) -> None:
        """After the longest idle time, at the next look for those."""
        keyed = table(Bounds(99, 100.0, 30.0))
        for key, now in (("a", 0.0), ("b", 20.0), ("c", 40.0), ("a", 70.0), ("d", 125.0)):
            send(keyed, key, now)
        self.assertEqual(self.keys(keyed), "acd")
        send(keyed, "d", 154.0)
        self.assertEqual(self.keys(keyed), "acd")
        send(keyed, "d", 155.0)
        self.assertEqual(self.keys(keyed), "ad")

    def test_not_before_it_is_full(self) -> None:
        """Idle as it may be: its client would find more than is left."""
        keyed = table(Bounds(99, 10.0, 1.0), partial(TokenBucket, 0.01, 5.0))
        send(keyed, "a", 0.0, 5)
        keyed.clean(499.0)
        self.assertEqual(self.keys(keyed), "a")
        keyed.clean(500.0)
        self.assertEqual(self.keys(keyed), "")

    def test_no_room(self) -> None:
        """Who has been idle longest is forgotten."""
        keyed = table(Bounds(3, 1e9, 1e9))
        for key in "abcad":
            send(keyed, key, 0.0, 2)
        self.assertEqual(self.keys(keyed), "acd")

    def test_no_room_but_for_a_full_one(self) -> None:
        """One that is as good as new is forgotten before one that is not, though idle for less long."""
        keyed = table(Bounds(3, 1e9, 1e9))
        send(keyed, "a", 0.0, 5)
        send(keyed, "b", 0.1, 5)
        send(keyed, "c", 0.1, 1)
        send(keyed, "d", 0.3)
        self.assertEqual(self.keys(keyed), "abd")

    def test_lent(self) -> None:
        """Whoever has something under way is not forgotten: neither for room nor for being idle."""
        keyed = table(Bounds(2, 10.0, 5.0), partial(Concurrency, 1))
        limiters = [keyed.limiter(key, 0.0) for key in "ab"]
        for each in limiters:
            each.take(0.0)
        send(keyed, "c", 0.0)
        self.assertEqual(self.keys(keyed), "abc")
        keyed.clean(1000.0)
        self.assertEqual((self.keys(keyed), send(keyed, "a", 1000.0)), ("abc", 0))
        limiters[1].give_back(1000.0, 0.0)
        keyed.clean(2000.0)
        self.assertEqual(self.keys(keyed), "ac")

    def test_lent_do_not_stand_in_front(self) -> None:
        """However many have something under way, the others are still found."""
        keyed = table(Bounds(50, 10.0, 5.0), partial(Concurrency, 1))
        for index in range(40):
            keyed.limiter(f"busy {index}", 0.0).take(0.0)
        for index in range(1000):
            keyed.limiter(f"idle {index}", 0.0)
        self.assertEqual(len(keyed), 50)

    def test_fifty_thousand(self) -> None:
        """There are never more than there may be, and all are forgotten in time."""
        keyed = table(Bounds(50_000, 1800.0, 300.0))
        for index in range(60_000):
            keyed.limiter(f"2001:db8::{index:x}", index * 0.001)
        self.assertEqual(len(keyed), 50_000)
        for index in range(260):
            keyed.limiter("late", 4000.0 + index)
        self.assertEqual(len(keyed), 1)

    def test_used_when_it_would_be_forgotten(self) -> None:
        """Whoever comes at that very moment is remembered."""
        keyed = table(Bounds(99, 10.0, 5.0))
        send(keyed, "a", 0.0)
        self.assertEqual([send(keyed, "a", 100.0, 3), send(keyed, "a", 100.0, 3)], [3, 2])

    def test_a_little_at_a_time(self) -> None:
        """No request has to wait until thousands are forgotten."""
        keyed = table(Bounds(5000, 10.0, 5.0))
        for index in range(5000):
            keyed.limiter(index, 0.0)
        keyed.limiter("late", 100.0)
        self.assertGreater(len(keyed), 4700)
        self.assertLess(len(keyed), 5000)

    def test_clock_set_back(self) -> None:
        """Nobody counts as idle, and the looks go on."""
        keyed = table(Bounds(99, 100.0, 30.0))
        for key, now in (("a", 10_000.0), ("b", 10_000.0), ("a", 1.0), ("b", 2.0), ("b", 50.0)):
            send(keyed, key, now)
        self.assertEqual(self.keys(keyed), "ab")
        send(keyed, "b", 101.0)
        self.assertEqual(self.keys(keyed), "b")


class CarryOverTests(SynchronousTestCase):
    """After a reload everybody finds what was left."""

    def test_found_again(self) -> None:
        old, new = table(), table(make=partial(TokenBucket, 10.0, 50.0))
        send(old, "a", 0.0, 9)
        new.carry_over(old, 0.0)
        self.assertEqual((send(new, "a", 0.0), send(new, "b", 0.0, 99), len(new)), (0, 50, 2))

    def test_over_two_reloads(self) -> None:
        """Also who did not come in between; and each counts once."""
        first, second, third = table(), table(), table()
        for key in "abc":
            send(first, key, 0.0, 9)
        second.carry_over(first, 0.0)
        send(second, "a", 0.0)
        third.carry_over(second, 0.0)
        self.assertEqual(len(third), 3)
        self.assertEqual([send(third, key, 0.0) for key in "abc"], [0, 0, 0])

    def test_bounded(self) -> None:
        """Those of before give way first."""
        old, new = table(Bounds(3, 100.0, 10.0)), table(Bounds(3, 100.0, 10.0))
        for key in "abc":
            send(old, key, 0.0)
        new.carry_over(old, 0.0)
        for key in "xy":
            send(new, key, 0.0, 5)
        self.assertEqual((len(new), send(new, "x", 0.0)), (3, 0))

    def test_forgotten(self) -> None:
        """Those of before, too, when they have been idle for long enough."""
        old, new = table(), table()
        send(old, "a", 0.0)
        new.carry_over(old, 0.0)
        self.assertEqual(len(new), 1)
        new.clean(2000.0)
        self.assertEqual(len(new), 0)

    def test_lent(self) -> None:
        """What was lent before counts now, and comes back."""
        old: Keyed = table(make=partial(Concurrency, 1))
        new: Keyed = table(make=partial(Concurrency, 1))
        before: ILimiter = old.limiter("a", 0.0)
        before.take(0.0)
        new.carry_over(old, 0.0)
        self.assertEqual(send(new, "a", 0.0), 0)
        before.give_back(0.0, 0.0)
        self.assertEqual(send(new, "a", 0.0), 1)
