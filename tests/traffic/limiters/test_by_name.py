"""Tests for `jairouter.traffic.limiters.by_name`."""

from __future__ import annotations

from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from jairouter.config.settings.limits import ALGORITHMS, RateLimitSettings
from jairouter.interfaces import ILimiter, Quota
from jairouter.traffic.limiters.by_name import make_limiter
from jairouter.traffic.limiters.concurrency import Concurrency
from jairouter.traffic.limiters.leaky_bucket import LeakyBucket
from jairouter.traffic.limiters.sliding_window import SlidingWindow
from jairouter.traffic.limiters.token_bucket import TokenBucket
from jairouter.traffic.limiters.warm_up import WarmUp
from tests.traffic.limiters.arrivals import send


def make(algorithm: str, **given: Any) -> ILimiter:
    """The limiter of an algorithm with some settings, at the time 7."""
    return make_limiter(RateLimitSettings.model_validate({"algorithm": algorithm, **given}), 7.0)


class MakeLimiterTests(SynchronousTestCase):
    """The settings as the reference describes them."""

    def test_every_algorithm(self) -> None:
        kinds = [type(make(name)) for name in ALGORITHMS]
        self.assertEqual(kinds, [TokenBucket, LeakyBucket, SlidingWindow, WarmUp, Concurrency])

    def test_begins_now(self) -> None:
        for name in ALGORITHMS:
            self.assertEqual((make(name).since, make(name).lent), (7.0, 0), name)

    def test_token_bucket(self) -> None:
        limiter = make("token-bucket", capacity=3, rate=2)
        self.assertEqual(len(send(limiter, [7.0] * 9)), 3)
        self.assertEqual(limiter.quota(7.0), Quota(3, 0, 1.5))

    def test_leaky_bucket(self) -> None:
        limiter = make("leaky-bucket", capacity=2, rate=4, **{"max_wait": 0.3})
        self.assertEqual([each.left for each in send(limiter, [7.0] * 9)], [7.0, 7.25])

    def test_sliding_window(self) -> None:
        limiter = make("sliding-window", max_requests=2, window_size=5, rate=99)
        self.assertEqual(limiter.quota(7.0).limit, 2)
        self.assertEqual(send(limiter, [7.0, 8.0, 11.9, 12.0, 12.5])[2:], [(12.0, 12.0)])

    def test_sliding_window_by_its_rate(self) -> None:
        """As many as the rate makes in a window; if that is less than one, one in as long as that takes."""
        for rate, window, limit, length in (
            (10, None, 10, 1.0),
            (2.5, 2, 5, 2.0),
            (0.29, 100, 29, 100.0),
            (0.5, 1, 1, 2.0),
        ):
            limiter = make("sliding-window", rate=rate, **({"window_size": window} if window else {}))
            self.assertEqual(len(send(limiter, [7.0] * 99)), limit)
            self.assertEqual(limiter.quota(7.0), Quota(limit, 0, length))

    def test_warm_up(self) -> None:
        limiter = make("warm-up", capacity=12, rate=3, warm_up_period=5, cold_factor=4)
        self.assertEqual(len(send(limiter, [7.0] * 99)), 3)
        self.assertAlmostEqual(limiter.refusal(7.0), 4 / 3)

    def test_warm_at_once(self) -> None:
        self.assertIsInstance(make("warm-up", warm_up_period=0), TokenBucket)

    def test_concurrency(self) -> None:
        self.assertEqual(len(send(make("concurrency", capacity=3), [7.0] * 9)), 3)
