"""Whoever only looks at a limiter leaves no trace, and sees what it would do."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from jairouter.interfaces import ILimiter
from jairouter.traffic.limiters.concurrency import Concurrency
from jairouter.traffic.limiters.leaky_bucket import LeakyBucket
from jairouter.traffic.limiters.sliding_window import SlidingWindow
from jairouter.traffic.limiters.token_bucket import TokenBucket
from jairouter.traffic.limiters.warm_up import Curve, WarmUp
from tests.fuzz.examples import examples
from tests.traffic.limiters.arrivals import arrivals, send
from tests.traffic.looking import state

KINDS = (
    lambda now: TokenBucket(3.0, 4.0, now),
    lambda now: LeakyBucket(3.0, 4, 1.0, now),
    lambda now: LeakyBucket(30.0, 100, 0.5, now),
    lambda now: SlidingWindow(4, 1.0, now),
    lambda now: SlidingWindow(300, 2.0, now),
    lambda now: WarmUp(Curve(3.0, 4.0, 5.0, 3.0), now),
    lambda now: Concurrency(20, now),
)


def used(limiter: ILimiter, times: list[float], gone: list[int]) -> None:
    """Requests come, and of those that were let through some give up."""
    passed = send(limiter, times)
    if limiter.lends:
        for index in {each % len(passed) for each in gone}:
            limiter.give_back(times[-1], passed[index].left)


class LookingTests(SynchronousTestCase):
    """For each kind of limiter."""

    @examples(15)
    @given(
        st.sampled_from(KINDS),
        arrivals(8),
        st.lists(st.integers(0, 100), max_size=4),
        st.sampled_from((-3600.0, -0.1, 0.0, 0.05, 0.3, 1.0, 7.0, 1e6)),
    )
    def test_looking(self, kind: Any, times: list[float], gone: list[int], later: float) -> None:
        """Nothing is changed by it, however long nobody has asked; what is said is what comes true."""
        limiter = kind(times[0])
        used(limiter, times, gone)
        before, now = state(limiter), times[-1] + later
        foretold, quota = limiter.foretell(now), limiter.quota(now)
        self.assertEqual(state(limiter), before)
        # (to within a few steps of a clock that was set back)
        self.assertAlmostEqual(foretold, limiter.refusal(now), places=5)
        after = limiter.quota(now)  # what is forgotten by asking meant nothing any more
        self.assertEqual((quota.limit, quota.remaining), (after.limit, after.remaining))
        self.assertAlmostEqual(quota.reset, after.reset, places=5)
        self.assertEqual(bool(foretold), not quota.remaining)
