"""Tests for `jairouter.web.request_parser`: what is too much, and what is left of a head afterwards."""

from __future__ import annotations

import gc
import weakref
from traceback import walk_tb
from types import FunctionType, ModuleType
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from jairouter.web.request_parser import END, HeadLimits, RequestParser
from tests.web.serving import chunked, post
from tests.web.test_request_parser import GET, POST, UPGRADE, parse

LIMITS = HeadLimits(max_header_bytes=1000, max_headers=10, max_request_line=100)
SECRET = b"s3cret"
TOO_MUCH = {
    "many headers": GET + b"A: b\r\n" * 10 + b"\r\n",
    "a large header": GET + b"A: " + b"b" * 995 + b"\r\n\r\n",
    "a header without an end": GET + b"A: " + b"b" * 1200,
    "a long target": b"GET /" + b"a" * 100 + b" HTTP/1.1\r\nHost: x\r\n\r\n",
    "no Host": b"GET / HTTP/1.1\r\n\r\n",
    "many trailers": chunked(b"abc", trailer=b"T: b\r\n" * 11),
    "no HTTP": GET + b": b\r\n\r\n",
}
"""What is refused, each in another place."""


class LimitTests(SynchronousTestCase):
    """What is too much."""

    def status(self, *pieces: bytes) -> int | None:
        error = parse(*pieces, limits=LIMITS)[1].error
        return None if error is None else error.status

    def test_long_target(self) -> None:
        rest = b" HTTP/1.1\r\nHost: x\r\n\r\n"
        self.assertIsNone(self.status(b"GET /" + b"a" * 99 + rest))
        self.assertEqual(self.status(b"GET /" + b"a" * 100 + rest), 414)

    def test_endless_target(self) -> None:
        """Its end is not waited for."""
        self.assertEqual(self.status(b"GET /", *[b"a" * 50] * 4), 414)

    def test_long_target_in_pieces(self) -> None:
        """It has a limit of its own, be that larger than the one of the headers."""
        limits = HeadLimits(max_header_bytes=100, max_headers=10, max_request_line=1000)
        pieces, rest = [b"GET /", *[b"a" * 50] * 19], b" HTTP/1.1\r\nHost: x\r\n\r\n"
        self.assertIsNone(parse(*pieces, rest, limits=limits)[1].error)
        for more in ([b"a" * 50, rest], [b"a" * 50] * 3):
            error = parse(*pieces, *more, limits=limits)[1].error
            assert error is not None
            self.assertEqual(error.status, 414)

    def test_many_headers(self) -> None:
        self.assertIsNone(self.status(GET + b"A: b\r\n" * 9 + b"\r\n"))
        self.assertEqual(self.status(GET + b"A: b\r\n" * 10 + b"\r\n"), 431)

    def test_one_large_header(self) -> None:
        self.assertIsNone(self.status(GET + b"A: " + b"b" * 994 + b"\r\n\r\n"))
        self.assertEqual(self.status(GET + b"A: " + b"b" * 995 + b"\r\n\r\n"), 431)

    def test_endless_header(self) -> None:
        """A header is reported only at its end; one without an end is found all the same."""
        self.assertEqual(self.status(GET + b"A: ", *[b"b" * 100] * 12), 431)

    def test_endless_trailer(self) -> None:
        """So is one behind the body."""
        self.assertEqual(self.status(chunked(b"abc")[:-2], b"T: ", *[b"b" * 100] * 12), 431)

    def test_many_trailers(self) -> None:
        self.assertEqual(self.status(chunked(b"abc")[:-2], *[b"T: b\r\n"] * 12), 431)

    def test_endless_chunk_extension(self) -> None:
        """And so is one between the pieces of the body."""
        start = POST + b"Transfer-Encoding: chunked\r\n\r\n3;"
        self.assertEqual(self.status(start, *[b"e" * 100] * 12), 431)

    def test_endless_empty_lines(self) -> None:
        self.assertEqual(self.status(*[b"\r\n" * 50] * 12), 431)

    def test_limits_are_of_one_request(self) -> None:
        """Many requests in one piece are not one large one, nor is a long body."""
        many = (GET + b"A: b\r\n" * 8 + b"\r\n") * 50
        self.assertIsNone(self.status(many + GET + b"A", b": b\r\n\r\n"))
        self.assertIsNone(self.status(post(b"x" * 5000)[:100], *[b"x" * 500] * 9))


class RefusedTests(SynchronousTestCase):
    """Whatever is refused is soon forgotten: who sends it sends it again and again."""

    def setUp(self) -> None:
        gc.disable()
        self.addCleanup(gc.enable)

    def refused(self, data: bytes) -> RequestParser:
        parser = parse(data, limits=LIMITS)[1]
        assert parser.error is not None
        return parser

    def test_no_error_is_shared(self) -> None:
        """One that is raised again and again collects the frames of each time, and with them the heads."""
        for name, data in TOO_MUCH.items():
            self.assertIsNot(self.refused(data).error, self.refused(data).error, name)

    def test_no_growth(self) -> None:
        """The hundredth refusal knows no more than the first one."""
        for name, data in TOO_MUCH.items():
            depths = [depth(self.refused(data).error) for _ in range(100)]
            self.assertEqual(depths, depths[:1] * 100, name)

    def test_parser_is_gone(self) -> None:
        """Once nobody knows it, and without the garbage collector's help."""
        for name, data in TOO_MUCH.items():
            parser = self.refused(data)
            gone = weakref.ref(parser)
            parser.close()
            del parser
            self.assertIsNone(gone(), name)


