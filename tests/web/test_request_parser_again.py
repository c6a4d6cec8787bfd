"""Tests for `jairouter.web.request_parser`: a head that came before means what it meant then."""

from __future__ import annotations

from unittest import mock

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from jairouter.known_head import KnownHead
from jairouter.web.request_parser import END, Event, Head, HeadLimits, RequestParser
from tests.fuzz.examples import examples
from tests.web.serving import chunked, post
from tests.web.test_request_parser import UPGRADE, joined

GOOD = st.lists(
    st.sampled_from(
        [
            b"Authorization: Bearer k\r\n",
            b"Connection: keep-alive\r\n",
            b"Expect: 100-continue\r\n",
            b"X-A: content-length: 3\r\n",
            b"X-B:\r\n",
            b"Accept: */*\r\n",
        ]
    ),
    max_size=2,
    unique=True,
).map(b"".join)
ODD = st.sampled_from(
    [
        b"Connection: close\r\n",
        b"Content-Length: 3\r\n",
        b"Transfer-Encoding: chunked\r\n",
        b"X-C: a\r\n b\r\n",
        b"X-D: a\n",
        b"content_length: 3\r\n",
        b"Host: x\r\n",
        UPGRADE,
    ]
)
LINES = st.sampled_from(
    [b"POST /v1 HTTP/1.1"] * 3 + [b"POST / HTTP/1.0", b"GET /?a HTTP/1.1", b"CONNECT x HTTP/1.1"]
)
LENGTHS = st.sampled_from(
    [b"3", b"5", b"0", b"003", b"12"] * 2
    + [b"03 ", b" 4", b"+3", b"3,3", b"3\r\nContent-Length: 3", b"", b"9" * 16, b"0x3", b"1_0"]
)
SPOILT = st.sampled_from([b"", b"\r", b"\n", b":", b" ", b"\0", b"x", b"x", b"x", b"\r\n"])


@st.composite
def sequences(draw: st.DrawFn) -> list[bytes]:
    """Requests whose heads are the same but for the length, and now and then a byte."""
    line, before, after = draw(LINES), draw(GOOD), draw(GOOD)
    if draw(st.integers(0, 4)) == 0:
        after += draw(ODD)
    requests = [b"%b\r\nHost: x\r\n%bContent-Length: 3\r\n%b\r\nabc" % (line, before, after)] * 2
    for _ in range(draw(st.integers(1, 4))):
        length = draw(LENGTHS)
        body = b"0123456789ab"[: draw(st.integers(0, 12)) if draw(st.integers(0, 4)) == 0 else _size(length)]
        request = b"%b\r\nHost: x\r\n%bContent-Length: %b\r\n%b\r\n%b" % (line, before, length, after, body)
        if draw(st.booleans()):
            at, instead = draw(st.integers(0, len(request))), draw(SPOILT)
            request = request[:at] + instead + request[at + 1 :]
        requests.append(request)
    return requests


def _size(length: bytes) -> int:
    return int(length) if length.isdigit() else 3


def told(pieces: list[bytes]) -> tuple[list[Event], str, bool]:
    """All that a parser says of requests."""
    parser = RequestParser(HeadLimits())
    events: list[Event] = []
    for piece in pieces:
        if parser.error is None:
            events += parser.feed(piece)
    return events, repr(parser.error), parser.in_head


