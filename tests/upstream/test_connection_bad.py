"""What a backend sends instead of an answer, and answers that could be read in two ways."""

from __future__ import annotations

from jairouter.upstream.answer_parser import MAX_HEAD
from jairouter.upstream.failures import BadAnswer
from tests.upstream.rig import OK, Receiver
from tests.upstream.test_connection import LineCase
from tests.upstream.test_connection_framing import CHUNKED


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

    def test_the_same_length_twice(self) -> None:
        """RFC 9110, section 8.6, would allow it; joined like other headers of two lines it is no number."""
        self.assert_refused(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 2\r\n\r\nok")

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

    def test_transfer_coding_with_a_tab_behind_it(self) -> None:
        """Llhttp does not recognise it, and would take the chunks for the body."""
        self.assert_refused(CHUNKED.replace(b"chunked", b"chunked\t") + b"2\r\nok\r\n0\r\n\r\n")

    def test_chunked_twice(self) -> None:
        self.assert_refused(CHUNKED.replace(b"\r\n\r\n", b"\r\nTransfer-Encoding: chunked\r\n\r\n"))

    def test_chunked_and_another_transfer_coding_in_a_line_of_its_own(self) -> None:
        """The one line must not hide the other, in either order."""
        for first, second in ((b"gzip", b"chunked"), (b"chunked", b"gzip"), (b"chunked", b"identity")):
            self.setUp()
            head = CHUNKED.replace(b"chunked", b"%b\r\ntransfer-ENCODING: %b" % (first, second))
            self.assert_refused(head + b"2\r\nok\r\n0\r\n\r\n")

    def test_other_protocols(self) -> None:
        """Which llhttp reads as well."""
        for protocol in (b"RTSP/1.0", b"ICE/1.0"):
            self.setUp()
            self.assert_refused(OK.replace(b"HTTP/1.1", protocol))

    def test_line_ends_before_the_status_line(self) -> None:
        for start in (b"\r\n", b"\n", b"\r"):
            self.setUp()
            self.assert_refused(start + OK)

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
        self.assertEqual(response.pairs, ((b"Content-Length", b"2"),))
        self.assert_complete(receiver, b"ok")
