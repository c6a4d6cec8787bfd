"""How an answer is written to a client: head, pieces, end.

A request of our own channel is answered in as few writes as can be; any other one of twisted.web's (as in
`treq.testing.RequestTraversalAgent`) through Twisted's API.
"""

from __future__ import annotations

from functools import lru_cache
from http import HTTPStatus
from typing import TYPE_CHECKING, Protocol

from twisted.web.http import NO_BODY_CODES, RESPONSES

from jairouter.web.request import GatewayRequest

if TYPE_CHECKING:
    from twisted.web.http import Request

    from jairouter.exchange import HeaderPairs

JOINED = 64 * 1024
"""Bytes of a piece that are copied behind the head, so that both go out in one write."""

_PHRASES = {status.value: status.phrase.encode("ascii") for status in HTTPStatus}
"""For those that Twisted has none for: 429 above all."""


class Answering(Protocol):
    """Writes one answer."""

    def head(self, status: int, headers: HeaderPairs, length: int | None, lines: bytes = b"") -> None:
        """Begin. It goes out with the first piece.

        Args:
            status: Of HTTP.
            headers: Without framing.
            length: Of the body, or None when that is not known.
            lines: More headers, as they go out: ``Name: value`` and an end of line, each.
        """

    def write(self, data: bytes) -> None:
        """The next piece, never empty."""

    def finish(self) -> None:
        """That was all."""


def answering(request: Request) -> Answering:
    """How to answer `request`."""
    return _Direct(request) if isinstance(request, GatewayRequest) else _Traditional(request)


class _Direct:
    __slots__ = ("_chunked", "_head", "_request", "_silent")

    def __init__(self, request: GatewayRequest) -> None:
        self._request = request
        self._head = b""
        self._chunked = self._silent = False

    def head(self, status: int, headers: HeaderPairs, length: int | None, lines: bytes = b"") -> None:
        request, version = self._request, self._request.clientproto
        bodiless = status in NO_BODY_CODES
        self._silent = bodiless or request.method == b"HEAD"
        framing = b""
        if length is not None and not bodiless:
            framing = b"Content-Length: %d\r\n" % length
        elif version == b"HTTP/1.1" and not self._silent:
            self._chunked = True
            framing = b"Transfer-Encoding: chunked\r\n"
            request.channel.forget_head()
        request.startedWriting = 1
        request.framed = bool(framing) or self._silent
        self._head = b"%b%b%b%b%b%b\r\n" % (
            _status_line(version, status),
            request.own_lines(),
            b"".join([b"%b: %b\r\n" % pair for pair in headers]),
            lines,
            framing,
            request.channel.persistence(request),
        )

    def write(self, data: bytes) -> None:
        if self._silent:
            data = b""
        elif self._chunked:
            data = b"%x\r\n%b\r\n" % (len(data), data)
        if self._head:
            head, self._head = self._head, b""
            if len(data) <= JOINED:
                data = head + data
            else:
                self._request.channel.write(head)
        if data:
            self._request.channel.write(data)

    def finish(self) -> None:
        end = self._head + (b"0\r\n\r\n" if self._chunked else b"")
        self._head = b""
        if end:
            self._request.channel.write(end)
        self._request.done()


@lru_cache
def _status_line(version: bytes, status: int) -> bytes:
    phrase = RESPONSES.get(status) or _PHRASES.get(status, b"Unknown Status")
    return b"%b %d %b\r\n" % (version, status, phrase)


class _Traditional:
    def __init__(self, request: Request) -> None:
        self._request = request

    def head(self, status: int, headers: HeaderPairs, length: int | None, lines: bytes = b"") -> None:
        self._request.setResponseCode(status)
        for name, value in headers:
            self._request.responseHeaders.addRawHeader(name, value)
        for line in lines.splitlines():
            name, _, value = line.partition(b": ")
            self._request.responseHeaders.addRawHeader(name, value)
        if length is not None and status not in NO_BODY_CODES:
            self._request.setHeader(b"Content-Length", b"%d" % length)

    def write(self, data: bytes) -> None:
        self._request.write(data)

    def finish(self) -> None:
        self._request.finish()
