"""The parser by itself; how answers are framed is tested through a connection."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from jairouter.upstream.answer_parser import MAX_HEAD, AnswerParser

HEAD = b"HTTP/1.1 200 OK\r\nX-A: 1 \r\nContent-Length: 4\r\n\r\n"


class AnswerParserTests(SynchronousTestCase):
    """Each arrow of the picture."""

    def setUp(self) -> None:
        self.parser = AnswerParser()

    def test_nothing_is_known_at_first(self) -> None:
        self.assertEqual(self.parser.feed(HEAD[:30]), b"")
        self.assertFalse(self.parser.head_done or self.parser.complete or self.parser.fault)

    def test_head(self) -> None:
        parser = self.parser
        parser.feed(HEAD)
        self.assertTrue(parser.head_done)
        self.assertFalse(parser.complete or parser.until_close)
        self.assertTrue(parser.keep_alive)
        self.assertEqual((parser.status, parser.version, parser.length), (200, "1.1", 4))
        self.assertEqual(parser.pairs, ((b"X-A", b"1"), (b"Content-Length", b"4")))
        self.assertEqual(parser.fields, {b"x-a": b"1", b"content-length": b"4"})

    def test_several_lines_of_one_name(self) -> None:
        """RFC 9110, section 5.3: they are one value; as pairs they stay what they were."""
        lines = (b"Vary: a", b"X: 1", b"vary: b,c", b"VARY:", b"Vary: \t d \t", b"x: 2")
        self.parser.feed(b"HTTP/1.1 200 OK\r\n" + b"".join(line + b"\r\n" for line in lines) + b"\r\n")
        self.assertEqual(self.parser.fields, {b"vary": b"a, b,c, , d", b"x": b"1, 2"})
        self.assertEqual([name for name, _ in self.parser.pairs], [line.partition(b":")[0] for line in lines])
        self.assertEqual([value for _, value in self.parser.pairs], [b"a", b"1", b"b,c", b"", b"d", b"2"])

    def test_several_lines_in_several_reads(self) -> None:
        for piece in (b"HTTP/1.1 200 OK\r\nVa", b"ry: a\r", b"\nVary: ", b"b\r\n", b"\r\n"):
            self.parser.feed(piece)
        self.assertEqual(self.parser.fields, {b"vary": b"a, b"})

    def test_trailers_are_no_headers(self) -> None:
        """Nor do they add to one that there is."""
        self.parser.feed(HEAD.replace(b"Content-Length: 4", b"Transfer-Encoding: chunked"))
        fields, pairs = dict(self.parser.fields), tuple(self.parser.pairs)
        self.parser.feed(b"0\r\nX-A: 2\r\nX-B: 3\r\n\r\n")
        self.assertTrue(self.parser.complete)
        self.assertEqual((self.parser.fields, self.parser.pairs), (fields, pairs))

    def test_body(self) -> None:
        self.assertEqual([self.parser.feed(HEAD + b"a"), self.parser.feed(b"bcd")], [b"a", b"bcd"])
        self.assertTrue(self.parser.complete)

    def test_pieces_of_one_read_are_joined(self) -> None:
        head = HEAD.replace(b"Content-Length: 4", b"Transfer-Encoding: chunked")
        self.assertEqual(self.parser.feed(head + b"1\r\na\r\n2\r\nbc\r\n"), b"abc")
        self.assertFalse(self.parser.complete)

    def test_interim_answer(self) -> None:
        self.parser.feed(b"HTTP/1.1 103 Early Hints\r\nLink: x\r\nX-A: 0\r\n\r\n")
        self.assertFalse(self.parser.head_done)
        self.parser.feed(HEAD)
        self.assertEqual([name for name, _ in self.parser.pairs], [b"X-A", b"Content-Length"])
        self.assertEqual(self.parser.fields, {b"x-a": b"1", b"content-length": b"4"})

    def test_body_until_close(self) -> None:
        self.assertEqual(self.parser.feed(b"HTTP/1.1 200 OK\r\n\r\nabc"), b"abc")
        self.assertTrue(self.parser.until_close)
        self.assertFalse(self.parser.keep_alive)

    def test_answer_to_head(self) -> None:
        """Its length is not that of what follows."""
        self.parser.expect(to_head=True)
        self.assertEqual(self.parser.feed(HEAD), b"")
        self.assertEqual((self.parser.complete, self.parser.length), (True, 0))
        self.assertFalse(self.parser.keep_alive)

    def test_what_came_before_a_fault_is_valid(self) -> None:
        self.assertEqual(self.parser.feed(HEAD + b"abcdrubbish"), b"abcd")
        self.assertTrue(self.parser.complete)
        self.assertTrue(self.parser.fault)

    def test_next_answer(self) -> None:
        """Nothing of the one before is left, nor of its limit."""
        self.parser.feed(HEAD + b"abcd")
        self.parser.expect()
        self.assertFalse(self.parser.head_done or self.parser.complete)
        self.assertEqual((self.parser.pairs, self.parser.length, self.parser.status), ((), None, 0))
        self.assertEqual((self.parser.fields, self.parser.version), ({}, ""))
        self.parser.feed(b"HTTP/1.1 200 OK\r\nX: " + b"x" * (MAX_HEAD - len(HEAD)))
        self.assertEqual(self.parser.fault, "")

    def test_next_answer_after_each_kind(self) -> None:
        """Whatever the one before was, the next is read from its own bytes alone."""
        empty = b"Content-Length: 0\r\n\r\n"
        for first in (
            b"HTTP/1.1 204 No Content\r\n\r\n",
            b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.0 404 No\r\nConnection: keep-alive\r\n" + empty,
            HEAD.replace(b"Content-Length: 4", b"Transfer-Encoding: chunked") + b"0\r\nT: x\r\n\r\n",
        ):
            parser = AnswerParser()
            parser.feed(first)
            self.assertTrue(parser.complete and parser.keep_alive, first)
            parser.expect()
            self.assertFalse(parser.head_done or parser.complete or parser.until_close, first)
            self.assertEqual(parser.feed(HEAD + b"abcd"), b"abcd")
            self.assertEqual((parser.complete, parser.keep_alive, parser.fault), (True, True, ""), first)
            self.assertEqual((parser.status, parser.version, parser.length), (200, "1.1", 4))
            self.assertEqual(parser.pairs, ((b"X-A", b"1"), (b"Content-Length", b"4")))

    def test_answer_that_was_taken_keeps_its_fields(self) -> None:
        """They are not those of the next one, nor emptied by an interim answer."""
        self.parser.feed(HEAD + b"abcd")
        fields = self.parser.fields
        self.parser.expect()
        self.parser.feed(b"HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n" + HEAD)
        self.assertEqual(fields, {b"x-a": b"1", b"content-length": b"4"})
        self.assertIsNot(self.parser.fields, fields)

    def test_endless_head(self) -> None:
        self.parser.feed(b"HTTP/1.1 200 OK\r\nX: " + b"x" * MAX_HEAD)
        self.assertIn("endless", self.parser.fault)

    def test_long_head_does_not_shorten_what_trailers_may_take(self) -> None:
        head = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nX: " + b"x" * (MAX_HEAD - 100)
        self.parser.feed(head + b"\r\n\r\n")
        self.parser.feed(b"0\r\nY: " + b"y" * 1000)
        self.assertEqual(self.parser.fault, "")

    def test_long_trailers_do_not_shorten_what_the_next_head_may_take(self) -> None:
        self.parser.feed(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
        self.parser.feed(b"0\r\nY: " + b"y" * 40_000 + b"\r\n\r\n")
        self.assertTrue(self.parser.complete)
        self.parser.expect()
        self.parser.feed(b"HTTP/1.1 200 OK\r\nX: " + b"x" * 40_000)
        self.assertEqual(self.parser.fault, "")

    def test_another_limit(self) -> None:
        for limit, fault in ((100, "an endless head, or endless trailers"), (200, "")):
            parser = AnswerParser(limit)
            parser.feed(b"HTTP/1.1 200 OK\r\nX: " + b"x" * 100)
            self.assertEqual(parser.fault, fault)
