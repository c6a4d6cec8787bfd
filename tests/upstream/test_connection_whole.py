"""Answers that come in one read, which nearly all do: the connection is free before anybody has seen them."""

from __future__ import annotations

from twisted.internet.error import ConnectionLost
from twisted.web.client import ResponseDone

from jairouter.upstream.response import Response
from jairouter.upstream.wire import WireBody
from tests.upstream.rig import OK, Line, Receiver, Upload, request
from tests.upstream.test_connection import HALF, LineCase
from tests.upstream.test_connection_framing import CHUNKED, UNTIL_CLOSE


class WholeCase(LineCase):
    """A connection of which it is noted whether it was ever paused."""

    def setUp(self) -> None:
        super().setUp()
        self.pauses = 0
        self.patch(self.line.wire, "pauseProducing", self.paused)

    def paused(self) -> None:
        self.pauses += 1

    def answer(self, *pieces: bytes, method: bytes = b"POST") -> Response:
        """Send a request and answer it."""
        answer = self.line.send(request(method=method))
        self.line.say(*pieces)
        return self.successResultOf(answer)


class WholeTests(WholeCase):
    """What becomes of the answer and of the connection."""

    def test_taken_in_one_piece(self) -> None:
        self.assertEqual(self.answer(OK).take_whole(), b"ok")
        self.assert_reusable()

    def test_of_chunks(self) -> None:
        self.assertEqual(self.answer(CHUNKED + b"2\r\nok\r\n1\r\n!\r\n0\r\n\r\n").take_whole(), b"ok!")
        self.assert_reusable()

    def test_without_a_body(self) -> None:
        self.assertEqual(self.answer(b"HTTP/1.1 204 No Content\r\n\r\n").take_whole(), b"")
        self.assert_reusable()

    def test_nothing_is_paused(self) -> None:
        """Two system calls less."""
        self.answer(OK)
        self.assertEqual(self.pauses, 0)
        self.answer(HALF)
        self.assertEqual(self.pauses, 1)

    def test_connection_is_idle_before_the_answer_is_told(self) -> None:
        """Whoever acts upon the answer finds its place free."""
        told: list[list[str]] = []
        self.line.send().addCallback(lambda _: told.append(list(self.line.told)))
        self.line.say(OK)
        self.assertEqual(told, [["idle"]])

    def test_receiver_cannot_reach_the_connection(self) -> None:
        """It is lent to another perhaps, and must be neither paused nor closed."""
        receiver = self.take(self.answer(OK))
        second = self.line.send()
        for touch in ("pauseProducing", "resumeProducing", "loseConnection", "abortConnection"):
            getattr(receiver.transport, touch)()
        self.assertEqual((self.pauses, self.line.wire.disconnecting), (0, False))
        self.line.say(OK)
        self.assertEqual(self.successResultOf(second).code, 200)


