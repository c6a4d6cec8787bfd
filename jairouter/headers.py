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

CORS = frozenset(
    {
        b"access-control-allow-origin",
        b"access-control-allow-credentials",
        b"access-control-allow-methods",
        b"access-control-allow-headers",
        b"access-control-expose-headers",
        b"access-control-max-age",
        b"access-control-allow-private-network",
        b"timing-allow-origin",
    }
)
"""Headers by which an answer tells browsers what pages of other origins may do (Fetch standard, section "HTTP
responses"). Said twice, as by a backend and by the gateway, browsers take it for nothing."""


_NONE: frozenset[bytes] = frozenset()
_NAMES_NOTHING = frozenset({b"", b"keep-alive", b"close"})
"""The usual values of ``Connection``."""


def joined(pairs: HeaderPairs, wanted: bytes) -> bytes:
    """The value of a header; of one that came in several lines, joined as RFC 9110, section 5.3, says.

    Args:
        pairs: The headers.
        wanted: The name in lower case.

    Returns:
        Empty when there is none.
    """
    return b", ".join([value for name, value in pairs if name.lower() == wanted])


def by_name(pairs: HeaderPairs) -> tuple[dict[bytes, bytes], frozenset[bytes]]:
    """The values by name in lower case, those of several lines joined, and the names that had several."""
    fields = {name.lower(): value for name, value in pairs}
    if len(fields) == len(pairs):
        return fields, _NONE
    values: dict[bytes, list[bytes]] = {}
    for name, value in pairs:
        values.setdefault(name.lower(), []).append(value)
    repeated = frozenset(name for name, several in values.items() if len(several) > 1)
    return {name: b", ".join(several) for name, several in values.items()}, repeated


def without(pairs: HeaderPairs, stopped: frozenset[bytes]) -> HeaderPairs:
    """The headers but for those of these names, which are in lower case."""
    return tuple([pair for pair in pairs if pair[0].lower() not in stopped])


def end_to_end(pairs: HeaderPairs, connection: bytes, stopped: frozenset[bytes] = HOP_BY_HOP) -> HeaderPairs:
    """The headers that go on to the next connection.

    Args:
        pairs: As they came.
        connection: What ``Connection`` says, which may name more that stop here (RFC 9110, section 7.6.1).
        stopped: The names that stop here in any case, in lower case.
    """
    if connection.lower() not in _NAMES_NOTHING:
        stopped |= _options(connection)
    return without(pairs, stopped)


def keeps_alive(connection: bytes) -> bool:
    """Whether ``Connection`` asks for another message behind this one, which in HTTP/1.1 goes without saying.

    llhttp takes it from ``Proxy-Connection`` as well, which means nothing (RFC 9112, appendix C.2.2).
    """
    return b"keep-alive" in _options(connection)


def _options(connection: bytes) -> set[bytes]:
    return {option.strip().lower() for option in connection.split(b",")}


def content_length(value: bytes) -> int:
    """The number that a Content-Length says, once llhttp has found that it is one and fits into 64 bits.

    Python refuses to read thousands of digits; what stands before the last twenty can only be zeros.
    """
    return int(value.rstrip(b" \t")[-20:])
