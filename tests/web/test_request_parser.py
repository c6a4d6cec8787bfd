"""Tests for `jairouter.web.request_parser`: what is a request, and what is none."""

from __future__ import annotations

from collections.abc import Iterable

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from jairouter.web.request_parser import END, Event, Head, HeadLimits, RequestParser
from tests.codec.properties import PROPERTY, split_at
from tests.web.serving import chunked, post

UPGRADE = b"Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABk\r\n"
TWO = post(b"hello", b"/one?q=1", b"X-Empty:") + chunked(b"ab", b"c", trailer=b"T: dropped\r\n")


def parse(*pieces: bytes, limits: HeadLimits | None = None) -> tuple[list[Event], RequestParser]:
    """Parse in pieces."""
    parser = RequestParser(limits or HeadLimits())
    return joined(event for piece in pieces for event in parser.feed(piece)), parser


def joined(events: Iterable[Event]) -> list[Event]:
    """The events with neighbouring pieces of a body put together."""
    result: list[Event] = []
    for event in events:
        if isinstance(event, bytes) and result and isinstance(result[-1], bytes):
            result[-1] += event
        else:
            result.append(event)
    return result


def bytewise(data: bytes) -> list[bytes]:
    """Every byte by itself."""
    return [data[at : at + 1] for at in range(len(data))]


class ParseTests(SynchronousTestCase):
    """What is valid."""

    def test_head_and_body(self) -> None:
        """A request becomes a head, its body and an end; headers keep order, spelling and emptiness."""
        events, _ = parse(TWO)
        head = events[0]
        assert isinstance(head, Head)
        self.assertEqual((head.method, head.target, head.version), (b"POST", b"/one?q=1", "1.1"))
        self.assertEqual(head.pairs, ((b"Host", b"x"), (b"Content-Length", b"5"), (b"X-Empty", b"")))
        self.assertEqual(events[1:3], [b"hello", END])

    def test_trailers_are_dropped(self) -> None:
        """They are neither headers nor body."""
        events, _ = parse(chunked(b"ab", b"c", trailer=b"T: dropped\r\n"))
        assert isinstance(events[0], Head)
        self.assertEqual(events[0].pairs, ((b"Host", b"x"), (b"Transfer-Encoding", b"chunked")))
        self.assertEqual(events[1:], [b"abc", END])

    def test_length(self) -> None:
        """Of the body; however many zeros and spaces stand round it."""
        lengths = []
        for name, value in ((b"A", b"5"), (b"content-length", b"0" * 5000 + b"5" + b" " * 30)):
            [head, *_] = parse(b"POST / HTTP/1.1\r\nHost: x\r\n%b: %b\r\n\r\nhello" % (name, value))[0]
            assert isinstance(head, Head)
            lengths.append(head.length)
        [head, *_] = parse(chunked(b"a"))[0]
        assert isinstance(head, Head)
        self.assertEqual([*lengths, head.length], [0, 5, None])

    @PROPERTY
    @given(st.lists(st.integers(0, len(TWO)), max_size=6))
    def test_any_split(self, cuts: list[int]) -> None:
        """However the bytes are split, the events are the same."""
        self.assertEqual(parse(*split_at(TWO, cuts))[0], parse(TWO)[0])

    def test_every_byte_by_itself(self) -> None:
        self.assertEqual(parse(*bytewise(TWO))[0], parse(TWO)[0])

    def test_empty_lines_before_a_request(self) -> None:
        """Old clients end a body with one too many (RFC 9112, section 2.2)."""
        self.assertEqual(parse(b"\r\n\r\n" + TWO)[0], parse(TWO)[0])

    def test_in_head(self) -> None:
        """It is known whether a head has begun."""
        parser = RequestParser(HeadLimits())
        states = []
        for piece in (b"\r\n", b"PO", b"ST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\n\r\n", b"x", b"G"):
            parser.feed(piece)
            states.append(parser.in_head)
        self.assertEqual(states, [False, True, False, False, True])

    def test_nothing_after_close(self) -> None:
        """A parser that is closed says nothing more."""
        parser = RequestParser(HeadLimits())
        parser.close()
        self.assertEqual(parser.feed(TWO), [])

    def test_crumbs(self) -> None:
        """Chunks of a byte or two become a few pieces: each piece costs many times as much."""
        pieces = [b"%02d" % (number % 100) for number in range(2000)]
        events = RequestParser(HeadLimits()).feed(chunked(*pieces))
        self.assertLess(len(events), 10)
        self.assertEqual(joined(events)[1:], [b"".join(pieces), END])


