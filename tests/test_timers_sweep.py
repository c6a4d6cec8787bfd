"""Tests for `jairouter.timers`: things that all wait equally long, with one timer for all."""

from __future__ import annotations

from collections.abc import Callable

from hypothesis import given
from hypothesis import strategies as st
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from jairouter.timers import Sweep, TimerWheel
from tests.codec.properties import PROPERTY

TICK = 0.1
DELAY = 10.0
LATE = 2 * TICK + 1e-6
"""How late a timer may be."""


class SweepCase(SynchronousTestCase):
    """A sweep, and who was told to be due, with the time.

    Attributes:
        on_due: What is done when one is due, after it was noted.
    """

    def setUp(self) -> None:
        self.clock = Clock()
        self.due: list[tuple[str, float]] = []
        self.on_due: dict[str, Callable[[], None]] = {}
        self.sweep: Sweep[str] = Sweep(TimerWheel(self.clock, TICK), DELAY, self.told)

    def told(self, thing: str) -> None:
        self.assertNotIn(thing, list(self.sweep), "it still waits")
        self.due.append((thing, self.clock.seconds()))
        self.on_due.pop(thing, lambda: None)()

    def at(self, *times: float) -> None:
        """Add one at each of these times, named after it."""
        for time in times:
            self.until(time)
            self.sweep.add(f"{time:g}")

    def until(self, time: float) -> None:
        """Let time pass, tick by tick."""
        while self.clock.seconds() < time - 1e-9:
            self.clock.advance(min(TICK / 2, time - self.clock.seconds()))

    def assert_due(self, **when: float) -> None:
        """Who was told, in this order, and at what times: never early, two ticks late at most."""
        self.assertEqual([name for name, _ in self.due], [name.strip("_") for name in when])
        for (name, time), wanted in zip(self.due, when.values(), strict=True):
            self.assertTrue(wanted - 1e-6 <= time <= wanted + LATE, f"{name} at {time}, not {wanted}")

    def assert_no_timer(self) -> None:
        self.assertEqual(self.clock.getDelayedCalls(), [])


class WaitingTests(SweepCase):
    """Things wait, and are due."""

    def test_due(self) -> None:
        self.at(0)
        self.until(60)
        self.assert_due(_0=10)

    def test_each_at_its_time(self) -> None:
        self.at(0, 3, 4.5, 9.95, 12)
        self.until(60)
        self.assertEqual([name for name, _ in self.due], ["0", "3", "4.5", "9.95", "12"])
        for name, time in self.due:
            self.assertTrue(DELAY - 1e-6 <= time - float(name) <= DELAY + LATE, f"{name} at {time}")

    def test_those_who_come_together_in_their_order(self) -> None:
        """The same run must go the same way every time."""
        names = [str(number) for number in range(50)]
        for name in names:
            self.sweep.add(name)
        self.until(60)
        self.assertEqual([name for name, _ in self.due], names)

    def test_again_after_it_was_due(self) -> None:
        self.at(0)
        self.until(20)
        self.sweep.add("again")
        self.until(60)
        self.assert_due(_0=10, again=30)

    def test_the_clock_jumps_over_all(self) -> None:
        self.at(0, 1, 2)
        self.clock.advance(60)
        self.assertEqual([name for name, _ in self.due], ["0", "1", "2"])
        self.assert_no_timer()

    def test_who_waits(self) -> None:
        """Who waits longest is first."""
        self.assertFalse(self.sweep)
        self.at(0, 1, 2)
        self.assertTrue(self.sweep)
        self.assertEqual((len(self.sweep), list(self.sweep)), (3, ["0", "1", "2"]))
        self.until(11.5)
        self.assertEqual((len(self.sweep), list(self.sweep)), (1, ["2"]))

    def test_who_waits_may_be_taken_away_while_they_are_looked_through(self) -> None:
        self.at(0, 1, 2)
        for each in self.sweep:
            self.sweep.discard(each)
        self.assertFalse(self.sweep)


class TakenAwayTests(SweepCase):
    """Things that need not wait any more."""

    def test_discarded(self) -> None:
        self.at(0, 1, 2)
        self.sweep.discard("1")
        self.until(60)
        self.assert_due(_0=10, _2=12)

    def test_discarding_the_first_does_not_make_the_others_early_or_late(self) -> None:
        self.at(0, 5)
        self.sweep.discard("0")
        self.until(60)
        self.assert_due(_5=15)

    def test_discarding_what_does_not_wait(self) -> None:
        self.sweep.discard("unknown")
        self.at(0)
        self.sweep.discard("unknown")
        self.until(10.5)
        self.sweep.discard("0")
        self.assert_due(_0=10)

    def test_popped(self) -> None:
        """The one that came last: a connection that was just used is the least likely to be dead."""
        self.at(0, 1, 2)
        self.assertEqual([self.sweep.pop(), self.sweep.pop()], ["2", "1"])
        self.until(60)
        self.assert_due(_0=10)

    def test_popping_when_there_is_nothing(self) -> None:
        self.assertRaises(KeyError, self.sweep.pop)

    def test_added_again(self) -> None:
        """Its time begins anew."""
        self.at(0)
        self.until(6)
        self.sweep.discard("0")
        self.sweep.add("0")
        self.until(60)
        self.assert_due(_0=16)


