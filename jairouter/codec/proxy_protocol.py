r"""The PROXY protocol, versions 1 and 2: what a proxy says about a connection before anything of it. No I/O.

HAProxy's `doc/proxy-protocol.txt` (cited by its sections) defines both::

    PROXY TCP4 192.0.2.1 198.51.100.1 56324 443\r\n                     version 1: a line

    signature  20|21  family  length   source, destination, ports, TLVs
    12 bytes   1      1       2        `length` bytes                   version 2: binary
"""

from __future__ import annotations

import re
import struct
from ipaddress import IPv4Address, IPv6Address
from typing import Final, NamedTuple

from jairouter.codec.ip_address import unmapped

SIGNATURE: Final = b"\r\n\r\n\x00\r\nQUIT\n"
LONGEST_LINE: Final = 107
"""Bytes of a line of version 1 with its end (section 2.1)."""

_WORD: Final = b"PROXY "
_FIXED: Final = 16
"""Bytes of version 2 in front of what `length` counts."""
_PORT: Final = r"(0|[1-9][0-9]{0,4})"
_LINE: Final = re.compile(rf"PROXY (TCP4|TCP6) ([0-9A-Fa-f:.]+) ([0-9A-Fa-f:.]+) {_PORT} {_PORT}")
_UNKNOWN: Final = re.compile(rb"PROXY UNKNOWN(?: [^\r\n]*)?")
_LOCAL: Final = 0x20
_PROXY: Final = 0x21
_TCP4: Final = 0x11
_TCP6: Final = 0x21
_FAMILIES: Final = 3
_PROTOCOLS: Final = 2


class MalformedProxyHeader(Exception):
    """What came is no PROXY header; says why, without any of its bytes."""


class ProxyHeader(NamedTuple):
    """What a proxy said.

    Attributes:
        source: The client's address as text, an IPv4 address that is mapped into IPv6 as IPv4; None when the
            proxy speaks for itself (``LOCAL``), or names no address of TCP (``UNKNOWN``, ``UNSPEC``, a socket
            of another kind): then it is not known whose connection it is.
        rest: The bytes behind it, which are the connection's own.
    """

    source: str | None
    rest: bytes


class ProxyHeaderParser:
    """Reads one header, however its bytes are cut. It keeps at most the header, of 64 KB by its format."""

    def __init__(self) -> None:
        self._data = bytearray()

    def feed(self, data: bytes) -> ProxyHeader | None:
        """Take the next bytes.

        Returns:
            The header when it is complete, after which there is nothing more to feed; else None.

        Raises:
            MalformedProxyHeader: As soon as the bytes can be the beginning of none.
        """
        self._data += data
        start = bytes(self._data[:_FIXED])
        if start.startswith(SIGNATURE[: len(start)]) and start:
            return self._binary(start)
        if start.startswith(_WORD[: len(start)]):
            return self._line()
        raise MalformedProxyHeader("it does not begin with a PROXY header")

    def _line(self) -> ProxyHeader | None:
        data = bytes(self._data[:LONGEST_LINE])
        line, end, _ = data.partition(b"\r\n")
        if b"\n" in line or b"\r" in line[:-1]:
            raise MalformedProxyHeader("the line has a bare CR or LF")
        if end:
            return ProxyHeader(_source_in(line), bytes(self._data[len(line) + 2 :]))
        if len(data) == LONGEST_LINE:
            raise MalformedProxyHeader(f"the line is longer than {LONGEST_LINE} bytes")
        return None

    def _binary(self, start: bytes) -> ProxyHeader | None:
        if len(start) > 12 and start[12] not in {_LOCAL, _PROXY}:
            raise MalformedProxyHeader("neither LOCAL nor PROXY in version 2")
        if len(start) > 13 and start[12] == _PROXY:
            family, protocol = divmod(start[13], 16)
            if family > _FAMILIES or protocol > _PROTOCOLS:
                raise MalformedProxyHeader("a family or protocol that there is not")
        if len(start) < _FIXED:
            return None
        end = _FIXED + int.from_bytes(start[14:], "big")
        if len(self._data) < end:
            return None
        block, rest = bytes(self._data[_FIXED:end]), bytes(self._data[end:])
        return ProxyHeader(_source_of(start[13], block) if start[12] == _PROXY else None, rest)


def _source_in(line: bytes) -> str | None:
    """The source that a line of version 1 names, without the line's end."""
    if _UNKNOWN.fullmatch(line):
        return None
    found = _LINE.fullmatch(line.decode("latin-1"))
    if found is None or max(int(found[4]), int(found[5])) > 0xFFFF:
        raise MalformedProxyHeader("a line that is not of version 1")
    family = IPv4Address if found[1] == "TCP4" else IPv6Address
    try:
        family(found[3])
        return str(unmapped(family(found[2])))
    except ValueError:
        raise MalformedProxyHeader("an address that is none, or of the other family") from None


def _source_of(kind: int, block: bytes) -> str | None:
    """The source that a block of version 2 names; of other kinds than TCP, its contents are not looked at."""
    if kind not in {_TCP4, _TCP6}:
        return None
    size = 4 if kind == _TCP4 else 16
    at = 2 * size + 4
    if len(block) < at:
        raise MalformedProxyHeader("too short for its addresses")
    while at < len(block):
        # TLVs: one byte of type, two of length (section 2.2). None is of use here, but they must be whole
        if len(block) - at < 3:
            raise MalformedProxyHeader("a TLV that is cut off")
        at += 3 + struct.unpack_from("!H", block, at + 1)[0]
    if at > len(block):
        raise MalformedProxyHeader("a TLV that is cut off")
    source = block[:size]
    return str(IPv4Address(source) if size == 4 else unmapped(IPv6Address(source)))
