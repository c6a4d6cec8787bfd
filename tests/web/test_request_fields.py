"""Tests for `jairouter.web.request_parser`: the values of headers by their names."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from jairouter.web.request_parser import Head
from tests.web.serving import GET, chunked, post
from tests.web.test_request_parser import UPGRADE, bytewise, parse


class Case(SynchronousTestCase):
    """Heads of valid requests."""

    def heads(self, *pieces: bytes) -> list[Head]:
        events, parser = parse(*pieces)
        self.assertIsNone(parser.error)
        return [event for event in events if isinstance(event, Head)]


class FieldTests(Case):
    """`Head.fields` and `Head.repeated`."""

    def head(self, *headers: bytes) -> Head:
        """The head of a request with these headers."""
        [head] = self.heads(b"\r\n".join([b"GET / HTTP/1.1", b"Host: x", *headers]) + b"\r\n\r\n")
        return head

    def test_names(self) -> None:
        """In lower case, whatever their spelling on the wire."""
        self.assertEqual(self.head(b"X-MiNe: Value").fields, {b"host": b"x", b"x-mine": b"Value"})

    def test_repeated(self) -> None:
        """Several lines are one value, in order (RFC 9110, section 5.3); that they were several is known."""
        head = self.head(b"A: 1", b"B: 2", b"a: 3", b"A:", b"A: 4, 5")
        self.assertEqual(head.fields, {b"host": b"x", b"a": b"1, 3, , 4, 5", b"b": b"2"})
        self.assertEqual(head.repeated, {b"a"})
        self.assertEqual(len(head.pairs), 6)

    def test_not_repeated(self) -> None:
        """A comma in a value does not make two lines of it."""
        self.assertEqual(self.head(b"A: 1, 2", b"AA: 1").repeated, frozenset())

    def test_every_byte_by_itself(self) -> None:
        data = post(b"body", b"/", b"A: 1", b"a: 2")
        self.assertEqual(self.heads(*bytewise(data)), self.heads(data))

    def test_of_one_request(self) -> None:
        """The next one has its own, and does not change those of the one before."""
        first, second, third = self.heads(post(b"x", b"/", b"A: 1", b"A: 2") + GET + post(b"", b"/", b"A: 3"))
        self.assertEqual((first.fields[b"a"], first.repeated), (b"1, 2", {b"a"}))
        self.assertEqual((second.fields, second.repeated), ({b"host": b"x"}, frozenset()))
        self.assertEqual((third.fields[b"a"], third.repeated), (b"3", frozenset()))


class TrailerTests(Case):
    """What comes behind the body says nothing about the request any more."""

    TRAILER = b"Host: evil\r\nX-Late: 1\r\nContent-Type: text/plain\r\nExpect: 100-continue\r\n"

    def test_never_among_the_fields(self) -> None:
        """However the bytes come, also where the head was handed out long before."""
        data = chunked(b"body", trailer=self.TRAILER) + GET
        for pieces in ([data], bytewise(data)):
            first, second = self.heads(*pieces)
            self.assertEqual(first.fields, {b"host": b"x", b"transfer-encoding": b"chunked"})
            self.assertEqual((first.repeated, first.length), (frozenset(), None))
            self.assertEqual(first.pairs, ((b"Host", b"x"), (b"Transfer-Encoding", b"chunked")))
            self.assertEqual((second.fields, second.repeated), ({b"host": b"x"}, frozenset()))

    def test_behind_an_upgrade(self) -> None:
        """There a parser of its own reads them."""
        data = chunked(b"body", trailer=self.TRAILER).replace(b"\r\n", b"\r\n" + UPGRADE, 1) + GET
        for pieces in ([data], bytewise(data)):
            first, second = self.heads(*pieces)
            self.assertEqual(first.fields[b"host"], b"x")
            self.assertNotIn(b"x-late", first.fields)
            self.assertEqual((first.repeated, second.fields), (frozenset(), {b"host": b"x"}))
