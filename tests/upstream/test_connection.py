"""One connection: each arrow of the picture in jairouter/upstream/connection.py."""

from __future__ import annotations

from twisted.internet.defer import Deferred
from twisted.internet.error import ConnectionAborted, ConnectionDone, ConnectionLost
from twisted.internet.protocol import Protocol
from twisted.python.failure import Failure
from twisted.trial.unittest import SynchronousTestCase
from twisted.web.client import ResponseDone

from jairouter.exchange import Phase
from jairouter.upstream.connection import Connection
from jairouter.upstream.response import Response
from tests.upstream.rig import OK, Line, Phases, Receiver, Wire, awaited, request

HALF = b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf"


class LineCase(SynchronousTestCase):
    """A test with one connection."""

    def setUp(self) -> None:
        self.line = Line()

    def take(self, response: Response) -> Receiver:
        """Deliver a body."""
        receiver = Receiver()
        response.deliverBody(receiver)
        return receiver

    def answered(self, answer: Deferred[Response]) -> tuple[Response, Receiver]:
        """The answer that has come, and who receives its body."""
        response = self.successResultOf(answer)
        return response, self.take(response)

    def assert_complete(self, receiver: Receiver, data: bytes) -> None:
        """The body came to its end, and its end came once."""
        self.assertEqual(receiver.data, data)
        self.assertEqual([end.type for end in receiver.ends], [ResponseDone])

    def assert_reusable(self) -> None:
        """The connection can be used again: a second request gets its own answer."""
        self.assertEqual(self.line.told, ["idle"])
        self.assertFalse(self.line.wire.disconnecting)
        self.assertTrue(self.line.wire.reading)
        answer = self.line.send()
        self.line.say(b"HTTP/1.1 201 Created\r\nContent-Length: 3\r\n\r\nnew")
        response, receiver = self.answered(answer)
        self.assertEqual(response.code, 201)
        self.assert_complete(receiver, b"new")

    def assert_closed(self) -> None:
        """It is over, the pool knows it, and knows it once."""
        self.assertEqual(self.line.told, ["lost"])
        self.assertTrue(self.line.wire.disconnecting)
        self.line.lose()
        self.assertEqual(self.line.told, ["lost"])


class IdleTests(LineCase):
    """Nothing was asked for."""

    def test_send_writes_the_request(self) -> None:
        answer = self.line.send()
        self.assertEqual(
            self.line.wire.value(), b"POST /v1/x HTTP/1.1\r\nHost: h\r\nContent-Length: 0\r\n\r\n"
        )
        self.assertNoResult(answer)
        self.assertEqual(self.line.connection.uses, 1)

    def test_bytes_that_nobody_asked_for_close_it(self) -> None:
        """A late 408, or an attempt to poison the next answer."""
        self.line.say(b"HTTP/1.1 408 Request Timeout\r\n\r\n")
        self.assertTrue(self.line.wire.aborted)
        self.assert_closed()

    def test_lost(self) -> None:
        self.line.lose()
        self.assertEqual(self.line.told, ["lost"])

    def test_close_closes_in_good_order(self) -> None:
        self.line.connection.close()
        self.assertFalse(self.line.wire.aborted)
        self.assert_closed()

    def test_bytes_after_closing_are_dropped(self) -> None:
        self.line.connection.close()
        self.line.say(OK)
        self.assert_closed()

    def test_abort(self) -> None:
        self.line.connection.abort()
        self.assertTrue(self.line.wire.aborted)
        self.assert_closed()

    def test_a_closed_one_takes_no_request(self) -> None:
        self.line.connection.close()
        self.assertRaises(RuntimeError, self.line.send)

    def test_one_that_was_never_connected_takes_no_request(self) -> None:
        self.assertRaises(RuntimeError, Connection(0.0, print, print).send, request())


class AwaitingHeadTests(LineCase):
    """The request is out, no answer has come."""

    def setUp(self) -> None:
        super().setUp()
        self.answer = self.line.send()

    def test_takes_no_second_request(self) -> None:
        self.assertRaises(RuntimeError, self.line.send)

    def test_close_does_not_touch_it(self) -> None:
        """`close` is for idle connections: the pool's timer may go off just as one is lent."""
        self.line.connection.close()
        self.assertEqual(self.line.told, [])
        self.line.say(OK)
        self.assert_complete(self.answered(self.answer)[1], b"ok")

    def test_lost(self) -> None:
        """Whoever waits hears how it was lost."""
        self.line.lose(ConnectionLost())
        self.failureResultOf(self.answer, ConnectionLost)
        self.assertFalse(self.line.connection.answered)
        self.assertEqual(self.line.told, ["lost"])

    def test_lost_in_the_middle_of_the_head(self) -> None:
        """Bytes came, so the request was seen: `answered` tells the agent."""
        self.line.say(b"HTTP/1.1 20")
        self.line.lose()
        self.failureResultOf(self.answer, ConnectionDone)
        self.assertTrue(self.line.connection.answered)

    def test_aborted(self) -> None:
        self.line.connection.abort()
        self.failureResultOf(self.answer, ConnectionAborted)
        self.assert_closed()

    def test_complete_answer_in_one_read(self) -> None:
        """The usual case: the body is there when the head is seen, and the connection is free before."""
        self.line.say(OK)
        response = self.successResultOf(self.answer)
        self.assertEqual(self.line.told, ["idle"])
        self.assert_complete(self.take(response), b"ok")
        self.assert_reusable()

    def test_who_waits_for_the_connection_may_send_before_the_answer_is_taken(self) -> None:
        """The pool lends it on from within the callback."""
        second: list[Deferred[Response]] = []
        connection = Connection(0.0, lambda it: second.append(awaited(it.send(request()))), print)
        connection.makeConnection(Wire())
        first = awaited(connection.send(request()))
        connection.dataReceived(OK)
        self.assert_complete(self.answered(first)[1], b"ok")
        self.assertNoResult(second[0])
        connection.dataReceived(OK.replace(b"ok", b"no"))
        self.assert_complete(self.answered(second[0])[1], b"no")


