"""How an error reaches the client."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from jairouter.errors import GatewayError, render, retry_after_headers

if TYPE_CHECKING:
    from twisted.web.http import Request


def write_error(request: Request, error: GatewayError) -> None:
    """Answer `request` with an error and finish it. Nothing must have been written yet."""
    body = render(error)
    request.setResponseCode(error.status)
    request.setHeader(b"Content-Type", b"application/json")
    request.setHeader(b"Content-Length", b"%d" % len(body))
    if error.retry_after is not None:
        for name, value in retry_after_headers(error.retry_after):
            request.setHeader(name, value)
    request.write(body)
    request.finish()


def break_off(request: Request) -> None:
    """Close the connection at once: in HTTP/1.1 an answer that ends early is known to be incomplete."""
    transport: Any = request.transport  # ITransport, which is all that Twisted promises, cannot abort
    transport.abortConnection()
