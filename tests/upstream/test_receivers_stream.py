"""An event stream after its first event: complete, broken, or ended by an error."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from jairouter.codec.sse_watch import Dialect
from jairouter.errors import ClientGone, StreamCut, UpstreamRefusal
from tests.codec.properties import PROPERTY, split_at
from tests.upstream.test_receivers import DONE, END, ERROR, HELLO, LOST, PING, STOP, EventCase


class StreamTests(EventCase):
    """After the first event."""

    def test_complete(self) -> None:
        self.begin()
        self.say(STOP, END)
        self.receiver.connectionLost(DONE)
        self.assertEqual((self.sent, self.sink.ends, self.done), (HELLO + STOP + END, [None], [None]))

    def test_complete_before_it_is_taken(self) -> None:
        self.say(HELLO + STOP + END)
        self.receiver.connectionLost(DONE)
        self.assertTrue(self.body.whole)
        self.assertEqual((self.body.take(), self.done), (HELLO + STOP + END, [None]))

    def test_finish_reason_is_enough(self) -> None:
        """Some backends send no [DONE]."""
        self.begin()
        self.say(STOP)
        self.receiver.connectionLost(DONE)
        self.assertEqual(self.sink.ends, [None])

    def test_neither_is_a_broken_stream(self) -> None:
        self.begin()
        self.receiver.connectionLost(DONE)
        self.assertEqual([type(end) for end in self.sink.ends], [StreamCut])

    def test_connection_breaks(self) -> None:
        """Also after the end was announced: more may have been due."""
        self.begin()
        self.say(STOP)
        self.receiver.connectionLost(LOST)
        self.assertEqual([type(end) for end in self.sink.ends], [StreamCut])

    def test_half_an_event_is_held_back(self) -> None:
        self.begin()
        self.say(HELLO[:20])
        self.assertEqual(self.sent, HELLO)
        self.assertFalse(self.body.mid_event)
        self.say(HELLO[20:])
        self.assertEqual(self.sent, HELLO * 2)

    def test_half_an_event_is_dropped_when_the_stream_breaks(self) -> None:
        for reason in (LOST, DONE):
            self.setUp()
            self.begin()
            self.say(HELLO[:20])
            self.receiver.connectionLost(reason)
            self.assertEqual((self.sent, self.body.mid_event), (HELLO, False))
            self.assertEqual([type(end) for end in self.sink.ends], [StreamCut])

    def test_last_event_without_its_empty_line(self) -> None:
        self.begin()
        self.say(STOP + END[:-2])
        self.receiver.connectionLost(DONE)
        self.assertEqual((self.sent, self.sink.ends), (HELLO + STOP + END[:-2], [None]))

    def test_long_event_that_breaks_off(self) -> None:
        self.begin()
        self.say(b"data: " + b"x" * 300)
        self.assertTrue(self.body.mid_event)
        self.say(b"y" * 10)
        self.receiver.connectionLost(LOST)
        self.assertTrue(self.body.mid_event)
        self.assertEqual([type(end) for end in self.sink.ends], [StreamCut])

    def test_long_event_that_ends(self) -> None:
        self.begin()
        self.say(b"data: " + b"x" * 300, b"y\n\n")
        self.assertFalse(self.body.mid_event)

    def test_client_leaves(self) -> None:
        self.begin()
        self.body.abandon()
        self.assertTrue(self.wire.aborted)
        self.say(HELLO)
        self.receiver.connectionLost(LOST)
        self.assertEqual([type(error) for error in self.done], [ClientGone])

    def test_backpressure(self) -> None:
        self.begin()
        self.body.pause()
        self.assertFalse(self.wire.reading)
        self.body.resume()
        self.assertTrue(self.wire.reading)


class ErrorEventTests(EventCase):
    """An error in the middle."""

    def test_passes_and_nothing_after_it(self) -> None:
        """No [DONE] above all, which would make it look like a success."""
        self.begin()
        self.say(HELLO + ERROR + END)
        self.assertEqual((self.sent, self.sink.ends), (HELLO + HELLO + ERROR, [None]))
        self.assertTrue(self.wire.aborted)
        self.assertEqual([type(error) for error in self.done], [UpstreamRefusal])

    def test_what_comes_later_is_dropped(self) -> None:
        self.begin()
        self.say(ERROR, END)
        self.receiver.connectionLost(DONE)
        self.assertEqual((self.sent, self.sink.ends), (HELLO + ERROR, [None]))

    def test_while_the_client_does_not_read(self) -> None:
        self.begin()
        self.body.pause()
        self.say(HELLO + ERROR + END)
        self.receiver.connectionLost(DONE)
        self.assertEqual(self.sink.ends, [])
        self.body.resume()
        self.assertEqual((self.sent, self.sink.ends), (HELLO + HELLO + ERROR, [None]))

    def test_without_its_empty_line_at_the_end(self) -> None:
        """No client could read it: it is told anew."""
        self.begin()
        self.say(ERROR[:-2])
        self.receiver.connectionLost(DONE)
        self.assertEqual(self.sent, HELLO)
        self.assertEqual([type(end) for end in self.sink.ends], [UpstreamRefusal])
        self.assertEqual([type(error) for error in self.done], [UpstreamRefusal])

    def test_the_word_in_a_text_is_no_error(self) -> None:
        self.begin()
        event = b'data: {"choices":[{"delta":{"content":"\\"error\\": no"}}],"error":null}\n\n'
        self.say(event, END)
        self.receiver.connectionLost(DONE)
        self.assertEqual((self.sent, self.sink.ends), (HELLO + event + END, [None]))


class OtherDialectTests(EventCase):
    """A stream that has no known end, such as one of sound."""

    dialect = Dialect.OTHER

    def test_ends_with_its_bytes(self) -> None:
        self.begin()
        self.receiver.connectionLost(DONE)
        self.assertEqual(self.sink.ends, [None])

    def test_last_event_without_its_empty_line(self) -> None:
        self.begin()
        self.say(b"data: x")
        self.receiver.connectionLost(DONE)
        self.assertEqual((self.sent, self.sink.ends), (HELLO + b"data: x", [None]))

    def test_broken(self) -> None:
        self.begin()
        self.receiver.connectionLost(LOST)
        self.assertEqual([type(end) for end in self.sink.ends], [StreamCut])


class SplitTests(EventCase):
    """However the bytes come, the client gets the same."""

    @PROPERTY
    @given(
        st.lists(st.sampled_from([HELLO, PING, STOP, END, b"data: " + b"x" * 300 + b"\r\n\r\n"]), max_size=6),
        st.lists(st.integers(0, 2000), max_size=6),
    )
    def test_bytes_are_unchanged(self, events: list[bytes], places: list[int]) -> None:
        self.setUp()
        whole = HELLO + b"".join(events) + END
        for piece in split_at(whole, places):
            self.say(piece)
            if self.receiver.begun.called and not self.wire.reading:
                self.body.deliver(self.sink)
        self.receiver.connectionLost(DONE)
        self.assertEqual((self.sent, self.sink.ends), (whole, [None]))
