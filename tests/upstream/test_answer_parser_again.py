"""Tests for `jairouter.upstream.answer_parser`: a head that came before means what it meant then."""

from __future__ import annotations

from unittest import mock

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from jairouter.known_head import KnownHead
from jairouter.upstream.answer_parser import AnswerParser
from tests.fuzz.examples import examples

GOOD = st.lists(
    st.sampled_from(
        [
            b"Date: Mon, 23 Nov 2026 15:46:27 GMT\r\n",
            b"Connection: keep-alive\r\n",
            b"X-B: \r\n",
            b"Server: a\r\n",
            b"X-A: content-length: 3\r\n",
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
        b"Upgrade: x\r\nConnection: Upgrade\r\n",
    ]
)
STARTS = st.sampled_from(
    [b"HTTP/1.1 200 OK"] * 4
    + [b"HTTP/1.1 200", b"HTTP/1.0 200 OK", b"HTTP/1.1 204 No", b"HTTP/1.1 500 E", b"RTSP/1.1 200"]
    + [b"HTTP/1.1 100 C\r\n\r\nHTTP/1.1 201 C", b"HTTP/1.1 304 N"]
)
LENGTHS = st.sampled_from(
    [b"3", b"5", b"0", b"003", b"12"] * 2 + [b"3 ", b" 4", b"+3", b"3,3", b"", b"9" * 16, b"0x3"]
)
SPOILT = st.sampled_from([b"", b"\r", b"\n", b":", b" ", b"\0", b"x", b"x", b"x", b"\r\n"])

Told = tuple[object, ...]


@st.composite
def sequences(draw: st.DrawFn) -> list[tuple[bytes, bool]]:
    """Answers whose heads are the same but for the length, and now and then a byte; and whether to HEAD."""
    start, before, after = draw(STARTS), draw(GOOD), draw(GOOD)
    if draw(st.integers(0, 4)) == 0:
        after += draw(ODD)
    usual = b"%b\r\n%bContent-Length: 3\r\n%b\r\nabc" % (start, before, after)
    answers = [(usual, False)] * 2
    for _ in range(draw(st.integers(1, 4))):
        length = draw(LENGTHS)
        size = int(length) if length.isdigit() else 3
        body = b"0123456789ab"[: draw(st.integers(0, 12)) if draw(st.integers(0, 2)) == 0 else size]
        answer = b"%b\r\n%bContent-Length: %b\r\n%b\r\n%b" % (start, before, length, after, body)
        if draw(st.booleans()):
            at, instead = draw(st.integers(0, len(answer))), draw(SPOILT)
            answer = answer[:at] + instead + answer[at + 1 :]
        answers.append((answer, draw(st.integers(0, 9)) == 0))
    return answers


def read(parser: AnswerParser, *pieces: bytes, to_head: bool = False) -> Told:
    """All that a parser says of one answer."""
    parser.expect(to_head=to_head)
    body = b"".join([parser.feed(piece) for piece in pieces if not parser.fault])
    framing = (parser.length, parser.until_close, parser.keep_alive)
    head = (parser.head_done, parser.status, parser.version, parser.pairs, dict(parser.fields))
    return (parser.fault, parser.complete, body, *framing, *head)


def ok(body: bytes, *headers: bytes) -> bytes:
    """An answer."""
    lines = [b"HTTP/1.1 200 OK", b"Content-Length: %d" % len(body), *headers]
    return b"\r\n".join(lines) + b"\r\n\r\n" + body


class AgainTests(SynchronousTestCase):
    """Heads that come more than once on a connection."""

    def setUp(self) -> None:
        self.parser = AnswerParser()
        self.matched = 0
        match = KnownHead.match

        def counted(known: KnownHead, data: bytes) -> bytes | None:
            digits = match(known, data)
            self.matched += digits is not None
            return digits

        patch = mock.patch.object(KnownHead, "match", counted)
        patch.start()
        self.addCleanup(patch.stop)

    def test_same(self) -> None:
        """The third time it is known, and what is told is the same."""
        first, second, third = [read(self.parser, ok(b"hello", b"A: b")) for _ in range(3)]
        self.assertEqual(self.matched, 1)
        self.assertEqual(first, third)
        self.assertEqual(second, third)

    def test_another_length(self) -> None:
        """Only what says how long the body is differs."""
        *_, third = [read(self.parser, ok(body)) for body in (b"hello", b"hello", b"hello, you")]
        self.assertEqual(self.matched, 1)
        self.assertEqual(third, read(AnswerParser(), ok(b"hello, you")))

    def test_each_second(self) -> None:
        """A head with another date is parsed, and known from then on, however often that happens."""
        for second in range(50):
            for _ in range(3):
                read(self.parser, ok(b"hello", b"Date: Mon, 23 Nov 2026 15:46:%02d GMT" % second))
        self.assertEqual(self.matched, 2 * 50 - 1)

    def test_no_body(self) -> None:
        """A length of 0 means that there is none, as always."""
        *_, third = [read(self.parser, ok(body)) for body in (b"hello", b"hello", b"")]
        self.assertEqual(self.matched, 1)
        self.assertEqual(third, read(AnswerParser(), ok(b"")))

    def test_in_pieces(self) -> None:
        """An answer that is not all there is parsed, also when it is the head that is."""
        whole = ok(b"hello")
        for _ in range(2):
            read(self.parser, whole)
        for cut in range(1, len(whole)):
            self.assertEqual(read(self.parser, whole[:cut], whole[cut:]), read(AnswerParser(), whole), cut)

    def test_more_than_was_asked_for(self) -> None:
        """What comes behind an answer is a fault, as always."""
        for _ in range(2):
            read(self.parser, ok(b"hello"))
        self.assertEqual(read(self.parser, ok(b"hello") + b"H"), read(AnswerParser(), ok(b"hello") + b"H"))

    def test_to_head(self) -> None:
        """An answer to HEAD has no body, though it be the same head."""
        for _ in range(2):
            read(self.parser, ok(b"hello"))
        told = read(self.parser, ok(b""), to_head=True)
        self.assertEqual(told, read(AnswerParser(), ok(b""), to_head=True))
        self.assertEqual(self.matched, 0)

    def test_behind_an_interim_answer(self) -> None:
        """It is not known behind one, but read."""
        for _ in range(2):
            read(self.parser, ok(b"hello"))
        pieces = [b"HTTP/1.1 100 Continue\r\n\r\n", ok(b"hello")]
        self.assertEqual(read(self.parser, *pieces), read(AnswerParser(), *pieces))

    def test_the_last_one(self) -> None:
        """A head that says that nothing more comes is not waited for again."""
        for _ in range(3):
            read(self.parser, ok(b"hello", b"Connection: close"))
        self.assertEqual(self.matched, 0)

    def test_nothing_is_kept_of_a_connection_that_is_closed(self) -> None:
        """There may be cookies in heads."""
        for _ in range(3):
            read(self.parser, ok(b"hello"))
        self.parser.close()
        self.assertEqual([each for each in vars(self.parser).values() if isinstance(each, KnownHead)], [])

    @examples(40)
    @given(sequences())
    def test_as_if_it_were_new(self, answers: list[tuple[bytes, bool]]) -> None:
        """Whatever comes, it is judged as it is when nothing is known."""
        known, new = AnswerParser(), AnswerParser()
        for answer, to_head in answers:
            told = read(known, answer, to_head=to_head)
            with mock.patch.object(KnownHead, "match", return_value=None):
                self.assertEqual(told, read(new, answer, to_head=to_head))
            if told[0] or not told[1] or not known.keep_alive:
                break  # the connection is closed then
