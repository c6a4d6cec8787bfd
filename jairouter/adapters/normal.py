"""The dialect of backends that speak OpenAI's API themselves: nothing is translated."""

from __future__ import annotations

from typing import TYPE_CHECKING

from zope.interface import implementer

from jairouter.headers import HOP_BY_HOP, without
from jairouter.interfaces import IAdapter
from jairouter.routes import PRIMARY

if TYPE_CHECKING:
    from jairouter.exchange import HeaderPairs, Request, Route
    from jairouter.traffic.instance import Instance

NOT_FORWARDED = (
    HOP_BY_HOP
    | {b"host", b"content-length", b"expect", b"x-request-id"}
    | {b"x-api-key", b"jairouter_token", b"cookie"}
)
"""What is made anew for the backend, and the credentials that are meant for the gateway."""


@implementer(IAdapter)
class NormalAdapter:
    """Passes requests on as they are."""

    def target(self, route: Route, instance: Instance) -> str | None:
        """See `IAdapter.target`.

        A configured path is where the service's primary route goes, to the letter. A sibling route goes
        to the same place with the end exchanged: with ``/openai/v1/chat/completions`` configured,
        ``/v1/responses`` goes to ``/openai/v1/responses``. A path of another form (``/api/chat``) leaves
        the siblings without a target.
        """
        if instance.path is None:
            return route.path
        if route.primary:
            return instance.path
        main = PRIMARY[route.service].suffix
        path, mark, query = instance.path.partition("?")
        if not path.endswith(main):
            return None
        return path.removesuffix(main) + route.suffix + mark + query

    def headers(self, request: Request, instance: Instance) -> HeaderPairs:
        """See `IAdapter.headers`. The instance's own headers replace the client's of the same name."""
        own, request_id = instance.header_names, (b"X-Request-Id", request.id.encode("ascii"))
        if not own:
            return (*without(request.headers, NOT_FORWARDED), request_id)
        kept = without(request.headers, NOT_FORWARDED | own)
        return (
            (*kept, *instance.headers) if b"x-request-id" in own else (*kept, request_id, *instance.headers)
        )
