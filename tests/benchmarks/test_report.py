"""The Markdown of a run."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from benchmarks.report import Budget, Section, budgets, document, table


def section(*limits: Budget) -> Section:
    """One measurement with these budgets."""
    return Section("Streams", "What was done.", ("through", "us"), [("gateway", "40.0")], budgets=limits)


class TableTests(SynchronousTestCase):
    """`table`."""

    def test_columns_line_up(self) -> None:
        """Text to the left, figures to the right."""
        expected = "| a     |  b |\n| ----- | -: |\n| nginx |  1 |\n| x     | 22 |"
        self.assertEqual(table(("a", "b"), [("nginx", "1"), ("x", "22")]), expected)

    def test_row_of_another_length_is_an_error(self) -> None:
        """A figure under the wrong heading is worse than none."""
        with self.assertRaises(ValueError):
            table(("a", "b"), [("nginx",)])


class BudgetTests(SynchronousTestCase):
    """Whether promises are kept."""

    def test_at_the_limit_is_met(self) -> None:
        """It says at most."""
        self.assertTrue(Budget("CPU", 6.0, 6.0, "x").met)

    def test_a_broken_promise_stands_out(self) -> None:
        """In capitals, beside the figure."""
        shown = budgets([section(Budget("CPU", 6.0, 6.26, "x nginx"))])
        self.assertRegex(shown, r"\| CPU +\| +6\.26 x nginx \| <= 6 x nginx \| NOT MET \|")

    def test_a_figure_that_rounds_to_the_limit_does_not_look_met(self) -> None:
        """It did when it was shown with one digit."""
        self.assertIn("6.04 x", budgets([section(Budget("CPU", 6.0, 6.04, "x"))]))


class DocumentTests(SynchronousTestCase):
    """`document`."""

    def test_failures_come_first(self) -> None:
        """Nobody should read figures of a run that failed."""
        page = document("Title", ["preface"], [section()], ["wrk failed"])
        self.assertLess(page.index("wrk failed"), page.index("preface"))
        self.assertIn("not to be used", page)

    def test_nothing_is_said_of_failures_when_there_are_none(self) -> None:
        """The usual report."""
        self.assertNotIn("FAILED", document("Title", [], [section()], []))
