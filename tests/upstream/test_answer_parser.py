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
        self.assertEqual(parser.pairs, [(b"X-A", b"1"), (b"Content-Length", b"4")])

    def test_body(self) -> None:
        self.assertEqual([self.parser.feed(HEAD + b"a"), self.parser.feed(b"bcd")], [b"a", b"bcd"])
        self.assertTrue(self.parser.complete)

    def test_pieces_of_one_read_are_joined(self) -> None:
        head = HEAD.replace(b"Content-Length: 4", b"Transfer-Encoding: chunked")
        self.assertEqual(self.parser.feed(head + b"1\r\na\r\n2\r\nbc\r\n"), b"abc")
        self.assertFalse(self.parser.complete)

    def test_interim_answer(self) -> None:
        self.parser.feed(b"HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n")
        self.assertFalse(self.parser.head_done)
        self.parser.feed(HEAD)
        self.assertEqual([name for name, _ in self.parser.pairs], [b"X-A", b"Content-Length"])

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
        self.assertEqual((self.parser.pairs, self.parser.length, self.parser.status), ([], None, 0))
        self.parser.feed(b"HTTP/1.1 200 OK\r\nX: " + b"x" * (MAX_HEAD - len(HEAD)))
        self.assertEqual(self.parser.fault, "")

    def test_endless_head(self) -> None:
        self.parser.feed(b"HTTP/1.1 200 OK\r\nX: " + b"x" * MAX_HEAD)
        self.assertIn("endless", self.parser.fault)

    def test_long_head_does_not_shorten_what_trailers_may_take(self) -> None:
        head = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nX: " + b"x" * (MAX_HEAD - 100)
        self.parser.feed(head + b"\r\n\r\n")
        self.parser.feed(b"0\r\nY: " + b"y" * 1000)
        self.assertEqual(self.parser.fault, "")

    def test_another_limit(self) -> None:
        for limit, fault in ((100, "an endless head, or endless trailers"), (200, "")):
            parser = AnswerParser(limit)
            parser.feed(b"HTTP/1.1 200 OK\r\nX: " + b"x" * 100)
            self.assertEqual(parser.fault, fault)
