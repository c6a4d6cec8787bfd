"""The answer's body: every order of what its two sides may do."""

from __future__ import annotations

from collections.abc import Callable

from twisted.trial.unittest import SynchronousTestCase
from zope.interface import implementer
from zope.interface.verify import verifyObject

from jairouter.body import AnswerBody
from jairouter.errors import ClientGone, GatewayError, StreamCut, UpstreamRefusal
from jairouter.interfaces import IBodySink, IBodySource
from tests.filters.inner import Source


@implementer(IBodySink)
class Sink:
    """A client's connection; notes what it gets.

    Attributes:
        data: Each piece.
        ends: None for `end`, the error for `broke`.
        on_chunk: Done when a piece comes, after it was noted.
    """

    def __init__(self, on_chunk: Callable[[bytes], None] | None = None) -> None:
        self.data: list[bytes] = []
        self.ends: list[GatewayError | None] = []
        self.on_chunk = on_chunk

    def chunk(self, data: bytes) -> None:
        self.data.append(data)
        if self.on_chunk is not None:
            self.on_chunk(data)

    def end(self) -> None:
        self.ends.append(None)

    def broke(self, error: GatewayError) -> None:
        self.ends.append(error)


CUT = StreamCut("cut")
TOLD = UpstreamRefusal("told in-band")


class BodyCase(SynchronousTestCase):
    """A body, its source and its sink."""

    def setUp(self) -> None:
        self.source = Source()
        self.body = AnswerBody(self.source)
        self.sink = Sink()
        self.done: list[GatewayError | None] = []
        self.body.on_done(self.done.append)


class FakeTests(SynchronousTestCase):
    """The fakes are what they say."""

    def test_interfaces(self) -> None:
        verifyObject(IBodySource, Source())
        verifyObject(IBodySink, Sink())


class HeldTests(BodyCase):
    """Nobody has asked for it yet."""

    def test_bytes_are_held(self) -> None:
        self.body.chunk(b"a")
        self.body.chunk(b"b")
        self.body.deliver(self.sink)
        self.assertEqual(self.sink.data, [b"a", b"b"])
        self.assertEqual(self.source.calls, ["resume"])
        self.assertEqual(self.done, [])

    def test_complete(self) -> None:
        self.body.chunk(b"ab")
        self.assertFalse(self.body.whole)
        self.body.end()
        self.assertTrue(self.body.whole)
        self.assertEqual(self.done, [])
        self.body.deliver(self.sink)
        self.assertEqual((self.sink.data, self.sink.ends, self.done), ([b"ab"], [None], [None]))
        self.assertEqual(self.source.calls, [])
        self.assertFalse(self.body.whole)

    def test_complete_and_empty(self) -> None:
        self.body.end()
        self.assertTrue(self.body.whole)
        self.body.deliver(self.sink)
        self.assertEqual((self.sink.data, self.sink.ends), ([], [None]))

    def test_complete_from_the_start(self) -> None:
        body = AnswerBody.of(b"all")
        self.assertTrue(body.whole)
        body.deliver(self.sink)
        self.assertEqual((self.sink.data, self.sink.ends), ([b"all"], [None]))

    def test_broken(self) -> None:
        """What came goes out first."""
        self.body.chunk(b"a")
        self.body.broke(CUT)
        self.assertFalse(self.body.whole)
        self.body.deliver(self.sink)
        self.assertEqual((self.sink.data, self.sink.ends, self.done), ([b"a"], [CUT], [CUT]))

    def test_abandoned(self) -> None:
        self.body.chunk(b"a")
        self.body.abandon()
        self.assertEqual([type(error) for error in self.done], [ClientGone])
        self.assertEqual(self.source.calls, ["abort"])

    def test_abandoned_though_complete(self) -> None:
        """There is nothing to abort, but the client did not get it."""
        self.body.end()
        self.body.abandon(CUT)
        self.assertEqual(self.done, [CUT])
        self.assertEqual(self.source.calls, [])

    def test_cut(self) -> None:
        """Whoever asks for it later hears why it is not there."""
        self.body.chunk(b"a")
        self.body.cut(CUT)
        self.assertEqual(self.source.calls, ["abort"])
        self.body.deliver(self.sink)
        self.assertEqual((self.sink.data, self.sink.ends, self.done), ([], [CUT], [CUT]))

    def test_pause_means_nothing_yet(self) -> None:
        self.body.pause()
        self.body.resume()
        self.assertEqual(self.source.calls, [])


