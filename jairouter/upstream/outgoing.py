"""One request in the form in which it goes to a backend."""

from __future__ import annotations

import string
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

from twisted.web.http_headers import Headers
from twisted.web.iweb import UNKNOWN_LENGTH

from jairouter.headers import HOP_BY_HOP, end_to_end
from jairouter.upstream.wire import WireBody, WireHeaders

if TYPE_CHECKING:
    from twisted.web.iweb import IBodyProducer

    from jairouter.exchange import Attempt, HeaderPairs
    from jairouter.upstream.tls import BackendTls

# What RFC 9110, sections 5.1 and 5.5, and RFC 9112, section 3, allow where
_TOKEN: Final = b"!#$%&'*+-.^_`|~" + (string.digits + string.ascii_letters).encode("ascii")
_VISIBLE: Final = bytes(range(0x21, 0x7F))
_VALUE: Final = b"\t " + _VISIBLE + bytes(range(0x80, 0x100))


@dataclass(frozen=True, slots=True)
class Origin:
    """Where connections go: everything that must be equal for one to be shared.

    Attributes:
        secure: Whether over TLS.
        host: Name or IP address.
        port: Port.
        tls: How they are secured; None for as the system does it.
    """

    secure: bool
    host: str
    port: int
    tls: BackendTls | None = None


@dataclass(frozen=True, slots=True)
class Outgoing:
    """A request ready to be written.

    Attributes:
        method: Such as ``POST``.
        head: Request line and headers with the empty line at the end.
        body: What follows, or None.
        wire: Whether the answer's headers are wanted as `WireHeaders` too.
        attempt: Told about phases and progress, or None.
    """

    method: bytes
    head: bytes
    body: IBodyProducer | None
    wire: bool
    attempt: Attempt | None

    @property
    def repeatable(self) -> bool:
        """Whether the same bytes can be sent a second time."""
        return self.body is None or (isinstance(self.body, WireBody) and self.body.body.replayable)


def origin_of(uri: bytes, tls: BackendTls | None = None) -> tuple[Origin, bytes, bytes]:
    """Take a URL apart.

    Args:
        uri: The URL.
        tls: How connections are secured, if they are.

    Returns:
        The origin, the value of the Host header and the request target.

    Raises:
        ValueError: It is not an absolute http or https URL.
    """
    _only(_VISIBLE, uri, "a URL")  # `urlsplit` would silently drop line breaks
    parts = urlsplit(uri.decode("ascii"))
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ValueError("not an absolute http or https URL")
    secure = parts.scheme == "https"
    port = (443 if secure else 80) if parts.port is None else parts.port
    origin = Origin(secure, parts.hostname, port, tls if secure else None)
    target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    return origin, parts.netloc.rpartition("@")[2].encode("ascii"), target.encode("ascii")


def compose(
    method: bytes, host: bytes, target: bytes, headers: Headers | None, body: IBodyProducer | None
) -> Outgoing:
    """Make the canonical form: one Host, one framing header, nothing hop-by-hop.

    Raises:
        ValueError: The method, the target, or a header's name or value would not stay one on the wire.
    """
    pairs = end_to_end(_pairs(headers), _NOT_SENT)
    names = [name for name, _ in pairs]
    if not (method and target and host and all(names)):
        raise ValueError("the method, the target, the host, or the name of a header is empty")
    _only(_TOKEN, method + b"".join(names), "the method or the name of a header")
    _only(_VISIBLE, target + host, "the target or the host")
    _only(_VALUE, b"".join([value for _, value in pairs]), "the value of a header")
    lines = [method + b" " + target + b" HTTP/1.1", b"Host: " + host]
    lines += [b"%b: %b" % pair for pair in pairs]
    if body is not None and body.length is UNKNOWN_LENGTH:
        lines.append(b"Transfer-Encoding: chunked")
    elif body is not None:
        lines.append(b"Content-Length: %d" % body.length)
    elif method not in (b"GET", b"HEAD"):
        lines.append(b"Content-Length: 0")
    head = b"\r\n".join(lines) + b"\r\n\r\n"
    attempt = headers.attempt if isinstance(headers, WireHeaders) else None
    return Outgoing(method, head, body, isinstance(headers, WireHeaders), attempt)


def _only(allowed: bytes, text: bytes, what: str) -> None:
    """Refuse what could be read as more than it is."""
    if text.translate(None, allowed):
        raise ValueError(f"{what} holds a character that has no place there")


def _pairs(headers: Headers | None) -> HeaderPairs:
    if headers is None:
        return ()
    if isinstance(headers, WireHeaders):
        return headers.pairs
    return tuple((name, value) for name, values in headers.getAllRawHeaders() for value in values)


_NOT_SENT: Final = HOP_BY_HOP | {b"host", b"content-length", b"expect"}
"""What is hop-by-hop, and what is made anew."""
