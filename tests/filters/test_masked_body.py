"""A stream in which something waits: both sides' pace, and every way in which it can end."""

from __future__ import annotations

import json
from collections import Counter

from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase
from zope.interface.verify import verifyObject

from jairouter.body import AnswerBody
from jairouter.codec.json_strings import Places
from jairouter.codec.masked_events import EventMasker
from jairouter.codec.masking import Rule, Rules
from jairouter.codec.strategies import (
    mask,
)
from jairouter.errors import ClientGone, InternalError, StreamCut
from jairouter.filters import masked_body
from jairouter.filters.masked_body import TRIES, MaskedBody
from jairouter.interfaces import IBodySink, IBodySource
from jairouter.timers import TimerWheel
from tests.filters.inner import Sink, Source


def chat(content: str) -> bytes:
    """An event with a piece of text."""
    return (
        b"data: " + json.dumps({"choices": [{"index": 0, "delta": {"content": content}}]}).encode() + b"\n\n"
    )


HELD = chat("138")


class MaskedBodyTests(SynchronousTestCase):
    """Between a backend and a client."""

    def setUp(self) -> None:
        self.clock = Clock()
        self.source, self.sink = Source(), Sink()
        self.reasons: list[str] = []
        self.begin()

    def tearDown(self) -> None:
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def begin(self, *, strict: bool = False, pattern: str = r"\d{11}") -> None:
        rules = Rules([Rule("phone", "X", pattern, mask("*"), 1)])
        self.inner = AnswerBody(self.source)
        masker = EventMasker(rules, Places(()), Counter(), strict=strict)
        self.body = MaskedBody(self.inner, masker, TimerWheel(self.clock), 5.0, strict, self.reasons.append)
        self.ended: list[object] = []
        self.inner.on_done(self.ended.append)
        self.body.outer.deliver(self.sink)

    def test_interfaces(self) -> None:
        verifyObject(IBodySink, self.body)
        verifyObject(IBodySource, self.body)

    def test_what_waits_goes_on_with_what_follows(self) -> None:
        self.inner.chunk(HELD)
        self.assertEqual(self.sink.data, b"")
        self.inner.chunk(chat("12345678."))
        self.assertEqual(self.sink.data, chat("*" * 11) + chat("."))

    def test_nothing_waits_for_ever(self) -> None:
        self.inner.chunk(HELD)
        self.clock.advance(4.9)
        self.assertEqual(self.sink.data, b"")
        self.clock.advance(0.3)
        self.assertEqual(self.sink.data, HELD)

    def test_the_end(self) -> None:
        self.inner.chunk(HELD)
        self.inner.end()
        self.assertEqual((self.sink.data, self.sink.ends, self.ended), (HELD, ["end"], [None]))

    def test_an_end_with_an_error_that_was_told(self) -> None:
        told = StreamCut("told")
        over: list[object] = []
        self.body.outer.on_done(over.append)
        self.inner.chunk(HELD)
        self.inner.end(told=told)
        self.assertEqual((self.sink.data, self.sink.ends, over), (HELD, ["end"], [told]))

    def test_a_stream_that_is_cut(self) -> None:
        cut = StreamCut("cut")
        self.inner.chunk(HELD)
        self.inner.broke(cut)
        self.assertEqual((self.sink.data, self.sink.ends), (HELD, [cut]))

    def test_a_client_that_leaves(self) -> None:
        self.inner.chunk(HELD)
        self.body.outer.abandon()
        self.assertEqual(self.source.calls, ["resume", "abort"])
        self.assertIsInstance(self.ended[0], ClientGone)
        self.assertEqual(self.sink.data, b"")

    def test_a_timeout(self) -> None:
        self.inner.chunk(HELD)
        self.inner.cut(StreamCut("late"))
        self.assertEqual(self.source.calls[-1], "abort")
        self.assertIsInstance(self.sink.ends[0], StreamCut)

    def test_a_gateway_that_stops(self) -> None:
        self.inner.chunk(HELD)
        self.body.outer.cut(StreamCut("stopping"))
        self.assertEqual(self.source.calls[-1], "abort")
        self.assertEqual(len(self.ended), 1)

    def test_a_gateway_that_stops_before_anybody_has_taken_the_body(self) -> None:
        rules = Rules([Rule("phone", "X", "a", mask("*"), 1)])
        inner = AnswerBody(self.source)
        masker = EventMasker(rules, Places(()), Counter())
        body = MaskedBody(inner, masker, TimerWheel(self.clock), 5.0, False, self.reasons.append)
        body.outer.cut(StreamCut("stopping"))
        self.assertEqual(self.source.calls[-1], "abort")
        body.outer.deliver(self.sink)
        self.assertEqual(len(self.sink.ends), 1)

    def test_the_pace_of_the_client(self) -> None:
        self.body.outer.pause()
        self.assertEqual(self.source.calls, ["resume", "pause"])
        self.inner.chunk(chat("hello "))
        self.assertEqual(self.sink.data, b"")
        self.body.outer.resume()
        self.assertEqual(self.sink.data, chat("hello "))
        self.assertEqual(self.source.calls[-1], "resume")

    def test_an_event_that_is_too_long_goes_on_as_it_is(self) -> None:
        self.inner.chunk(HELD)
        self.inner.chunk(b"data: {13812345678", mid_event=True)
        self.inner.chunk(b"}\n\n")
        self.inner.chunk(chat("13812345678."))
        self.assertEqual(self.sink.data, HELD + b"data: {13812345678}\n\n" + chat("***********."))
        self.assertEqual(self.reasons, ["size"])
        self.inner.end()

    def test_events_around_one_that_is_too_long_are_masked(self) -> None:
        """They may come in the same read, and the end of the long one may come in two."""
        number = chat("13812345678 ")
        for end in (b"\n", b"\r\n", b"\r"):
            self.setUp()
            self.inner.chunk(number + b"data: {13812345678", mid_event=True)
            self.inner.chunk(b" 13812345678 ", mid_event=True)
            self.inner.chunk(b"}" + end, mid_event=True)
            self.inner.chunk(end + number + b"data: {13", mid_event=True)
            self.inner.chunk(b"812345678}" + end + end + number)
            self.inner.chunk(number)
            long = b"data: {13812345678 13812345678 }" + end * 2 + b"%s" + b"data: {13812345678}" + end * 2
            masked = chat("*********** ")
            self.assertEqual(self.sink.data, masked + long % masked + masked + masked)
            self.assertEqual(self.reasons, ["size", "size"])
            self.inner.end()

    def test_unless_that_is_not_wanted(self) -> None:
        self.begin(strict=True)
        self.inner.chunk(b"data: {13812345678", mid_event=True)
        self.assertIsInstance(self.sink.ends[0], InternalError)
        self.assertEqual((self.sink.data, self.source.calls[-1]), (b"", "abort"))

    def test_a_stream_in_which_a_search_takes_for_ever(self) -> None:
        self.patch(masked_body, "LOOK", 0.01)
        self.begin(pattern="(a|aa)+$")
        slow = chat("a" * 60 + "b")
        self.inner.chunk(slow)
        self.inner.chunk(chat("c"))
        self.inner.end()
        self.assertEqual((self.sink.data, self.reasons), (slow + chat("c"), ["timeout"]))

    def test_what_follows_is_looked_through_again_a_few_times(self) -> None:
        """One event must not open the door for all others, nor may each of them stop the event loop."""
        self.patch(masked_body, "LOOK", 0.01)
        self.begin(pattern=r"(a|aa)+$|\d{11}")
        slow, number = chat("a" * 60 + "b"), chat("13812345678.")
        for _ in range(TRIES):
            self.inner.chunk(number + slow)
        self.inner.chunk(number)
        self.inner.end()
        self.assertEqual(self.sink.data, (chat("***********.") + slow) * TRIES + number)
        self.assertEqual(self.reasons, ["timeout"] * TRIES)

    def test_a_stream_in_which_a_search_takes_for_ever_is_cut(self) -> None:
        self.patch(masked_body, "LOOK", 0.01)
        self.begin(strict=True, pattern="(a|aa)+$")
        self.inner.chunk(chat("a" * 60 + "b"))
        self.assertEqual((self.sink.data, self.source.calls[-1]), (b"", "abort"))
        self.assertIsInstance(self.sink.ends[0], InternalError)
