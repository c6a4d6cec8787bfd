"""The timer wheel: late by two ticks at most, never early, and nothing left behind."""

from __future__ import annotations

import random

from hypothesis import given
from hypothesis import strategies as st
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from jairouter.timers import Timer, TimerWheel
from tests.codec.properties import PROPERTY

TICK = 0.1


class WheelCase(SynchronousTestCase):
    """A wheel and what went off, with the time."""

    def setUp(self) -> None:
        self.clock = Clock()
        self.wheel = TimerWheel(self.clock, TICK)
        self.fired: list[tuple[str, float]] = []

    def start(self, delay: float, name: str = "it") -> Timer:
        return self.wheel.start(delay, lambda: self.fired.append((name, self.clock.seconds())))

    @property
    def names(self) -> list[str]:
        """What went off, in order."""
        return [name for name, _ in self.fired]

    def assert_empty(self) -> None:
        self.assertEqual(self.clock.getDelayedCalls(), [])


class OneTimerTests(WheelCase):
    """One timer at a time."""

    def test_goes_off_once(self) -> None:
        timer = self.start(1.0)
        self.assertTrue(timer.armed)
        self.clock.pump([0.05] * 60)
        self.assertEqual(self.names, ["it"])
        self.assertFalse(timer.armed)
        self.assert_empty()

    def test_cancelled(self) -> None:
        timer = self.start(1.0)
        timer.cancel()
        self.assertFalse(timer.armed)
        self.assert_empty()
        self.clock.advance(5)
        self.assertEqual(self.fired, [])

    def test_cancelled_twice(self) -> None:
        timer, other = self.start(1.0), self.start(1.0, "other")
        timer.cancel()
        timer.cancel()
        self.clock.advance(2)
        self.assertEqual(self.names, ["other"])
        self.assertTrue(other)
        self.assert_empty()

    def test_cancelled_after_it_went_off(self) -> None:
        timer = self.start(1.0)
        self.clock.advance(2)
        timer.cancel()
        self.start(1.0, "next")
        self.clock.advance(2)
        self.assertEqual(self.names, ["it", "next"])
        self.assert_empty()

    def test_no_delay_and_less(self) -> None:
        """A deadline that has passed is due in the next tick."""
        for delay in (0.0, -5.0):
            self.start(delay)
        self.assertEqual(self.fired, [])
        self.clock.advance(2 * TICK)
        self.assertEqual(self.names, ["it", "it"])
        self.assert_empty()

    def test_seconds(self) -> None:
        self.clock.advance(3)
        self.assertEqual(self.wheel.seconds(), 3)

    @PROPERTY
    @given(st.floats(0, 1e6), st.floats(0, 100), st.lists(st.floats(0.001, 3), min_size=1, max_size=20))
    def test_never_early_and_at_most_two_ticks_late(
        self, now: float, delay: float, steps: list[float]
    ) -> None:
        self.setUp()
        self.clock.advance(now)
        start = self.clock.seconds()
        self.start(delay)
        for step in [*steps, 200.0]:
            before = self.clock.seconds()
            self.clock.advance(step)
            if self.fired:
                # The clock jumps by whole steps: it was due after the step before
                self.assertGreaterEqual(self.clock.seconds() - start, delay - 1e-6)
                self.assertLessEqual(before - start, delay + 2 * TICK)
                break
        self.assertEqual(self.names, ["it"])
        self.assert_empty()


class ManyTimersTests(WheelCase):
    """Timers beside each other."""

    def test_order_of_time(self) -> None:
        for delay in (3, 1, 2):
            self.start(delay, str(delay))
        self.clock.pump([0.1] * 40)
        self.assertEqual(self.names, ["1", "2", "3"])

    def test_same_tick_in_the_order_in_which_they_were_armed(self) -> None:
        """The same run must go the same way every time."""
        for number in range(50):
            self.start(1, str(number))
        self.clock.advance(2)
        self.assertEqual(self.names, [str(number) for number in range(50)])

    def test_an_earlier_one_comes_later(self) -> None:
        self.start(10, "late")
        self.start(1, "early")
        self.clock.advance(1.2)
        self.assertEqual(self.names, ["early"])

    def test_one_call_in_the_reactor(self) -> None:
        for delay in range(1, 100):
            self.start(delay)
        self.assertEqual(len(self.clock.getDelayedCalls()), 1)

    def test_clock_jumps_over_all(self) -> None:
        for delay in (1, 2, 3):
            self.start(delay, str(delay))
        self.clock.advance(60)
        self.assertEqual(self.names, ["1", "2", "3"])
        self.assert_empty()

    def test_cancelling_the_earliest_leaves_the_others(self) -> None:
        self.start(1, "early").cancel()
        first = self.start(1, "early")
        self.start(2, "late")
        first.cancel()
        self.clock.pump([0.1] * 30)
        self.assertEqual(self.names, ["late"])
        self.assert_empty()

    def test_nothing_is_left_of_those_that_were_cancelled_when_the_last_one_goes_off(self) -> None:
        """Nobody waits for them any more, so neither does the reactor."""
        late = self.start(10, "late")
        self.start(1, "early")
        late.cancel()
        self.clock.advance(1.2)
        self.assertEqual(self.names, ["early"])
        self.assert_empty()

    def test_thousands(self) -> None:
        chance = random.Random(1)
        timers = [self.start(chance.uniform(0, 60), str(number)) for number in range(5000)]
        cancelled = set(chance.sample(range(5000), 4000))
        for number in cancelled:
            timers[number].cancel()
        self.clock.pump([0.5] * 125)
        self.assertEqual(sorted(map(int, self.names)), sorted(set(range(5000)) - cancelled))
        self.assertEqual(self.wheel._count, 0)
        self.assert_empty()


