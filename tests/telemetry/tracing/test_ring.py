"""Tests of jairouter.telemetry.tracing.ring."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from jairouter.telemetry.tracing.ring import Ring
from jairouter.telemetry.tracing.span import Kind, Span
from tests.fuzz.examples import examples


def spans(trace: int, number: int = 1, at: float = 0.0, error: str = "") -> list[Span]:
    """So many of a trace."""
    return [
        Span(f"{trace:032x}", f"{each:016x}", "", "x", Kind.SERVER, at, at + 1, error=error)
        for each in range(number)
    ]


class RingTests(SynchronousTestCase):
    """What is kept, and what goes."""

    def kept(self, ring: Ring) -> list[tuple[int, int]]:
        """The traces and how many spans each has, the latest first."""
        return [(int(each.trace_id, 16), len(each.spans)) for each in ring.latest()]

    def test_the_oldest_goes_where_there_are_too_many_traces(self) -> None:
        ring = Ring(2, 100)
        for trace in (1, 2, 3):
            ring.add(spans(trace))
        self.assertEqual([(3, 1), (2, 1)], self.kept(ring))

    def test_or_too_many_spans(self) -> None:
        ring = Ring(100, 10)
        for trace in (1, 2, 3):
            ring.add(spans(trace, 4))
        self.assertEqual(([(3, 4), (2, 4)], 8), (self.kept(ring), ring.spans))

    def test_exchanges_of_one_trace_are_kept_together(self) -> None:
        ring = Ring(2, 100)
        ring.add(spans(1, 2, at=5))
        ring.add(spans(2))
        ring.add(spans(1, 3, at=9, error="x"))
        self.assertEqual([(1, 5), (2, 1)], self.kept(ring))
        kept = ring.get(f"{1:032x}")
        assert kept is not None
        self.assertEqual((5, 10, True), kept[2:])

    def test_one_trace_has_no_more_than_there_is_room_for(self) -> None:
        ring = Ring(5, 10)
        ring.add(spans(1))
        for _ in range(5):
            ring.add(spans(2, 4))
        self.assertEqual([(2, 10)], self.kept(ring))

    def test_nor_than_one_trace_may_have(self) -> None:
        """A client that counts all it asks for to one trace must not make each request dearer."""
        ring = Ring(5, 10_000)
        for _ in range(3):
            ring.add(spans(1, 300))
        self.assertEqual([(1, 500)], self.kept(ring))

    def test_what_was_over_before_is_forgotten(self) -> None:
        ring = Ring(5, 10)
        for trace in (1, 2, 3):
            ring.add(spans(trace, at=trace))
        self.assertEqual((2, 1), (ring.forget(4.0), ring.spans))

    def test_with_less_room_the_oldest_go_at_once(self) -> None:
        ring = Ring(5, 10)
        for trace in (1, 2, 3):
            ring.add(spans(trace, 2))
        ring.resize(5, 3)
        self.assertEqual([(3, 2)], self.kept(ring))

    @examples(30)
    @given(
        st.lists(st.tuples(st.integers(0, 4), st.integers(1, 7)), max_size=20),
        st.integers(1, 4),
        st.integers(1, 9),
    )
    def test_there_is_never_more_than_that(
        self, added: list[tuple[int, int]], max_traces: int, max_spans: int
    ) -> None:
        ring = Ring(max_traces, max_spans)
        for trace, number in added:
            ring.add(spans(trace, number))
            self.assertEqual(trace, int(ring.latest()[0].trace_id, 16))
            self.assertEqual(sum(number for _, number in self.kept(ring)), ring.spans)
            self.assertLessEqual((len(ring), ring.spans), (max_traces, max_spans))
            self.assertLessEqual(ring.spans, max_spans)
