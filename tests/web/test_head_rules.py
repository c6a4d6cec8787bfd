"""Tests for `jairouter.web.head_rules`; tests/web/test_smuggling.py shows them at work."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from jairouter.errors import BadRequest
from jairouter.web.head_rules import check_head

NOTHING: frozenset[bytes] = frozenset()
LINE = b"POST / HTTP/1.1\r\n"


def check(start: bytes = LINE, *, repeated: frozenset[bytes] = NOTHING, **fields: bytes) -> int | None:
    """Check a head with these headers, of which Host is one; an underscore stands for a dash."""
    named = {name.replace("_", "-").encode(): value for name, value in {"host": b"x", **fields}.items()}
    return check_head(start, named, repeated)


class LineTests(SynchronousTestCase):
    """The request line."""

    def assert_refused(self, *lines: bytes) -> None:
        for line in lines:
            with self.assertRaises(BadRequest, msg=line):
                check(line)

    def test_good(self) -> None:
        for target in (b"/", b"//a//", b"/a-b._~!$&'()*+,;=:@%20?/?[]%2F", b"http://x", b"HTTPS://X:443/a?b"):
            self.assertEqual(check(b"GET %b HTTP/1.1\r\nHost: x\r\n" % target), 0, target)
        for line in (b"OPTIONS * HTTP/1.0\r\n", b"CONNECT x:1 HTTP/1.1\r\n", b"M-SEARCH / HTTP/1.1\r\n"):
            self.assertEqual(check(line), 0, line)

    def test_blanks(self) -> None:
        self.assert_refused(b"GET  / HTTP/1.1\r\n", b"GET /  HTTP/1.1\r\n", b" GET / HTTP/1.1\r\n")

    def test_line_ends(self) -> None:
        self.assert_refused(b"\nGET / HTTP/1.1\r\n", b"\rGET / HTTP/1.1\r\n", b"GET / HTTP/1.1\n", LINE[:-2])

    def test_protocols(self) -> None:
        self.assert_refused(b"GET / RTSP/1.0\r\n", b"GET / HTTP/0.9\r\n", b"GET / HTTP/2.0\r\n", b"GET /\r\n")

    def test_targets(self) -> None:
        for target in (b"*", b"a", b"?a", b"/#", b'/"', b"/a|b", b"/[a]", b"/%", b"/%4", b"/%zz", b"/\x80"):
            self.assert_refused(b"GET %b HTTP/1.1\r\n" % target)
        for target in (
            b"ftp://x/",
            b"http://a@x/",
            b"http://x,y/",
            b"http:///",
            b"http://x:y/",
            b"http://y/",
        ):
            self.assert_refused(b"GET %b HTTP/1.1\r\n" % target)

    def test_long_target_in_no_time(self) -> None:
        """No target makes the expression try many ways."""
        self.assert_refused(
            b"GET /" + b"%20a" * 2000 + b"% HTTP/1.1\r\n", b"GET " + b"/" * 8000 + b'" HTTP/1.1\r\n'
        )


class FieldTests(SynchronousTestCase):
    """Host, and what says how long the body is."""

    def test_lengths(self) -> None:
        self.assertEqual(check(), 0)
        self.assertEqual(check(content_length=b"0012 "), 12)
        self.assertIsNone(check(transfer_encoding=b"Chunked"))

    def test_hosts(self) -> None:
        for host in (b"", b"a", b"a-b.c_d:80", b"1.2.3.4:", b"[::1]:8080", b"[v1.a:b]", b"a%20b", b"x \t"):
            self.assertEqual(check(host=host), 0, host)
        for host in (b"a b", b"a,b", b"u@a", b"a/b", b"a:b", b"[::1", b"::1", b"a%b", b"\xe4", b"a?", b"a#"):
            self.assertRaises(BadRequest, check, host=host)

    def test_number_of_hosts(self) -> None:
        self.assertRaises(BadRequest, check, repeated=frozenset({b"host"}))
        self.assertRaises(BadRequest, check_head, LINE, {}, NOTHING)
        self.assertEqual(check_head(LINE.replace(b"1.1", b"1.0"), {}, NOTHING), 0)

    def test_host_of_the_target(self) -> None:
        """Two hosts are one too many; the usual port may be left out."""
        for host in (b"a", b"A:80", b"a:443", b"a:", b"a "):
            self.assertEqual(check(b"GET http://a/ HTTP/1.1\r\n", host=host), 0, host)
        for host in (b"b", b"a:81", b"", b"aa"):
            self.assertRaises(BadRequest, check, b"GET http://a/ HTTP/1.1\r\n", host=host)
        self.assertEqual(check_head(b"GET http://a/ HTTP/1.0\r\n", {}, NOTHING), 0)

    def test_codings(self) -> None:
        for coding in (
            b"",
            b"identity",
            b"gzip, chunked",
            b"chunked, chunked",
            b"xchunked",
            b"chunked ",
            b"chunked\t",
        ):
            self.assertRaises(BadRequest, check, transfer_encoding=coding)
        twice = frozenset({b"transfer-encoding"})
        self.assertRaises(BadRequest, check, transfer_encoding=b"chunked", repeated=twice)
        old = LINE.replace(b"1.1", b"1.0")
        self.assertRaises(BadRequest, check, old, transfer_encoding=b"chunked")

    def test_disguises(self) -> None:
        """Names that some servers take for those with a dash; others with an underscore are nobody's."""
        for name in (b"content_length", b"transfer_encoding"):
            self.assertRaises(BadRequest, check_head, LINE, {b"host": b"x", name: b"0"}, NOTHING)
        self.assertEqual(check_head(LINE, {b"host": b"x", b"jairouter_token": b"x"}, NOTHING), 0)
