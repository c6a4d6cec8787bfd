"""Tests for `jairouter.traffic.latency`."""

from __future__ import annotations

from math import exp

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from jairouter.traffic.latency import FAILED, MOST, TIME_CONSTANT, PeakEwma
from tests.fuzz.examples import examples

SECONDS = st.floats(0, 1000)


class PeakEwmaTests(SynchronousTestCase):
    """Up at once, down slowly."""

    def setUp(self) -> None:
        self.average = PeakEwma()

    def test_nothing_yet(self) -> None:
        self.assertEqual((self.average.seconds, self.average.belief(1e9)), (0, 0))

    def test_a_rise(self) -> None:
        self.average.observe(0.1, 0)
        self.average.observe(5.0, 0)
        self.assertEqual(self.average.seconds, 5)

    def test_a_fall(self) -> None:
        """After one time constant, 37 % of the old counts."""
        self.average.observe(5.0, 100)
        self.average.observe(1.0, 100 + TIME_CONSTANT)
        self.assertAlmostEqual(self.average.seconds, 5 * exp(-1) + 1 * (1 - exp(-1)))

    def test_many_at_once(self) -> None:
        """It is time that counts, not how many come in it."""
        self.average.observe(5.0, 0)
        for _ in range(1000):
            self.average.observe(1.0, 0)
        self.assertEqual(self.average.seconds, 5)

    def test_belief(self) -> None:
        self.average.observe(5.0, 100)
        self.assertEqual(self.average.belief(100), 1)
        self.assertAlmostEqual(self.average.belief(100 + TIME_CONSTANT), exp(-1))
        self.assertEqual(self.average.belief(1e9), 0)

    def test_a_clock_that_was_set_back(self) -> None:
        self.average.observe(5.0, 100)
        self.assertEqual(self.average.belief(50), 1)
        self.average.observe(1.0, 50)
        self.assertEqual(self.average.seconds, 5)

    def test_quick_failures(self) -> None:
        """Who refuses everything within a millisecond is not fast."""
        self.average.observe(0.1, 0)
        self.average.failed(0.001, 0)
        self.assertEqual(self.average.seconds, FAILED)
        self.average.failed(0.001, 0)
        self.assertEqual(self.average.seconds, 2 * FAILED)

    def test_slow_failures(self) -> None:
        """A timeout counts as long as it took."""
        self.average.failed(300.0, 0)
        self.assertEqual(self.average.seconds, 300)

    def test_many_failures(self) -> None:
        """There is an end of it, so that it can be forgiven."""
        for _ in range(100):
            self.average.failed(0.001, 0)
        self.assertEqual(self.average.seconds, MOST)

    @examples(50)
    @given(st.lists(st.tuples(SECONDS, SECONDS), min_size=1, max_size=20))
    def test_bounds(self, events: list[tuple[float, float]]) -> None:
        """It is never below the latest, nor above the greatest."""
        average = PeakEwma()
        now, most = 0.0, 0.0
        for seconds, later in events:
            now += later
            most = max(most, seconds)
            average.observe(seconds, now)
            self.assertGreaterEqual(average.seconds, seconds)
            self.assertLessEqual(average.seconds, most * (1 + 1e-9))
