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

from jairouter.upstream.outgoing import compose
from jairouter.upstream.response import BodyTransport, Response
from jairouter.upstream.wire import WireHeaders
from tests.upstream.rig import OK, Line, Receiver, request

DONE = Failure(ResponseDone())


class ResponseTests(SynchronousTestCase):
    """The head."""

    def response(self, *, wire: bool = True, length: int | None = None) -> Response:
        headers = WireHeaders(()) if wire else Headers()
        outgoing = compose(b"GET", b"h", b"/", headers, None)
        pairs = ((b"Set-Cookie", b"a=b"), (b"set-cookie", b"c=d"))
        return Response(outgoing, "1.0", 404, pairs, length, BodyTransport(Line().connection))

    def test_interface(self) -> None:
        verifyObject(IResponse, self.response())

    def test_head(self) -> None:
        response = self.response()
        self.assertEqual((response.version, response.code), ((b"HTTP", 1, 0), 404))
        self.assertEqual(response.phrase, b"Not Found")

    def test_headers_as_on_the_wire(self) -> None:
        headers = self.response().headers
        assert isinstance(headers, WireHeaders)
        self.assertEqual(headers.pairs, ((b"Set-Cookie", b"a=b"), (b"set-cookie", b"c=d")))

    def test_headers_as_twisted_has_them(self) -> None:
        headers = self.response(wire=False).headers
        self.assertNotIsInstance(headers, WireHeaders)
        self.assertEqual(headers.getRawHeaders(b"Set-Cookie"), [b"a=b", b"c=d"])

    def test_length(self) -> None:
        self.assertEqual(self.response(length=0).length, 0)
        self.assertEqual(self.response().length, UNKNOWN_LENGTH)

    def test_previous_response(self) -> None:
        first, second = self.response(), self.response()
        second.setPreviousResponse(first)
        self.assertIs(second.previousResponse, first)


class DeliverTests(SynchronousTestCase):
    """The body, whenever it comes and whenever somebody wants it."""

    def setUp(self) -> None:
        self.line = Line()
        answer = self.line.send()
        self.line.say(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n")
        self.response = self.successResultOf(answer)

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
