"""Tests of jairouter.headers: what both sides of the gateway know about headers."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from jairouter.headers import (
    HOP_BY_HOP,
    by_name,
    content_length,
    end_to_end,
    joined,
    keeps_alive,
    without,
)

PAIRS = ((b"X-A", b"1"), (b"connection", b"close, X-Hop"), (b"x-hop", b"2"), (b"TE", b"x"), (b"x-a", b"3"))


class EndToEndTests(SynchronousTestCase):
    """What goes on to the next connection."""

    def test_one_connection_only(self) -> None:
        """What is hop-by-hop by itself, and what Connection names; the rest in order, as it was written."""
        self.assertEqual(end_to_end(PAIRS, b"close, X-Hop"), ((b"X-A", b"1"), (b"x-a", b"3")))

    def test_stopped(self) -> None:
        """Connection is obeyed whatever else stops."""
        stopped = frozenset({b"x-a", b"connection"})
        self.assertEqual(end_to_end(PAIRS, b"close, X-Hop", stopped), ((b"TE", b"x"),))

    def test_several_connection_headers(self) -> None:
        """What either of them names stops."""
        pairs = ((b"Connection", b"X-One"), (b"X-One", b"1"), (b"Connection", b"x-two"), (b"X-Two", b"2"))
        self.assertEqual(end_to_end(pairs, joined(pairs, b"connection")), ())

    def test_usual_values_of_connection(self) -> None:
        """They name no header, in whatever case they come; Keep-Alive, which one of them is called, stops."""
        pairs = ((b"Close", b"1"), (b"Keep-Alive", b"timeout=5"), (b"X-A", b"2"))
        for connection in (b"", b"keep-alive", b"Keep-Alive", b"close", b"CLOSE"):
            self.assertEqual(end_to_end(pairs, connection), ((b"Close", b"1"), (b"X-A", b"2")))

    def test_blanks_and_empty_elements(self) -> None:
        """A list may have both (RFC 9110, section 5.6.1)."""
        pairs = ((b"X-A", b"1"), (b"X-B", b"2"), (b"X-C", b"3"))
        self.assertEqual(end_to_end(pairs, b" ,x-a\t, ,X-C ,"), ((b"X-B", b"2"),))

    def test_the_names_that_stop_stay_the_same(self) -> None:
        """What one request's Connection names stops in no other."""
        end_to_end(PAIRS, b"X-A")
        self.assertNotIn(b"x-a", HOP_BY_HOP)
        self.assertEqual(end_to_end(((b"X-A", b"1"),), b""), ((b"X-A", b"1"),))


class ByNameTests(SynchronousTestCase):
    """Headers by their names."""

    def test_joined(self) -> None:
        """The values of a header that came in several lines, in their order."""
        self.assertEqual(joined(PAIRS, b"x-a"), b"1, 3")
        self.assertEqual(joined(PAIRS, b"te"), b"x")
        self.assertEqual(joined(PAIRS, b"x-b"), b"")

    def test_by_name(self) -> None:
        """Names in lower case; said which came more than once."""
        fields, repeated = by_name(PAIRS)
        self.assertEqual(
            fields, {b"x-a": b"1, 3", b"connection": b"close, X-Hop", b"x-hop": b"2", b"te": b"x"}
        )
        self.assertEqual(repeated, {b"x-a"})

    def test_by_name_when_none_came_twice(self) -> None:
        fields, repeated = by_name(PAIRS[:4])
        self.assertEqual(fields, {b"x-a": b"1", b"connection": b"close, X-Hop", b"x-hop": b"2", b"te": b"x"})
        self.assertEqual(repeated, frozenset())
        self.assertEqual(by_name(()), ({}, frozenset()))

    def test_without(self) -> None:
        """In whatever case they are written, each line of them; the rest in order."""
        self.assertEqual(without(PAIRS, frozenset({b"x-a", b"te", b"x-b"})), PAIRS[1:3])


class ValueTests(SynchronousTestCase):
    """Single headers."""

    def test_content_length(self) -> None:
        """Python alone would refuse more than 4300 digits, and llhttp keeps blanks behind a value."""
        for value, length in ((b"0", 0), (b"42 \t", 42), (b"0" * 5000 + b"5", 5), (b"%d" % 2**63, 2**63)):
            self.assertEqual(content_length(value), length)


class KeepsAliveTests(SynchronousTestCase):
    """What HTTP/1.0 must ask for."""

    def test_asked_for(self) -> None:
        for connection in (b"keep-alive", b"Keep-Alive", b"close, keep-alive", b"x ,\tKEEP-ALIVE "):
            self.assertTrue(keeps_alive(connection), connection)

    def test_not_asked_for(self) -> None:
        for connection in (b"", b"close", b"keep-alive-not", b"x-keep-alive"):
            self.assertFalse(keeps_alive(connection), connection)
