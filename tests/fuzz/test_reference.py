"""The judge itself: what it must find valid and invalid, from the examples and rules of RFC 9112."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from tests.fuzz.reference import Message, read_answer, read_answers, read_requests

GET = b"GET / HTTP/1.1\r\nHost: x\r\n"
POST = b"POST / HTTP/1.1\r\nHost: x\r\n"
CHUNKED = POST + b"Transfer-Encoding: chunked\r\n\r\n"
OK = b"HTTP/1.1 200 OK\r\n"


class RequestTests(SynchronousTestCase):
    """Requests."""

    def assert_invalid(self, *requests: bytes) -> None:
        for data in requests:
            reading = read_requests(data)
            self.assertEqual(reading.messages, [], data)
            self.assertTrue(reading.fault, data)

    def bodies(self, data: bytes) -> list[bytes]:
        return [message.body for message in read_requests(data).messages]

    def test_example(self) -> None:
        """That of section 3.2.1."""
        data = b"GET /where?q=now HTTP/1.1\r\nHost: www.example.org\r\n\r\n"
        [message] = read_requests(data).messages
        fields = ((b"Host", b"www.example.org"),)
        self.assertEqual(message, Message((b"GET", b"/where?q=now", b"1.1"), fields))

    def test_blanks_do_not_belong_to_a_value(self) -> None:
        [message] = read_requests(GET + b"A: \t b c \t\r\nB:\r\n\r\n").messages
        self.assertEqual(message.fields[1:], ((b"A", b"b c"), (b"B", b"")))

    def test_request_lines(self) -> None:
        for line in (b"GET  / HTTP/1.1", b"GET / HTTP/1.1 ", b"GET /\tHTTP/1.1", b"GET /", b"GET / HTTP/2.0"):
            self.assert_invalid(line + b"\r\nHost: x\r\n\r\n")

    def test_targets(self) -> None:
        for target in (
            b"x",
            b"/a b",
            b"/%z",
            b"/a#b",
            b'/"',
            b"*",
            b"http://a@x/",
            b"http://y/",
            b"ftp://x/",
        ):
            self.assert_invalid(b"GET %b HTTP/1.1\r\nHost: x\r\n\r\n" % target)
        for target in (b"/", b"//a/%20?b/c?d[]=e", b"http://x", b"HTTP://X:80/?a", b"https://x:443/"):
            self.assertEqual(len(self.bodies(b"GET %b HTTP/1.1\r\nHost: x\r\n\r\n" % target)), 1, target)

    def test_hosts(self) -> None:
        start = b"GET / HTTP/1.1\r\n"
        self.assert_invalid(start + b"\r\n", GET + b"Host: x\r\n\r\n")
        for host in (b"a b", b"a,b", b"u@a", b"a/b", b"[::1", b"a:b", b"\xff"):
            self.assert_invalid(start + b"Host: %b\r\n\r\n" % host)
        for host in (b"", b"a", b"a:1", b"1.2.3.4:5", b"[::1]:2", b"[v1.x]"):
            self.assertEqual(len(self.bodies(start + b"Host: %b\r\n\r\n" % host)), 1, host)

    def test_fields(self) -> None:
        for line in (b"A : b", b": b", b"A", b" A: b", b"A: b\rC: d", b"A: b\nC: d", b"A: \0", b"A\xff: b"):
            self.assert_invalid(GET + line + b"\r\n\r\n")
        self.assert_invalid(GET + b"A: b\r\n c\r\n\r\n")

    def test_lengths(self) -> None:
        for value in (
            b"+1",
            b"-1",
            b"0x1",
            b"1,1",
            b"1 1",
            b"",
            b"1_0",
            b"9" * 5000,
            b"18446744073709551616",
        ):
            self.assert_invalid(POST + b"Content-Length: %b\r\n\r\na" % value)
        self.assert_invalid(POST + b"Content-Length: 1\r\n" * 2 + b"\r\na")
        self.assertEqual(self.bodies(POST + b"Content-Length: 001\r\n\r\na"), [b"a"])

    def test_codings(self) -> None:
        for value in (b"", b"identity", b"gzip, chunked", b"chunked, chunked", b",chunked", b"xchunked"):
            self.assert_invalid(POST + b"Transfer-Encoding: %b\r\n\r\n0\r\n\r\n" % value)
        self.assert_invalid(
            POST + b"Transfer-Encoding: chunked\r\n" * 2 + b"\r\n0\r\n\r\n",
            POST + b"Transfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n",
            POST.replace(b"1.1", b"1.0") + b"Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
            POST + b"Transfer_Encoding: chunked\r\n\r\n",
        )

    def test_chunks(self) -> None:
        body = b'4 ; a = b;c;d="e;\\""\r\nWiki\r\n05\r\npedia\r\n0;x\r\nT: y\r\n\r\n'
        self.assertEqual(self.bodies(CHUNKED + body + GET + b"\r\n"), [b"Wikipedia", b""])

    def test_chunks_that_are_none(self) -> None:
        for body in (
            *(
                b"1\na\r\n0\r\n\r\n",
                b"1\r\nab\r\n0\r\n\r\n",
                b"0x1\r\na\r\n0\r\n\r\n",
                b" 1\r\na\r\n0\r\n\r\n",
            ),
            *(b"1\r\na\n0\r\n\r\n", b"\r\n0\r\n\r\n", b"1;\r\na\r\n0\r\n\r\n", b'1;a="\n"\r\na\r\n0\r\n\r\n'),
            *(b"0\r\nT\r\n\r\n", b"0\r\n \r\n\r\n", b"10000000000000000\r\n"),
        ):
            self.assert_invalid(CHUNKED + body)

    def test_what_is_not_complete(self) -> None:
        """It is no fault, and what is there of it is known."""
        for data in (b"", b"GET", GET, POST + b"Content-Length: 3\r\n\r\nab", CHUNKED + b"3\r\nab"):
            reading = read_requests(data)
            self.assertEqual((reading.messages, reading.fault), ([], ""), data)
        assert reading.begun is not None
        self.assertEqual(reading.begun.body, b"ab")

    def test_connections(self) -> None:
        """Nothing is read behind a request that ends its connection."""
        for last in (
            *(
                GET + b"Connection: a, Close\r\n",
                b"GET / HTTP/1.0\r\n",
                b"CONNECT x:1 HTTP/1.1\r\nHost: x:1\r\n",
            ),
        ):
            reading = read_requests(last + b"\r\nrest")
            self.assertEqual((len(reading.messages), reading.rest), (1, b"rest"))
        kept = b"GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n"
        self.assertEqual(len(self.bodies(kept * 2)), 2)

    def test_empty_lines(self) -> None:
        self.assertEqual(len(self.bodies(b"\r\n\r\n" + GET + b"\r\n")), 1)
        self.assert_invalid(b"\n" + GET + b"\r\n", b"\r" + GET + b"\r\n")


class AnswerTests(SynchronousTestCase):
    """Answers."""

    def assert_invalid(self, *answers: bytes) -> None:
        for data in answers:
            reading = read_answer(data, closed=True)
            self.assertEqual(reading.messages, [], data)
            self.assertTrue(reading.fault, data)

    def test_length(self) -> None:
        reading = read_answer(OK + b"Content-Length: 2\r\n\r\nokHTTP", closed=False)
        [message] = reading.messages
        self.assertEqual((message.start, message.body, message.keeps), ((b"1.1", b"200"), b"ok", True))
        self.assertEqual(reading.rest, b"HTTP")

    def test_until_the_end(self) -> None:
        self.assertEqual(read_answer(OK + b"\r\nabc", closed=False).messages, [])
        [message] = read_answer(OK + b"\r\nabc", closed=True).messages
        self.assertEqual((message.body, message.keeps), (b"abc", False))

    def test_interim_answers(self) -> None:
        interim = b"HTTP/1.1 100 Continue\r\nA: b\r\n\r\n"
        [message] = read_answer(interim * 2 + OK + b"Content-Length: 0\r\n\r\n", closed=False).messages
        self.assertEqual(message.fields, ((b"Content-Length", b"0"),))
        self.assert_invalid(b"HTTP/1.1 100 Go\r\nContent-Length: 5\r\n\r\n", b"HTTP/1.1 101 Go\r\n\r\n")

    def test_no_body(self) -> None:
        """Neither in these, nor in answers to HEAD; where one was announced, it may yet come."""
        for start, to_head in ((b"HTTP/1.1 204 No\r\n", False), (b"HTTP/1.1 304 No\r\n", False), (OK, True)):
            data = start + b"Content-Length: 5\r\n\r\n"
            [message] = read_answer(data, closed=False, to_head=to_head).messages
            self.assertEqual((message.body, message.keeps), (b"", False))
        self.assertTrue(read_answer(b"HTTP/1.1 204 No\r\n\r\n", closed=False).messages[0].keeps)

    def test_status_lines(self) -> None:
        for line in (
            b"HTTP/1.1  200 OK",
            b"HTTP/1.1 99 No",
            b"HTTP/1.1 600 No",
            b"RTSP/1.0 200 OK",
            b"HTTP/1.1 200OK",
        ):
            self.assert_invalid(line + b"\r\n\r\n")
        self.assert_invalid(b"\r\n" + OK + b"\r\n", b"HTTP/1.1 200 \0\r\n\r\n")

    def test_framing(self) -> None:
        self.assert_invalid(
            OK + b"Content-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
            OK + b"Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
            OK + b"Content-Length: 1\r\n" * 2 + b"\r\na",
        )

    def test_chunks_in_an_old_version(self) -> None:
        """Section 6.1: the connection is closed after them."""
        old = (
            OK.replace(b"1.1", b"1.0")
            + b"Connection: keep-alive\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"
        )
        self.assertFalse(read_answer(old, closed=False).messages[0].keeps)

    def test_many(self) -> None:
        """All that a client got, where it is known which of them was to HEAD."""
        asked = read_requests(GET.replace(b"GET", b"HEAD") + b"\r\n" + GET + b"\r\n")
        to_head, to_get = OK + b"Content-Length: 5\r\n\r\n", OK + b"Content-Length: 1\r\n\r\na"
        reading = read_answers(to_head + to_get, asked, closed=False)
        self.assertEqual([message.body for message in reading.messages], [b"", b"a"])
        self.assertTrue(read_answers(to_get + b"rest", asked, closed=False).fault)
