"""What a request's head must be besides what llhttp sees to: RFC 9112, sections 2 and 3, to the letter.

Whoever stands before or behind us must read the same request. llhttp takes RTSP for HTTP, several blanks
for one, any line ends for the empty line that may come before a request, and many things for a URI; Host
and the names of transfer codings it does not look at.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import TYPE_CHECKING, NamedTuple

from jairouter.errors import BadRequest
from jairouter.headers import content_length

if TYPE_CHECKING:
    from collections.abc import Mapping

# RFC 3986, appendix A. Square brackets have no place in a query, but `a[]=b` is in daily use. A comma has
# one in a host, but it is what somebody puts between two Host headers when he makes one of them.
_PATH = rb"(?:/[\w\-.~!$&'()*+,;=:@/]*(?:%[0-9A-Fa-f]{2}[\w\-.~!$&'()*+,;=:@/]*)*)"
_QUERY = rb"(?:\?[\w\-.~!$&'()*+,;=:@/?\[\]]*(?:%[0-9A-Fa-f]{2}[\w\-.~!$&'()*+,;=:@/?\[\]]*)*)"
_ADDRESS = rb"\[(?:[0-9A-Fa-f:.]+|v[0-9A-Fa-f]+\.[\w\-.~!$&'()*+,;=:]+)\]"
_NAME = rb"[\w\-.~!$&'()*+;=]*(?:%[0-9A-Fa-f]{2}[\w\-.~!$&'()*+;=]*)*"
_AUTHORITY = rb"(?:" + _NAME + rb"|" + _ADDRESS + rb")(?::[0-9]*)?"
_HTTP = rb"[Hh][Tt][Tt][Pp][Ss]?://"

_METHOD = re.compile(rb"[A-Z\-]+")
_TARGET = re.compile(
    rb"(?:" + _PATH + rb"|" + _HTTP + rb"(" + _AUTHORITY + rb")" + _PATH + rb"?)" + _QUERY + rb"?", re.ASCII
)
_VERSIONS = {b"HTTP/1.1": "1.1", b"HTTP/1.0": "1.0"}
_TUNNEL = re.compile(_AUTHORITY, re.ASCII)
_HOST = re.compile(rb"(?:" + _AUTHORITY + rb")[ \t]*", re.ASCII)
_DEFAULT_PORT = re.compile(rb"(?::(?:80|443)?)?[ \t]*\Z")

_DISGUISED = (b"content_length", b"transfer_encoding")
"""What a CGI script, and what learnt from it (gunicorn, waitress, puma), cannot tell from the real ones."""

_REMEMBERED = 500
_SHORT = 200
"""Bytes of a line that is worth remembering: the same few come again and again."""


class RequestLine(NamedTuple):
    """The first line of a request.

    Attributes:
        method: Such as ``POST``.
        target: As it was sent.
        version: ``1.1`` or ``1.0``.
        authority: Of a target in absolute form, or None.
    """

    method: bytes
    target: bytes
    version: str
    authority: bytes | None


def request_line(line: bytes) -> RequestLine:
    """Read a request line, given without its end.

    Raises:
        BadRequest: It is none.
    """
    return _known_line(line) if len(line) <= _SHORT else _read_line(line)


def _read_line(line: bytes) -> RequestLine:
    method, _, rest = line.partition(b" ")
    target, _, version = rest.partition(b" ")
    if version in _VERSIONS and _METHOD.fullmatch(method):
        form = _TARGET.fullmatch(target)
        if form is not None and method != b"CONNECT":
            return RequestLine(method, target, _VERSIONS[version], form[1])
        if (target == b"*" and method == b"OPTIONS") or (method == b"CONNECT" and _TUNNEL.fullmatch(target)):
            return RequestLine(method, target, _VERSIONS[version], None)
    raise BadRequest("this does not begin with a request line of HTTP/1.1 or HTTP/1.0")


_known_line = lru_cache(_REMEMBERED)(_read_line)


def body_length(line: RequestLine, fields: Mapping[bytes, bytes], repeated: frozenset[bytes]) -> int | None:
    """Check the headers that say where a request goes and where it ends.

    Args:
        line: The request line.
        fields: The headers by their names in lower case.
        repeated: The names that came more than once.

    Returns:
        The length of the body; None for a chunked one.

    Raises:
        BadRequest: There is more than one way to read it.
    """
    host = fields.get(b"host")
    if (host is None and line.version == "1.1") or b"host" in repeated:
        raise BadRequest("exactly one Host header is required")
    if host is not None and not (_is_host(host) and _agree(line.authority, host)):
        raise BadRequest("the Host header is none, or not that of the request target")
    for name in _DISGUISED:
        if name in fields:
            raise BadRequest(f"{name.decode('ascii')} could be taken for another header")
    coding = fields.get(b"transfer-encoding")
    if coding is None:
        length = fields.get(b"content-length")
        return 0 if length is None else content_length(length)
    if coding.lower() != b"chunked" or line.version == "1.0":
        raise BadRequest("chunked is the only transfer coding, and only in HTTP/1.1")
    return None


def _is_host(value: bytes) -> bool:
    return _known_host(value) if len(value) <= _SHORT else _read_host(value)


def _read_host(value: bytes) -> bool:
    return _HOST.fullmatch(value) is not None


_known_host = lru_cache(_REMEMBERED)(_read_host)


def _agree(authority: bytes | None, host: bytes) -> bool:
    """Whether a target in absolute form names the host that Host does; the usual port need not be named."""
    if authority is None:
        return True
    one, other = (_DEFAULT_PORT.sub(b"", each.lower()) for each in (authority, host))
    return one == other
