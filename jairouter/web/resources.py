"""The resources that all parts of the tree are made of: JSON pages and JSON refusals."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from twisted.web.resource import Resource
from twisted.web.server import NOT_DONE_YET

from jairouter.errors import GatewayError, MethodNotAllowed, RouteNotFound
from jairouter.web.errors import write_error

if TYPE_CHECKING:
    from twisted.web.server import Request


class Branch(Resource):
    """A folder of the tree: nothing by itself, and unknown names below it are refused in JSON."""

    nowhere = True
    takes_upload = True  # it reads none, so an upload to a wrong address is refused before it is sent

    def getChild(self, path: bytes, request: Request) -> Resource:
        """See `Resource.getChild`."""
        return Nowhere()

    def render(self, request: Request) -> int:
        """See `Resource.render`."""
        return refuse(request, RouteNotFound(f"there is nothing at {_shown(request)}"))


class Nowhere(Branch):
    """Any address at which there is nothing."""

    isLeaf = True


class Page(Resource):
    """Something at one address, with or without a slash at its end; below it there is nothing.

    It is rendered when the head of the request is there, and reads no body unless it asks for it.

    Attributes:
        everybody: Whether everybody may GET it, with security on too. Of all others, `web.route_table` has to
            know what they need.
        permission: What a caller needs for it with security on, if it sees to that itself; else nothing.
        below: Paths below it for which they need the same.
        of_models: Whether it is for programs that use models, and not for operators.
    """

    takes_upload = True
    everybody = False
    permission = ""
    below: tuple[str, ...] = ()
    of_models = False

    def getChild(self, path: bytes, request: Request) -> Resource:
        """See `Resource.getChild`."""
        return Nowhere() if path or request.postpath else self


class JsonPage(Page):
    """A page that answers GET and HEAD with JSON."""

    def render(self, request: Request) -> Any:
        """See `Resource.render`."""
        if request.method not in (b"GET", b"HEAD"):
            return refuse_method(request, b"GET, HEAD")
        try:
            status, page = self.page(request)
        except GatewayError as error:
            return refuse(request, error)
        body = json.dumps(page, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "replace")
        return write_page(request, status, b"application/json", body)

    def page(self, request: Any) -> tuple[int, Any]:
        """The status and what is shown.

        Raises:
            GatewayError: It cannot be shown.
        """
        raise NotImplementedError


def write_page(request: Request, status: int, content_type: bytes, body: bytes) -> int:
    """Answer with a page; what `render` then returns."""
    request.setResponseCode(status)
    request.setHeader(b"Content-Type", content_type)
    request.setHeader(b"Content-Length", b"%d" % len(body))
    request.write(body)
    request.finish()
    return NOT_DONE_YET


def refuse(request: Request, error: GatewayError) -> int:
    """Answer with an error; what `render` then returns."""
    write_error(request, error)
    return NOT_DONE_YET


def refuse_method(request: Request, allowed: bytes) -> int:
    """Answer 405, or, to OPTIONS, which methods there are."""
    request.setHeader(b"Allow", allowed)
    if request.method == b"OPTIONS":
        request.setResponseCode(204)
        request.finish()
        return NOT_DONE_YET
    method = request.method.decode("latin-1")
    return refuse(request, MethodNotAllowed(f"{method} is not possible at {_shown(request)}"))


def _shown(request: Request) -> str:
    return request.path.decode("utf-8", "replace")[:200]
