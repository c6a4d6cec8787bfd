"""Tests for `jairouter.traffic.limiters.sliding_window`."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase
from zope.interface.verify import verifyObject

from jairouter.interfaces import ILimiter, Quota
from jairouter.traffic.limiters.sliding_window import SlidingWindow
from jairouter.traffic.limiters.token_bucket import TokenBucket
from tests.fuzz.examples import examples
from tests.traffic.limiters.arrivals import EPOCH, arrivals, send, steady

WINDOWS = st.sampled_from((0.01, 0.1, 1.0, 1.7, 60.0))


class SlidingWindowTests(SynchronousTestCase):
    """So many in any window."""

    def used(self, limit: int = 3, window: float = 1.0, now: float = 0.0) -> SlidingWindow:
        limiter = SlidingWindow(limit, window, now)
        self.assertEqual(len(send(limiter, [now] * (limit + 1))), limit)
        return limiter

    def test_interface(self) -> None:
        verifyObject(ILimiter, SlidingWindow(1, 1.0, 0.0))

    @examples(20)
    @given(arrivals(), st.sampled_from((1, 2, 7, 50, 129, 200)), WINDOWS)
    def test_bound(self, times: list[float], limit: int, window: float) -> None:
        """No window anywhere has more, to the last bit."""
        left = [each.left for each in send(SlidingWindow(limit, window, times[0]), times)]
        for first, next_but_limit in zip(left, left[limit:], strict=False):
            self.assertGreaterEqual(next_but_limit - first, window)

    @examples(20)
    @given(arrivals(bursts=6), st.integers(1, 20), WINDOWS)
    def test_exact(self, times: list[float], limit: int, window: float) -> None:
        """Nobody is refused while the window has room, where each request has its own entry."""
        limiter, passed = SlidingWindow(limit, window, times[0]), list[float]()
        for now in times:
            room = sum(1 for each in passed if now - each < window) < limit
            self.assertEqual(bool(send(limiter, [now])), room)
            if room:
                passed.append(now)

    @examples(8)
    @given(st.sampled_from((1, 5, 100, 129, 300)), st.floats(1.05, 5.0))
    def test_long_run(self, limit: int, often: float) -> None:
        """Whoever asks often enough gets the limit in each window, but for 1 %."""
        windows = 3 + 1500 // limit
        passed = send(SlidingWindow(limit, 1.0, EPOCH), steady(EPOCH, 1 / (limit * often), windows))
        self.assertLessEqual(len(passed), limit * windows)
        # (of a window that holds one, what is left between two polls is lost: that is not the log's doing)
        lost = windows * limit * 0.01 + windows / often
        self.assertGreaterEqual(len(passed), limit * windows - lost - 1)

    def test_shared_entry(self) -> None:
        """Counts until the last of its requests has left the window; small limits share none."""
        for limit, after in ((200, 0), (2, 1)):
            limiter = SlidingWindow(limit, 1.28, 0.0)
            send(limiter, [0.0] + [0.009] * (limit - 1))
            self.assertEqual(len(send(limiter, [1.285] * 2)), after)
            self.assertEqual(len(send(limiter, [1.29] * 300)), limit - after)

    def test_memory(self) -> None:
        """However many it counts, it has few entries."""
        limiter = SlidingWindow(5_000, 1.0, EPOCH)
        passed = send(limiter, steady(EPOCH, 1 / 4000, 1.5))
        self.assertEqual(len(passed), 6_000)
        self.assertLessEqual(len(limiter._times), 130)
        self.assertEqual(sum(limiter._counts), limiter._used)

    def test_retry_after(self) -> None:
        """Who comes when it was told to is let through; who comes before is not."""
        for window, now in ((1.0, 0.0), (0.1, EPOCH), (1 / 3, EPOCH + 0.7), (60.0, EPOCH)):
            limiter = self.used(3, window, now)
            wait = limiter.refusal(now)
            self.assertAlmostEqual(wait, window, places=5)
            self.assertTrue(limiter.refusal(now + wait * 0.99))
            self.assertEqual(limiter.refusal(now + wait), 0.0)

    def test_clock_set_back(self) -> None:
        """An hour back is no time at all, and then the time goes on."""
        limiter = self.used(now=EPOCH)
        self.assertAlmostEqual(limiter.refusal(EPOCH - 3600), 1.0)
        self.assertTrue(limiter.refusal(EPOCH - 3600 + 0.9))
        self.assertFalse(limiter.refusal(EPOCH - 3600 + 1.1))

    def test_clock_set_back_for_many(self) -> None:
        """What comes after that has entries of its own."""
        limiter = SlidingWindow(200, 1.0, EPOCH)
        send(limiter, [EPOCH] * 100)
        for later in (0.0, 0.9):
            send(limiter, [EPOCH - 3600 + later])
        self.assertEqual(limiter.quota(EPOCH - 3600 + 1.05).remaining, 199)

    def test_taken_when_the_clock_was_set_back(self) -> None:
        """Between asking and taking, even: the request still counts for a whole window."""
        limiter = SlidingWindow(1, 1.0, 10.0)
        self.assertFalse(limiter.refusal(10.0))
        limiter.take(9.5)
        self.assertTrue(limiter.refusal(10.9))

    def test_clock_jumps_ahead(self) -> None:
        self.assertEqual(len(send(self.used(now=EPOCH), [EPOCH + 3.2e7] * 9)), 3)

    def test_quota(self) -> None:
        limiter = SlidingWindow(3, 1.0, 0.0)
        self.assertEqual(limiter.quota(0.0), Quota(3, 3, 0.0))
        send(limiter, [0.0, 0.5])
        self.assertEqual(limiter.quota(0.5), Quota(3, 1, 1.0))
        self.assertEqual(limiter.quota(1.25), Quota(3, 2, 0.25))
        self.assertEqual(limiter.quota(1.5), Quota(3, 3, 0.0))

    def test_carry_over(self) -> None:
        """What was let through counts under the new limit."""
        smaller, larger = SlidingWindow(2, 1.0, 0.5), SlidingWindow(5, 2.0, 0.5)
        for each in (smaller, larger):
            each.carry_over(self.used(), 0.5)
        self.assertEqual((smaller.quota(0.5), larger.quota(0.5)), (Quota(2, 0, 0.5), Quota(5, 2, 1.5)))
        self.assertEqual(smaller.refusal(0.5), 0.5)

    def test_too_many_after_a_reload(self) -> None:
        """The wait is until there is room, not until the first of them is out."""
        limiter, smaller = SlidingWindow(3, 1.0, 0.0), SlidingWindow(1, 1.0, 0.5)
        send(limiter, [0.0, 0.1, 0.25])
        smaller.carry_over(limiter, 0.5)
        self.assertEqual(smaller.refusal(0.5), 0.75)

    def test_carry_over_of_another(self) -> None:
        limiter = SlidingWindow(3, 1.0, 0.0)
        limiter.carry_over(TokenBucket(1.0, 1.0, 0.0), 0.0)
        self.assertEqual(limiter.quota(0.0).remaining, 3)
