"""The data of an event, and other data in its place."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from jairouter.codec.event_lines import data_of, split, with_data
from jairouter.codec.sse import read_events

LINES = st.sampled_from(["data: a", "data:b", "data", "data: ", "database: x", "id: 1", ": c", "data : y"])
ENDS = st.sampled_from(["\n", "\r\n", "\r"])
EVENTS = st.tuples(st.sampled_from(["", "\ufeff"]), st.lists(LINES, min_size=1, max_size=5), ENDS).map(
    lambda made: made[0] + made[2].join(made[1]) + made[2] * 2
)


def data_in(event: str) -> str | None:
    """What a client reads."""
    read = next(read_events(event.encode()), None)
    return None if read is None else read.data.decode()


class EventLinesTests(SynchronousTestCase):
    """One event."""

    @settings(max_examples=60, deadline=None)
    @given(EVENTS)
    def test_the_data_is_what_a_client_reads(self, event: str) -> None:
        self.assertEqual(data_of(event), data_in(event) or "")

    @settings(max_examples=60, deadline=None)
    @given(EVENTS, st.lists(st.sampled_from(["x", "y z", "é"]), min_size=1, max_size=4), ENDS)
    def test_other_data_is_what_a_client_reads_then(self, event: str, new: list[str], end: str) -> None:
        if data_in(event) is None:
            return
        after = with_data(event, end.join(new))
        self.assertEqual(data_in(after), "\n".join(new))
        others = [line for line in event.splitlines() if not line.lstrip("\ufeff").startswith("data")]
        self.assertEqual([line for line in after.splitlines() if line in others], others)

    def test_all_else_stays(self) -> None:
        event = "event: e\r\ndata:a\r\nid: 1\r\ndata: b\r\n: c\r\n\r\n"
        self.assertEqual(with_data(event, "a\nb"), event)
        self.assertEqual(with_data(event, "x"), "event: e\r\ndata:x\r\nid: 1\r\n: c\r\n\r\n")

    def test_events_are_taken_apart_behind_empty_lines(self) -> None:
        for end in (b"\n", b"\r\n", b"\r"):
            events = [b"data: a" + end * 2, b"data: b" + end * 3, b"data: c"]
            self.assertEqual([*split(b"".join(events))], events)
