"""Tests for `jairouter.timers`: a sweep while the machine's clock is set back.

That happens once after boot, when NTP finds out what time it is, or when a virtual machine is moved.
"""

from __future__ import annotations

from tests.test_timers_sweep import DELAY, LATE, SweepCase

HOUR = 3600.0


class ClockSetBackTests(SweepCase):
    """What waits then, and what comes afterwards."""

    def setUp(self) -> None:
        super().setUp()
        self.clock.advance(100_000)
        self.sweep.add("before")
        self.until(self.clock.seconds() + 4)
        self.clock.rightNow -= HOUR
        self.start = self.clock.seconds()

    def add(self, name: str, after: float = 0) -> None:
        """Add one, so many seconds after the clock was set back."""
        self.until(self.start + after)
        self.sweep.add(name)

    def waited(self) -> dict[str, float]:
        """When those who were told were, from when the clock was set back."""
        self.until(self.start + 60)
        return {name: time - self.start for name, time in self.due}

    def assert_waited(self, time: float, least: float, most: float) -> None:
        self.assertTrue(least - 1e-6 <= time <= most + LATE, time)

    def test_who_comes_afterwards_is_due_in_time(self) -> None:
        """And not an hour later."""
        self.add("after")
        self.assert_waited(self.waited()["after"], DELAY, DELAY)

    def test_who_comes_a_while_later(self) -> None:
        self.add("after", 7)
        self.assert_waited(self.waited()["after"], 7 + DELAY, 7 + DELAY)

    def test_who_waits_is_due_soon(self) -> None:
        """Its time begins anew when it is seen that it came in the future."""
        self.add("after")
        self.assert_waited(self.waited()["before"], DELAY - 4, 2 * DELAY)

    def test_many_who_wait(self) -> None:
        for name in "abc":
            self.sweep.add(name)
        self.clock.rightNow -= HOUR
        self.start = self.clock.seconds()
        self.add("after")
        waited = self.waited()
        self.assertEqual(sorted(waited), ["a", "after", "b", "before", "c"])
        for name in ("before", "a", "b", "c"):
            self.assert_waited(waited[name], 0, 2 * DELAY)

    def test_once_each(self) -> None:
        """And no timer is left."""
        self.add("after")
        self.add("later", 3)
        self.waited()
        self.assertEqual(sorted(name for name, _ in self.due), ["after", "before", "later"])
        self.assert_no_timer()

    def test_one_timer(self) -> None:
        self.add("after")
        self.add("later")
        self.assertEqual(len(self.clock.getDelayedCalls()), 1)

    def test_who_is_discarded_meanwhile(self) -> None:
        self.add("after")
        self.sweep.discard("before")
        self.sweep.discard("after")
        self.assertEqual(self.waited(), {})
        self.assert_no_timer()