class UpgradeTests(SynchronousTestCase):
    """Offers to change the protocol are ignored."""

    def upgrade(self, framing: bytes, body: bytes) -> bytes:
        return b"POST / HTTP/1.1\r\nHost: x\r\n" + UPGRADE + framing + b"\r\n" + body

    def assert_bodies(self, data: bytes, *bodies: bytes) -> None:
        for pieces in ([data], bytewise(data)):
            events, parser = parse(*pieces)
            self.assertIsNone(parser.error)
            found: list[bytes] = []
            for event in events:
                if isinstance(event, Head):
                    found.append(b"")
                elif isinstance(event, bytes):
                    found[-1] += event
            self.assertEqual(found, list(bodies))
            self.assertEqual(events.count(END), len(bodies))

    def test_without_body(self) -> None:
        self.assert_bodies(self.upgrade(b"", b"") + post(b"next"), b"", b"next")

    def test_with_length(self) -> None:
        self.assert_bodies(self.upgrade(b"Content-Length: 3\r\n", b"abc") + post(b"next"), b"abc", b"next")

    def test_in_chunks(self) -> None:
        data = self.upgrade(b"Transfer-Encoding: chunked\r\n", b"3\r\nabc\r\n0\r\n\r\n")
        self.assert_bodies(data + post(b"next"), b"abc", b"next")

    def test_head_is_kept(self) -> None:
        """The head is the one that was sent, not the one that the new parser was told."""
        events, _ = parse(self.upgrade(b"Content-Length: 3\r\nX-Mine: 1\r\n", b"abc"))
        assert isinstance(events[0], Head)
        self.assertEqual(events[0].pairs[-1], (b"X-Mine", b"1"))

    def test_five_hundred(self) -> None:
        """Many in one read are no deeper than one."""
        self.assert_bodies(self.upgrade(b"", b"") * 500, *[b""] * 500)

    def test_bad_framing(self) -> None:
        """What would be refused without the offer is refused with it."""
        events, parser = parse(self.upgrade(b"Transfer-Encoding: xchunked\r\n", b"3\r\nabc\r\n0\r\n\r\n"))
        self.assertIsNotNone(parser.error)
        self.assertEqual(events.count(END), 0)

    def test_connect(self) -> None:
        """What follows CONNECT is another protocol: it is not read."""
        events, _ = parse(b"CONNECT a:1 HTTP/1.1\r\nHost: a\r\n\r\n" + post(b"smuggled"), post(b"later"))
        self.assertEqual([type(event) for event in events], [Head, type(END)])


GET = b"GET / HTTP/1.1\r\nHost: x\r\n"
POST = b"POST / HTTP/1.1\r\nHost: x\r\n"
NOT_HTTP = {
    "bare line feeds": b"GET / HTTP/1.1\nHost: x\n\n",
    "bare line feed in the head": GET + b"A: b\nC: d\r\n\r\n",
    "bare carriage return": GET + b"A: b\rC: d\r\n\r\n",
    "space before the colon": GET + b"A : b\r\n\r\n",
    "no name": GET + b": b\r\n\r\n",
    "continued line": GET + b"A: b\r\n c\r\n\r\n",
    "NUL in a value": GET + b"A: b\0c\r\n\r\n",
    "NUL in a name": GET + b"A\0: b\r\n\r\n",
    "length and chunks": POST + b"Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "chunks and length": POST + b"Transfer-Encoding: chunked\r\nContent-Length: 3\r\n\r\n0\r\n\r\n",
    "two lengths": POST + b"Content-Length: 3\r\nContent-Length: 3\r\n\r\nabc",
    "a list of lengths": POST + b"Content-Length: 3, 3\r\n\r\nabc",
    "a signed length": POST + b"Content-Length: +3\r\n\r\nabc",
    "a negative length": POST + b"Content-Length: -3\r\n\r\nabc",
    "no length": POST + b"Content-Length:\r\n\r\nabc",
    "an enormous length": POST + b"Content-Length: 99999999999999999999999\r\n\r\nabc",
    "another coding": POST + b"Transfer-Encoding: identity\r\n\r\n",
    "a disguised coding": POST + b"Transfer-Encoding: xchunked\r\n\r\n",
    "a coding after chunked": POST + b"Transfer-Encoding: chunked, gzip\r\n\r\n0\r\n\r\n",
    "chunk size in another base": POST + b"Transfer-Encoding: chunked\r\n\r\n0x3\r\nabc\r\n0\r\n\r\n",
    "negative chunk size": POST + b"Transfer-Encoding: chunked\r\n\r\n-3\r\nabc\r\n0\r\n\r\n",
    "enormous chunk size": POST + b"Transfer-Encoding: chunked\r\n\r\nfffffffffffffffff\r\nabc",
    "chunk ends in a line feed": POST + b"Transfer-Encoding: chunked\r\n\r\n3\nabc\n0\n\n",
    "chunk is too long": POST + b"Transfer-Encoding: chunked\r\n\r\n3\r\nabcd\r\n0\r\n\r\n",
    "space in the target": b"GET /a b HTTP/1.1\r\nHost: x\r\n\r\n",
    "no slash": b"GET foo HTTP/1.1\r\nHost: x\r\n\r\n",
    "small letters": b"get / HTTP/1.1\r\nHost: x\r\n\r\n",
    "an unknown method": b"FOO / HTTP/1.1\r\nHost: x\r\n\r\n",
    "an unknown version": b"GET / HTTP/1.9\r\nHost: x\r\n\r\n",
    "HTTP/2": b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    "a TLS ClientHello": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
    "garbage": b"\xff\xfe\x00garbage",
}


