"""Receivers: what of an answer reaches the client, and what is made of its end."""

from __future__ import annotations

from twisted.internet.defer import CancelledError
from twisted.internet.error import ConnectionLost
from twisted.python.failure import Failure
from twisted.trial.unittest import SynchronousTestCase
from twisted.web.client import ResponseDone
from zope.interface.verify import verifyObject

from jairouter.codec.sse_watch import Dialect
from jairouter.errors import GatewayError, StreamCut, UpstreamError, UpstreamRefusal
from jairouter.interfaces import IBodySource
from jairouter.upstream.receivers import EventReceiver, PlainReceiver
from tests.test_body import Sink
from tests.upstream.rig import Wire

DONE = Failure(ResponseDone())
LOST = Failure(ConnectionLost())

HELLO = b'data: {"choices":[{"delta":{"content":"hello"}}]}\n\n'
STOP = b'data: {"choices":[{"delta":{},"finish_reason":"stop"}]}\n\n'
END = b"data: [DONE]\n\n"
PING = b": ping\n\n"
ERROR = b'data: {"error":{"message":"out of memory","type":"server_error","code":503}}\n\n'


class PlainTests(SynchronousTestCase):
    """Bytes as they are."""

    def setUp(self) -> None:
        self.wire = Wire()
        self.sink = Sink()

    def receiver(self, *, discard: bool = False) -> PlainReceiver:
        receiver = PlainReceiver(discard=discard)
        receiver.makeConnection(self.wire)
        return receiver

    def test_interface(self) -> None:
        verifyObject(IBodySource, self.receiver())

    def test_nothing_is_read_until_somebody_takes_it(self) -> None:
        receiver = self.receiver()
        self.assertFalse(self.wire.reading)
        receiver.body.deliver(self.sink)
        self.assertTrue(self.wire.reading)

    def test_bytes_and_end(self) -> None:
        receiver = self.receiver()
        receiver.body.deliver(self.sink)
        receiver.dataReceived(b"a")
        receiver.connectionLost(DONE)
        self.assertEqual((self.sink.data, self.sink.ends), ([b"a"], [None]))

    def test_complete_before_it_is_taken(self) -> None:
        """Its length is known, so the client gets a Content-Length."""
        receiver = self.receiver()
        receiver.dataReceived(b"al")
        receiver.dataReceived(b"l")
        self.assertFalse(receiver.body.whole)
        receiver.connectionLost(DONE)
        self.assertTrue(receiver.body.whole)
        self.assertEqual(receiver.body.take(), b"all")
        self.assertFalse(self.wire.aborted)

    def test_broken(self) -> None:
        receiver = self.receiver()
        receiver.body.deliver(self.sink)
        receiver.connectionLost(LOST)
        self.assertEqual([type(end) for end in self.sink.ends], [StreamCut])

    def test_backpressure(self) -> None:
        receiver = self.receiver()
        receiver.body.deliver(self.sink)
        receiver.body.pause()
        self.assertFalse(self.wire.reading)
        receiver.body.resume()
        self.assertTrue(self.wire.reading)

    def test_client_leaves(self) -> None:
        receiver = self.receiver()
        receiver.body.deliver(self.sink)
        receiver.body.abandon()
        self.assertTrue(self.wire.aborted)

    def test_client_leaves_after_the_last_byte(self) -> None:
        receiver = self.receiver()
        receiver.dataReceived(b"all")
        receiver.connectionLost(DONE)
        receiver.body.abandon()
        self.assertFalse(self.wire.aborted)

    def test_nobody_wants_it(self) -> None:
        self.receiver(discard=True)
        self.assertTrue(self.wire.aborted)


class EventCase(SynchronousTestCase):
    """An event stream."""

    dialect = Dialect.CHAT

    def setUp(self) -> None:
        self.wire = Wire()
        self.receiver = EventReceiver(self.dialect, 200)
        self.receiver.makeConnection(self.wire)
        self.body = self.receiver.body
        self.sink = Sink()
        self.done: list[GatewayError | None] = []
        self.body.on_done(self.done.append)

    def say(self, *pieces: bytes) -> None:
        """The backend says something, one read for each piece."""
        for piece in pieces:
            self.receiver.dataReceived(piece)

    def begin(self) -> None:
        """The first event has come, and a client takes the stream."""
        self.say(HELLO)
        self.successResultOf(self.receiver.begun)
        self.body.deliver(self.sink)

    @property
    def sent(self) -> bytes:
        """What the client got."""
        return b"".join(self.sink.data)

    def assert_refused(self, *, kind: type[UpstreamError] = UpstreamError) -> UpstreamError:
        """There is no stream; returns why."""
        error: UpstreamError = self.failureResultOf(self.receiver.begun, kind).value
        self.assertTrue(self.wire.aborted)
        return error