class InBodyTests(LineCase):
    """The head has come, and half of the body."""

    def setUp(self) -> None:
        super().setUp()
        answer = self.line.send()
        self.line.say(HALF)
        self.response = self.successResultOf(answer)

    def test_nothing_is_read_until_somebody_takes_the_body(self) -> None:
        self.assertFalse(self.line.wire.reading)
        receiver = self.take(self.response)
        self.assertEqual(receiver.data, b"half")
        self.assertTrue(self.line.wire.reading)

    def test_the_last_byte_makes_it_idle(self) -> None:
        receiver = self.take(self.response)
        self.line.say(b"whole")
        self.assert_complete(receiver, b"halfwhole")
        self.assert_reusable()

    def test_the_last_byte_may_come_before_somebody_takes_the_body(self) -> None:
        """TLS hands over what was decrypted though nothing more is read."""
        self.line.say(b"whole")
        self.assertEqual(self.line.told, ["idle"])
        self.assert_complete(self.take(self.response), b"halfwhole")

    def test_lost(self) -> None:
        """Fewer bytes than announced, however well the connection was closed."""
        receiver = self.take(self.response)
        self.line.lose()
        self.assertEqual([end.type for end in receiver.ends], [ConnectionDone])
        self.assertEqual(self.line.told, ["lost"])

    def test_lost_before_somebody_takes_the_body(self) -> None:
        self.line.lose(ConnectionLost())
        receiver = self.take(self.response)
        self.assertEqual(receiver.data, b"half")
        self.assertEqual([end.type for end in receiver.ends], [ConnectionLost])

    def test_aborted_by_the_receiver(self) -> None:
        receiver = self.take(self.response)
        receiver.transport.abortConnection()  # type: ignore[union-attr]
        self.assertTrue(self.line.wire.aborted)
        self.assertEqual([end.type for end in receiver.ends], [ConnectionAborted])
        self.assert_closed()

    def test_paused_and_resumed_by_the_receiver(self) -> None:
        receiver = self.take(self.response)
        receiver.transport.pauseProducing()  # type: ignore[union-attr]
        self.assertFalse(self.line.wire.reading)
        receiver.transport.resumeProducing()  # type: ignore[union-attr]
        self.assertTrue(self.line.wire.reading)

    def test_a_pause_does_not_outlive_the_body(self) -> None:
        """Else the next answer on the connection would never be read."""
        receiver = self.take(self.response)
        receiver.transport.pauseProducing()  # type: ignore[union-attr]
        self.line.say(b"whole")
        self.assert_complete(receiver, b"halfwhole")
        self.assert_reusable()

    def test_a_receiver_that_fails_leaks_nothing(self) -> None:
        """An error in the code that takes the body must not keep the pool's slot."""

        class Broken(Protocol):
            def connectionLost(self, reason: Failure = Failure(ConnectionDone())) -> None:  # noqa: B008
                raise ValueError("broken")

        self.response.deliverBody(Broken())
        self.assertRaises(ValueError, self.line.lose)
        self.assertEqual(self.line.told, ["lost"])


class PhaseTests(SynchronousTestCase):
    """What an attempt hears."""

    def test_phases_of_a_plain_request(self) -> None:
        attempt, line = Phases(), Line()
        line.send(request(attempt=attempt))
        line.say(HALF)
        self.assertEqual(attempt.entered, [Phase.WAITING, Phase.RECEIVING])

    def test_every_read_is_progress(self) -> None:
        """A slow head as well as a slow body."""
        attempt, line = Phases(), Line()
        line.send(request(attempt=attempt))
        line.say(b"HTTP/1.1 200", b" OK\r\n")
        self.assertEqual(attempt.moved, 2)

    def test_nothing_is_heard_of_the_next_request(self) -> None:
        attempt, line = Phases(), Line()
        line.send(request(attempt=attempt))
        line.say(OK)
        heard = list(attempt.entered)
        line.send()
        line.say(OK)
        self.assertEqual(attempt.entered, heard)
