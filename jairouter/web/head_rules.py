"""What a request's head must be besides what llhttp sees to: RFC 9112, sections 2 and 3, to the letter.

Whoever stands before or behind us must read the same request. llhttp takes RTSP for HTTP, several blanks
for one, any line ends for the empty line that may come before a request, and many things for a URI; Host
and the names of transfer codings it does not look at.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

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

_REQUEST_LINE = re.compile(
    rb"(?:[A-Z\-]+ (?:" + _PATH + rb"|" + _HTTP + rb"(" + _AUTHORITY + rb")" + _PATH + rb"?)" + _QUERY + rb"?"
    rb"|OPTIONS \*|CONNECT " + _AUTHORITY + rb") HTTP/1\.([01])\r\n",
    re.ASCII,
)
_HOST = re.compile(rb"(?:" + _AUTHORITY + rb")[ \t]*", re.ASCII)
_DEFAULT_PORT = re.compile(rb"(?::(?:80|443)?)?[ \t]*\Z")

_DISGUISED = (b"content_length", b"transfer_encoding")
"""What a CGI script, and what has learnt from it (gunicorn, waitress, puma), takes for the real ones."""


def check_head(start: bytes, fields: Mapping[bytes, bytes], repeated: frozenset[bytes]) -> int | None:
    """Check a head that llhttp has accepted.

    Args:
        start: The bytes of it from the first on, the request line at least.
        fields: Its headers by their names in lower case.
        repeated: The names that came more than once.

    Returns:
        The length of the body; None for a chunked one.

    Raises:
        BadRequest: There is more than one way to read it.
    """
    line = _REQUEST_LINE.match(start)
    if line is None:
        raise BadRequest("this does not begin with a request line of HTTP/1.1 or HTTP/1.0")
    authority, minor = line.groups()
    host = fields.get(b"host")
    if (host is None and minor == b"1") or b"host" in repeated:
        raise BadRequest("exactly one Host header is required")
    if host is not None and (_HOST.fullmatch(host) is None or _differ(authority, host)):
        raise BadRequest("the Host header is none, or not that of the request target")
    for name in _DISGUISED:
        if name in fields:
            raise BadRequest(f"{name.decode('ascii')} could be taken for another header")
    coding = fields.get(b"transfer-encoding")
    if coding is None:
        length = fields.get(b"content-length")
        return 0 if length is None else content_length(length)
    if coding.lower() != b"chunked" or b"transfer-encoding" in repeated or minor == b"0":
        raise BadRequest("chunked is the only transfer coding, and only in HTTP/1.1")
    return None


def _differ(authority: bytes | None, host: bytes) -> bool:
    """Whether a target in absolute form names another host than Host; the usual port need not be named."""
    if authority is None:
        return False
    one, other = (_DEFAULT_PORT.sub(b"", each.lower()) for each in (authority, host))
    return one != other