class PeekTests(EventCase):
    """Before the first event."""

    def test_interface(self) -> None:
        verifyObject(IBodySource, self.receiver)

    def test_first_event_begins_it(self) -> None:
        self.assertNoResult(self.receiver.begun)
        self.say(HELLO)
        self.successResultOf(self.receiver.begun)
        self.body.deliver(self.sink)
        self.assertEqual(self.sent, HELLO)

    def test_nothing_is_read_between_the_first_event_and_the_client(self) -> None:
        self.assertTrue(self.wire.reading)
        self.say(HELLO)
        self.assertFalse(self.wire.reading)
        self.body.deliver(self.sink)
        self.assertTrue(self.wire.reading)

    def test_half_an_event_does_not_begin_it(self) -> None:
        self.say(HELLO[:-1])
        self.assertNoResult(self.receiver.begun)
        self.say(HELLO[-1:])
        self.successResultOf(self.receiver.begun)

    def test_comments_do_not_begin_it_and_are_kept(self) -> None:
        self.say(PING, PING)
        self.assertNoResult(self.receiver.begun)
        self.begin()
        self.assertEqual(self.sent, PING + PING + HELLO)

    def test_endless_comments_begin_it(self) -> None:
        """What is held for a first event has a limit."""
        self.say(*[PING] * 30)
        self.successResultOf(self.receiver.begun)
        self.assertFalse(self.wire.reading)

    def test_event_too_long_to_be_held_begins_it(self) -> None:
        """Its end is unknown, which an error event must respect from the first byte on."""
        self.say(b"data: " + b"x" * 300)
        self.successResultOf(self.receiver.begun)
        self.body.deliver(self.sink)
        self.assertTrue(self.body.mid_event)

    def test_error_as_first_event(self) -> None:
        """So do vLLM and SGLang under a status 200: the status that they meant is answered."""
        self.say(ERROR)
        error = self.assert_refused(kind=UpstreamRefusal)
        self.assertEqual((error.status, error.message), (503, "out of memory"))
        self.assertEqual((error.type, error.code), ("server_error", "503"))

    def test_error_without_a_status(self) -> None:
        self.say(b'event: error\ndata: {"error":"no"}\n\n')
        error = self.assert_refused(kind=UpstreamRefusal)
        self.assertEqual((error.status, error.type, error.code), (502, "api_error", None))

    def test_error_after_comments(self) -> None:
        self.say(PING, ERROR)
        self.assert_refused(kind=UpstreamRefusal)

    def test_error_behind_the_first_event_in_one_read(self) -> None:
        """It is the same whether the two came in one packet or in two: the text counts."""
        self.say(PING + HELLO + ERROR + END)
        self.successResultOf(self.receiver.begun)
        self.body.deliver(self.sink)
        self.assertEqual(self.sent, PING + HELLO + ERROR)
        self.assertEqual(self.sink.ends, [None])
        self.assertEqual([type(end) for end in self.done], [UpstreamRefusal])
        self.assertTrue(self.wire.aborted)

    def test_error_without_the_last_empty_line(self) -> None:
        self.say(ERROR[:-2])
        self.receiver.connectionLost(DONE)
        self.assertEqual(self.assert_refused(kind=UpstreamRefusal).status, 503)

    def test_first_event_without_the_last_empty_line(self) -> None:
        self.say(END[:-2])
        self.receiver.connectionLost(DONE)
        self.successResultOf(self.receiver.begun)
        self.body.deliver(self.sink)
        self.assertEqual((self.sent, self.sink.ends), (END[:-2], [None]))

    def test_empty_stream(self) -> None:
        self.receiver.connectionLost(DONE)
        self.assertIn("without any event", self.assert_refused().message)

    def test_comments_only(self) -> None:
        self.say(PING)
        self.receiver.connectionLost(DONE)
        self.assertIn("without any event", self.assert_refused().message)

    def test_breaks_before_the_first_event(self) -> None:
        self.say(HELLO[:-1])
        self.receiver.connectionLost(LOST)
        self.assert_refused(kind=StreamCut)

    def test_ends_in_the_first_event(self) -> None:
        self.say(HELLO[:-4])
        self.receiver.connectionLost(DONE)
        self.assert_refused(kind=StreamCut)

    def test_cancelled(self) -> None:
        self.receiver.begun.cancel()
        self.failureResultOf(self.receiver.begun, CancelledError)
        self.assertTrue(self.wire.aborted)
        self.receiver.connectionLost(LOST)
