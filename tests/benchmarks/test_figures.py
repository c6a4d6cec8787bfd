"""Medians, ratios and percentiles."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from benchmarks.figures import Rounds, percentile


class RoundsTests(SynchronousTestCase):
    """`Rounds`."""

    def test_median_is_not_moved_by_one_disturbed_round(self) -> None:
        """That is why it is the figure that is reported."""
        self.assertEqual(Rounds.of([10.0, 11.0, 900.0]).median, 11.0)

    def test_ratio_is_of_the_same_round(self) -> None:
        """Twice nginx in each round, however busy the machine was, is twice nginx."""
        ratio = Rounds.of([20.0, 200.0, 2000.0]).per(Rounds.of([10.0, 100.0, 1000.0]))
        self.assertEqual(ratio.values, (2.0, 2.0, 2.0))

    def test_difference_is_of_the_same_round(self) -> None:
        """As with the ratio."""
        self.assertEqual(Rounds.of([3.0, 9.0]).minus(Rounds.of([1.0, 7.0])).values, (2.0, 2.0))

    def test_spread_names_the_lowest_and_the_highest(self) -> None:
        """In whatever order they came."""
        self.assertEqual(Rounds.of([2.0, 3.06, 1.0]).spread(), "1.0 - 3.1")

    def test_rounds_that_do_not_pair_up_are_an_error(self) -> None:
        """A missing round would shift all that follow."""
        with self.assertRaises(ValueError):
            Rounds.of([1.0]).per(Rounds.of([1.0, 2.0]))


class PercentileTests(SynchronousTestCase):
    """`percentile`."""

    def test_p99_of_a_thousand_leaves_ten_above(self) -> None:
        """None of the values is made up, so it is the 991st."""
        self.assertEqual(percentile(list(range(1000)), 0.99), 990)

    def test_of_few_values_it_is_the_largest(self) -> None:
        """There is none that one in a hundred exceeds."""
        self.assertEqual(percentile([1.0, 2.0, 3.0], 0.99), 3.0)
