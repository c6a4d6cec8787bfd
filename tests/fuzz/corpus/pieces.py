"""What the cases are made of."""

from __future__ import annotations

from dataclasses import dataclass

CRLF = b"\r\n"
PATH = b"/v1/chat/completions"
START = b"POST " + PATH + b" HTTP/1.1"
HOST = b"Host: gateway"
JSON = b"Content-Type: application/json"

BODY = b'{"model":"m"}'
LENGTH = b"Content-Length: %d" % len(BODY)
CHUNKED = b"Transfer-Encoding: chunked"
CHUNKS = b"d\r\n" + BODY + b"\r\n0\r\n\r\n"


def request(*lines: bytes, start: bytes = START, body: bytes = BODY, host: bytes | None = HOST) -> bytes:
    """A request with these header lines; nothing is added that frames it.

    Args:
        *lines: Of the head, besides Host and Content-Type.
        start: The request line.
        body: What follows, as it is.
        host: The Host line, or None.
    """
    first = (start, JSON) if host is None else (start, host, JSON)
    return CRLF.join((*first, *lines)) + CRLF * 2 + body


def with_length(body: bytes, *lines: bytes, start: bytes = START) -> bytes:
    """A request whose length is that of its body."""
    return request(b"Content-Length: %d" % len(body), *lines, start=start, body=body)


def chunked(*body: bytes) -> bytes:
    """A request whose body is these bytes, as they are."""
    return request(CHUNKED, body=b"".join(body))


PROBE_BODY = b'{"model":"m","n":2}'
PROBE = with_length(PROBE_BODY)
"""Follows every case on the same connection: what the next client of a proxy in front of us would send."""

SMUGGLED_BODY = b'{"model":"m","smuggled":1}'
SMUGGLED = with_length(SMUGGLED_BODY)
"""Must never be seen as a request of its own."""


@dataclass(frozen=True)
class Case:
    """One case; `PROBE` follows it.

    Attributes:
        name: What it tries.
        data: The bytes of the client.
        statuses: Of all answers, that to the probe among them if it gets one.
        forwarded: The bodies of the requests that reach the backend, in order.
        closes: Whether the connection is closed after the last answer.
        fields: Headers that must be at the backend, in lower case, with their values; None for absent.
        early: Whether the answer goes out before the body is read; then the connection is closed unless the
            body has come already, and the probe may get no answer.
    """

    name: str
    data: bytes
    statuses: tuple[int, ...] = (200, 200)
    forwarded: tuple[bytes, ...] = (BODY, PROBE_BODY)
    closes: bool = False
    fields: tuple[tuple[bytes, bytes | None], ...] = ()
    early: bool = False


def refused(cases: dict[str, bytes], status: int = 400) -> list[Case]:
    """Cases that are refused, and the connection with them."""
    return [Case(name, data, (status,), (), closes=True) for name, data in cases.items()]


def valid(cases: dict[str, bytes]) -> list[Case]:
    """Cases in which the one request with `BODY` reaches the backend, and the probe after it."""
    return [Case(name, data) for name, data in cases.items()]
