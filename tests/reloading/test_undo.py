"""Tests for `jairouter.reloading.undo`."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from jairouter.control import UndoRule
from jairouter.reloading.error_rate import Counts
from jairouter.reloading.undo import State, Undo
from tests.fuzz.examples import examples

RULE = UndoRule(within=60.0, margin=0.05, min_requests=20)
BEFORE = Counts(100, 2)


class UndoTests(SynchronousTestCase):
    """When a change is taken back."""

    def setUp(self) -> None:
        self.undo = Undo(RULE, BEFORE, 1000.0)

    def test_good(self) -> None:
        self.assertIs(self.undo.judge(1010.0, Counts(500, 10)), State.WATCHING)

    def test_bad(self) -> None:
        self.assertIs(self.undo.judge(1010.0, Counts(120, 41)), State.UNDONE)
        self.assertEqual(self.undo.reason, "34.2 % of 120 requests failed, 2 % before")

    def test_as_far_as_the_margin(self) -> None:
        """Two in a hundred before, and seven now, is allowed."""
        self.assertIs(self.undo.judge(1010.0, Counts(100, 7)), State.WATCHING)
        self.assertIs(self.undo.judge(1010.0, Counts(100, 8)), State.UNDONE)

    def test_too_few_to_say(self) -> None:
        self.assertIs(self.undo.judge(1010.0, Counts(19, 19)), State.WATCHING)
        self.assertIs(self.undo.judge(1060.0, Counts(19, 19)), State.KEPT)
        self.assertEqual(
            self.undo.reason, "100 % of 19 requests failed; that is less than 20, and says nothing"
        )

    def test_kept(self) -> None:
        self.assertIs(self.undo.judge(1059.9, Counts(100, 0)), State.WATCHING)
        self.assertIs(self.undo.judge(1060.0, Counts(100, 0)), State.KEPT)
        self.assertEqual(self.undo.reason, "0 % of 100 requests failed")

    def test_at_the_last_moment(self) -> None:
        self.assertIs(self.undo.judge(1060.0, Counts(100, 90)), State.UNDONE)

    def test_final(self) -> None:
        self.undo.judge(1060.0, Counts(100, 0))
        self.assertIs(self.undo.judge(1061.0, Counts(100, 90)), State.KEPT)

    def test_nothing_was_asked_before(self) -> None:
        """No request before means none that failed."""
        self.assertIs(Undo(RULE, Counts(), 0.0).judge(1.0, Counts(20, 2)), State.UNDONE)

    @examples(50)
    @given(st.integers(0, 200), st.integers(0, 200), st.floats(0, 120))
    def test_never_without_reason(self, requests: int, failed: int, passed: float) -> None:
        """A change under which no larger share fails than before is never taken back."""
        undo = Undo(RULE, Counts(requests, min(failed, requests)), 0.0)
        self.assertIsNot(undo.judge(passed, Counts(requests, min(failed, requests))), State.UNDONE)
