"""Tests for `jairouter.traffic.outliers`."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from jairouter.config.settings.balancing import OutlierSettings
from jairouter.exchange import Outcome
from jairouter.traffic.instance import Instance
from jairouter.traffic.outliers import OutlierLimits, Outliers
from tests.filters.inner import instance
from tests.fuzz.examples import examples
from tests.traffic.lives import break_, take_down

LIMITS = OutlierLimits(failures=3, ejection_time=30.0, longest=100.0, percent=50)


class Case(SynchronousTestCase):
    """Four instances; three failures in a row are too many, and two of them may be ejected."""

    def setUp(self) -> None:
        self.instances = [instance(base_url=f"http://10.0.0.{number}") for number in range(4)]
        self.told: list[tuple[Instance, int, float]] = []
        self.watch(LIMITS)

    def watch(self, limits: OutlierLimits) -> None:
        self.outliers = Outliers(self.instances, limits, lambda *said: self.told.append(said))

    def end(self, which: int, outcome: Outcome, now: float, began: float | None = None) -> None:
        self.outliers.settled(self.instances[which], outcome, now, now if began is None else began)

    def spoil(self, which: int, now: float, times: int = 3) -> None:
        for _ in range(times):
            self.end(which, Outcome.FAILED, now)

    def out(self, now: float) -> list[int]:
        """Which are ejected."""
        return [number for number, each in enumerate(self.instances) if each.live.ejected(now)]


class RowTests(Case):
    """What has an instance ejected."""

    def test_failures_in_a_row(self) -> None:
        self.spoil(0, 1.0, times=2)
        self.assertEqual(self.out(1.0), [])
        self.spoil(0, 1.0, times=1)
        self.assertEqual(self.out(1.0), [0])
        self.assertEqual(self.instances[0].live.ejected_until, 31.0)
        self.assertEqual(self.told, [(self.instances[0], 3, 30.0)])

    def test_success_between(self) -> None:
        self.spoil(0, 0.0, times=2)
        self.end(0, Outcome.SUCCEEDED, 0.0)
        self.spoil(0, 0.0, times=2)
        self.assertEqual(self.out(0.0), [])

    def test_what_says_nothing(self) -> None:
        for outcome in (Outcome.THROTTLED, Outcome.NEUTRAL, Outcome.ABANDONED):
            self.end(0, Outcome.FAILED, 0.0)
            self.end(0, outcome, 0.0)
        self.assertEqual(self.out(0.0), [0])

    def test_each_by_itself(self) -> None:
        for which in (0, 1, 2):
            self.spoil(which, 0.0, times=2)
        self.assertEqual(self.out(0.0), [])

    def test_settings(self) -> None:
        self.assertEqual(OutlierLimits.of(OutlierSettings()), OutlierLimits())
        given = OutlierSettings(
            consecutive_failures=3, ejection_time=30.0, max_ejection_time=100.0, max_ejection_percent=50
        )
        self.assertEqual(OutlierLimits.of(given), LIMITS)


class LateTests(Case):
    """Attempts that began before the instance was left out, and end later."""

    def test_while_it_is_out(self) -> None:
        self.spoil(0, 10.0)
        for _ in range(9):
            self.end(0, Outcome.FAILED, 20.0, began=5.0)
        self.assertEqual((self.instances[0].live.ejected_until, len(self.told)), (40.0, 1))

    def test_when_it_is_back(self) -> None:
        """They speak of the time before."""
        self.spoil(0, 0.0)
        for _ in range(9):
            self.end(0, Outcome.FAILED, 40.0, began=-5.0)
        self.spoil(0, 40.0, times=2)
        self.assertEqual(self.out(40.0), [])
        self.spoil(0, 40.0, times=1)
        self.assertEqual(self.out(40.0), [0])

    def test_clock_set_back(self) -> None:
        """Nothing is overlooked for an hour."""
        self.spoil(0, 3600.0)
        self.assertEqual(self.out(3630.0), [])
        self.spoil(0, 0.0)
        self.assertEqual(self.out(0.0), [0])
        self.assertEqual(self.told[-1][2], 60.0)


class TimeTests(Case):
    """For how long."""

    def test_longer_each_time(self) -> None:
        now = 0.0
        for _ in range(5):
            self.spoil(0, now)
            now = self.instances[0].live.ejected_until
        self.assertEqual([seconds for _, _, seconds in self.told], [30.0, 60.0, 90.0, 100.0, 100.0])

    def third(self, pause: float) -> float:
        """For how long the third time, after a pause; without one it is 90."""
        self.setUp()
        self.spoil(0, 0.0)
        self.spoil(0, 30.0)
        self.spoil(0, 90.0 + pause)
        return self.told[-1][2]

    def test_forgotten_step_by_step(self) -> None:
        """One for each ejection time without another one."""
        self.assertEqual(
            [self.third(pause) for pause in (0.0, 29.9, 30.0, 60.0, 1e6)], [90.0, 90.0, 60.0, 30.0, 30.0]
        )

    def test_never_more_to_forget_than_the_longest(self) -> None:
        """After a night of ejections it takes four steps, not hundreds, until all is forgotten."""
        now = 0.0
        for _ in range(200):
            self.spoil(0, now)
            now = self.instances[0].live.ejected_until
        self.spoil(0, now + 4 * 30.0)
        self.assertEqual(self.told[-1][2], 30.0)

    def test_longest_below_the_first(self) -> None:
        self.watch(replace(LIMITS, longest=10.0))
        self.spoil(0, 0.0)
        self.spoil(0, 10.0)
        self.assertEqual([seconds for _, _, seconds in self.told], [10.0, 10.0])

    def test_carried_over_a_reload(self) -> None:
        """Other objects, the same lives."""
        self.spoil(0, 0.0)
        self.spoil(1, 0.0, times=2)
        self.instances = [instance(base_url=each.base_url, live=each.live) for each in self.instances]
        self.watch(LIMITS)
        self.assertEqual(self.out(0.0), [0])
        self.spoil(1, 0.0, times=1)
        self.assertEqual(self.out(0.0), [0, 1])
        self.spoil(0, 30.0)
        self.assertEqual(self.told[-1][2], 60.0)


class ShareTests(Case):
    """How many at a time."""

    def test_no_more_than_the_share(self) -> None:
        for which in range(3):
            self.spoil(which, 0.0)
        self.assertEqual(self.out(0.0), [0, 1])

    def test_later_when_there_is_room(self) -> None:
        """With the next failure: the row goes on meanwhile."""
        for which in range(3):
            self.spoil(which, 0.0)
        self.assertEqual(self.out(30.0), [])
        self.spoil(2, 30.0, times=1)
        self.assertEqual(self.out(30.0), [2])

    def test_rounded_down(self) -> None:
        self.watch(replace(LIMITS, percent=74))
        for which in range(3):
            self.spoil(which, 0.0)
        self.assertEqual(self.out(0.0), [0, 1])

    def test_one_always_may_be(self) -> None:
        for percent in (0, 10):
            self.setUp()
            self.watch(replace(LIMITS, percent=percent))
            for which in (3, 2):
                self.spoil(which, 0.0)
            self.assertEqual(self.out(0.0), [3])

    def test_never_the_last_one(self) -> None:
        self.watch(replace(LIMITS, percent=100))
        for which in range(4):
            self.spoil(which, 0.0)
        self.assertEqual(self.out(0.0), [0, 1, 2])

    def test_never_the_only_one(self) -> None:
        del self.instances[1:]
        self.watch(LIMITS)
        self.spoil(0, 0.0)
        self.assertEqual(self.out(0.0), [])

    def test_never_the_last_one_that_is_usable(self) -> None:
        """The others are there, but down, or left alone."""
        take_down(self.instances[1])
        break_(self.instances[2])
        self.instances[3].live.cool(100.0)
        self.spoil(0, 1.0)
        self.assertEqual(self.out(1.0), [])
        self.assertEqual(self.told, [])
        self.instances[1].live.probed(True, 2.0)
        self.spoil(0, 2.0, times=1)
        self.assertEqual(self.out(2.0), [0])

    def test_drained_ones_do_not_count(self) -> None:
        """Neither among those that may be ejected, nor as those that are left; and they are not ejected."""
        self.instances = [*self.instances[:2], instance(weight=0), instance(weight=0)]
        self.watch(LIMITS)
        self.spoil(2, 0.0)
        self.spoil(0, 0.0)
        self.spoil(1, 0.0)
        self.assertEqual(self.out(0.0), [0])

    @given(
        st.integers(1, 12),
        st.integers(0, 100),
        st.lists(st.tuples(st.integers(0, 11), st.sampled_from([0.0, 1.0, 15.0])), max_size=60),
    )
    @examples(25)
    def test_whatever_fails(self, number: int, percent: int, failures: list[tuple[int, float]]) -> None:
        """Never more than the share, but one; never all; never for longer than the longest."""
        self.instances = [instance() for _ in range(number)]
        self.watch(replace(LIMITS, failures=1, percent=percent))
        now = 0.0
        for which, seconds in failures:
            now += seconds
            self.spoil(which % number, now, times=1)
            self.assertLessEqual(len(self.out(now)), max(1, number * percent // 100))
            self.assertLess(len(self.out(now)), number)
            self.assertTrue(all(each.live.ejected_until <= now + 100.0 for each in self.instances))
