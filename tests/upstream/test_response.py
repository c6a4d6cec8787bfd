"""An answer and the transport of its body, by themselves."""

from __future__ import annotations

from twisted.internet.error import ConnectionAborted, ConnectionLost
from twisted.internet.interfaces import IPushProducer
from twisted.python.failure import Failure
from twisted.trial.unittest import SynchronousTestCase
from twisted.web.client import ResponseDone
from twisted.web.http_headers import Headers
from twisted.web.iweb import UNKNOWN_LENGTH, IResponse
from zope.interface.verify import verifyObject

from jairouter.upstream.answer_parser import AnswerParser
from jairouter.upstream.response import DONE, BodyTransport, Response
from tests.upstream.rig import OK, Line, Receiver, request

PAIRS = ((b"Set-Cookie", b"a=b"), (b"set-cookie", b"c=d"))


class ResponseTests(SynchronousTestCase):
    """The head."""

    def response(self, length: bytes = b"", status: bytes = b"404 Nowhere") -> Response:
        parser = AnswerParser()
        parser.feed(b"HTTP/1.0 %b\r\n" % status)
        parser.feed(b"".join(b"%b: %b\r\n" % pair for pair in PAIRS) + length + b"\r\n")
        return Response(parser, BodyTransport(None))

    def test_interface(self) -> None:
        verifyObject(IResponse, self.response())

    def test_head(self) -> None:
        response = self.response()
        self.assertEqual((response.version, response.code), ((b"HTTP", 1, 0), 404))
        self.assertEqual(response.phrase, b"Not Found")
        self.assertEqual(self.response(status=b"599 Odd").phrase, b"")

    def test_headers_as_on_the_wire(self) -> None:
        self.assertEqual(self.response().pairs, PAIRS)

    def test_headers_by_name(self) -> None:
        self.assertEqual(self.response().fields, {b"set-cookie": b"a=b, c=d"})

    def test_headers_as_twisted_has_them(self) -> None:
        """Made once, when somebody asks; whoever unpacks the body may change them."""
        response = self.response()
        headers = response.headers
        self.assertIs(type(headers), Headers)
        self.assertEqual(headers.getRawHeaders(b"Set-Cookie"), [b"a=b", b"c=d"])
        headers.removeHeader(b"Set-Cookie")
        self.assertFalse(response.headers.hasHeader(b"Set-Cookie"))
        self.assertEqual(response.pairs, PAIRS)

    def test_length(self) -> None:
        for line, length in ((b"Content-Length: 0\r\n", 0), (b"Content-Length: 7\r\n", 7)):
            response = self.response(line)
            self.assertEqual((response.length, response.content_length), (length, length))
        response = self.response()
        self.assertEqual((response.length, response.content_length), (UNKNOWN_LENGTH, None))

    def test_previous_response(self) -> None:
        first, second = self.response(), self.response()
        second.setPreviousResponse(first)
        self.assertIs(second.previousResponse, first)


