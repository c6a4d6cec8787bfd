"""A request as it goes out: canonical, and nothing smuggled in."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from jairouter.exchange import HeaderPairs
from jairouter.request_body.held import HeldBody
from jairouter.upstream import outgoing
from jairouter.upstream.outgoing import Origin, Outgoing, compose, origin_of
from jairouter.upstream.wire import WireBody
from tests.codec.properties import PROPERTY
from tests.upstream.rig import Phases, Producer, Upload


def lines_of(*pairs: tuple[bytes, bytes], length: int | None = 0, method: bytes = b"POST") -> list[bytes]:
    """The header lines that are sent."""
    return compose(method, b"h", b"/x", pairs, length).split(b"\r\n")[1:-2]


class HeadTests(SynchronousTestCase):
    """What is sent, and in what order."""

    def test_pairs_keep_their_order_and_spelling(self) -> None:
        self.assertEqual(
            lines_of((b"X-b", b"1"), (b"x-A", b"2"), (b"X-B", b"")),
            [b"Host: h", b"X-b: 1", b"x-A: 2", b"X-B: ", b"Content-Length: 0"],
        )

    def test_no_headers(self) -> None:
        head = compose(b"GET", b"h", b"/x", (), 0)
        self.assertEqual(head, b"GET /x HTTP/1.1\r\nHost: h\r\n\r\n")

    def test_length_of_nothing(self) -> None:
        """RFC 9110, section 8.6: it is said where a body is expected, else not."""
        for method, lines in (
            (b"POST", [b"Host: h", b"Content-Length: 0"]),
            (b"PUT", [b"Host: h", b"Content-Length: 0"]),
            (b"GET", [b"Host: h"]),
            (b"HEAD", [b"Host: h"]),
        ):
            self.assertEqual(lines_of(method=method), lines)

    def test_length_of_something(self) -> None:
        """It is said whatever the method, or the body would be the next request."""
        for method in (b"POST", b"GET", b"HEAD"):
            self.assertEqual(lines_of(length=4, method=method), [b"Host: h", b"Content-Length: 4"])

    def test_one_host(self) -> None:
        self.assertEqual(
            lines_of((b"host", b"evil"), (b"HOST", b"worse")), [b"Host: h", b"Content-Length: 0"]
        )

    def test_one_framing_header_for_a_length(self) -> None:
        pairs = ((b"Content-Length", b"99"), (b"transfer-encoding", b"chunked"))
        self.assertEqual(lines_of(*pairs, length=4), [b"Host: h", b"Content-Length: 4"])

    def test_one_framing_header_for_chunks(self) -> None:
        pairs = ((b"content-length", b"99"), (b"Transfer-Encoding", b"gzip"))
        for method in (b"POST", b"GET"):
            self.assertEqual(
                lines_of(*pairs, length=None, method=method), [b"Host: h", b"Transfer-Encoding: chunked"]
            )

    def test_hop_by_hop_headers_stop_here(self) -> None:
        names = (
            *(b"Connection", b"Keep-Alive", b"Proxy-Authenticate", b"Proxy-Authorization"),
            *(b"Proxy-Connection", b"TE", b"Trailer", b"Upgrade", b"HTTP2-Settings", b"Expect"),
        )
        self.assertEqual(lines_of(*((name, b"x") for name in names)), [b"Host: h", b"Content-Length: 0"])


class ReprTests(SynchronousTestCase):
    """What a traceback or a log may show."""

    def test_no_keys_nor_prompts(self) -> None:
        head = compose(b"POST", b"h", b"/x?key=s3cret", ((b"Authorization", b"s3cret"),), 6)
        for data, producer in ((b"s3cret", None), (None, WireBody(HeldBody(b"s3cret")))):
            told = repr(Outgoing(b"POST", head, data, producer, Phases()))
            self.assertEqual(told, "<Outgoing b'POST'>")


class InjectionTests(SynchronousTestCase):
    """Whatever is put in, one request comes out, or none."""

    def assert_refused(
        self,
        method: bytes = b"POST",
        host: bytes = b"h",
        target: bytes = b"/",
        pairs: HeaderPairs = (),
    ) -> None:
        self.assertRaises(ValueError, compose, method, host, target, pairs, 0)

    def test_in_the_method(self) -> None:
        for bad in (b"", b"GET /x", b"GET / HTTP/1.1\r\nX: y\r\n\r\nGET", b"GET\0", b"G\xc3\x84T"):
            self.assert_refused(method=bad)

    def test_in_the_target(self) -> None:
        whole = b"/ HTTP/1.1\r\nX: y"
        for bad in (b"", b"/ x", whole, b"/\r\nX: y", b"/\n", b"/\r", b"/\0", b"/\x7f", b"/\xff", b"/\t"):
            self.assert_refused(target=bad)

    def test_in_the_host(self) -> None:
        for bad in (b"", b"h x", b"h\r\nX: y", b"h\n", b"h\r", b"h\0"):
            self.assert_refused(host=bad)

    def test_in_a_name(self) -> None:
        for bad in (
            b"",
            b"X\r\nY",
            b"X: 1\r\nY",
            b"X\n",
            b"X\r",
            b"X\0",
            b"X Y",
            b"X:",
            b"\xff",
            b" X",
            b"(X)",
        ):
            self.assert_refused(pairs=((b"X", b"1"), (bad, b"v")))

    def test_framing_in_the_disguise_of_another_name(self) -> None:
        """A backend that forgives blanks before the colon would see a second length."""
        for bad in (b"Content-Length ", b"Transfer-Encoding\t", b"Content-Length:5", b"Content-Length: 5"):
            self.assert_refused(pairs=((bad, b"5"),))

    def test_in_a_value(self) -> None:
        for bad in (
            b"a\r\nb",
            b"a\r\nX: b",
            b"a\r\n\r\nGET / HTTP/1.1\r\nHost: h",
            b"a\n",
            b"a\r",
            b"\0",
            b"\x0b",
            b"\x1b",
            b"\x7f",
        ):
            self.assert_refused(pairs=((b"X", bad),))

    def test_values_of_any_other_bytes(self) -> None:
        value = bytes(byte for byte in range(256) if byte == 9 or (byte >= 32 and byte != 127))
        self.assertIn(b"X: " + value, lines_of((b"X", value)))

    @PROPERTY
    @given(
        st.lists(
            st.sampled_from([b"X", b": ", b"\r\n", b"\r", b"\n", b"\0", b" ", b"y", b"\xff"]), max_size=8
        ),
        st.lists(
            st.sampled_from([b"X", b": ", b"\r\n", b"\r", b"\n", b"\0", b" ", b"y", b"\xff"]), max_size=8
        ),
    )
    def test_as_many_lines_as_headers(self, name: list[bytes], value: list[bytes]) -> None:
        pairs = ((b"".join(name), b"".join(value)), (b"X-Last", b"1"))
        try:
            head = compose(b"GET", b"h", b"/", pairs, 0)
        except ValueError:
            return
        start, host, first, last = head.removesuffix(b"\r\n\r\n").splitlines()
        self.assertEqual((start, host, last), (b"GET / HTTP/1.1", b"Host: h", b"X-Last: 1"))
        self.assertEqual(first.split(b": ", 1), list(pairs[0]))


class NameTests(SynchronousTestCase):
    """What is remembered of the names of headers, which come from clients."""

    def setUp(self) -> None:
        self.names = outgoing._Sent()
        self.patch(outgoing, "_sent", self.names)

    def test_known(self) -> None:
        """The second time a name is judged as it was the first time, whatever its spelling."""
        pairs = ((b"X-A", b"1"), (b"x-a", b"2"), (b"hOST", b"x"), (b"TE", b"x"))
        self.assertEqual(lines_of(*pairs), lines_of(*pairs))
        self.assertEqual(self.names, {b"X-A": True, b"x-a": True, b"hOST": False, b"TE": False})

    def test_not_more_than_a_limit(self) -> None:
        """There is no end of names, nor of the length of one."""
        self.patch(outgoing, "MAX_NAMES", 2)
        pairs = [(b"X-%d" % number, b"1") for number in range(4)]
        pairs.insert(0, (b"X" * (outgoing.LONGEST_NAME + 1), b"1"))
        for _ in range(2):
            self.assertEqual(lines_of(*pairs)[1:-1], [b"%b: %b" % pair for pair in pairs])
        self.assertEqual(list(self.names), [b"X-0", b"X-1"])

    def test_none_that_is_refused(self) -> None:
        """It is refused each time."""
        for _ in range(2):
            self.assertRaises(ValueError, lines_of, (b"X Y", b"1"))
            self.assertRaises(ValueError, lines_of, (b"", b"1"))
        self.assertEqual(self.names, {})


class OutgoingTests(SynchronousTestCase):
    """A request ready to be written."""

    def test_of_a_head_alone(self) -> None:
        outgoing = Outgoing(b"GET", b"head")
        self.assertEqual((outgoing.data, outgoing.producer, outgoing.attempt), (None, None, None))

    def test_attempt(self) -> None:
        attempt = Phases()
        self.assertIs(Outgoing(b"POST", b"head", b"", attempt=attempt).attempt, attempt)


class RepeatableTests(SynchronousTestCase):
    """Which requests can be sent a second time."""

    def test_without_a_body(self) -> None:
        self.assertTrue(Outgoing(b"GET", b"head").repeatable)

    def test_in_memory(self) -> None:
        self.assertTrue(Outgoing(b"POST", b"head", b"body").repeatable)
        self.assertTrue(Outgoing(b"POST", b"head", producer=WireBody(HeldBody(b"x"))).repeatable)

    def test_upload_says_so_itself(self) -> None:
        """Each time it is asked: an upload that goes on may be repeatable now and not any more then."""
        upload = Upload()
        outgoing = Outgoing(b"POST", b"head", producer=WireBody(upload))
        for replayable in (False, True, False):
            upload.replayable = replayable
            self.assertIs(outgoing.repeatable, replayable)

    def test_of_somebody_else(self) -> None:
        self.assertFalse(Outgoing(b"POST", b"head", producer=Producer(3)).repeatable)


class OriginTests(SynchronousTestCase):
    """URLs taken apart."""

    def assert_origin(self, uri: bytes, origin: Origin, host: bytes, target: bytes) -> None:
        self.assertEqual(origin_of(uri), (origin, host, target))

    def test_http(self) -> None:
        self.assert_origin(b"http://h/a/b?c=d&e", Origin(False, "h", 80), b"h", b"/a/b?c=d&e")

    def test_https_and_port(self) -> None:
        self.assert_origin(
            b"https://H.example:8443/", Origin(True, "h.example", 8443), b"H.example:8443", b"/"
        )

    def test_https_without_port(self) -> None:
        self.assert_origin(b"https://h", Origin(True, "h", 443), b"h", b"/")

    def test_ipv6(self) -> None:
        self.assert_origin(b"http://[::1]:8000/x", Origin(False, "::1", 8000), b"[::1]:8000", b"/x")

    def test_query_without_path(self) -> None:
        self.assert_origin(b"http://h?a=b", Origin(False, "h", 80), b"h", b"/?a=b")

    def test_user_and_fragment_stay_here(self) -> None:
        self.assert_origin(b"http://user:secret@h/x#part", Origin(False, "h", 80), b"h", b"/x")

    def test_percent_encoding_is_kept(self) -> None:
        self.assert_origin(b"http://h/%2e%2E/%0d%0a", Origin(False, "h", 80), b"h", b"/%2e%2E/%0d%0a")

    def test_port_0_is_not_the_default_port(self) -> None:
        self.assertEqual(origin_of(b"http://h:0/")[0].port, 0)

    def test_malformed(self) -> None:
        for uri in (
            *(b"", b"/x", b"h/x", b"ftp://h/", b"http://", b"http:///x", b"http://:80/", b"http://[::1/"),
            *(b"http://h:65536/", b"http://h:x/", b"http://h/\xff", "http://h/ä".encode()),
            *(b"http://h/a b", b"http://h/a\r\nX: y", b"http://h/\tx", b" http://h/", b"http://h\0/"),
        ):
            self.assertRaises(ValueError, origin_of, uri)
