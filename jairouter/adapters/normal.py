"""The dialect of backends that speak OpenAI's API themselves: nothing is translated."""

from __future__ import annotations

from functools import lru_cache
from itertools import product
from typing import TYPE_CHECKING

from zope.interface import implementer

from jairouter.headers import HOP_BY_HOP, without
from jairouter.interfaces import IAdapter
from jairouter.routes import PRIMARY

if TYPE_CHECKING:
    from jairouter.exchange import HeaderPairs, Request, Route
    from jairouter.traffic.instance import Instance

_FORWARDING = (
    "forwarded x-forwarded forwarded-for x-forwarded-for x-forwarded-by x-forwarded-host x-forwarded-server "
    "x-forwarded-port x-forwarded-proto x-forwarded-protocol x-forwarded-scheme x-forwarded-ssl "
    "x-forwarded-prefix x-forwarded-path x-forwarded-uri x-forwarded-method x-forwarded-client-cert "
    "x-forwarded-tls-client-cert x-forwarded-user x-forwarded-email x-forwarded-groups "
    "x-forwarded-preferred-username x-forwarded-access-token x-original-forwarded-for "
    "x-envoy-external-address x-real-ip x-client-ip client-ip true-client-ip cf-connecting-ip "
    "fastly-client-ip x-cluster-client-ip x-remote-ip x-remote-addr x-originating-ip proxy-client-ip "
    "wl-proxy-client-ip x-forwarded-client-ip x-proxyuser-ip fly-client-ip x-azure-clientip x-azure-socketip "
    "x-appengine-user-ip x-original-host x-original-url x-rewrite-url"
)


def _spellings(name: str) -> set[bytes]:
    """With dashes and underscores, between which WSGI and CGI do not distinguish."""
    first, *more = name.split("-")
    marks = product("-_", repeat=len(more))
    return {
        "".join([first, *(mark + word for mark, word in zip(each, more, strict=True))]).encode("ascii")
        for each in marks
    }


FORWARDING = frozenset().union(*map(_spellings, _FORWARDING.split()))
"""What proxies say about a client, and clients about themselves."""

NOT_FORWARDED = (
    HOP_BY_HOP
    | {b"host", b"content-length", b"expect", b"x-request-id"}
    | {b"cookie"}
    | _spellings("x-api-key")
    | _spellings("jairouter-token")
    | FORWARDING
)
"""What is made anew for the backend, and the credentials that are meant for the gateway."""


@lru_cache(1024)
def _stopped_with(own: frozenset[bytes]) -> frozenset[bytes]:
    return NOT_FORWARDED | own


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
            return (*without(request.headers, NOT_FORWARDED), request_id, *request.forwarded)
        kept = without(request.headers, _stopped_with(own))
        if request.forwarded:
            kept += without(request.forwarded, own)
        return (
            (*kept, *instance.headers) if b"x-request-id" in own else (*kept, request_id, *instance.headers)
        )
