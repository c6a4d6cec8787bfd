"""What has to be known about HTTP headers on both sides of the gateway."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from jairouter.exchange import HeaderPairs

HOP_BY_HOP = frozenset(
    {
        b"connection",
        b"keep-alive",
        b"proxy-authenticate",
        b"proxy-authorization",
        b"proxy-connection",
        b"te",
        b"trailer",
        b"transfer-encoding",
        b"upgrade",
        b"http2-settings",
    }
)
"""Headers that concern one connection only: RFC 9110, section 7.6.1, and what peers still send."""


def connection_options(pairs: HeaderPairs) -> frozenset[bytes]:
    """The headers that ``Connection`` names as hop-by-hop for this message (RFC 9110, section 7.6.1)."""
    values = [value for name, value in pairs if name.lower() == b"connection"]
    return frozenset(option.strip().lower() for value in values for option in value.split(b","))


def first_value(pairs: HeaderPairs, wanted: bytes) -> bytes:
    """The first value of a header, empty when there is none.

    Args:
        pairs: The headers.
        wanted: The name in lower case.
    """
    return next((value for name, value in pairs if name.lower() == wanted), b"")


def end_to_end(pairs: HeaderPairs, stopped: frozenset[bytes] = HOP_BY_HOP) -> HeaderPairs:
    """The headers that go on to the next connection.

    Args:
        pairs: As they came.
        stopped: The names that stop here, in lower case, besides those that ``Connection`` names.
    """
    named = connection_options(pairs)
    drop = stopped | named if named else stopped
    return tuple([pair for pair in pairs if pair[0].lower() not in drop])


def content_length(value: bytes) -> int:
    """The number that a Content-Length says, once llhttp has found that it is one and fits into 64 bits.

    Python refuses to read thousands of digits; what stands before the last twenty can only be zeros.
    """
    return int(value.rstrip(b" \t")[-20:])
