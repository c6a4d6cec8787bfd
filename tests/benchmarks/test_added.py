"""What a part that can be switched off adds to a request."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from benchmarks.added import Setup, section
from benchmarks.wrk import Run

SETUPS = (Setup("off", {}), Setup("half", {}), Setup("all", {}, budget=10.0))


def runs(*cpu: float) -> list[Run]:
    """One for each turn."""
    return [Run(1000.0, each, 1.0, 2.0) for each in cpu]


class SectionTests(SynchronousTestCase):
    """`section`."""

    def test_differences_are_those_of_one_turn(self) -> None:
        """A machine that was slow for one turn was so for all: the medians would differ by 12."""
        measured = {"off": runs(90, 100, 190), "half": runs(94, 105, 193), "all": runs(98, 112, 201)}
        found = section("Parts", "", SETUPS, measured)
        self.assertEqual(
            [row[4:] for row in found.rows], [["", ""], ["4.0", "3.0 - 5.0"], ["11.0", "8.0 - 12.0"]]
        )

    def test_only_what_has_a_budget_is_held_against_it(self) -> None:
        """By the median of the differences."""
        measured = {"off": runs(90), "half": runs(120), "all": runs(98)}
        (budget,) = section("Parts", "", SETUPS, measured).budgets
        self.assertEqual((budget.what, budget.measured, budget.met), ("added to a request by all", 8, True))

    def test_nothing_was_measured(self) -> None:
        """The run has failed, and says so elsewhere."""
        self.assertEqual(section("Parts", "", (), {}).rows, [])
