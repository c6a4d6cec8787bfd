"""Tests of `jairouter.codec.sse`."""

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from jairouter.codec.sse import (
    Event,
    EventSplitter,
    error_event,
    is_event_stream,
    read_events,
)
from tests.codec.properties import PROPERTY, split_at

MIXED = b": hi\r\n\r\ndata: a\ndata: b\n\nevent: x\rdata: c\r\r\ndata: d\n\r\n\r\ndata: e\r\n\n"


def last_border(stream: bytes) -> int:
    """Find the end of the last empty line, byte by byte, as WHATWG HTML describes the format."""
    border = 0
    line_empty, empty_before_lf = True, False
    for place, byte in enumerate(stream, 1):
        char = bytes([byte])
        if char == b"\n" and stream[place - 2 : place - 1] == b"\r" and place > 1:
            if empty_before_lf:
                border = place
        elif char in (b"\r", b"\n"):
            empty_before_lf = line_empty
            if line_empty:
                border = place
            line_empty = True
        else:
            line_empty = False
    return border


class EventSplitterTests(SynchronousTestCase):
    """What the splitter gives out when."""

    def setUp(self) -> None:
        self.splitter = EventSplitter(max_held=100)

    def test_whole_events_are_not_copied(self) -> None:
        """The usual chunk comes back as the object it is."""
        for chunk in (b"data: a\n\n", b"data: a\n\ndata: b\n\n", b"data: a\r\n\r\n", b"\n\n"):
            self.assertIs(self.splitter.feed(chunk), chunk)
            self.assertEqual(self.splitter.held, 0)

    def test_holds_back_the_start_of_an_event(self) -> None:
        """Until the empty line comes, nothing goes out."""
        self.assertEqual(self.splitter.feed(b"data: a"), b"")
        self.assertEqual(self.splitter.feed(b"\n"), b"")
        self.assertEqual(self.splitter.held, 8)
        self.assertFalse(self.splitter.mid_event)
        self.assertEqual(self.splitter.feed(b"\n"), b"data: a\n\n")

    def test_gives_out_all_but_the_tail(self) -> None:
        """Whole events go out although another has begun."""
        self.assertEqual(self.splitter.feed(b"data: a\n\ndata: b\n\nda"), b"data: a\n\ndata: b\n\n")
        self.assertEqual(self.splitter.feed(b"ta: c\n\n"), b"data: c\n\n")

    def test_flush_gives_the_tail(self) -> None:
        """A good end without an empty line loses nothing."""
        self.splitter.feed(b"data: [DONE]\n")
        self.assertEqual(self.splitter.flush(), b"data: [DONE]\n")
        self.assertEqual(self.splitter.flush(), b"")

    def test_nothing_fed(self) -> None:
        """An empty chunk changes nothing in any state."""
        self.assertEqual(self.splitter.feed(b""), b"")
        self.splitter.feed(b"data")
        self.assertEqual(self.splitter.feed(b""), b"")
        self.splitter.feed(b"x" * 200)
        self.assertEqual(self.splitter.feed(b""), b"")
        self.assertTrue(self.splitter.mid_event)

    def test_crlf_is_one_line_end(self) -> None:
        """The end of an ordinary line is not an empty line, wherever it is cut."""
        self.assertEqual(self.splitter.feed(b"data: a\r\ndata: b"), b"")
        self.assertEqual(self.splitter.feed(b"\r"), b"")
        self.assertEqual(self.splitter.feed(b"\n"), b"")
        self.assertEqual(self.splitter.feed(b"\r\nx"), b"data: a\r\ndata: b\r\n\r\n")

    def test_lf_after_the_last_cr_follows(self) -> None:
        """An event whose empty line is known goes out at once; the LF comes after it."""
        self.assertEqual(self.splitter.feed(b"data: a\r\n\r"), b"data: a\r\n\r")
        self.assertEqual(self.splitter.feed(b"\ndata: b"), b"\n")
        self.assertEqual(self.splitter.held, 7)

    def test_cr_only(self) -> None:
        """Old Macintosh line ends are line ends."""
        self.assertEqual(self.splitter.feed(b"data: a\rdata: b\r"), b"")
        self.assertEqual(self.splitter.feed(b"\rdata: c"), b"data: a\rdata: b\r\r")

    def test_empty_lines_between_events(self) -> None:
        """They are not held back."""
        self.assertEqual(self.splitter.feed(b"\ndata: a"), b"\n")
        self.assertEqual(self.splitter.feed(b"\n\n\r\n\r"), b"data: a\n\n\r\n\r")

    def test_long_event_is_passed_on(self) -> None:
        """Beyond max_held the bytes go out as they come, until the event ends."""
        self.assertEqual(self.splitter.feed(b"x" * 100), b"")
        self.assertEqual(self.splitter.feed(b"y"), b"x" * 100 + b"y")
        self.assertTrue(self.splitter.mid_event)
        self.assertEqual(self.splitter.held, 0)
        self.assertEqual(self.splitter.feed(b"z\n"), b"z\n")
        self.assertTrue(self.splitter.mid_event)
        self.assertEqual(self.splitter.feed(b"\ndata: b"), b"\n")
        self.assertFalse(self.splitter.mid_event)
        self.assertEqual(self.splitter.held, 7)

    def test_long_event_ends_on_the_usual_path(self) -> None:
        """A chunk that ends with an event ends a long one, too."""
        self.splitter.feed(b"x" * 200)
        chunk = b"y\n\n"
        self.assertIs(self.splitter.feed(chunk), chunk)
        self.assertFalse(self.splitter.mid_event)
        self.assertEqual(self.splitter.feed(b"\nz"), b"\n")

    def test_long_event_with_a_cut_crlf(self) -> None:
        """The LF of a line's CRLF does not end a long event."""
        self.splitter.feed(b"x" * 200 + b"\r")
        self.assertEqual(self.splitter.feed(b"\n"), b"\n")
        self.assertTrue(self.splitter.mid_event)
        self.assertEqual(self.splitter.feed(b"\r"), b"\r")
        self.assertFalse(self.splitter.mid_event)

    def test_long_tail_after_whole_events(self) -> None:
        """A tail too long to hold goes out with the events before it."""
        chunk = b"data: a\n\n" + b"x" * 101
        self.assertEqual(self.splitter.feed(chunk), chunk)
        self.assertTrue(self.splitter.mid_event)

    def test_one_byte_at_a_time_costs_no_more(self) -> None:
        """A megabyte in bytes takes a moment: nothing is searched or copied twice."""
        splitter = EventSplitter(max_held=1_000_000)
        for _ in range(200_000):
            splitter.feed(b"x")
        self.assertEqual(splitter.feed(b"\n\n"), b"x" * 200_000 + b"\n\n")

    def test_every_split_in_three(self) -> None:
        """Each place to cut a stream with all line ends, twice."""
        for first in range(len(MIXED) + 1):
            for second in range(first, len(MIXED) + 1):
                chunks = [MIXED[:first], MIXED[first:second], MIXED[second:]]
                self.check_split(chunks, max_held=100)

    @PROPERTY
    @given(
        st.lists(st.sampled_from([b"\n", b"\r", b"\r\n", b"data: x", b":", b"\n\n"])),
        st.lists(st.integers(0, 200), max_size=10),
        st.integers(0, 30),
    )
    def test_any_stream_and_split(self, pieces: list[bytes], places: list[int], max_held: int) -> None:
        """Whole events go out at once, nothing is lost, held or passed beyond the limit."""
        self.check_split(split_at(b"".join(pieces), places), max_held)

    def check_split(self, chunks: list[bytes], max_held: int) -> None:
        """Feed chunks, and check all promises after each."""
        splitter = EventSplitter(max_held)
        fed = out = b""
        for chunk in chunks:
            fed += chunk
            out += splitter.feed(chunk)
            self.assertEqual(out, fed[: len(out)])
            self.assertEqual(splitter.held, len(fed) - len(out))
            self.assertLessEqual(splitter.held, max_held)
            border = last_border(fed)
            if splitter.mid_event:
                self.assertEqual(out, fed)
                self.assertLess(border, len(fed))
            else:
                self.assertEqual(len(out), border)
        self.assertEqual(out + splitter.flush(), fed)


