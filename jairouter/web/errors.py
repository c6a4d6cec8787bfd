"""How an error reaches the client."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

from jairouter.errors import GatewayError, render, retry_after_headers

if TYPE_CHECKING:
    from twisted.web.http import Request

    from jairouter.exchange import HeaderPairs


_REASONS = {400: b"Bad Request", 408: b"Request Timeout", 414: b"URI Too Long", 431: b"Headers Too Large"}


@runtime_checkable
class Breakable(Protocol):
    """A channel that can be closed in the middle of an answer."""

    def break_off(self) -> None:
        """Close when what was written has gone out; no more will be."""


def write_error(request: Request, error: GatewayError) -> None:
    """Answer `request` with an error and finish it. Nothing must have been written yet."""
    body = render(error)
    request.setResponseCode(error.status)
    request.setHeader(b"Content-Length", b"%d" % len(body))
    for name, value in error_headers(error):
        request.setHeader(name, value)
    request.write(body)
    request.finish()


def error_headers(error: GatewayError) -> HeaderPairs:
    """What goes with an error, besides its length."""
    if error.retry_after is None:
        return _CHALLENGED if error.status == 401 else _JSON
    return (*_JSON, *retry_after_headers(error.retry_after))


_JSON = ((b"Content-Type", b"application/json"),)
CHALLENGE = (b"WWW-Authenticate", b'Bearer realm="jairouter"')
"""What a 401 has to carry: RFC 9110, section 11.6.1, and RFC 6750, section 3."""
_CHALLENGED = (*_JSON, CHALLENGE)


def refusal(error: GatewayError, date: bytes, request_id: str) -> bytes:
    """The whole answer to what never became a request; the connection ends with it."""
    body = render(error)
    lines = (
        b"HTTP/1.1 %d %b" % (error.status, _REASONS.get(error.status, b"Refused")),
        b"Date: " + date,
        b"X-Request-Id: " + request_id.encode("ascii"),
        b"Content-Type: application/json",
        b"Content-Length: %d" % len(body),
        b"Connection: close\r\n\r\n",
    )
    return b"\r\n".join(lines) + body


def break_off(request: Request, *, at_once: bool = False) -> None:
    """End an answer in the middle, so that the client knows that it is not complete.

    Args:
        request: Whose answer it is.
        at_once: Throw away what the client has not read yet; by default it may read up to the break.
    """
    transport: Any = request.transport  # ITransport, which is all that Twisted promises, cannot abort
    framed = getattr(request, "framed", False)  # of our own channel's requests alone
    if framed and not at_once and isinstance(request.channel, Breakable):
        # Less than was announced says it; a reset would also take what was written before this answer
        request.channel.break_off()
    else:
        transport.abortConnection()
