"""Tests for `jairouter.traffic.limiters.warm_up`."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase
from zope.interface.verify import verifyObject

from jairouter.interfaces import ILimiter, Quota
from jairouter.traffic.limiters.early import EARLY
from jairouter.traffic.limiters.token_bucket import TokenBucket
from jairouter.traffic.limiters.warm_up import Curve, WarmUp
from tests.fuzz.examples import examples
from tests.traffic.limiters.arrivals import EPOCH, arrivals, excess, send, steady

CURVE = Curve(rate=30.0, capacity=12.0, period=20.0, cold_factor=3.0)
"""From 10 per second and a bucket of 4 to 30 per second and a bucket of 12, in 20 seconds."""


class WarmUpTests(SynchronousTestCase):
    """From cold to warm under load, and back in a pause."""

    def setUp(self) -> None:
        self.limiter = WarmUp(CURVE, EPOCH)

    def let_through(self, begin: float, seconds: float, every: float = 0.01) -> int:
        """How many are, when somebody asks for all there is."""
        asks = steady(EPOCH + begin, every, seconds)
        return len(send(self.limiter, [each for each in asks for _ in range(3)]))

    def burst(self, now: float) -> int:
        return len(send(self.limiter, [EPOCH + now] * 50))

    def test_interface(self) -> None:
        verifyObject(ILimiter, self.limiter)

    @examples(20)
    @given(arrivals(), st.floats(0.1, 1e3), st.integers(1, 40), st.floats(1, 10), st.floats(0.1, 100))
    def test_bound(self, times: list[float], rate: float, capacity: int, cold: float, period: float) -> None:
        """In any time t no more than burst + rate x t are let through, however they come."""
        passed = send(WarmUp(Curve(rate, float(capacity), period, cold), times[0]), times)
        most = excess([each.left for each in passed], rate)
        self.assertLessEqual(most, capacity + rate * 2 * EARLY + 1e-6)

    @examples(20)
    @given(arrivals(), st.floats(0.1, 1e3), st.integers(1, 40), st.floats(1, 10))
    def test_cold_bound(self, times: list[float], rate: float, capacity: int, cold: float) -> None:
        """While it cannot have got warm, no more than what the coldest lets through."""
        curve = Curve(rate, float(capacity), 1e12, cold)
        passed = send(WarmUp(curve, times[0]), times)
        most = excess([each.left for each in passed], rate / cold * (1 + 1e-5))
        self.assertLessEqual(most, max(1.0, capacity / cold) + rate * 2 * EARLY + 1e-3)

    def test_curve(self) -> None:
        """Under full load what is let through in t seconds is 4 + 10 t + t² / 2, up to the period."""
        total = 0
        for second in range(20):
            total += self.let_through(second, 1.0)
            after = second + 1
            self.assertLessEqual(abs(total - (4 + 10 * after + after**2 / 2)), 3, f"after {after} s")

    def test_warm(self) -> None:
        """After the period it is the full rate, and stays that."""
        self.let_through(0.0, 20.0)
        for begin in (20.0, 22.0, 24.0):
            self.assertLessEqual(abs(self.let_through(begin, 2.0) - 60), 2)

    def test_cold_begins_small(self) -> None:
        """Neither rate nor burst is the full one."""
        self.assertEqual((self.burst(0.0), self.burst(0.5)), (4, 5 - 1))

    def test_cold_again(self) -> None:
        """After a pause as long as the period; after half of that it is half as warm."""
        self.let_through(0.0, 21.0)
        rested = 21.0 + self.limiter._work
        self.assertAlmostEqual(self.warmth(rested + 10.0), 0.5, places=3)
        self.assertAlmostEqual(self.warmth(rested + 20.0), 0.0, places=3)
        self.assertEqual(self.burst(rested + 30.0), 4)

    def warmth(self, now: float) -> float:
        self.limiter.refusal(EPOCH + now)
        return self.limiter._warmth

    def test_light_load_keeps_it_cold(self) -> None:
        """A request now and then is no work to speak of."""
        send(self.limiter, steady(EPOCH, 1.0, 100.0))
        self.assertLess(self.warmth(100.0), 0.01)

    def test_asking_does_not_warm(self) -> None:
        """Only what is let through is work."""
        for now in steady(EPOCH, 0.1, 30.0):
            self.limiter.refusal(now)
        self.assertEqual(self.warmth(30.0), 0.0)

    def test_warm_before_the_work_is_done(self) -> None:
        """The bucket takes no more than fits in, however quickly it gets warm."""
        self.limiter = WarmUp(Curve(30.0, 1.0, 0.01, 3.0), EPOCH)
        self.assertEqual((self.burst(0.0), self.burst(0.1)), (1, 1))

    def test_retry_after(self) -> None:
        """Who comes when it was told to is let through; who comes before is not."""
        self.burst(0.0)
        wait = self.limiter.refusal(EPOCH)
        self.assertAlmostEqual(wait, 0.1)
        self.assertTrue(self.limiter.refusal(EPOCH + wait * 0.9))
        self.assertFalse(self.limiter.refusal(EPOCH + wait))

    def test_clock_set_back(self) -> None:
        """An hour back is no time at all, and then the time goes on."""
        self.burst(0.0)
        self.assertEqual(self.burst(-3600.0), 0)
        self.assertEqual(self.burst(-3599.8), 2)

    def test_clock_jumps_ahead(self) -> None:
        """A year is a bucket, and it is cold."""
        self.let_through(0.0, 20.0)
        self.assertEqual(self.burst(3.2e7), 4)

    def test_quota(self) -> None:
        self.assertEqual(self.limiter.quota(EPOCH), Quota(4, 4, 0.0))
        send(self.limiter, [EPOCH] * 3)
        limit, remaining, reset = self.limiter.quota(EPOCH)
        self.assertEqual((limit, remaining), (4, 1))
        self.assertAlmostEqual(reset, 0.3)

    def test_carry_over(self) -> None:
        """As warm as before, and filled to the same part."""
        self.let_through(0.0, 20.0)
        self.burst(20.0)
        other = WarmUp(Curve(300.0, 120.0, 20.0, 3.0), EPOCH + 20.0)
        other.carry_over(self.limiter, EPOCH + 20.0)
        self.assertEqual(other.quota(EPOCH + 20.0).remaining, 0)
        self.assertGreater(other.quota(EPOCH + 20.2).remaining, 50)

    def test_carry_over_of_another(self) -> None:
        self.limiter.carry_over(TokenBucket(1.0, 1.0, EPOCH), EPOCH)
        self.assertEqual(self.burst(0.0), 4)
