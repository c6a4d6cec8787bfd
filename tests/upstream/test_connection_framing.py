"""Where an answer ends, and whether the connection may be used again after it."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from twisted.internet.error import ConnectionLost
from twisted.web.client import ResponseDone
from twisted.web.iweb import UNKNOWN_LENGTH

from jairouter.exchange import HeaderPairs
from jairouter.upstream.answer_parser import MAX_HEAD
from jairouter.upstream.failures import BadAnswer
from jairouter.upstream.response import Response
from jairouter.upstream.wire import WireHeaders
from tests.codec.properties import PROPERTY, split_at
from tests.upstream.rig import OK, Line, Receiver, request
from tests.upstream.test_connection import LineCase

CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
UNTIL_CLOSE = b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n\r\n"


def pairs_of(response: Response) -> HeaderPairs:
    """The headers as on the wire."""
    assert isinstance(response.headers, WireHeaders)
    return response.headers.pairs


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

    def test_chunks_in_many_reads(self) -> None:
        self.assert_kept(CHUNKED, b"2\r\no", b"k\r\n", b"0\r\n", b"\r\n", data=b"ok")

    def test_trailers_are_dropped(self) -> None:
        answer = self.line.send()
        self.line.say(CHUNKED + b"2\r\nok\r\n0\r\nX-Sum: 1\r\n\r\n")
        response, receiver = self.answered(answer)
        self.assert_complete(receiver, b"ok")
        self.assertEqual(pairs_of(response), ((b"Transfer-Encoding", b"chunked"),))
        self.assert_reusable()

    def test_chunk_extensions_are_dropped(self) -> None:
        self.assert_kept(CHUNKED + b"2;a=b\r\nok\r\n0\r\n\r\n", data=b"ok")

    def test_no_content(self) -> None:
        self.assert_kept(b"HTTP/1.1 204 No Content\r\n\r\n", data=b"")

    def test_no_content_of_no_length(self) -> None:
        self.assert_kept(b"HTTP/1.1 204 No Content\r\nContent-Length: 0\r\n\r\n", data=b"")

    def test_no_content_though_a_length_is_named(self) -> None:
        """What was announced may come all the same, and would be the answer to the next request."""
        self.assert_not_kept(b"HTTP/1.1 204 No Content\r\nContent-Length: 5\r\n\r\n", data=b"")

    def test_not_modified_has_no_body(self) -> None:
        self.assert_kept(b"HTTP/1.1 304 Not Modified\r\n\r\n", data=b"")
        self.setUp()
        self.assert_not_kept(b"HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\n\r\n", data=b"")

    def test_chunks_in_http_1_0(self) -> None:
        """Which has no chunks: RFC 9112, section 6.1, wants the connection closed."""
        old = CHUNKED.replace(b"1.1", b"1.0").replace(b"\r\n\r\n", b"\r\nConnection: keep-alive\r\n\r\n")
        self.assert_not_kept(old + b"2\r\nok\r\n0\r\n\r\n", data=b"ok")

    def test_interim_answers_are_skipped(self) -> None:
        answer = self.line.send()
        self.line.say(b"HTTP/1.1 100 Continue\r\n\r\n", b"HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n")
        self.assertNoResult(answer)
        self.line.say(OK)
        response, receiver = self.answered(answer)
        self.assertEqual(pairs_of(response), ((b"Content-Length", b"2"),))
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


class BadAnswerTests(LineCase):
    """What is not an answer, or could be read in two ways."""

    def assert_refused(self, *pieces: bytes) -> None:
        answer = self.line.send()
        self.line.say(*pieces)
        self.failureResultOf(answer, BadAnswer)
        self.assertTrue(self.line.wire.aborted)
        self.assert_closed()

    def test_garbage(self) -> None:
        self.assert_refused(b"SSH-2.0-OpenSSH_9.2\r\n")

    def test_length_and_chunks(self) -> None:
        self.assert_refused(CHUNKED.replace(b"\r\n\r\n", b"\r\nContent-Length: 2\r\n\r\n"))

    def test_two_lengths(self) -> None:
        self.assert_refused(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\nok")

    def test_length_of_65_bits(self) -> None:
        self.assert_refused(b"HTTP/1.1 200 OK\r\nContent-Length: 36893488147419103232\r\n\r\n")

    def test_changed_protocol(self) -> None:
        self.assert_refused(b"HTTP/1.1 101 Switching\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\nwhat")

    def test_changed_protocol_without_another_word(self) -> None:
        self.assert_refused(b"HTTP/1.1 101 Switching\r\n\r\n")

    def test_bare_line_feeds(self) -> None:
        self.assert_refused(b"HTTP/1.1 200 OK\nContent-Length: 2\n\nok")

    def test_status_000(self) -> None:
        """It is no interim answer, after which another would come."""
        self.assert_refused(b"HTTP/1.1 000 Nothing\r\nContent-Length: 0\r\n\r\n")

    def test_status_above_599(self) -> None:
        """RFC 9110, section 15: there is no such class; it must not reach the client."""
        for status in (600, 999):
            self.setUp()
            self.assert_refused(b"HTTP/1.1 %d Oh\r\nContent-Length: 0\r\n\r\n" % status)

    def test_status_599(self) -> None:
        answer = self.line.send()
        self.line.say(b"HTTP/1.1 599 Oh\r\nContent-Length: 0\r\n\r\n")
        self.assertEqual(self.successResultOf(answer).code, 599)

    def test_http_2(self) -> None:
        self.assert_refused(b"HTTP/2.0 200 OK\r\nContent-Length: 0\r\n\r\n")

    def test_transfer_coding_that_was_not_asked_for(self) -> None:
        """Its header stops here, so the client would take gzip for the answer."""
        self.assert_refused(CHUNKED.replace(b"chunked", b"gzip, chunked") + b"2\r\nok\r\n0\r\n\r\n")

    def test_transfer_coding_that_looks_like_chunked(self) -> None:
        self.assert_refused(CHUNKED.replace(b"chunked", b"xchunked") + b"ok")

    def test_chunked_twice(self) -> None:
        self.assert_refused(CHUNKED.replace(b"\r\n\r\n", b"\r\nTransfer-Encoding: chunked\r\n\r\n"))

    def test_another_protocol(self) -> None:
        """Which llhttp reads as well."""
        for protocol in (b"RTSP/1.0", b"ICE/1.0"):
            self.setUp()
            self.assert_refused(OK.replace(b"HTTP/1.1", protocol))

    def test_line_ends_before_the_status_line(self) -> None:
        for start in (b"\r\n", b"\n", b"\r"):
            self.setUp()
            self.assert_refused(start + OK)

    def test_blanks_behind_a_coding(self) -> None:
        """Before a tab llhttp does not recognise it, and takes the chunks for the body."""
        for blank in (b" ", b"\t"):
            self.setUp()
            self.assert_refused(CHUNKED.replace(b"chunked", b"chunked" + blank) + b"2\r\nok\r\n0\r\n\r\n")

    def test_interim_answer_with_a_body(self) -> None:
        self.assert_refused(b"HTTP/1.1 100 Continue\r\nContent-Length: 2\r\n\r\n", OK)

    def test_good_answer_behind_a_bad_one(self) -> None:
        """It was not asked for, though nothing of the first was used."""
        self.assert_refused(CHUNKED.replace(b"chunked", b"identity, chunked") + b"0\r\n\r\n" + OK)

    def test_endless_head(self) -> None:
        self.assert_refused(b"HTTP/1.1 200 OK\r\nX: ", *[b"x" * 1024] * (MAX_HEAD // 1024))

    def test_endless_interim_answers(self) -> None:
        interim = b"HTTP/1.1 102 Processing\r\n\r\n"
        self.assert_refused(*[interim * 100] * (MAX_HEAD // len(interim) // 100 + 1))

    def test_head_as_long_as_it_may_be(self) -> None:
        answer = self.line.send()
        start, end = b"HTTP/1.1 200 OK\r\nX: ", b"\r\nContent-Length: 0\r\n\r\n"
        self.line.say(start, b"x" * (MAX_HEAD - len(start) - len(end)), end)
        self.assertEqual(self.successResultOf(answer).code, 200)

    def test_many_zeros_before_a_length(self) -> None:
        """Python refuses to read a number of more than 4,300 digits."""
        answer = self.line.send()
        self.line.say(b"HTTP/1.1 200 OK\r\nContent-Length: " + b"0" * 5000 + b"2\r\n\r\nok")
        self.assert_complete(self.answered(answer)[1], b"ok")


class BadBodyTests(LineCase):
    """The head was good."""

    def broken_by(self, *pieces: bytes) -> Receiver:
        answer = self.line.send()
        self.line.say(*pieces)
        receiver = self.answered(answer)[1]
        self.assertEqual([end.type for end in receiver.ends], [BadAnswer])
        self.assertTrue(self.line.wire.aborted)
        self.assert_closed()
        return receiver

    def test_bad_chunk_size(self) -> None:
        receiver = self.broken_by(CHUNKED + b"2\r\nok\r\n", b"zz\r\n")
        self.assertEqual(receiver.data, b"ok")

    def test_bad_chunk_size_in_the_same_read_as_the_head(self) -> None:
        receiver = self.broken_by(CHUNKED + b"2\r\nok\r\nzz\r\n")
        self.assertEqual(receiver.data, b"ok")

    def test_endless_trailers(self) -> None:
        """Nothing that is not passed on may be collected for ever."""
        self.broken_by(CHUNKED + b"2\r\nok\r\n0\r\n", b"X: ", *[b"x" * 1024] * (MAX_HEAD // 1024))

    def test_blanks_around_a_value_do_not_belong_to_it(self) -> None:
        answer = self.line.send()
        self.line.say(b"HTTP/1.1 200 OK\r\nContent-Length: \t2 \t\r\n\r\nok")
        response, receiver = self.answered(answer)
        self.assertEqual(pairs_of(response), ((b"Content-Length", b"2"),))
        self.assert_complete(receiver, b"ok")


ANSWERS = {
    "length": (OK, b"ok"),
    "chunks": (CHUNKED + b"5\r\nhello\r\n1;x=y\r\n!\r\n0\r\nX-T: 1\r\n\r\n", b"hello!"),
    "interim": (b"HTTP/1.1 100 Continue\r\nX: y\r\n\r\n" + OK, b"ok"),
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
