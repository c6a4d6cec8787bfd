"""Tests for `jairouter.traffic.limiters.token_bucket`."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase
from zope.interface.verify import verifyObject

from jairouter.interfaces import ILimiter, Quota
from jairouter.traffic.limiters.concurrency import Concurrency
from jairouter.traffic.limiters.early import EARLY
from jairouter.traffic.limiters.token_bucket import TokenBucket
from tests.fuzz.examples import examples
from tests.traffic.limiters.arrivals import EPOCH, arrivals, excess, send, steady


class TokenBucketTests(SynchronousTestCase):
    """Bursts up to the capacity, and the rate in the long run."""

    def emptied(self, rate: float = 10.0, capacity: float = 5.0, now: float = 0.0) -> TokenBucket:
        bucket = TokenBucket(rate, capacity, now)
        self.assertEqual(len(send(bucket, [now] * int(capacity + 1))), capacity)
        return bucket

    def test_interface(self) -> None:
        verifyObject(ILimiter, TokenBucket(1.0, 1.0, 0.0))

    @examples(20)
    @given(arrivals(), st.floats(0.01, 1e5), st.integers(1, 40))
    def test_bound(self, times: list[float], rate: float, capacity: int) -> None:
        """In any time t no more than burst + rate x t are let through, however they come."""
        passed = send(TokenBucket(rate, float(capacity), times[0]), times)
        most = excess([each.left for each in passed], rate)
        self.assertLessEqual(most, capacity + rate * 2 * EARLY + 1e-6)

    @examples(8)
    @given(st.floats(1.0, 500.0), st.floats(1.001, 30.0))
    def test_long_run(self, rate: float, often: float) -> None:
        """Whoever asks often enough gets the rate, at any frequency: fractions of tokens are kept."""
        seconds = 300 / rate
        bucket = self.emptied(rate, 2.0, EPOCH)
        passed = send(bucket, steady(EPOCH, 1 / (rate * often), seconds))
        self.assertLessEqual(abs(len(passed) - 300), 3)

    def test_no_drift(self) -> None:
        """A clock of coarse steps and a rate that does not fit them: nothing is lost or won on the way."""
        rate, every = 3000.0, 1 / 7000
        bucket = self.emptied(rate, 10.0, EPOCH)
        passed = send(bucket, steady(EPOCH, every, 6))
        self.assertLessEqual(abs(len(passed) - rate * 6), 1)

    def test_asked_without_taking(self) -> None:
        """Asking costs nothing."""
        bucket = TokenBucket(1.0, 1.0, 0.0)
        self.assertEqual([bucket.refusal(0.0) for _ in range(3)], [0.0, 0.0, 0.0])

    def test_retry_after(self) -> None:
        """Who comes when it was told to is let through; who comes before is not."""
        for rate, now in ((10.0, 0.0), (3.0, EPOCH), (0.07, EPOCH), (1000.0, EPOCH)):
            bucket = self.emptied(rate, 2.0, now)
            wait = bucket.refusal(now)
            self.assertAlmostEqual(wait, 1 / rate)
            self.assertTrue(bucket.refusal(now + wait * 0.9))
            self.assertEqual(bucket.refusal(now + wait), 0.0)

    def test_least_wait(self) -> None:
        """Nobody is told to come back in less than a millisecond."""
        self.assertEqual(self.emptied(rate=100_000.0).refusal(0.0), 0.001)

    def test_tenths(self) -> None:
        """Ten tenths of a second are a second, though the sum of the floats is less."""
        bucket, now = self.emptied(rate=1.0, capacity=1.0), 0.0
        for _ in range(10):
            self.assertTrue(bucket.refusal(now))
            now += 0.1
        self.assertLess(now, 1.0)
        self.assertEqual(bucket.refusal(now), 0.0)

    def test_clock_set_back(self) -> None:
        """An hour back is no time at all, and then the time goes on."""
        bucket = self.emptied(now=EPOCH)
        self.assertTrue(bucket.refusal(EPOCH - 3600))
        self.assertEqual(bucket.quota(EPOCH - 3600).remaining, 0)
        self.assertEqual(len(send(bucket, [EPOCH - 3600 + 0.2] * 9)), 2)

    def test_clock_jumps_ahead(self) -> None:
        """A year is one full bucket."""
        bucket = self.emptied(now=EPOCH)
        self.assertEqual(len(send(bucket, [EPOCH + 3.2e7] * 20)), 5)

    def test_quota(self) -> None:
        bucket = TokenBucket(10.0, 5.0, 0.0)
        self.assertEqual(bucket.quota(0.0), Quota(5, 5, 0.0))
        send(bucket, [0.0, 0.0])
        self.assertEqual(bucket.quota(0.0), Quota(5, 3, 0.2))
        self.assertEqual(bucket.quota(0.15), Quota(5, 4, 0.05))
        self.assertEqual(bucket.quota(9.0), Quota(5, 5, 0.0))

    def test_carry_over(self) -> None:
        """Whose bucket was empty finds it empty, whose was full finds it full."""
        empty, full = TokenBucket(1.0, 20.0, 7.0), TokenBucket(1.0, 20.0, 7.0)
        empty.carry_over(self.emptied(), 0.0)
        full.carry_over(self.emptied(), 99.0)
        self.assertEqual((empty.quota(0.0).remaining, full.quota(99.0).remaining), (0, 20))

    def test_carry_over_of_another(self) -> None:
        bucket = TokenBucket(1.0, 20.0, 7.0)
        bucket.carry_over(Concurrency(1, 0.0), 7.0)
        self.assertEqual(bucket.quota(7.0).remaining, 20)
