r"""Whom proxies have named as their client: `X-Forwarded-For`, `Forwarded` (RFC 7239), `X-Real-IP`. No I/O.

Each proxy writes behind what it received, so the last one is at the right end, and the left end is whatever
the client wrote. Everything here goes from right to left and looks no further than it is asked to: what a
client wrote cannot change how that is read which a proxy wrote behind it, not even by half a quoted string.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from ipaddress import IPv4Address, IPv6Address
from typing import Final

from jairouter.codec.ip_address import parse_ip

MAX_HOPS: Final = 32
"""Proxies between a client and here whose words are looked at."""
MAX_ELEMENT: Final = 1024
"""Bytes of what one of them says."""

_MAX_NODE: Final = 64
_PORT: Final = rb"[0-9]{1,5}|_[A-Za-z0-9._-]+"
_NODE: Final = re.compile(
    rb"\[([0-9A-Fa-f:.]+)\](?::(?:%b))?|([0-9.]+)(?::(?:%b))?|([0-9A-Fa-f:.]+)" % (_PORT, _PORT)
)
_PAIR: Final = re.compile(
    rb"""[ \t]*([!#$%&'*+\-.^_`|~0-9A-Za-z]+)=(?:"((?:[^"\\]|\\.)*)"|([^\s;,"]*))[ \t]*(?:;|\Z)""", re.DOTALL
)
_ESCAPED: Final = re.compile(rb"\\(.)", re.DOTALL)

Hops = Iterator[IPv4Address | IPv6Address | None]
"""Addresses from right to left. None, which is the last, stands for what is none: nothing left of it is
certain."""


def hops_in_list(value: bytes) -> Hops:
    """Those of `X-Forwarded-For`.

    Args:
        value: Of the header, several lines joined by commas in the order in which they came.
    """
    end = len(value)
    for _ in range(MAX_HOPS):
        start = value.rfind(b",", max(0, end - MAX_ELEMENT), end) + 1
        if not start and end > MAX_ELEMENT:
            break
        node = _node(value[start:end].strip(b" \t"))
        yield node
        if node is None or not start:
            return
        end = start - 1
    yield None


def hops_in_forwarded(value: bytes) -> Hops:
    """Those of `Forwarded`: the ``for`` of each element. The argument is as above."""
    end = len(value)
    for _ in range(MAX_HOPS):
        start = _start_of_element(value, end)
        if start < 0:
            break
        node = _for(value[start:end])
        yield node
        if node is None or not start:
            return
        end = start - 1
    yield None


def hops_in_single(value: bytes) -> Hops:
    """The only one of `X-Real-IP`. A proxy replaces it: if there are two, one of them is not a proxy's."""
    yield _node(value.strip(b" \t"))


HEADERS: Final[dict[str, Callable[[bytes], Hops]]] = {
    "X-Forwarded-For": hops_in_list,
    "Forwarded": hops_in_forwarded,
    "X-Real-IP": hops_in_single,
}
"""How each header is read."""


def _node(text: bytes) -> IPv4Address | IPv6Address | None:
    """An address as in RFC 7239, section 6; neither ``unknown`` nor a made-up name (``_x``) is one.

    Outside `Forwarded`, IPv6 addresses usually have no brackets.
    """
    found = _NODE.fullmatch(text) if len(text) <= _MAX_NODE else None
    if found is None:
        return None
    bracketed, plain, bare = found.groups()
    if bracketed is not None and b":" not in bracketed:
        return None
    return parse_ip((bracketed or plain or bare).decode("ascii"))


def _start_of_element(value: bytes, end: int) -> int:
    """Where the element begins that ends there; below 0 if it is too long or its quotes do not match.

    A comma may be inside a quoted string. Quotes are paired from the right, where a proxy wrote them.
    """
    first, at = max(0, end - MAX_ELEMENT), end
    while True:
        comma, quote = value.rfind(b",", first, at), value.rfind(b'"', first, at)
        if quote <= comma:  # also when there is neither
            return comma + 1 if comma >= 0 or not first else -1
        at = _opening_quote(value, first, quote)
        if at < 0:
            return -1


def _opening_quote(value: bytes, first: int, closing: int) -> int:
    at = closing
    while (at := value.rfind(b'"', first, at)) >= 0:
        before = value[first:at]
        if (len(before) - len(before.rstrip(b"\\"))) % 2 == 0:
            break
    return at


def _for(element: bytes) -> IPv4Address | IPv6Address | None:
    """The node that one element names; None if it names none, or two."""
    at, named = 0, None
    while at < len(element):
        pair = _PAIR.match(element, at)
        if pair is None:
            return None
        at = pair.end()
        if pair[1].lower() == b"for":
            if named is not None:
                return None
            named = _ESCAPED.sub(rb"\1", pair[2]) if pair[3] is None else pair[3]
    return None if named is None else _node(named)