class RestTests(SynchronousTestCase):
    """Between two requests: thousands of connections are idle, and a head may be large."""

    def assert_keeps_nothing(self, data: bytes) -> None:
        for pieces in ([data], [data[at : at + 7] for at in range(0, len(data), 7)]):
            events, parser = parse(*pieces)
            self.assertIsNone(parser.error)
            self.assertIs(events.pop(), END)
            self.assertFalse([each for each in known_to(parser) if SECRET in each], pieces)

    def test_head(self) -> None:
        self.assert_keeps_nothing(GET + b"Authorization: " + SECRET + b"\r\n\r\n")

    def test_head_before_a_body(self) -> None:
        self.assert_keeps_nothing(post(b"body", b"/", b"Authorization: " + SECRET))

    def test_target(self) -> None:
        """Nor the line that begins it."""
        self.assert_keeps_nothing(GET.replace(b"/ ", b"/" + SECRET + b" ") + b"\r\n")

    def test_body(self) -> None:
        self.assert_keeps_nothing(post(SECRET))

    def test_trailers(self) -> None:
        self.assert_keeps_nothing(chunked(b"abc", trailer=b"T: " + SECRET + b"\r\n"))

    def test_head_with_an_ignored_upgrade(self) -> None:
        lines = b"Authorization: " + SECRET + b"\r\n" + UPGRADE
        self.assert_keeps_nothing(GET + lines + b"\r\n")
        self.assert_keeps_nothing(POST + lines + b"Content-Length: 3\r\n\r\nabc")

    def test_head_while_its_body_comes(self) -> None:
        """A large upload takes long; whoever needs the head has got it."""
        parser = parse(POST + b"Authorization: " + SECRET + b"\r\nContent-Length: 9\r\n\r\nabc")[1]
        self.assertFalse([each for each in known_to(parser) if each == SECRET])


class TrailerTests(SynchronousTestCase):
    """They have the limits of a head for themselves."""

    def assert_room(self, start: bytes, more: int) -> None:
        """Behind this head there is room for as many trailers as for headers, and for as many bytes."""
        head = start + b"A: b\r\n" * more + b"\r\n0\r\n"
        for trailers, status in (
            (b"T: b\r\n" * 10, None),
            (b"T: b\r\n" * 11, 431),
            (b"T: " + b"b" * 980 + b"\r\n", None),
            (b"T: " + b"b" * 1000 + b"\r\n", 431),
        ):
            error = parse(head + trailers + b"\r\n", limits=LIMITS)[1].error
            self.assertEqual(None if error is None else error.status, status, (start, trailers))

    def test_behind_few_headers(self) -> None:
        self.assert_room(POST + b"Transfer-Encoding: chunked\r\n", 0)

    def test_behind_many_headers(self) -> None:
        self.assert_room(POST + b"Transfer-Encoding: chunked\r\n", 8)

    def test_behind_large_headers(self) -> None:
        self.assert_room(POST + b"Transfer-Encoding: chunked\r\nB: " + b"b" * 900 + b"\r\n", 0)

    def test_behind_an_ignored_upgrade(self) -> None:
        """Nor does it count what the parser that goes on was told."""
        offer = b"Connection: upgrade\r\nUpgrade: h2c\r\n"
        last = offer.replace(b"upgrade", b"upgrade, close")
        for more in (0, 6):
            self.assert_room(POST + offer + b"Transfer-Encoding: chunked\r\n", more)
            self.assert_room(POST + last + b"Transfer-Encoding: chunked\r\n", more)

    def test_head_that_is_full_and_offers_an_upgrade(self) -> None:
        """It is told to the next parser, to which it is no trailer."""
        start = POST + b"Connection: upgrade\r\nUpgrade: h2c\r\nContent-Length: 3\r\n"
        for more, status in ((6, None), (7, 431)):
            events, parser = parse(start + b"A: b\r\n" * more + b"\r\nabc", limits=LIMITS)
            self.assertEqual(parser.error and parser.error.status, status)
            self.assertEqual(events[1:], [b"abc", END] if status is None else [])

    def test_of_the_next_request(self) -> None:
        """Those of the last one do not count."""
        one = chunked(b"abc", trailer=b"T: b\r\n" * 8)
        self.assertIsNone(parse(one * 5, limits=LIMITS)[1].error)


def depth(error: BaseException | None) -> int:
    """How many frames an error keeps."""
    return 0 if error is None else len(list(walk_tb(error.__traceback__)))


def known_to(thing: Any) -> list[bytes]:
    """All bytes that an object keeps, itself or by others."""
    seen: dict[int, Any] = {}
    todo = [thing]
    while todo:
        each = todo.pop()
        if id(each) not in seen and not isinstance(each, type | ModuleType | FunctionType):
            seen[id(each)] = each
            todo += gc.get_referents(each)
    return [each for each in seen.values() if isinstance(each, bytes)]
