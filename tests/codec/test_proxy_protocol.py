"""Tests of `jairouter.codec.proxy_protocol`, against HAProxy's proxy-protocol.txt."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv6Address

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from jairouter.codec.proxy_protocol import (
    LONGEST_LINE,
    SIGNATURE,
    MalformedProxyHeader,
    ProxyHeader,
    ProxyHeaderParser,
)
from tests.codec.properties import split_at
from tests.fuzz.examples import examples

TCP4 = IPv4Address("192.0.2.1").packed + IPv4Address("198.51.100.1").packed + b"\xdc\x04\x01\xbb"
TCP6 = IPv6Address("2001:db8::1").packed + IPv6Address("2001:db8::2").packed + b"\xdc\x04\x01\xbb"
MAPPED = IPv6Address("::ffff:192.0.2.1").packed + TCP6[16:]
TLV = b"\x02\x00\x07gateway" + b"\x04\x00\x00" + b"\xe0\x01\x00" + b"x" * 256
WORST = b"PROXY UNKNOWN " + b"f" * (LONGEST_LINE - 16) + b"\r\n"


def binary(command: int, kind: int, block: bytes = b"") -> bytes:
    """A header of version 2."""
    return SIGNATURE + bytes([command, kind]) + len(block).to_bytes(2, "big") + block


VALID: tuple[tuple[bytes, str | None], ...] = (
    (b"PROXY TCP4 192.0.2.1 198.51.100.1 56324 443\r\n", "192.0.2.1"),
    (b"PROXY TCP4 255.255.255.255 255.255.255.255 65535 0\r\n", "255.255.255.255"),
    (b"PROXY TCP6 2001:DB8::1 2001:db8::2 56324 443\r\n", "2001:db8::1"),
    (b"PROXY TCP6 " + b"ffff:" * 7 + b"ffff " + b"ffff:" * 7 + b"ffff 65535 65535\r\n", "ffff:" * 7 + "ffff"),
    (b"PROXY TCP6 ::ffff:192.0.2.1 ::1 1 2\r\n", "192.0.2.1"),
    (b"PROXY UNKNOWN\r\n", None),
    (b"PROXY UNKNOWN 192.0.2.1 \xff\x00 \r\n", None),
    (WORST, None),
    (binary(0x21, 0x11, TCP4), "192.0.2.1"),
    (binary(0x21, 0x11, TCP4 + TLV), "192.0.2.1"),
    (binary(0x21, 0x21, TCP6), "2001:db8::1"),
    (binary(0x21, 0x21, MAPPED + TLV), "192.0.2.1"),
    # LOCAL: a health check of the proxy's own, whatever the block says
    (binary(0x20, 0x00), None),
    (binary(0x20, 0x11, TCP4), None),
    (binary(0x20, 0xFF, b"anything"), None),
    # Of TCP is neither: UNSPEC, a datagram, a socket of this machine
    (binary(0x21, 0x00), None),
    (binary(0x21, 0x00, b"anything"), None),
    (binary(0x21, 0x10, TCP4), None),
    (binary(0x21, 0x01), None),
    (binary(0x21, 0x12, TCP4), None),
    (binary(0x21, 0x22, TCP6), None),
    (binary(0x21, 0x31, b"/run/x".ljust(216, b"\x00")), None),
    (binary(0x21, 0x32, b""), None),
)

MALFORMED = (
    b"GET / HTTP/1.1\r\nHost: x\r\n\r\n",
    b"\x16\x03\x01",
    b"\r\n\r\nGET /",
    b"PROXY\r\n",
    b"PROXY \r\n",
    b"proxy TCP4 192.0.2.1 198.51.100.1 56324 443\r\n",
    b"PROXY TCP5 192.0.2.1 198.51.100.1 56324 443\r\n",
    b"PROXY  TCP4 192.0.2.1 198.51.100.1 56324 443\r\n",
    b"PROXY TCP4 192.0.2.1 198.51.100.1 56324 443 \r\n",
    b"PROXY TCP4 192.0.2.1 198.51.100.1 56324\r\n",
    b"PROXY TCP4 192.0.2.1 198.51.100.1 056324 443\r\n",
    b"PROXY TCP4 192.0.2.1 198.51.100.1 65536 443\r\n",
    b"PROXY TCP4 192.0.2.1 198.51.100.1 -1 443\r\n",
    b"PROXY TCP4 192.0.2.01 198.51.100.1 56324 443\r\n",
    b"PROXY TCP4 192.0.2.256 198.51.100.1 56324 443\r\n",
    b"PROXY TCP4 2001:db8::1 2001:db8::2 56324 443\r\n",
    b"PROXY TCP4 192.0.2.1 2001:db8::2 56324 443\r\n",
    b"PROXY TCP6 192.0.2.1 198.51.100.1 56324 443\r\n",
    b"PROXY TCP6 fe80::1%eth0 fe80::2 56324 443\r\n",
    b"PROXY TCP6 2001:db8::\xb9 2001:db8::2 56324 443\r\n",
    b"PROXY UNKNOWNX\r\n",
    b"PROXY UNKNOWN\n",
    b"PROXY UNKNOWN \r \r\n",
    b"PROXY UNKNOWN\r\r\n",
    b"PROXY UNKNOWN \n\r\n",
    WORST[:-2] + b"f\r\n",
    b"PROXY " + b"f" * 200,
    SIGNATURE[:-1] + b"\r",
    binary(0x10, 0x11, TCP4),
    binary(0x22, 0x11, TCP4),
    binary(0x2F, 0x00),
    binary(0x21, 0x41, TCP4),
    binary(0x21, 0x13, TCP4),
    binary(0x21, 0xF0),
    binary(0x21, 0x11, TCP4[:-1]),
    binary(0x21, 0x21, TCP4),
    binary(0x21, 0x11, b""),
    binary(0x21, 0x11, TCP4 + b"\x04\x00"),
    binary(0x21, 0x11, TCP4 + b"\x04\x00\x01"),
    binary(0x21, 0x11, TCP4 + TLV[:-1]),
)

REST = b"\r\nGET / HTTP/1.1\r\nPROXY UNKNOWN\r\n"


def feed(*pieces: bytes) -> ProxyHeader | None:
    """What comes out when the last piece is in; nothing may before."""
    parser = ProxyHeaderParser()
    *first, last = pieces
    for piece in first:
        assert parser.feed(piece) is None, piece
    return parser.feed(last)


def single(data: bytes) -> list[bytes]:
    """Byte by byte."""
    return [data[at : at + 1] for at in range(len(data))]


class ParserTests(SynchronousTestCase):
    """One header."""

    def test_valid(self) -> None:
        """At once, byte by byte, and with the connection's own bytes behind it."""
        for data, source in VALID:
            self.assertEqual(feed(data), (source, b""), data)
            self.assertEqual(feed(*single(data)), (source, b""), data)
            self.assertEqual(feed(data + REST), (source, REST), data)

    def test_every_split(self) -> None:
        """Into two pieces, the second of which brings more."""
        for data, source in VALID:
            for at in range(len(data)):
                self.assertEqual(feed(data[:at], data[at:] + REST), (source, REST), (data, at))

    def test_malformed(self) -> None:
        """At once, and byte by byte, with bytes behind it or without."""
        for data in MALFORMED:
            for pieces in ([data], single(data), [data + REST], single(data + REST)):
                parser = ProxyHeaderParser()
                with self.assertRaises(MalformedProxyHeader, msg=repr(data)):
                    for piece in pieces:
                        self.assertIsNone(parser.feed(piece), data)

    def test_malformed_is_told_early(self) -> None:
        """By the first byte that cannot be: nobody has to wait for the rest."""
        for data in (b"G", b"PROXX", b"\r\n\n", SIGNATURE + b"\x31", SIGNATURE + b"\x21\x40"):
            parser = ProxyHeaderParser()
            self.assertIsNone(parser.feed(data[:-1]))
            with self.assertRaises(MalformedProxyHeader):
                parser.feed(data[-1:])

    def test_bytes_are_not_repeated(self) -> None:
        """The reason goes into a log."""
        for data in MALFORMED:
            with self.assertRaises(MalformedProxyHeader) as caught:
                ProxyHeaderParser().feed(data)
            self.assertRegex(str(caught.exception), r"\A[A-Za-z0-9, ]+\Z")

    def test_longest(self) -> None:
        """As long as the format allows."""
        data = binary(0x21, 0x11, TCP4 + b"\xe0\xff\xf0" + b"x" * 0xFFF0)
        self.assertEqual(len(data), 16 + 0xFFFF)
        self.assertEqual(feed(data[:9], data[9:-1], data[-1:] + b"more"), ("192.0.2.1", b"more"))