class ReadEventsTests(SynchronousTestCase):
    """What fields an event has."""

    def test_name_and_data(self) -> None:
        """One space after the colon is dropped, no more."""
        events = b"event: error\ndata:  x \n\ndata:y\n\n"
        self.assertEqual(list(read_events(events)), [Event(b"error", b" x "), Event(b"", b"y")])

    def test_data_lines_are_joined(self) -> None:
        """With LF, whatever the line ends are; a line without a colon is an empty value."""
        self.assertEqual(list(read_events(b"data: a\r\ndata\rdata: b\n\n")), [Event(b"", b"a\n\nb")])

    def test_other_lines_are_skipped(self) -> None:
        """Comments and other fields make no event."""
        self.assertEqual(list(read_events(b": keep-alive\n\nid: 1\nretry: 3\nfoo\n\n\n")), [])

    def test_no_empty_line_at_the_end(self) -> None:
        """What flush gave out is read too."""
        self.assertEqual(list(read_events(b"data: [DONE]")), [Event(b"", b"[DONE]")])

    def test_byte_order_mark(self) -> None:
        """One at the start of the stream is ignored."""
        self.assertEqual(list(read_events(b"\xef\xbb\xbfdata: a\n\n")), [Event(b"", b"a")])

    def test_only_the_three_line_ends(self) -> None:
        """Other characters that some call line ends are data."""
        text = "data: a\x0b\x0c\x1c\u0085\u2028b\n\n".encode()
        self.assertEqual([event.data for event in read_events(text)], [text[6:-2]])


class IsEventStreamTests(SynchronousTestCase):
    """Which content types mean server-sent events."""

    def test_event_streams(self) -> None:
        """Case, blanks and parameters do not matter."""
        for value in (b"text/event-stream", b" Text/Event-Stream ; charset=utf-8"):
            self.assertTrue(is_event_stream(value), value)

    def test_others(self) -> None:
        """Also nothing, and what only looks like it."""
        for value in (b"", b"application/json", b"text/event-streams", b"x; text/event-stream"):
            self.assertFalse(is_event_stream(value), value)


class ErrorEventTests(SynchronousTestCase):
    """How a broken stream is told of."""

    def test_after_whole_events(self) -> None:
        """One event, nothing before it."""
        self.assertEqual(error_event(b'{"error":{}}', after_partial=False), b'data: {"error":{}}\n\n')

    def test_after_part_of_an_event(self) -> None:
        """The part is ended first, even in the middle of a line."""
        self.assertEqual(error_event(b"{}", after_partial=True), b"\n\ndata: {}\n\n")

    def test_payload_of_many_lines(self) -> None:
        """What is read is the payload, with LF for all line ends."""
        event = error_event(b'{\n"error":\r\n{}}', after_partial=False)
        self.assertEqual(list(read_events(event)), [Event(b"", b'{\n"error":\n{}}')])