class AgainTests(SynchronousTestCase):
    """Heads that come more than once on a connection."""

    def parse_all(self, *requests: bytes, limits: HeadLimits | None = None) -> list[list[Event]]:
        """The events of each request, and in `matched` how many heads were known."""
        self.matched = 0
        match = KnownHead.match

        def counted(known: KnownHead, data: bytes) -> bytes | None:
            digits = match(known, data)
            self.matched += digits is not None
            return digits

        parser = RequestParser(limits or HeadLimits())
        with mock.patch.object(KnownHead, "match", counted):
            return [parser.feed(request) for request in requests]

    def test_same(self) -> None:
        """The third time it is known, and what is handed out is the same."""
        first, second, third = self.parse_all(*[post(b"hello", b"/a?b", b"X-A: b")] * 3)
        self.assertEqual(self.matched, 1)
        self.assertEqual(first, third)
        self.assertIs(second[0], third[0])

    def test_another_length(self) -> None:
        """Only what says how long the body is differs."""
        *_, third = self.parse_all(post(b"hello"), post(b"hello"), post(b"hello, you"))
        self.assertEqual(self.matched, 1)
        self.assertEqual([third], self.parse_all(post(b"hello, you")))

    def test_now_and_then_another(self) -> None:
        """It is known from then on, however often that happens."""
        self.parse_all(*[post(b"hello", b"/%d" % (number // 3)) for number in range(150)])
        self.assertEqual(self.matched, 2 * 50 - 1)

    def test_no_body(self) -> None:
        """A length of 0 means that there is none, as always."""
        *_, third = self.parse_all(post(b"hello"), post(b"hello"), post(b""))
        self.assertEqual(self.matched, 1)
        self.assertEqual(third[1:], [END])

    def test_in_pieces(self) -> None:
        """A head whose body is still arriving is parsed, as is one that is not all there."""
        whole = post(b"hello")
        for cut in range(1, len(whole)):
            *_, head, rest = self.parse_all(whole, whole, whole[:cut], whole[cut:])
            self.assertEqual(joined(head + rest), self.parse_all(whole)[0], cut)

    def test_more_than_one(self) -> None:
        """So are two requests in one read."""
        *_, both, after = self.parse_all(*[post(b"hello")] * 2, post(b"hello") * 2, post(b"hello"))
        self.assertEqual(both, after * 2)

    def test_behind_others(self) -> None:
        """What came in between does not matter."""
        *_, third = self.parse_all(post(b"hello"), post(b"hello"), chunked(b"ab"), post(b"hello"))
        self.assertEqual(self.matched, 1)
        self.assertEqual([third], self.parse_all(post(b"hello")))

    def test_behind_an_empty_line(self) -> None:
        """It is not known behind one, but read."""
        *_, third = self.parse_all(*[post(b"hello")] * 2, b"\r\n", post(b"hello"))
        self.assertEqual([third], self.parse_all(post(b"hello")))

    def test_the_last_one(self) -> None:
        """Behind a head that says that nothing more comes, nothing is read."""
        last = post(b"hello", b"/", b"Connection: close")
        parser = RequestParser(HeadLimits())
        for request in (post(b"hello"), post(b"hello"), last, last):
            parser.feed(request)
        self.assertIsNotNone(parser.error)

    def test_upgrade(self) -> None:
        """An offer of another protocol is ignored each time."""
        events = self.parse_all(*[post(b"hello", b"/", UPGRADE.rstrip())] * 4)
        self.assertEqual(self.matched, 0)
        self.assertEqual([each for some in events for each in some], events[0] * 4)

    def test_limits(self) -> None:
        """A head that is near the limit is measured each time."""
        whole = post(b"hello")
        size = len(whole) - len(b"hello")
        self.parse_all(*[whole] * 4, limits=HeadLimits(max_header_bytes=size))
        self.assertEqual(self.matched, 0)

    def test_nothing_is_kept_of_a_connection_that_is_closed(self) -> None:
        """There are keys in heads."""
        parser = RequestParser(HeadLimits())
        for _ in range(3):
            parser.feed(post(b"hello"))
        parser.close()
        self.assertNotIn(b"hello", repr(vars(parser)).encode())
        self.assertEqual([each for each in vars(parser).values() if isinstance(each, KnownHead | Head)], [])

    @examples(40)
    @given(sequences())
    def test_as_if_it_were_new(self, requests: list[bytes]) -> None:
        """Whatever comes, it is judged as it is when nothing is known."""
        with mock.patch.object(KnownHead, "match", return_value=None):
            expected = told(requests)
        self.assertEqual(told(requests), expected)
