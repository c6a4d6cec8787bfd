"""Where an answer ends, and whether the connection may be used again after it."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from twisted.internet.error import ConnectionLost
from twisted.web.client import ResponseDone
from twisted.web.iweb import UNKNOWN_LENGTH

from tests.codec.properties import PROPERTY, split_at
from tests.upstream.rig import OK, Line, Receiver, request
from tests.upstream.test_connection import LineCase

CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
UNTIL_CLOSE = b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n\r\n"


class KeepAliveTests(LineCase):
    """Complete answers: kept, or closed."""

    def assert_kept(self, *pieces: bytes, data: bytes) -> None:
        answer = self.line.send()
        self.line.say(*pieces)
        self.assert_complete(self.answered(answer)[1], data)
        self.assert_reusable()

    def assert_not_kept(self, *pieces: bytes, data: bytes, method: bytes = b"POST") -> None:
        answer = self.line.send(request(method=method))
        self.line.say(*pieces)
        self.assert_complete(self.answered(answer)[1], data)
        self.assert_closed()

    def test_length_in_one_read(self) -> None:
        self.assert_kept(OK, data=b"ok")

    def test_length_in_two_reads(self) -> None:
        self.assert_kept(OK[:-1], OK[-1:], data=b"ok")

    def test_no_bytes(self) -> None:
        self.assert_kept(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", data=b"")

    def test_chunks_in_one_read(self) -> None:
        self.assert_kept(CHUNKED + b"2\r\nok\r\n0\r\n\r\n", data=b"ok")

    def test_chunked_in_another_spelling(self) -> None:
        self.assert_kept(CHUNKED.replace(b"chunked", b"Chunked") + b"2\r\nok\r\n0\r\n\r\n", data=b"ok")

    def test_chunks_in_many_reads(self) -> None:
        self.assert_kept(CHUNKED, b"2\r\no", b"k\r\n", b"0\r\n", b"\r\n", data=b"ok")

    def test_trailers_are_dropped(self) -> None:
        answer = self.line.send()
        self.line.say(CHUNKED + b"2\r\nok\r\n0\r\nX-Sum: 1\r\n\r\n")
        response, receiver = self.answered(answer)
        self.assert_complete(receiver, b"ok")
        self.assertEqual(response.pairs, ((b"Transfer-Encoding", b"chunked"),))
        self.assert_reusable()

    def test_chunk_extensions_are_dropped(self) -> None:
        self.assert_kept(CHUNKED + b"2;a=b\r\nok\r\n0\r\n\r\n", data=b"ok")

    def test_no_content(self) -> None:
        self.assert_kept(b"HTTP/1.1 204 No Content\r\n\r\n", data=b"")

    def test_no_content_and_no_length(self) -> None:
        self.assert_kept(b"HTTP/1.1 204 No Content\r\nContent-Length: 0\r\n\r\n", data=b"")

    def test_not_modified_has_no_body(self) -> None:
        self.assert_kept(b"HTTP/1.1 304 Not Modified\r\nETag: x\r\n\r\n", data=b"")

    def test_no_body_though_one_is_announced(self) -> None:
        """Nobody gets it; should it come all the same, it must not be the next answer."""
        for status in (b"204 No Content", b"304 Not Modified"):
            for announced in (b"Content-Length: 5", b"Transfer-Encoding: chunked"):
                self.setUp()
                self.assert_not_kept(b"HTTP/1.1 %b\r\n%b\r\n\r\n" % (status, announced), data=b"")

    def test_interim_answers_are_skipped(self) -> None:
        answer = self.line.send()
        self.line.say(b"HTTP/1.1 100 Continue\r\n\r\n", b"HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n")
        self.assertNoResult(answer)
        self.line.say(OK)
        response, receiver = self.answered(answer)
        self.assertEqual(response.pairs, ((b"Content-Length", b"2"),))
        self.assert_complete(receiver, b"ok")
        self.assert_reusable()

    def test_interim_answer_in_the_same_read(self) -> None:
        self.assert_kept(b"HTTP/1.1 100 Continue\r\n\r\n" + OK, data=b"ok")

    def test_http_1_0_that_keeps(self) -> None:
        self.assert_kept(
            b"HTTP/1.0 200 OK\r\nConnection: keep-alive\r\nContent-Length: 2\r\n\r\nok", data=b"ok"
        )

    def test_empty_lines_after_an_answer(self) -> None:
        """RFC 9112, section 2.2: they mean nothing."""
        self.assert_kept(OK + b"\r\n", data=b"ok")

    def test_chunks_in_http_1_0(self) -> None:
        """RFC 9112, section 6.1: whoever made them does not know where his answer ends."""
        head = CHUNKED.replace(b"1.1", b"1.0").replace(b"\r\n\r\n", b"\r\nConnection: keep-alive\r\n\r\n")
        self.assert_not_kept(head + b"2\r\nok\r\n0\r\n\r\n", data=b"ok")

    def test_connection_close(self) -> None:
        self.assert_not_kept(OK.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n"), data=b"ok")

    def test_connection_close_without_a_body(self) -> None:
        self.assert_not_kept(b"HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n", data=b"")

    def test_http_1_0(self) -> None:
        self.assert_not_kept(OK.replace(b"1.1", b"1.0"), data=b"ok")

    def test_head(self) -> None:
        """The length is that of a body which does not come; llhttp would wait for it."""
        self.assert_not_kept(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n", data=b"", method=b"HEAD")

    def test_head_answered_with_a_body(self) -> None:
        """A backend that does not know HEAD: what it sends is not an answer's body."""
        self.assert_not_kept(OK, data=b"", method=b"HEAD")

    def test_second_answer_in_the_same_read(self) -> None:
        """Poison for whoever would be next on the connection."""
        self.assert_not_kept(OK + OK.replace(b"ok", b"no"), data=b"ok")

    def test_start_of_a_second_answer_in_the_same_read(self) -> None:
        self.assert_not_kept(OK + b"H", data=b"ok")

    def test_garbage_after_the_answer(self) -> None:
        self.assert_not_kept(OK + b"\r\n!", data=b"ok")

    def test_second_answer_after_one_without_a_body(self) -> None:
        self.assert_not_kept(b"HTTP/1.1 204 No Content\r\n\r\n" + OK, data=b"")

    def test_version_of_the_answer_not_of_what_follows(self) -> None:
        answer = self.line.send()
        self.line.say(b"HTTP/1.0 200 OK\r\nConnection: keep-alive\r\nContent-Length: 0\r\n\r\nHTTP/1.1 ")
        self.assertEqual(self.successResultOf(answer).version, (b"HTTP", 1, 0))


