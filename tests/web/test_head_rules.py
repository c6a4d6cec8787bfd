"""Tests for `jairouter.web.head_rules`: request lines and the headers that frame a request."""

from __future__ import annotations

from re import Match, Pattern

from twisted.trial.unittest import SynchronousTestCase

from jairouter.errors import BadRequest
from jairouter.web import head_rules
from jairouter.web.head_rules import RequestLine, body_length, request_line

NONE: frozenset[bytes] = frozenset()
LONG = b"/" + b"a" * 300
"""Behind so long a path a line is not remembered, but read anew each time."""


class RequestLineTests(SynchronousTestCase):
    """Method, target, version; one blank between them, and nothing else."""

    def test_forms(self) -> None:
        """Of RFC 9112, section 3.2."""
        for target, authority in (
            (b"/a/b?c=d", None),
            (b"http://x:80/a?b", b"x:80"),
            (b"HTTPS://[::1]", b"[::1]"),
            (LONG, None),
            (b"http://x" + LONG, b"x"),
        ):
            line = request_line(b"POST %b HTTP/1.1" % target)
            self.assertEqual(line, RequestLine(b"POST", target, "1.1", authority))

    def test_of_the_server(self) -> None:
        self.assertEqual(request_line(b"OPTIONS * HTTP/1.1"), (b"OPTIONS", b"*", "1.1", None))
        self.assert_refused(b"GET * HTTP/1.1")

    def test_tunnel(self) -> None:
        """It is read, so that it can be refused as what it is."""
        self.assertEqual(request_line(b"CONNECT a:1 HTTP/1.1"), (b"CONNECT", b"a:1", "1.1", None))
        self.assert_refused(b"CONNECT /a HTTP/1.1", b"GET a:1 HTTP/1.1")

    def test_versions(self) -> None:
        self.assertEqual(request_line(b"GET / HTTP/1.0").version, "1.0")
        for version in (b"HTTP/2.0", b"HTTP/1.2", b"HTTP/0.9", b"http/1.1", b"RTSP/1.0", b"HTTP/1.1 ", b""):
            self.assert_refused(b"GET / " + version, b"GET %b %b" % (LONG, version))

    def test_blanks(self) -> None:
        self.assert_refused(
            b"GET  / HTTP/1.1",
            b"GET /  HTTP/1.1",
            b" GET / HTTP/1.1",
            b"GET\t/ HTTP/1.1",
            b"GET /",
            b"",
            b"  ",
        )

    def test_methods(self) -> None:
        self.assertEqual(request_line(b"M-SEARCH / HTTP/1.1").method, b"M-SEARCH")
        self.assert_refused(b"get / HTTP/1.1", b"G\xc3\x89T / HTTP/1.1", b" / HTTP/1.1")

    def test_odd_bytes_in_a_target(self) -> None:
        """Whatever RFC 3986 leaves out somebody reads in his own way."""
        for piece in (
            b"#a",
            b"\\",
            b"{}",
            b"^",
            b"|",
            b'"',
            b"\xc3\xa9",
            b"%zz",
            b"%4",
            b"\0",
            b"<",
            b"\x7f",
        ):
            self.assert_refused(
                b"GET /%b HTTP/1.1" % piece,
                b"GET /?%b HTTP/1.1" % piece,
                b"GET %b%b HTTP/1.1" % (LONG, piece),
            )

    def test_what_targets_are_made_of(self) -> None:
        """Square brackets belong to no query, but are in daily use there."""
        for target in (b"/-._~!$&'()*+,;=:@%20", b"//a//", b"/?a[]=b&c=%5B", b"/?", b"/??/"):
            self.assertEqual(request_line(b"GET %b HTTP/1.1" % target).target, target)
        self.assert_refused(b"GET /a[] HTTP/1.1")

    def assert_refused(self, *lines: bytes) -> None:
        for line in lines:
            for _ in range(2):  # nor does it get better when it is sent again
                self.assertRaises(BadRequest, request_line, line)