BODIES = {
    "no body": GET + b"\r\n",
    "a length": post(b"a\r\n\r\nGET  /"),
    "chunks": chunked(b"\r\n\r\n", b"GET  /", b"\r\n\r\n", trailer=b"T: \r\n"),
    "chunks that end with an empty line": chunked(b"a\r\n\r\n"),
    "an ignored upgrade": b"POST / HTTP/1.1\r\nHost: x\r\n" + UPGRADE + b"Content-Length: 4\r\n\r\n\r\n\r\n",
    "an ignored upgrade and chunks": chunked(b"\r\n\r\n").replace(b"\r\n", b"\r\n" + UPGRADE, 1),
}


class NextRequestTests(SynchronousTestCase):
    """Where a request begins is known, whatever came before it."""

    def test_good_one(self) -> None:
        for name, before in BODIES.items():
            for pieces in ([before + GET + b"\r\n"], bytewise(before + b"\r\n" + GET + b"\r\n")):
                events, parser = parse(*pieces)
                self.assertIsNone(parser.error, name)
                self.assertEqual(events.count(END), 2, name)

    def test_bad_one(self) -> None:
        """Neither a line end too many nor a blank is overlooked."""
        for name, before in BODIES.items():
            for bad in (
                b"\r" + GET,
                b"\n" + GET,
                GET.replace(b" /", b"  /"),
                GET.replace(b"HTTP/1.1", b"RTSP/1.0"),
            ):
                for pieces in ([before + bad + b"\r\n"], bytewise(before + bad + b"\r\n")):
                    events, parser = parse(*pieces)
                    self.assertIsNotNone(parser.error, name)
                    self.assertEqual(events.count(END), 1, name)

    def test_none_after_the_last(self) -> None:
        """Nothing is read behind a request that ends the connection, an ignored upgrade or not."""
        for more in (b"Connection: close\r\n", b"Connection: close, upgrade\r\nUpgrade: x\r\n"):
            events, _ = parse(GET + more + b"\r\n" + GET + b"\r\n")
            self.assertEqual(events.count(END), 1)


class FaultTests(SynchronousTestCase):
    """What is not valid."""

    def test_whole(self) -> None:
        for name, data in NOT_HTTP.items():
            error = parse(data)[1].error
            self.assertEqual(error and error.status, 400, name)

    def test_every_byte_by_itself(self) -> None:
        for name, data in NOT_HTTP.items():
            error = parse(*bytewise(data))[1].error
            self.assertEqual(error and error.status, 400, name)

    def test_no_end(self) -> None:
        """A request whose bytes are faulty never counts as complete."""
        for name, data in NOT_HTTP.items():
            self.assertNotIn(END, parse(data)[0], name)

    def test_what_came_before(self) -> None:
        """Good requests in the same bytes are handed out."""
        events, parser = parse(post(b"good") + NOT_HTTP["garbage"])
        self.assertEqual(events[1:], [b"good", END])
        self.assertIsNotNone(parser.error)

    def test_nothing_after_a_fault(self) -> None:
        events, _ = parse(NOT_HTTP["garbage"], post(b"good"))
        self.assertEqual(events, [])