class UntilCloseTests(LineCase):
    """Answers that end with the connection."""

    def begin(self) -> Receiver:
        answer = self.line.send()
        self.line.say(UNTIL_CLOSE + b"some")
        response, receiver = self.answered(answer)
        self.assertEqual(response.length, UNKNOWN_LENGTH)
        return receiver

    def test_clean_close_is_the_end(self) -> None:
        receiver = self.begin()
        self.line.say(b"more")
        self.line.lose()
        self.assert_complete(receiver, b"somemore")
        self.assertEqual(self.line.told, ["lost"])

    def test_reset_is_not_the_end(self) -> None:
        receiver = self.begin()
        self.line.lose(ConnectionLost())
        self.assertEqual([end.type for end in receiver.ends], [ConnectionLost])

    def test_clean_close_in_the_middle_of_chunks_is_not_the_end(self) -> None:
        answer = self.line.send()
        self.line.say(CHUNKED + b"2\r\nok\r\n")
        receiver = self.answered(answer)[1]
        self.line.lose()
        self.assertFalse(receiver.ends[0].check(ResponseDone))


ANSWERS = {
    "length": (OK, b"ok"),
    "chunks": (CHUNKED + b"5\r\nhello\r\n1;x=y\r\n!\r\n0\r\nX-T: 1\r\n\r\n", b"hello!"),
    "interim": (b"HTTP/1.1 100 Continue\r\nX: y\r\n\r\n" + OK, b"ok"),
    "interims": (b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 102 A\r\nX: y\r\n\r\n" * 2 + OK, b"ok"),
    "no reason": (OK.replace(b" OK", b""), b"ok"),
    "nothing": (b"HTTP/1.1 204 No Content\r\nX-Y:  z \r\n\r\n", b""),
}


class SplitTests(LineCase):
    """However the network cuts an answer, it is the same answer."""

    @PROPERTY
    @given(st.sampled_from(sorted(ANSWERS)), st.lists(st.integers(0, 200), max_size=6))
    def test_any_split(self, kind: str, places: list[int]) -> None:
        self.line = Line()
        whole, data = ANSWERS[kind]
        self.answer_in([piece for piece in split_at(whole, places) if piece], data)

    def test_every_byte_by_itself(self) -> None:
        for whole, data in ANSWERS.values():
            self.line = Line()
            self.answer_in([bytes([byte]) for byte in whole], data)

    def answer_in(self, pieces: list[bytes], data: bytes) -> None:
        answer = self.line.send()
        receiver: Receiver | None = None
        for piece in pieces:
            self.line.say(piece)
            if answer.called and receiver is None:
                receiver = self.answered(answer)[1]
        assert receiver is not None
        self.assert_complete(receiver, data)
        self.assert_reusable()