class BodyLengthTests(SynchronousTestCase):
    """Where a request goes and where it ends; there is only one way to read it."""

    def length(self, line: bytes = b"POST / HTTP/1.1", **fields: bytes) -> int | None:
        named = {name.replace("_", "-").encode(): value for name, value in fields.items()}
        return body_length(request_line(line), named, NONE)

    def assert_refused(self, line: bytes = b"POST / HTTP/1.1", **fields: bytes) -> None:
        self.assertRaises(BadRequest, self.length, line, **fields)

    def test_lengths(self) -> None:
        self.assertEqual(self.length(host=b"x"), 0)
        self.assertEqual(self.length(host=b"x", content_length=b"5"), 5)
        self.assertIsNone(self.length(host=b"x", transfer_encoding=b"Chunked"))

    def test_no_host(self) -> None:
        """Only HTTP/1.0 need not say it."""
        self.assert_refused()
        self.assertEqual(self.length(b"POST / HTTP/1.0"), 0)

    def test_several_hosts(self) -> None:
        for version in (b"1.1", b"1.0"):
            line = request_line(b"POST / HTTP/" + version)
            self.assertRaises(BadRequest, body_length, line, {b"host": b"x"}, frozenset({b"host"}))
        self.assert_refused(host=b"x, y")

    def test_what_hosts_are_made_of(self) -> None:
        for host in (b"", b"x", b"x.y:80", b"x:", b"[::1]:8080", b"a%20b", b"x \t"):
            self.assertEqual(self.length(host=host), 0, host)
        for host in (b"x/y", b"user@x", b"x:y", b"[::1", b"::1", b"x y", b"x:80:90", b"http://x"):
            self.assert_refused(host=host)

    def test_host_of_the_target(self) -> None:
        """It must be the same; the usual port need not be named, nor capitals be kept."""
        for authority, host in (
            (b"x", b"x"),
            (b"X:80", b"x"),
            (b"x", b"X:443"),
            (b"x:", b"x"),
            (b"x:8", b"x:8"),
        ):
            self.assertEqual(self.length(b"GET http://%b/ HTTP/1.1" % authority, host=host), 0, authority)
        for authority, host in ((b"x", b"y"), (b"x:8", b"x"), (b"x", b"x:8"), (b"x", b"")):
            self.assert_refused(b"GET http://%b/ HTTP/1.1" % authority, host=host)

    def test_codings(self) -> None:
        for coding in (
            b"gzip",
            b"gzip, chunked",
            b"chunked, chunked",
            b"identity",
            b"",
            b"xchunked",
            b"chunked ",
        ):
            self.assert_refused(host=b"x", transfer_encoding=coding)
        self.assert_refused(b"POST / HTTP/1.0", transfer_encoding=b"chunked")

    def test_disguised(self) -> None:
        """With an underscore some programs take them for the real ones."""
        for name in (b"content_length", b"transfer_encoding"):
            fields = {b"host": b"x", name: b"5"}
            self.assertRaises(BadRequest, body_length, request_line(b"POST / HTTP/1.1"), fields, NONE)


class Counting:
    """Reads as the pattern does, and counts.

    Attributes:
        reads: What was read.
    """

    def __init__(self, pattern: Pattern[bytes]) -> None:
        self._pattern = pattern
        self.reads: list[bytes] = []

    def fullmatch(self, text: bytes) -> Match[bytes] | None:
        self.reads.append(text)
        return self._pattern.fullmatch(text)


class RememberedTests(SynchronousTestCase):
    """The same few lines come again and again; a long one is not kept, since anybody may send many."""

    SHORT = b"short.test_head_rules"

    def read_twice(self, pattern: str, read: str, *values: bytes) -> list[bytes]:
        """What has to be read when each of these comes twice."""
        counting = Counting(getattr(head_rules, pattern))
        self.patch(head_rules, pattern, counting)
        for value in values * 2:
            if read == "host":
                body_length(RequestLine(b"GET", b"/", "1.1", None), {b"host": value}, NONE)
            else:
                request_line(b"GET %b HTTP/1.1" % value)
        return counting.reads

    def test_short_host(self) -> None:
        self.assertEqual(self.read_twice("_HOST", "host", self.SHORT), [self.SHORT])

    def test_long_host(self) -> None:
        long = b"x" * 30_000
        self.assertEqual(self.read_twice("_HOST", "host", long), [long, long])

    def test_short_line(self) -> None:
        target = b"/" + self.SHORT
        self.assertEqual(self.read_twice("_TARGET", "line", target), [target])

    def test_long_line(self) -> None:
        self.assertEqual(self.read_twice("_TARGET", "line", LONG), [LONG, LONG])
