"""Tests for `jairouter.traffic.percentile`."""

from __future__ import annotations

import math

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from jairouter.traffic.percentile import STEP, RecentTimes
from tests.fuzz.examples import examples


def observed(percent: float, *seconds: float) -> RecentTimes:
    """What has seen these."""
    times = RecentTimes(percent)
    for each in seconds:
        times.observe(each)
    return times


class RecentTimesTests(SynchronousTestCase):
    """A percentile of what was seen lately."""

    def assert_about(self, times: RecentTimes, seconds: float) -> None:
        found = times.percentile
        assert found is not None
        self.assertTrue(seconds * 0.999 <= found <= seconds * STEP, found)

    def test_too_little_is_known(self) -> None:
        self.assertIsNone(observed(95, *[1.0] * 19).percentile)
        self.assert_about(observed(95, *[1.0] * 20), 1.0)

    def test_more_is_needed_for_the_rarest(self) -> None:
        self.assertIsNone(observed(99.9, *[1.0] * 999).percentile)
        self.assert_about(observed(99.9, *[1.0] * 1000), 1.0)

    def test_one_in_twenty_lies_above(self) -> None:
        self.assert_about(observed(95, *[0.1] * 95, *[8.0] * 5), 0.1)
        self.assert_about(observed(95, *[8.0] * 6, *[0.1] * 94), 8.0)

    def test_median(self) -> None:
        self.assert_about(observed(50, *[second / 10 for second in range(1, 101)]), 5.0)

    def test_follows(self) -> None:
        """A model that has become slower is known to be after some hundreds of answers."""
        times = observed(90, *[0.1] * 5000)
        self.assert_about(times, 0.1)
        for _ in range(300):
            times.observe(3.0)
        self.assert_about(times, 3.0)

    def test_extremes(self) -> None:
        """Instantly, a clock that was set back, hours."""
        self.assertEqual(observed(50, *[0.0] * 20, *[-5.0] * 20).percentile, 0.001)
        found = observed(50, *[1e9] * 40).percentile
        assert found is not None
        self.assertTrue(1400 < found < 1700, found)

    @given(st.lists(st.floats(0.001, 1000), min_size=20, max_size=100), st.floats(50, 95))
    @examples(30)
    def test_against_sorting(self, seconds: list[float], percent: float) -> None:
        """Not below the true percentile, and at most one step above it."""
        times = RecentTimes(percent)
        for each in seconds[:-1]:
            times.observe(each)
        times._due = 0
        times.observe(seconds[-1])
        rank = math.ceil(percent / 100 * len(seconds) - 1e-9)
        self.assert_about(times, sorted(seconds)[rank - 1])
