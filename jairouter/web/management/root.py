"""Everything that the management API serves, by path."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from jairouter.refusals import Refusal
from jairouter.web.management.endpoint import PUBLIC
from jairouter.web.management.openapi import document
from jairouter.web.management.page import ADDRESS, address_of, page
from jairouter.web.management.page_style import POLICY
from jairouter.web.management.serving import Answer, Api, Service, not_possible, nothing, write
from jairouter.web.management.whoami import Ways
from jairouter.web.resources import Page

if TYPE_CHECKING:
    from twisted.web.resource import Resource

    from jairouter.web.management.endpoint import Endpoint


def management_pages(
    endpoints: Sequence[Endpoint], service: Service, version: str, ways: Callable[[], Ways] = Ways
) -> dict[str, Resource]:
    """The resources of the management API by the path to put them at.

    Args:
        endpoints: What there is, all below ``/api``.
        service: What they need.
        version: Of the gateway.
        ways: How callers say who they are, now.

    Raises:
        ValueError: The endpoints do not fit together.
    """
    elsewhere = [each.path for each in endpoints if not each.path.startswith("/api/")]
    if elsewhere:
        raise ValueError(f"{elsewhere[0]} is not below /api")
    document(endpoints, version)  # so that what does not fit together is found at start

    # Most gateways are never asked for these, and to write them takes as long as the rest of a start
    @lru_cache(maxsize=2)
    def docs(now: Ways) -> bytes:
        return json.dumps(document(endpoints, version, now), ensure_ascii=False, indent=1).encode("utf-8")

    @lru_cache(maxsize=2)
    def readable(now: Ways) -> str:
        return page(endpoints, version, now)

    pages: dict[str, Resource] = {
        "/api": Api(endpoints, service),
        "/v3/api-docs": _Docs(lambda: docs(ways()), service),
    }
    for path in ("/swagger-ui", "/swagger-ui.html", "/swagger-ui/index.html"):
        pages[path] = _Readable(lambda: readable(ways()), service)
    return pages


class _Shown(Page):
    """A page that is shown to whoever is where the API may be used; it says nothing of this gateway."""

    everybody = True

    def __init__(self, service: Service) -> None:
        super().__init__()
        self._service = service

    def render(self, request: Any) -> int:
        """See `Resource.render`."""
        try:
            self._service.access.admit(request, PUBLIC, "docs")
        except Refusal as refusal:
            return Answer(request, self._service).refuse(refusal)
        if request.method in {b"GET", b"HEAD"}:
            return self.show(request)
        request.setHeader(b"Allow", b"GET, HEAD, OPTIONS")
        if request.method == b"OPTIONS":
            return nothing(request)
        return Answer(request, self._service).refuse(not_possible(request))

    def show(self, request: Any) -> int:
        """Answer with it."""
        raise NotImplementedError


class _Docs(_Shown):
    def __init__(self, docs: Callable[[], bytes], service: Service) -> None:
        super().__init__(service)
        self._docs = docs

    def show(self, request: Any) -> int:
        return write(request, 200, b"application/json", self._docs())


class _Readable(_Shown):
    def __init__(self, html: Callable[[], str], service: Service) -> None:
        super().__init__(service)
        self._html = html

    def show(self, request: Any) -> int:
        host = (request.getHeader(b"host") or b"").decode("latin-1")
        origin = address_of(host, secure=request.isSecure())
        body = self._html().replace(ADDRESS, origin).encode("utf-8")
        request.setHeader(b"Content-Security-Policy", POLICY.encode("ascii"))
        request.setHeader(b"X-Frame-Options", b"DENY")
        request.setHeader(b"Referrer-Policy", b"no-referrer")
        return write(request, 200, b"text/html; charset=utf-8", body)
