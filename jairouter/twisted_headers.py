"""Between header pairs, as they stand on the wire, and twisted.web's Headers."""

from __future__ import annotations

from typing import TYPE_CHECKING

from twisted.web.http_headers import Headers

if TYPE_CHECKING:
    from jairouter.exchange import HeaderPairs


def headers_of(pairs: HeaderPairs) -> Headers:
    """The pairs in the form that twisted.web and treq take."""
    headers = Headers()
    for name, value in pairs:
        headers.addRawHeader(name, value)
    return headers


def pairs_of(headers: Headers) -> HeaderPairs:
    """The headers one by one, as nearly as possible as they were sent."""
    return tuple((name, value) for name, values in headers.getAllRawHeaders() for value in values)
