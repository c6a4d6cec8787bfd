"""Tests for `jairouter.traffic.budget`."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from jairouter.traffic.budget import LoadCap, RetryBudget
from tests.fuzz.examples import examples


def spend(budget: RetryBudget, now: float, most: int = 1000) -> int:
    """Withdraw until nothing is left. Returns how often that went."""
    count = 0
    while count < most and budget.withdraw(now):
        count += 1
    return count


class RetryBudgetTests(SynchronousTestCase):
    """A share of recent requests, and a floor."""

    def test_share_of_requests(self) -> None:
        budget = RetryBudget(0.2, 0, 10)
        for _ in range(100):
            budget.deposit(1000.0)
        self.assertEqual(spend(budget, 1000.0), 20)

    def test_fractions_add_up(self) -> None:
        """Five times 0.2 is one, not a hair less."""
        budget = RetryBudget(0.2, 0, 10)
        for _ in range(4):
            budget.deposit(5.0)
        self.assertFalse(budget.withdraw(5.0))
        budget.deposit(5.0)
        self.assertTrue(budget.withdraw(5.0))

    def test_floor(self) -> None:
        """Without any request there is the floor of one window at once, and then its rate."""
        budget = RetryBudget(0.2, 1, 10)
        self.assertEqual(spend(budget, 50.5), 10)
        self.assertEqual(spend(budget, 59.9), 0)
        self.assertEqual(spend(budget, 60.5), 10)

    def test_requests_are_forgotten(self) -> None:
        budget = RetryBudget(1, 0, 10)
        budget.deposit(20.0)
        self.assertEqual(spend(budget, 31.0), 0)

    def test_requests_of_the_window_count(self) -> None:
        budget = RetryBudget(1, 0, 10)
        for second in range(9):
            budget.deposit(20.0 + second)
        self.assertEqual(spend(budget, 29.9), 9)

    def test_told_late(self) -> None:
        """A request that waited before it was told counts all the same."""
        budget = RetryBudget(1, 0, 10)
        budget.deposit(105.0)
        budget.deposit(101.0)
        self.assertEqual(spend(budget, 105.0), 2)

    def test_clock_set_back_a_little(self) -> None:
        """It stands still: what was withdrawn is not there again."""
        budget = RetryBudget(0, 1, 10)
        self.assertEqual(spend(budget, 105.0), 10)
        self.assertEqual(spend(budget, 97.0), 0)

    def test_clock_set_back_far(self) -> None:
        """Neither does the budget stand still until the old time has come again, nor grow meanwhile."""
        budget = RetryBudget(0.2, 1, 10)
        spend(budget, 7200.0)
        for second in range(100):
            budget.deposit(3600.0 + second)
        self.assertEqual(spend(budget, 3699.0), 12)

    @given(
        st.lists(st.tuples(st.floats(0, 3), st.booleans()), max_size=300),
        st.floats(0, 1),
        st.floats(0, 3),
        st.floats(1, 20),
    )
    @examples(40)
    def test_bound(self, steps: list[tuple[float, bool]], ratio: float, floor: float, window: float) -> None:
        """However requests and failures come, there are no more retries than the class says."""
        budget = RetryBudget(ratio, floor, window)
        now, requests, retries = 1e6, 0, 0
        for gap, is_request in steps:
            now += gap
            if is_request:
                budget.deposit(now)
                requests += 1
            else:
                retries += budget.withdraw(now)
        self.assertLessEqual(retries, ratio * requests + floor * (now - 1e6 + window) + 1e-6)


class LoadCapTests(SynchronousTestCase):
    """One in so many, from the first one on."""

    def test_nothing_to_begin_with(self) -> None:
        cap = LoadCap(0.05)
        for _ in range(19):
            cap.deposit()
        self.assertTrue(cap.reached)
        cap.deposit()
        self.assertFalse(cap.reached)
        cap.withdraw()
        self.assertTrue(cap.reached)

    def test_kept_for_later(self) -> None:
        """But not without end: after a quiet day there is no flood."""
        cap, extra = LoadCap(0.5, most=3), 0
        for _ in range(100):
            cap.deposit()
        while not cap.reached:
            cap.withdraw()
            extra += 1
        self.assertEqual(extra, 3)

    def test_none_wanted(self) -> None:
        cap = LoadCap(0)
        for _ in range(1000):
            cap.deposit()
        self.assertTrue(cap.reached)
