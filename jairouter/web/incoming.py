"""What the pipeline needs of a request, whichever channel it came through.

Under our own channel a request brings its headers as on the wire and a body that may still be arriving.
Under twisted.web's (as in `treq.testing.RequestTraversalAgent`) it brings Twisted's headers and the whole
body in `content`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from jairouter.exchange import Request
from jairouter.headers import first_value
from jairouter.request_body.held import HeldBody
from jairouter.web.request import GatewayRequest

if TYPE_CHECKING:
    from twisted.web import http

    from jairouter.exchange import HeaderPairs, Route
    from jairouter.interfaces import IRequestBody


def header_pairs(http_request: http.Request) -> HeaderPairs:
    """The headers, as nearly as possible as they were sent."""
    if isinstance(http_request, GatewayRequest):
        return http_request.pairs
    headers = http_request.requestHeaders.getAllRawHeaders()
    return tuple((name, value) for name, values in headers for value in values)


def request_id_of(http_request: http.Request) -> str:
    """The id that the request was given when it came in; empty under Twisted's own channel."""
    return http_request.request_id if isinstance(http_request, GatewayRequest) else ""


def exchange_request(
    http_request: http.Request, route: Route, request_id: str, pairs: HeaderPairs
) -> Request:
    """The request in the form in which it goes through the pipeline.

    Args:
        http_request: As it came.
        route: Which operation.
        request_id: Given or made.
        pairs: Its headers.
    """
    body: IRequestBody
    if isinstance(http_request, GatewayRequest):
        query, body = http_request.query, http_request.upload
    else:
        query = http_request.uri.partition(b"?")[2]
        body = HeldBody(http_request.content.read() if http_request.content is not None else b"")
    return Request(
        id=request_id,
        route=route,
        query=query,
        headers=pairs,
        content_type=first_value(pairs, b"content-type"),
        body=body,
        client_ip=getattr(http_request.client, "host", "-"),
    )
