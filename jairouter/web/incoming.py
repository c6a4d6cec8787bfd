"""What the pipeline needs of a request, whichever channel it came through.

Under our own channel a request brings its headers as on the wire and a body that may still be arriving.
Under twisted.web's (as in `treq.testing.RequestTraversalAgent`) it brings Twisted's headers and the whole
body in `content`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from jairouter.exchange import Request
from jairouter.headers import by_name, end_to_end, joined
from jairouter.request_body.held import HeldBody
from jairouter.twisted_headers import pairs_of
from jairouter.web.request import GatewayRequest

if TYPE_CHECKING:
    from twisted.web import http

    from jairouter.exchange import Route
    from jairouter.web.request_ids import RequestIds


def exchange_request(http_request: http.Request, route: Route, ids: RequestIds) -> Request:
    """The request in the form in which it goes through the pipeline.

    Args:
        http_request: As it came.
        route: Which operation.
        ids: Makes an id for one that has none.
    """
    if not isinstance(http_request, GatewayRequest):
        return _from_twisted(http_request, route, ids)
    fields, headers = http_request.fields, http_request.pairs
    connection = fields.get(b"connection")
    if connection is not None:
        headers = end_to_end(headers, connection, _CONNECTION)
    channel = http_request.channel
    client = channel.client
    if client is None:
        client = channel.site.proxies.client_behind(channel.client_ip, fields)
    return Request(
        http_request.request_id,
        route,
        http_request.query,
        headers,
        fields.get(b"content-type", b""),
        http_request.upload,
        client.address,
        client.forwarded,
        fields.get(_RETRY_COUNT, b""),
        fields,
    )


def _from_twisted(http_request: http.Request, route: Route, ids: RequestIds) -> Request:
    pairs = pairs_of(http_request.requestHeaders)
    request_id = ids.id_for(joined(pairs, b"x-request-id"))
    http_request.setHeader(b"X-Request-Id", request_id.encode("ascii"))
    return Request(
        request_id,
        route,
        http_request.uri.partition(b"?")[2],
        end_to_end(pairs, joined(pairs, b"connection"), _CONNECTION),
        joined(pairs, b"content-type"),
        HeldBody(http_request.content.read() if http_request.content is not None else b""),
        getattr(http_request.client, "host", "-"),
        retry_count=joined(pairs, _RETRY_COUNT),
        fields=by_name(pairs)[0],
    )


_CONNECTION = frozenset({b"connection"})
_RETRY_COUNT = b"x-stainless-retry-count"
