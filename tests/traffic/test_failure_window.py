"""Tests for `jairouter.traffic.failure_window`."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from jairouter.traffic.failure_window import FailureWindow
from tests.fuzz.examples import examples

ENDS = st.lists(st.booleans(), max_size=30)
SIZES = st.integers(1, 8)


def window(size: int, sliding: bool, ends: list[bool]) -> FailureWindow:
    """One that has seen some attempts."""
    made = FailureWindow(size, sliding)
    for failed in ends:
        made.add(failed)
    return made


def counts(seen: FailureWindow) -> tuple[int, int]:
    """Attempts, and failures among them."""
    return len(seen), seen.failures


class FailureWindowTests(SynchronousTestCase):
    """How many of the last attempts failed."""

    @given(SIZES, ENDS)
    @examples(40)
    def test_sliding(self, size: int, ends: list[bool]) -> None:
        """The last ones."""
        self.assertEqual(counts(window(size, True, ends)), (len(ends[-size:]), sum(ends[-size:])))

    @given(SIZES, ENDS)
    @examples(40)
    def test_starting_afresh(self, size: int, ends: list[bool]) -> None:
        """Those since it was full; when it is just full, all of it."""
        last = ends[(len(ends) - 1) // size * size :] if ends else []
        self.assertEqual(counts(window(size, False, ends)), (len(last), sum(last)))

    @given(SIZES, SIZES, ENDS, ENDS)
    @examples(40)
    def test_resized(self, old: int, new: int, before: list[bool], after: list[bool]) -> None:
        """As if it had always had that size, but for what the old one did not know."""
        resized = window(old, True, before).resized(new, True)
        for failed in after:
            resized.add(failed)
        expected = (before[-old:] + after)[-new:]
        self.assertEqual(counts(resized), (len(expected), sum(expected)))

    def test_cleared(self) -> None:
        seen = window(3, True, [True, True, False, True])
        seen.clear()
        self.assertEqual(counts(seen), (0, 0))
        for failed in (True, False, False, False):
            seen.add(failed)
        self.assertEqual(counts(seen), (3, 0))

    def test_large(self) -> None:
        """It takes as much memory as there were attempts, not as there may be."""
        self.assertEqual(counts(window(10**12, True, [True])), (1, 1))