class NotKeptTests(WholeCase):
    """The answer is whole, but the connection of no more use."""

    def assert_not_kept(self, response: Response) -> None:
        self.assertEqual(response.take_whole(), b"ok")
        self.assert_closed()

    def test_connection_close(self) -> None:
        self.assert_not_kept(self.answer(OK.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n")))

    def test_more_bytes_than_one_answer(self) -> None:
        self.assert_not_kept(self.answer(OK + b"HTTP/1.1 200"))

    def test_request_was_not_sent_to_its_end(self) -> None:
        answer = self.line.send(request(WireBody(Upload())))
        self.line.say(OK)
        self.assert_not_kept(self.successResultOf(answer))
        self.assertTrue(self.line.wire.aborted)

    def test_connection_is_lost_before_the_answer_is_told(self) -> None:
        told: list[list[str]] = []
        self.line.send().addCallback(lambda _: told.append(list(self.line.told)))
        self.line.say(OK.replace(b"1.1", b"1.0"))
        self.assertEqual(told, [["lost"]])


class NotWholeTests(WholeCase):
    """Something is still to come, or will never come."""

    def test_half(self) -> None:
        """It is delivered as it comes, and the attempt to take it whole has not hurt."""
        response = self.answer(HALF)
        self.assertIsNone(response.take_whole())
        receiver = self.take(response)
        self.line.say(b"whole")
        self.assert_complete(receiver, b"halfwhole")

    def test_rest_comes_before_somebody_asks(self) -> None:
        response = self.answer(HALF)
        self.line.say(b"who", b"le")
        self.assertEqual(response.take_whole(), b"halfwhole")
        self.assert_reusable()

    def test_end_of_the_connection_is_the_end(self) -> None:
        response = self.answer(UNTIL_CLOSE + b"some")
        self.assertIsNone(response.take_whole())
        self.line.lose()
        self.assertEqual(response.take_whole(), b"some")

    def test_broken(self) -> None:
        response = self.answer(HALF)
        self.line.lose(ConnectionLost())
        self.assertIsNone(response.take_whole())
        self.assertEqual([end.type for end in self.take(response).ends], [ConnectionLost])

    def test_bad_from_the_first_chunk_on(self) -> None:
        response = self.answer(CHUNKED + b"zz\r\n")
        self.assertIsNone(response.take_whole())
        self.assertFalse(self.take(response).ends[0].check(ResponseDone))


class NextAnswerTests(WholeCase):
    """The parser is used for all answers on a connection: nothing of one reaches another."""

    def test_head_stays_what_it_was(self) -> None:
        """Though the next answer was read before anybody looked."""
        first = self.answer(b"HTTP/1.0 201 A\r\nConnection: keep-alive\r\nX: 1\r\nContent-Length: 1\r\n\r\na")
        second = self.answer(CHUNKED.replace(b"\r\n\r\n", b"\r\nY: 2\r\n\r\n") + b"2\r\nbc\r\n0\r\n\r\n")
        self.assertEqual((first.code, first.version, first.content_length), (201, (b"HTTP", 1, 0), 1))
        self.assertEqual(first.pairs[1:], ((b"X", b"1"), (b"Content-Length", b"1")))
        self.assertEqual(first.fields, {b"connection": b"keep-alive", b"x": b"1", b"content-length": b"1"})
        self.assertEqual(first.take_whole(), b"a")
        self.assertEqual((second.code, second.version, second.content_length), (200, (b"HTTP", 1, 1), None))
        self.assertEqual(second.pairs[1:], ((b"Y", b"2"),))
        self.assertEqual(second.fields, {b"transfer-encoding": b"chunked", b"y": b"2"})
        self.assertEqual(second.take_whole(), b"bc")

    def test_interim_answer_leaves_the_one_before_alone(self) -> None:
        """What it brought is forgotten in the parser, not in the answer."""
        first = self.answer(OK)
        self.answer(b"HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n" + OK)
        self.assertEqual(
            (first.pairs, first.fields), (((b"Content-Length", b"2"),), {b"content-length": b"2"})
        )

    def test_answer_without_a_body_before_one_with(self) -> None:
        self.answer(b"HTTP/1.1 304 Not Modified\r\nETag: x\r\n\r\n")
        self.assertEqual(self.answer(OK).take_whole(), b"ok")

    def test_long_answers_do_not_add_up(self) -> None:
        """Each has the whole limit for its head."""
        head = b"HTTP/1.1 204 No Content\r\nX: " + b"x" * 40_000 + b"\r\n\r\n"
        for _ in range(3):
            self.assertEqual(self.answer(head).code, 204)
        self.assertEqual(self.line.told, ["idle"] * 3)

    def test_every_way_to_read_the_first_answer(self) -> None:
        """In one piece, delivered, or never looked at: the second is the same."""
        ways = (Response.take_whole, self.take, lambda response: None)
        for way in ways:
            self.line = Line()
            way(self.answer(OK))
            receiver = Receiver()
            self.answer(OK.replace(b"ok", b"no")).deliverBody(receiver)
            self.assert_complete(receiver, b"no")
