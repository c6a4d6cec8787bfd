"""Tests for `jairouter.traffic.breaker_limits`."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from jairouter.config.settings.breaking import CircuitBreakerSettings
from jairouter.traffic.breaker_limits import PATIENCE, BreakerLimits


def limits(**given: Any) -> BreakerLimits:
    """From settings."""
    return BreakerLimits.of(CircuitBreakerSettings(**{"recovery_timeout": 60.0, **given}))


class OfSettingsTests(SynchronousTestCase):
    """What the settings mean."""

    def test_defaults(self) -> None:
        """The same in both places."""
        self.assertEqual(limits(), BreakerLimits())

    def test_trials(self) -> None:
        """Where it is not said how many at a time, as many as have to be good."""
        self.assertEqual(limits(success_threshold=3).half_open_trials, 3)
        self.assertEqual(limits(success_threshold=3, half_open_trials=1).half_open_trials, 1)

    def test_growth_only_if_enabled(self) -> None:
        grows = {"min_timeout": 10.0, "max_timeout": 100.0, "backoff_multiplier": 3.0}
        self.assertEqual(limits(adaptive_recovery=grows), BreakerLimits())
        self.assertEqual(
            limits(adaptive_recovery={**grows, "enabled": True}),
            BreakerLimits(multiplier=3.0, shortest=10.0, longest=100.0),
        )

    def test_statistics(self) -> None:
        past = {"window_size": 50, "minimum_requests": 5, "sliding_window": True}
        self.assertEqual(
            limits(failure_rate_threshold=20.0, statistics=past),
            BreakerLimits(failure_rate=20.0, window_size=50, minimum_requests=5, sliding_window=True),
        )


class OpenTimeTests(SynchronousTestCase):
    """For how long a breaker opens."""

    def times(self, made: BreakerLimits, number: int) -> list[float]:
        seconds = [made.next_open_time(0.0)]
        while len(seconds) < number:
            seconds.append(made.next_open_time(seconds[-1]))
        return seconds

    def test_grows(self) -> None:
        made = BreakerLimits(recovery_timeout=30.0, multiplier=2.0, shortest=30.0, longest=300.0)
        self.assertEqual(self.times(made, 6), [30.0, 60.0, 120.0, 240.0, 300.0, 300.0])

    def test_shortest(self) -> None:
        made = BreakerLimits(recovery_timeout=1.0, multiplier=2.0, shortest=30.0, longest=300.0)
        self.assertEqual(self.times(made, 2), [30.0, 60.0])

    def test_longest(self) -> None:
        """Also where it is below all others."""
        made = BreakerLimits(recovery_timeout=60.0, multiplier=2.0, shortest=30.0, longest=10.0)
        self.assertEqual(self.times(made, 2), [10.0, 10.0])

    def test_for_ever(self) -> None:
        """A backend that is gone for good does not make the numbers too large."""
        made = BreakerLimits(recovery_timeout=0.0, multiplier=1e300, longest=300.0)
        self.assertEqual(self.times(made, 2000)[-1], 0.0)
        self.assertEqual(self.times(replace(made, recovery_timeout=1.0), 2000)[-1], 300.0)

    def test_constant(self) -> None:
        """Unless it is to grow, what it was before does not matter."""
        self.assertEqual(BreakerLimits(recovery_timeout=10.0).open_time(60.0), 10.0)

    def test_patience(self) -> None:
        self.assertEqual(BreakerLimits(recovery_timeout=10.0).patience, PATIENCE)
        self.assertEqual(BreakerLimits(recovery_timeout=90.0).patience, 90.0)


class TooManyTests(SynchronousTestCase):
    """Which share of failures opens it."""

    def test_rate(self) -> None:
        made = BreakerLimits(failure_rate=50.0)
        self.assertEqual([made.too_many(number, 10) for number in (4, 5)], [False, True])

    def test_not_wanted(self) -> None:
        self.assertFalse(BreakerLimits().too_many(100, 100))

    def test_too_few(self) -> None:
        made = BreakerLimits(failure_rate=50.0, minimum_requests=10)
        self.assertFalse(made.too_many(9, 9))

    def test_window_smaller_than_the_minimum(self) -> None:
        """A full one is enough: otherwise it would never open."""
        made = BreakerLimits(failure_rate=50.0, minimum_requests=10, window_size=4)
        self.assertEqual([made.too_many(number, number) for number in (3, 4)], [False, True])

    def test_window(self) -> None:
        """It is kept where nothing about it has changed."""
        made = BreakerLimits(failure_rate=50.0)
        window = made.window(None)
        assert window is not None
        window.add(True)
        self.assertIs(replace(made, failure_rate=10.0).window(window), window)
        smaller = replace(made, window_size=5).window(window)
        assert smaller is not None
        self.assertEqual((smaller.size, smaller.failures), (5, 1))
        self.assertIsNone(BreakerLimits().window(window))
