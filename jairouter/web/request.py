"""twisted.web's Request over our channel: its body may still be arriving when it is rendered."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Any, cast
from urllib.parse import parse_qs, unquote_to_bytes

from twisted.logger import Logger
from twisted.web.http_headers import Headers
from twisted.web.server import Request

from jairouter.errors import BadRequest, GatewayError, InternalError
from jairouter.request_body.held import HeldBody, collect
from jairouter.web.errors import write_error
from jairouter.web.upload import Upload

if TYPE_CHECKING:
    import httptools
    from twisted.python.failure import Failure
    from twisted.web.resource import IResource

    from jairouter.exchange import HeaderPairs
    from jairouter.web.channel import Channel


class GatewayRequest(Request):
    """A request as twisted.web knows it, made from what llhttp parsed.

    A resource with a true attribute ``takes_upload`` is rendered as soon as the head is there and reads
    `upload`. Any other finds the whole body in `content`, as everywhere in twisted.web.

    Attributes:
        pairs: The headers in wire order.
        upload: The body.
        keep_alive: Whether the connection may be used for another request.
        expects_continue: Whether the client waits for ``100 Continue`` before it sends the body.
        fault: What is wrong with the head, found while it was read.
        recorded: Whether the pipeline counts it.
    """

    _log = Logger()
    channel: Any
    site: Any  # a GatewaySite, or Twisted's own under treq.testing
    defaultContentType = None
    pairs: HeaderPairs
    upload: Upload
    keep_alive = True
    expects_continue = False
    fault: GatewayError | None = None
    recorded = False
    rendered: IResource | None = None
    arrived = 0.0

    @classmethod
    def parsed(
        cls, channel: Channel, parser: httptools.HttpRequestParser, target: bytes, pairs: HeaderPairs
    ) -> GatewayRequest:
        """Make a request of a head that llhttp has accepted."""
        request: GatewayRequest = channel.site.requestFactory(channel)
        request.site = channel.site
        request.arrived = channel.site.wheel.seconds()
        request.pairs = pairs
        request.method = parser.get_method()
        version = parser.get_http_version()
        request.clientproto = b"HTTP/" + version.encode("ascii")
        request.keep_alive = parser.should_keep_alive()
        request._take_target(target)
        request._take_headers()
        if version not in ("1.0", "1.1"):
            request.fault = BadRequest("only HTTP/1.0 and HTTP/1.1 are spoken here")
        return request

    def _take_target(self, target: bytes) -> None:
        if target.startswith((b"http://", b"https://")):
            # absolute-form: the authority is in Host too (RFC 9112, section 3.2.2)
            target = b"/" + target.partition(b"://")[2].partition(b"/")[2]
        self.uri = target
        self.path, _, query = target.partition(b"?")
        self.query = query
        self.args = parse_qs(query, keep_blank_values=True) if query else {}

    def _take_headers(self) -> None:
        hosts, length, chunked = 0, None, False
        for name, value in self.pairs:
            lowered = name.lower()
            if lowered == b"host":
                hosts += 1
            elif lowered == b"content-length":
                length = int(value)
            elif lowered == b"transfer-encoding":
                chunked = True
            elif lowered == b"expect":
                self.expects_continue = value.lower() == b"100-continue"
        if hosts > 1 or (hosts == 0 and self.clientproto == b"HTTP/1.1"):
            self.fault = BadRequest("exactly one Host header is required")
        self.upload = Upload(self.channel, None if chunked else (length or 0))

    # Nearly every request is forwarded, and that uses the pairs: twisted.web's form is made when asked for.

    @property
    def requestHeaders(self) -> Headers:
        """See `twisted.web.http.Request`."""
        headers: Headers | None = self.__dict__.get("_headers")
        if headers is None:
            headers = self.__dict__["_headers"] = Headers()
            for name, value in self.pairs:
                headers.addRawHeader(name, value)
        return headers

    @requestHeaders.setter
    def requestHeaders(self, headers: Headers) -> None:
        """Twisted's constructor sets an empty one, which says nothing."""

    @property
    def method_label(self) -> str:
        """The method for a metric, whose labels a client must not choose."""
        return self.method.decode("ascii") if self.method in _COMMON_METHODS else "OTHER"

    @property
    def uri_label(self) -> str:
        """The path for a metric: as far as it leads to a resource that exists."""
        if self.rendered is None or getattr(self.rendered, "nowhere", False):
            return "UNKNOWN"
        return "/" + b"/".join(self.prepath or []).decode("utf-8", "replace")

    @property
    def age(self) -> float:
        """Seconds since its head was read."""
        return cast("float", self.site.wheel.seconds() - self.arrived)

    def header(self, wanted: bytes) -> bytes:
        """The first value of a header, empty when there is none.

        Args:
            wanted: The name in lower case.
        """
        return next((value for name, value in self.pairs if name.lower() == wanted), b"")

    def process(self) -> None:
        """See `twisted.web.server.Request.process`."""
        self.setHeader(b"Date", self.site.date())
        self.prepath = []
        self.postpath = [_unquoted(part) for part in self.path[1:].split(b"/")]
        try:
            if self.fault is not None:
                raise self.fault
            if self.path == b"*":
                self._handleStar()
                return
            resource = self.site.getResourceFor(self)
        except GatewayError as error:
            self.keep_alive = False
            write_error(self, error)
            return
        if getattr(resource, "takes_upload", False):
            self._render(resource)
        else:
            collecting = collect(self.upload, self.site.limits.max_held_body)
            collecting.addCallbacks(self._render_whole, self._no_body, callbackArgs=(resource,))

    def _render_whole(self, body: HeldBody, resource: IResource) -> None:
        self.content = io.BytesIO(body.data or b"")
        self.parseCookies()
        self._render(resource)

    def _no_body(self, failure: Failure) -> None:
        if not self._disconnected and failure.check(GatewayError):
            write_error(self, cast("GatewayError", failure.value))

    def _render(self, resource: IResource) -> None:
        self.rendered = resource
        try:
            self.render(resource)
        except GatewayError as error:
            write_error(self, error)
        except Exception:
            self._log.failure("rendering {uri} failed", uri=self.path)
            write_error(self, InternalError("the gateway failed to answer; its log says why"))

    def processingFailed(self, reason: Failure) -> Failure:
        """See `twisted.web.server.Request.processingFailed`: no traceback leaves the gateway."""
        self._log.failure("answering {uri} failed", failure=reason, uri=self.path)
        if not self.finished and not self._disconnected:
            write_error(self, InternalError("the gateway failed to answer; its log says why"))
        return reason


_COMMON_METHODS = frozenset({b"GET", b"HEAD", b"POST", b"PUT", b"PATCH", b"DELETE", b"OPTIONS"})


def _unquoted(part: bytes) -> bytes:
    return unquote_to_bytes(part) if b"%" in part else part
