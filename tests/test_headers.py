"""Tests of jairouter.headers: what both sides of the gateway know about headers."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from jairouter.headers import content_length, end_to_end, first_value

PAIRS = ((b"X-A", b"1"), (b"connection", b"close, X-Hop"), (b"x-hop", b"2"), (b"TE", b"x"), (b"x-a", b"3"))


class EndToEndTests(SynchronousTestCase):
    """What goes on to the next connection."""

    def test_one_connection_only(self) -> None:
        """What is hop-by-hop by itself, and what Connection names; the rest in order, as it was written."""
        self.assertEqual(end_to_end(PAIRS), ((b"X-A", b"1"), (b"x-a", b"3")))

    def test_stopped(self) -> None:
        """Connection is obeyed whatever else stops."""
        stopped = frozenset({b"x-a", b"connection"})
        self.assertEqual(end_to_end(PAIRS, stopped), ((b"TE", b"x"),))


class ValueTests(SynchronousTestCase):
    """Single headers."""

    def test_first(self) -> None:
        self.assertEqual(first_value(PAIRS, b"x-a"), b"1")
        self.assertEqual(first_value(PAIRS, b"x-b"), b"")

    def test_content_length(self) -> None:
        """Python alone would refuse more than 4300 digits, and llhttp keeps blanks behind a value."""
        for value, length in ((b"0", 0), (b"42 \t", 42), (b"0" * 5000 + b"5", 5), (b"%d" % 2**63, 2**63)):
            self.assertEqual(content_length(value), length)