class ArrivingCase(SynchronousTestCase):
    """An answer whose body the test sends."""

    def setUp(self) -> None:
        self.line = Line()
        answer = self.line.send()
        self.line.say(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n")
        self.response = self.successResultOf(answer)


class DeliverTests(ArrivingCase):
    """The body, whenever it comes and whenever somebody wants it."""

    def test_delivered_once(self) -> None:
        self.response.deliverBody(Receiver())
        self.assertRaises(RuntimeError, self.response.deliverBody, Receiver())

    def test_before_the_bytes(self) -> None:
        receiver = Receiver()
        self.response.deliverBody(receiver)
        self.response.data_received(b"a")
        self.response.body_ended(DONE)
        self.assertEqual((receiver.data, receiver.ends), (b"a", [DONE]))

    def test_after_the_bytes(self) -> None:
        self.response.data_received(b"a")
        self.response.data_received(b"b")
        self.response.body_ended(DONE)
        receiver = Receiver()
        self.response.deliverBody(receiver)
        self.assertEqual((receiver.data, receiver.ends), (b"ab", [DONE]))

    def test_receiver_that_pauses_at_once_stays_paused(self) -> None:
        class Slow(Receiver):
            def connectionMade(self) -> None:
                self.transport.pauseProducing()  # type: ignore[union-attr]

        self.response.deliverBody(Slow())
        self.assertFalse(self.line.wire.reading)

    def test_receiver_that_aborts_at_once(self) -> None:
        """It gets no bytes and hears of the end once."""

        class Unwilling(Receiver):
            def connectionMade(self) -> None:
                self.transport.abortConnection()  # type: ignore[union-attr]

        self.response.data_received(b"a")
        receiver = Unwilling()
        self.response.deliverBody(receiver)
        self.assertEqual(receiver.data, b"")
        self.assertEqual([end.type for end in receiver.ends], [ConnectionAborted])

    def test_receiver_that_aborts_while_it_is_given_what_was_held(self) -> None:
        class Sated(Receiver):
            def dataReceived(self, data: bytes) -> None:
                super().dataReceived(data)
                self.transport.abortConnection()  # type: ignore[union-attr]

        self.response.data_received(b"a")
        self.response.data_received(b"b")
        self.response.body_ended(DONE)
        receiver = Sated()
        self.response.deliverBody(receiver)
        self.assertEqual(receiver.data, b"a")
        self.assertEqual([end.type for end in receiver.ends], [ConnectionAborted])

    def test_bytes_that_come_while_what_was_held_is_delivered(self) -> None:
        """They come after it."""
        response = self.response

        class Eager(Receiver):
            def dataReceived(self, data: bytes) -> None:
                super().dataReceived(data)
                if data == b"a":
                    response.data_received(b"b")
                    response.body_ended(DONE)

        response.data_received(b"a")
        receiver = Eager()
        response.deliverBody(receiver)
        self.assertEqual((receiver.data, receiver.ends), (b"ab", [DONE]))

    def test_broken_before_anybody_wanted_it(self) -> None:
        self.response.data_received(b"a")
        self.response.body_ended(Failure(ConnectionLost()))
        receiver = Receiver()
        self.response.deliverBody(receiver)
        self.assertEqual(receiver.data, b"a")
        self.assertEqual([end.type for end in receiver.ends], [ConnectionLost])


class TakeWholeTests(ArrivingCase):
    """The body in one piece, if it is here: instead of delivering it, and as often."""

    def test_not_while_it_arrives(self) -> None:
        self.response.data_received(b"a")
        self.assertIsNone(self.response.take_whole())

    def test_when_it_is_here(self) -> None:
        self.response.data_received(b"a")
        self.response.data_received(b"b")
        self.response.body_ended(DONE)
        self.assertEqual(self.response.take_whole(), b"ab")

    def test_when_it_came_with_the_head(self) -> None:
        for data in (b"", b"ab"):
            self.setUp()
            self.response.came_whole(data)
            self.assertEqual(self.response.take_whole(), data)

    def test_not_when_it_broke(self) -> None:
        self.response.data_received(b"a")
        self.response.body_ended(Failure(ConnectionLost()))
        self.assertIsNone(self.response.take_whole())

    def test_once(self) -> None:
        self.response.came_whole(b"a")
        self.response.take_whole()
        self.assertIsNone(self.response.take_whole())

    def test_then_it_is_not_delivered(self) -> None:
        self.response.came_whole(b"a")
        self.response.take_whole()
        self.assertRaises(RuntimeError, self.response.deliverBody, Receiver())

    def test_not_when_it_is_delivered(self) -> None:
        receiver = Receiver()
        self.response.deliverBody(receiver)
        self.response.data_received(b"a")
        self.response.body_ended(DONE)
        self.assertIsNone(self.response.take_whole())
        self.assertEqual(receiver.data, b"a")

    def test_in_vain_before_it_is_delivered(self) -> None:
        """Whoever asked too early may still have it delivered."""
        self.response.take_whole()
        receiver = Receiver()
        self.response.deliverBody(receiver)
        self.response.data_received(b"a")
        self.response.body_ended(DONE)
        self.assertEqual((receiver.data, receiver.ends), (b"a", [DONE]))


class BodyTransportTests(SynchronousTestCase):
    """Late calls never touch the next answer."""

    def setUp(self) -> None:
        self.line = Line()
        answer = self.line.send()
        self.line.say(OK[:-1])
        response = self.successResultOf(answer)
        self.receiver = Receiver()
        response.deliverBody(self.receiver)
        self.transport = self.receiver.transport

    def end_and_send_again(self) -> None:
        """The body is over, and another request is under way on the same connection."""
        self.line.say(OK[-1:])
        self.second = self.line.send(request())

    def assert_untouched(self) -> None:
        self.assertTrue(self.line.wire.reading)
        self.line.say(OK)
        self.assertEqual(self.successResultOf(self.second).code, 200)

    def test_interface(self) -> None:
        verifyObject(IPushProducer, self.transport)

    def test_late_pause(self) -> None:
        self.end_and_send_again()
        self.transport.pauseProducing()  # type: ignore[union-attr]
        self.assert_untouched()

    def test_late_resume(self) -> None:
        self.end_and_send_again()
        self.line.wire.pauseProducing()
        self.transport.resumeProducing()  # type: ignore[union-attr]
        self.assertFalse(self.line.wire.reading)
        self.line.wire.resumeProducing()
        self.assert_untouched()

    def test_late_abort(self) -> None:
        self.end_and_send_again()
        for abort in ("abortConnection", "loseConnection", "stopProducing"):
            getattr(self.transport, abort)()
        self.assertFalse(self.line.wire.disconnecting)
        self.assert_untouched()

    def test_abort_twice(self) -> None:
        self.transport.abortConnection()  # type: ignore[union-attr]
        self.transport.abortConnection()  # type: ignore[union-attr]
        self.assertEqual(self.line.told, ["lost"])
        self.assertEqual(len(self.receiver.ends), 1)

    def test_after_the_connection_is_lost(self) -> None:
        self.line.lose()
        self.transport.pauseProducing()  # type: ignore[union-attr]
        self.transport.resumeProducing()  # type: ignore[union-attr]
        self.transport.abortConnection()  # type: ignore[union-attr]
        self.assertEqual(self.line.told, ["lost"])


class NoConnectionTests(SynchronousTestCase):
    """The transport of a body that came whole: there is nothing to be steered."""

    def test_every_call_is_taken(self) -> None:
        transport = BodyTransport(None)
        verifyObject(IPushProducer, transport)
        transport.hold()
        transport.resumeProducing()
        transport.body_ended()
        transport.pauseProducing()
        self.assertTrue(transport.paused)
        transport.abortConnection()
        self.assertTrue(transport.aborted)

    def test_body_is_delivered_though_it_is_paused(self) -> None:
        """As `AnswerBody` does: it holds back itself what is not wanted yet."""

        class Slow(Receiver):
            def connectionMade(self) -> None:
                self.transport.pauseProducing()  # type: ignore[union-attr]

        line = Line()
        answer = line.send()
        line.say(OK)
        receiver = Slow()
        self.successResultOf(answer).deliverBody(receiver)
        self.assertEqual((receiver.data, [end.type for end in receiver.ends]), (b"ok", [ResponseDone]))
        self.assertTrue(line.wire.reading)