class FlowingTests(BodyCase):
    """A client takes it."""

    def setUp(self) -> None:
        super().setUp()
        self.body.deliver(self.sink)
        self.source.calls.clear()

    def test_bytes_and_end(self) -> None:
        self.body.chunk(b"a")
        self.body.chunk(b"b")
        self.body.end()
        self.assertEqual((self.sink.data, self.sink.ends, self.done), ([b"a", b"b"], [None], [None]))
        self.assertEqual(self.source.calls, [])

    def test_delivered_once(self) -> None:
        self.assertRaises(RuntimeError, self.body.deliver, Sink())

    def test_broken(self) -> None:
        self.body.broke(CUT)
        self.assertEqual((self.sink.ends, self.done), ([CUT], [CUT]))

    def test_told_in_band(self) -> None:
        """The bytes say what went wrong: watchers hear of it, the client is told nothing more."""
        self.body.end(told=TOLD)
        self.assertEqual((self.sink.ends, self.done), ([None], [TOLD]))

    def test_nothing_comes_after_the_end(self) -> None:
        self.body.end()
        self.body.chunk(b"late")
        self.body.end(told=TOLD)
        self.body.broke(CUT)
        self.assertEqual((self.sink.data, self.sink.ends, self.done), ([], [None], [None]))

    def test_paused(self) -> None:
        self.body.pause()
        self.body.chunk(b"a")
        self.assertEqual(self.sink.data, [])
        self.body.resume()
        self.assertEqual(self.sink.data, [b"a"])
        self.assertEqual(self.source.calls, ["pause", "resume"])

    def test_paused_twice(self) -> None:
        self.body.pause()
        self.body.pause()
        self.body.resume()
        self.body.resume()
        self.assertEqual(self.source.calls, ["pause", "resume"])

    def test_end_while_paused_waits(self) -> None:
        self.body.pause()
        self.body.chunk(b"a")
        self.body.end()
        self.assertEqual((self.sink.ends, self.done), ([], []))
        self.body.resume()
        self.assertEqual((self.sink.data, self.sink.ends, self.done), ([b"a"], [None], [None]))
        self.assertEqual(self.source.calls, ["pause"])

    def test_end_while_paused_with_nothing_held(self) -> None:
        """The client has everything: no reason to wait."""
        self.body.pause()
        self.body.end()
        self.assertEqual((self.sink.ends, self.done), ([None], [None]))

    def test_error_told_in_band_stays_so_when_a_late_call_comes(self) -> None:
        self.body.pause()
        self.body.chunk(b"error event")
        self.body.broke(CUT)
        self.body.end(told=TOLD)
        self.body.resume()
        self.assertEqual(self.sink.ends, [CUT])

    def test_abandoned(self) -> None:
        self.body.chunk(b"a")
        self.body.abandon()
        self.body.chunk(b"b")
        self.body.end()
        self.assertEqual((self.sink.data, self.sink.ends), ([b"a"], []))
        self.assertEqual([type(error) for error in self.done], [ClientGone])
        self.assertEqual(self.source.calls, ["abort"])

    def test_abandoned_after_the_end(self) -> None:
        self.body.end()
        self.body.abandon()
        self.assertEqual((self.done, self.source.calls), ([None], []))

    def test_cut(self) -> None:
        self.body.cut(CUT)
        self.assertEqual((self.sink.ends, self.done, self.source.calls), ([CUT], [CUT], ["abort"]))

    def test_cut_after_the_end(self) -> None:
        self.body.end()
        self.body.cut(CUT)
        self.assertEqual((self.sink.ends, self.done, self.source.calls), ([None], [None], []))

    def test_cut_though_all_has_come(self) -> None:
        """The client does not read, and the time is over: the rest is not kept for it any longer."""
        self.body.pause()
        self.body.chunk(b"a")
        self.body.end()
        self.body.cut(CUT)
        self.assertEqual((self.sink.data, self.sink.ends, self.done), ([], [CUT], [CUT]))
        self.assertEqual(self.source.calls, ["pause"])

    def test_cut_before_an_error_event_went_out(self) -> None:
        """It was dropped, so the client must be told otherwise."""
        self.body.pause()
        self.body.chunk(b"error event")
        self.body.end(told=TOLD)
        self.body.cut(CUT)
        self.assertEqual((self.sink.ends, self.done), ([CUT], [CUT]))

    def test_source_is_aborted_though_the_sink_fails(self) -> None:
        def fail(error: GatewayError) -> None:
            raise ValueError("broken sink")

        self.sink.broke = fail  # type: ignore[method-assign]
        self.assertRaises(ValueError, self.body.cut, CUT)
        self.assertEqual(self.source.calls, ["abort"])