class TimerTests(SweepCase):
    """One timer for all, and none for nothing."""

    def test_one_for_all(self) -> None:
        self.at(*range(9))
        self.assertEqual(len(self.clock.getDelayedCalls()), 1)

    def test_none_at_first(self) -> None:
        self.assert_no_timer()

    def test_none_after_the_last_was_due(self) -> None:
        self.at(0, 1)
        self.until(12)
        self.assertEqual(len(self.due), 2)
        self.assert_no_timer()

    def test_none_after_the_last_was_discarded(self) -> None:
        self.at(0, 1)
        self.sweep.discard("0")
        self.assertEqual(len(self.clock.getDelayedCalls()), 1)
        self.sweep.discard("1")
        self.assert_no_timer()

    def test_none_after_the_last_was_popped(self) -> None:
        self.at(0, 1)
        self.sweep.pop()
        self.assertEqual(len(self.clock.getDelayedCalls()), 1)
        self.sweep.pop()
        self.assert_no_timer()

    def test_another_one_when_it_is_needed_again(self) -> None:
        self.at(0)
        self.sweep.pop()
        self.at(5)
        self.until(60)
        self.assert_due(_5=15)
        self.assert_no_timer()


class OnDueTests(SweepCase):
    """What is done when one is due, done to the sweep itself."""

    def test_adds_itself_again(self) -> None:
        """As a watch does that is not late yet."""
        self.on_due["0"] = lambda: self.sweep.add("0")
        self.at(0)
        self.until(60)
        self.assertEqual([name for name, _ in self.due], ["0", "0"])
        self.assertTrue(20 <= self.due[1][1] <= 20 + 2 * LATE)
        self.assert_no_timer()

    def test_adding_one_does_not_make_those_late_who_wait_longer(self) -> None:
        self.on_due["0"] = lambda: self.sweep.add("0")
        self.at(0, 4)
        self.until(14 + LATE)
        self.assert_due(_0=10, _4=14)

    def test_discards_another_that_is_due_as_well(self) -> None:
        self.on_due["0"] = lambda: self.sweep.discard("other")
        self.at(0)
        self.sweep.add("other")
        self.until(60)
        self.assert_due(_0=10)
        self.assert_no_timer()

    def test_discards_another_and_adds_it_again(self) -> None:
        """Its time has begun anew, so it is not due in the same run."""

        def again() -> None:
            self.sweep.discard("other")
            self.sweep.add("other")

        self.on_due["0"] = again
        self.at(0)
        self.sweep.add("other")
        self.until(60)
        self.assert_due(_0=10, other=20)

    def test_takes_away_all_the_others(self) -> None:
        def take() -> None:
            while self.sweep:
                self.sweep.pop()

        self.on_due["0"] = take
        self.at(0, 1, 2)
        self.until(10.5)
        self.assert_due(_0=10)
        self.assert_no_timer()

    def test_takes_away_all_the_others_and_adds_one(self) -> None:
        def exchange() -> None:
            self.sweep.discard("1")
            self.sweep.add("new")

        self.on_due["0"] = exchange
        self.at(0, 1)
        self.until(60)
        self.assert_due(_0=10, new=20)
        self.assert_no_timer()

    def test_one_that_fails_does_not_stop_the_others(self) -> None:
        """Neither those that are due with it nor those that are due later."""

        def fail() -> None:
            raise ValueError("broken callback")

        self.on_due["0"] = fail
        self.at(0)
        self.sweep.add("together")
        self.at(3)
        self.until(60)
        self.assertEqual(len(self.flushLoggedErrors(ValueError)), 1)
        self.assertEqual([name for name, _ in self.due], ["0", "together", "3"])
        self.assertLessEqual(self.due[1][1], 10 + 2 * LATE)
        self.assertLessEqual(self.due[2][1], 13 + LATE)
        self.assert_no_timer()

    @PROPERTY
    @given(st.lists(st.tuples(st.floats(0, 30), st.booleans()), min_size=1, max_size=20))
    def test_nobody_is_ever_late(self, plan: list[tuple[float, bool]]) -> None:
        """Whoever comes when, and whether or not it waits a second time."""
        self.setUp()
        wanted: dict[str, float] = {}

        def again(name: str) -> None:
            self.sweep.add(name)

        for number, (time, twice) in enumerate(sorted(plan)):
            name = str(number)
            self.until(time)
            self.sweep.add(name)
            wanted[name] = self.clock.seconds() + DELAY
            if twice:
                self.on_due[name] = lambda name=name: again(name)  # type: ignore[misc]
        self.until(60)
        first: dict[str, float] = {}
        for name, time in self.due:
            first.setdefault(name, time)
        for name, time in wanted.items():
            self.assertTrue(time - 1e-6 <= first[name] <= time + LATE, f"{name} at {first[name]}, not {time}")
        self.assertEqual(len(self.due), len(plan) + sum(twice for _, twice in plan))
        self.assert_no_timer()