class CallbackTests(WheelCase):
    """What callbacks do to the wheel."""

    def test_arms_again(self) -> None:
        def again() -> None:
            self.fired.append(("again", self.clock.seconds()))
            if len(self.fired) < 3:
                self.wheel.start(1.0, again)

        self.wheel.start(1.0, again)
        self.clock.pump([0.1] * 40)
        self.assertEqual(len(self.fired), 3)
        self.assert_empty()

    def test_arms_again_without_a_delay(self) -> None:
        """In a later tick: the reactor gets its turn between, on whatever hair the clock stands."""
        self.clock.advance(0.05)

        def again() -> None:
            self.fired.append(("again", self.clock.seconds()))
            if len(self.fired) < 1000:
                self.wheel.start(0.0, again)

        self.wheel.start(0.0, again)
        for count in range(1, 40):
            self.clock.advance(TICK)
            self.assertLessEqual(len(self.fired), count + 1)
        self.assertGreater(len(self.fired), 15)

    def test_arms_again_for_a_time_that_has_passed(self) -> None:
        """Not in the same run, which would never end."""

        def again() -> None:
            self.fired.append(("again", self.clock.seconds()))
            if len(self.fired) < 10:
                self.wheel.start(-1.0, again)

        self.wheel.start(1.0, again)
        self.clock.advance(2.0)
        self.assertEqual(len(self.fired), 1)

    def test_every_tick_is_due_at_its_time(self) -> None:
        """Whatever multiplying and dividing make of it: else the wheel would ask for no delay for ever."""
        for tick in (0.1, 0.3, 0.7):
            wheel = TimerWheel(self.clock, tick)
            for number in range(1, 2000):
                self.assertEqual(wheel._tick_of(number * tick), number)

    def test_a_hair_before_the_tick(self) -> None:
        """A clock that wakes up too early by a rounding error does not spin."""
        self.clock.rightNow = 3 * TICK - 1e-9

        def again() -> None:
            self.fired.append(("again", self.clock.seconds()))
            if len(self.fired) < 10:
                self.wheel.start(0.0, again)

        self.wheel.start(-1.0, again)
        self.wheel._run()
        self.assertLessEqual(len(self.fired), 1)

    def test_cancels_another_of_the_same_tick(self) -> None:
        others: list[Timer] = []

        def cancel() -> None:
            others[0].cancel()

        self.wheel.start(1.0, cancel)
        others.append(self.start(1.0, "other"))
        self.clock.advance(2)
        self.assertEqual(self.fired, [])
        self.assert_empty()

    def test_arms_and_cancels(self) -> None:
        self.wheel.start(1.0, lambda: self.start(1.0).cancel())
        self.clock.advance(2)
        self.assert_empty()

    def test_arms_while_another_bucket_is_due(self) -> None:
        """The clock has jumped over two ticks; the first arms one for later."""

        def arm() -> None:
            self.start(5.0, "late")

        self.wheel.start(1.0, arm)
        self.start(2.0, "second")
        self.clock.advance(3)
        self.assertEqual(self.names, ["second"])
        self.assertEqual(len(self.clock.getDelayedCalls()), 1)
        self.clock.advance(6)
        self.assertEqual(self.names, ["second", "late"])
        self.assert_empty()

    def test_one_that_fails_does_not_stop_the_others(self) -> None:
        def fail() -> None:
            raise ValueError("broken callback")

        self.start(1.0, "before")
        self.wheel.start(1.0, fail)
        self.start(1.0, "after")
        self.start(2.0, "later")
        self.clock.pump([0.1] * 30)
        self.assertEqual(self.names, ["before", "after", "later"])
        self.assertEqual(len(self.flushLoggedErrors(ValueError)), 1)
        self.assert_empty()
