"""Tests for `jairouter.traffic.live`: how an instance comes back to its share."""

from __future__ import annotations

from jairouter.exchange import Outcome
from jairouter.traffic.health import Health
from jairouter.traffic.instance import Instance
from tests.traffic.lives import attempt, with_breaker
from tests.traffic.test_live import Case

RAMP = ((0.0, 0.2), (0.5, 0.2), (1.0, 0.2), (2.5, 0.5), (5.0, 1.0), (9.0, 1.8), (10.0, 2.0))
"""Of a weight of 2 and a slow start of 10 s: not less than a tenth, then in proportion to the time."""


class SlowStartTests(Case):
    """From a tenth to the whole."""

    def assert_ramp(self, begin: float) -> None:
        for seconds, share in RAMP:
            self.assertIsNone(self.live.exclusion(begin + seconds))
            self.assertAlmostEqual(self.live.share, share)
            self.assertIs(self.live.suspect, share < 2.0)

    def test_after_the_breaker_closed(self) -> None:
        with_breaker(self.live)
        attempt(self.live, Outcome.FAILED, 0.0)
        attempt(self.live, Outcome.SUCCEEDED, 60.0)
        self.assert_ramp(60.0)

    def test_after_a_long_stream_closed_the_breaker(self) -> None:
        """With the attempt that comes when the stream has shown enough."""
        with_breaker(self.live)
        attempt(self.live, Outcome.FAILED, 0.0)
        self.live.answering(self.live.acquire(60.0), 60.0)
        self.live.acquire(120.0)
        self.assert_ramp(120.0)

    def test_after_it_was_down(self) -> None:
        self.live.health = Health(1, 1)
        self.live.probed(False, 0.0)
        self.live.probed(True, 7.0)
        self.assert_ramp(7.0)

    def test_after_an_ejection(self) -> None:
        self.live.eject(30.0, 0.0)
        self.assert_ramp(30.0)

    def test_ejection_that_ended_long_ago(self) -> None:
        """Nobody has asked since. It could have had all the traffic for long."""
        self.live.eject(30.0, 0.0)
        self.assert_fine(40.0)

    def test_what_came_back_last_counts(self) -> None:
        """The ejection ends before the breaker closes, or while it is down."""
        with_breaker(self.live)
        attempt(self.live, Outcome.FAILED, 0.0)
        self.live.eject(30.0, 0.0)
        attempt(self.live, Outcome.SUCCEEDED, 60.0)
        self.assert_ramp(60.0)
        self.live.health = Health(1, 1)
        self.live.probed(False, 100.0)
        self.live.eject(130.0, 100.0)
        self.live.probed(True, 150.0)
        self.assert_ramp(150.0)

    def test_again_before_it_was_over(self) -> None:
        self.live.recover(0.0)
        self.live.recover(5.0)
        self.assert_ramp(5.0)

    def test_not_wanted(self) -> None:
        self.live.slow_start = 0.0
        self.live.recover(5.0)
        self.assert_fine(5.0)

    def test_not_at_first(self) -> None:
        """An instance that is new has nothing to recover from."""
        instance = Instance("chat", "m", "http://a", weight=3)
        instance.live.slow_start = 10.0
        self.assertIsNone(instance.live.exclusion(0.0))
        self.assertEqual((instance.live.share, instance.live.suspect), (3.0, False))


class ReloadTests(Case):
    """The settings change while it starts slowly."""

    def reload(self, weight: int) -> None:
        Instance("chat", "m", "http://a", weight=weight, live=self.live)

    def test_weight(self) -> None:
        """The same part of another weight; never more for a moment than it has a right to, if it is asked."""
        self.live.recover(0.0)
        self.live.exclusion(5.0)
        self.reload(8)
        self.assertTrue(self.live.suspect)
        self.live.exclusion(5.0)
        self.assertEqual(self.live.share, 4.0)
        self.live.exclusion(10.0)
        self.assertEqual((self.live.share, self.live.suspect), (8.0, False))

    def test_weight_0(self) -> None:
        self.live.recover(0.0)
        self.reload(0)
        for now in (5.0, 10.0):
            self.live.exclusion(now)
            self.assertEqual(self.live.share, 0.0)

    def test_length(self) -> None:
        self.live.recover(0.0)
        self.live.slow_start = 100.0
        self.live.exclusion(20.0)
        self.assertEqual(self.live.share, 0.4)
        self.live.slow_start = 0.0
        self.assert_fine(20.0)

    def test_what_is_in_flight_and_known(self) -> None:
        """It is all carried over."""
        with_breaker(self.live)
        attempt(self.live, Outcome.FAILED, 0.0)
        self.live.acquire(60.0)
        self.reload(2)
        self.assertEqual(self.live.in_flight, 1)
        assert self.live.breaker is not None
        self.assertFalse(self.live.breaker.closed)
