"""Who sent a request to a page, whichever channel it came through."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from jairouter.twisted_headers import pairs_of
from jairouter.web.request import GatewayRequest

if TYPE_CHECKING:
    from twisted.web.http import Request


def client_of(request: Request) -> tuple[str, Mapping[bytes, bytes]]:
    """The address of who sent a request, and its headers by name in lower case."""
    if not isinstance(request, GatewayRequest):
        fields: dict[bytes, bytes] = {}
        for name, value in pairs_of(request.requestHeaders):
            known = fields.get(name.lower())
            fields[name.lower()] = value if known is None else known + b", " + value
        there: Any = request.client
        return str(getattr(there, "host", "-")), fields
    channel = request.channel
    client = channel.client
    if client is None:
        client = channel.site.proxies.client_behind(channel.client_ip, request.fields)
    return client.address, request.fields
