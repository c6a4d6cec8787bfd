"""One request in the form in which it goes to a backend."""

from __future__ import annotations

import string
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, NamedTuple
from urllib.parse import urlsplit

from jairouter.headers import HOP_BY_HOP
from jairouter.upstream.wire import WireBody

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

    def __str__(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{'https' if self.secure else 'http'}://{host}:{self.port}"


class Outgoing(NamedTuple):
    """A request ready to be written.

    Attributes:
        method: Such as ``POST``.
        head: Request line and headers with the empty line at the end.
        data: The whole body if it is here, else None.
        producer: Of the body if it is not, or None.
        attempt: Told about phases and progress, or None.
    """

    method: bytes
    head: bytes
    data: bytes | None = None
    producer: IBodyProducer | None = None
    attempt: Attempt | None = None

    def __repr__(self) -> str:
        return f"<Outgoing {self.method!r}>"  # the rest holds keys and prompts

    @property
    def repeatable(self) -> bool:
        """Whether the same bytes can be sent a second time, as things stand now."""
        producer = self.producer
        return producer is None or (isinstance(producer, WireBody) and producer.body.replayable)


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


def compose(method: bytes, host: bytes, target: bytes, pairs: HeaderPairs, length: int | None) -> bytes:
    """Make the head in canonical form: one Host, one framing header, nothing hop-by-hop.

    Args:
        method: Such as ``POST``.
        host: Of the Host header.
        target: Path and query.
        pairs: The headers; those that are made anew, and hop-by-hop ones, are left out.
        length: Of the body; None when it goes out in chunks.

    Raises:
        ValueError: The method, the target, or a header's name or value would not stay one on the wire.
    """
    return compose_behind(start_of(method, host, target), pairs, length, method in (b"GET", b"HEAD"))


def start_of(method: bytes, host: bytes, target: bytes) -> bytes:
    """The request line and Host; see `compose`."""
    if not (method and target and host):
        raise ValueError("the method, the target or the host is empty")
    _only(_TOKEN, method, "the method")
    _only(_VISIBLE, target + host, "the target or the host")
    return b"%b %b HTTP/1.1\r\nHost: %b\r\n" % (method, target, host)


def compose_behind(start: bytes, pairs: HeaderPairs, length: int | None, bodiless: bool = False) -> bytes:
    """The rest of `compose`, for who has made the start before.

    Args:
        start: Made by `start_of`.
        pairs: See `compose`.
        length: See `compose`.
        bodiless: Whether a body of length 0 goes without saying.
    """
    sent = _sent
    lines = [b"%b: %b\r\n" % pair for pair in pairs if sent[pair[0]]]
    framing = b"\r\n"
    if length is None:
        framing = b"Transfer-Encoding: chunked\r\n\r\n"
    elif length or not bodiless:
        framing = b"Content-Length: %d\r\n\r\n" % length
    values = b"".join(lines)
    # What is none of a value's characters must be the ends of the lines
    if len(values.translate(None, _VALUE)) != 2 * len(lines):
        raise ValueError("the value of a header holds a character that has no place there")
    return start + values + framing


def _only(allowed: bytes, text: bytes, what: str) -> None:
    """Refuse what could be read as more than it is."""
    if text.translate(None, allowed):
        raise ValueError(f"{what} holds a character that has no place there")


_NOT_SENT: Final = HOP_BY_HOP | {b"host", b"content-length", b"expect"}
"""What is hop-by-hop, and what is made anew."""

MAX_NAMES: Final = 1000
"""Names of headers that are remembered."""
LONGEST_NAME: Final = 64
"""Bytes of a name that is."""


class _Sent(dict[bytes, bool]):
    """Whether a header of this name is sent. The same few names come again and again."""

    def __missing__(self, name: bytes) -> bool:
        if not name:
            raise ValueError("the name of a header is empty")
        lowered = name.lower()
        sent = lowered not in _NOT_SENT
        if sent:
            _only(_TOKEN, name, "the name of a header")
        if len(self) < MAX_NAMES and len(name) <= LONGEST_NAME:
            self[name] = sent
        return sent


_sent: Final = _Sent()