class PropertyTests(SynchronousTestCase):
    """Whatever comes."""

    @examples(80)
    @given(
        st.sampled_from([data for data, _ in VALID] + list(MALFORMED)),
        st.lists(st.tuples(st.integers(0, 300), st.binary(max_size=2)), max_size=3),
        st.lists(st.integers(0, 2**16), max_size=5),
    )
    def test_splits_do_not_matter(
        self, data: bytes, spoilt: list[tuple[int, bytes]], places: list[int]
    ) -> None:
        """The same header, or none, however the bytes are cut; also if some of them are others."""
        for at, instead in spoilt:
            data = data[: at % (len(data) + 1)] + instead + data[at % (len(data) + 1) + 1 :]
        self.assertEqual(self.outcome([data]), self.outcome(split_at(data, places)))

    def outcome(self, pieces: list[bytes]) -> object:
        """The header with all that is behind it; or that it is malformed, or not complete."""
        parser = ProxyHeaderParser()
        for number, piece in enumerate(pieces):
            try:
                header = parser.feed(piece)
            except MalformedProxyHeader:
                return "malformed"
            if header is not None:
                return header.source, header.rest + b"".join(pieces[number + 1 :])
        return "incomplete"

    @examples(80)
    @given(st.ip_addresses(v=4), st.ip_addresses(v=6), st.integers(0, 65535))
    def test_addresses(self, four: IPv4Address, six: IPv6Address, port: int) -> None:
        """Both versions say the same."""
        ports = port.to_bytes(2, "big") * 2
        for word, kind, address in (("TCP4", 0x11, four), ("TCP6", 0x21, six)):
            expected = str(getattr(address, "ipv4_mapped", None) or address)
            line = f"PROXY {word} {address} {address} {port} {port}\r\n"
            self.assertEqual(feed(line.encode()), (expected, b""))
            self.assertEqual(feed(binary(0x21, kind, address.packed * 2 + ports)), (expected, b""))
