"""twisted.web's Request over our channel: its body may still be arriving when it is rendered."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Any, cast
from urllib.parse import unquote_to_bytes

from twisted.logger import Logger
from twisted.python.failure import Failure
from twisted.web.http import parse_qs
from twisted.web.http_headers import Headers
from twisted.web.server import Request

from jairouter.errors import BadRequest, GatewayError, InternalError, MethodNotAllowed
from jairouter.request_body.held import HeldBody, collect
from jairouter.web.errors import break_off, write_error
from jairouter.web.upload import Upload

if TYPE_CHECKING:
    from twisted.web.resource import IResource

    from jairouter.exchange import HeaderPairs
    from jairouter.web.channel import Channel
    from jairouter.web.request_parser import Head


class GatewayRequest(Request):
    """A request as twisted.web knows it, made from what llhttp parsed.

    A resource with a true attribute ``takes_upload`` is rendered as soon as the head is there and reads
    `upload`. Any other finds the whole body in `content`, and a form's fields in `args`, as everywhere in
    twisted.web.

    Attributes:
        pairs: The headers in wire order.
        query: The raw query string without the question mark.
        upload: The body.
        keep_alive: Whether the connection may be used for another request.
        expects_continue: Whether the client waits for ``100 Continue`` before it sends the body.
        fault: What is wrong with the head, found while it was read.
        request_id: The client's own, or one made for it.
        recorded: Whether the pipeline counts it.
    """

    _log = Logger()
    channel: Any
    site: Any  # a GatewaySite
    defaultContentType = None
    pairs: HeaderPairs
    query = b""
    upload: Upload
    keep_alive = True
    expects_continue = False
    fault: GatewayError | None = None
    request_id = ""
    recorded = False
    rendered: IResource | None = None
    arrived = 0.0

    @classmethod
    def of(cls, channel: Channel, head: Head) -> GatewayRequest:
        """Make a request of a head that llhttp has accepted."""
        request: GatewayRequest = channel.site.requestFactory(channel)
        request.site = channel.site
        request.arrived = channel.site.wheel.seconds()
        request.pairs = head.pairs
        request.method = head.method
        # (the answer's version is made of it, so it is none that is not spoken here)
        request.clientproto = b"HTTP/1.0" if head.version == "1.0" else b"HTTP/1.1"
        request.keep_alive = head.keep_alive
        request._take_target(head.target)
        request._take_headers(head.version)
        request.upload = Upload(channel, head.length)
        return request

    def _take_target(self, target: bytes) -> None:
        if target[:1] != b"/":
            target = self._other_form(target)
        if b"#" in target:
            self.fault = BadRequest("a fragment is no part of a request target")
        self.uri = target
        self.path, _, query = target.partition(b"?")
        self.query = query
        self.args = parse_qs(query, keep_blank_values=1) if query else {}  # (urllib's takes ASCII only)

    def _other_form(self, target: bytes) -> bytes:
        """The other forms of RFC 9112, section 3.2; what is no form at all is a fault."""
        if self.method == b"CONNECT":
            self.fault = MethodNotAllowed("CONNECT is not served")
        elif target[:7].lower() == b"http://" or target[:8].lower() == b"https://":
            # absolute-form: its authority is in Host as well
            authority_and_rest = target.partition(b"://")[2]
            authority, slash, rest = authority_and_rest.partition(b"/")
            _, mark, query = authority.partition(b"?")
            target = b"/" + mark + query + (slash if mark else b"") + rest
        elif target != b"*" or self.method != b"OPTIONS":
            self.fault = BadRequest("the request target is not a path")
        return target

    def _take_headers(self, version: str) -> None:
        hosts, seen = 0, set()
        for name, value in self.pairs:
            lowered = name.lower()
            if lowered == b"host":
                hosts += 1
            elif lowered in _ONLY_ONCE:
                if lowered in seen:
                    self.fault = BadRequest(f"more than one {name.decode('ascii')} header")
                seen.add(lowered)
            elif lowered == b"transfer-encoding":
                if value.lower() != b"chunked" or version != "1.1":
                    self.fault = BadRequest("chunked is the only transfer coding, and only in HTTP/1.1")
            elif lowered == b"expect":
                self.expects_continue = value.lower() == b"100-continue" and version == "1.1"
        if hosts > 1 or (hosts == 0 and version == "1.1"):
            self.fault = BadRequest("exactly one Host header is required")
        if version not in ("1.0", "1.1"):
            self.fault = BadRequest("only HTTP/1.0 and HTTP/1.1 are spoken here")

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
        """The path for a metric: as far as it leads through resources that were put there by name."""
        if self.rendered is None or getattr(self.rendered, "nowhere", False):
            return "UNKNOWN"
        names, resource = [], self.site.resource
        for name in self.prepath or []:
            resource = getattr(resource, "children", {}).get(name)
            if resource is None:
                break  # made by a getChild from what the client wrote
            names.append(name)
        return "/" + b"/".join(names).decode("utf-8", "replace")

    @property
    def age(self) -> float:
        """Seconds since its turn came."""
        return cast("float", self.site.wheel.seconds() - self.arrived)

    # -- rendering ------------------------------------------------------------

    def process(self) -> None:
        """See `twisted.web.server.Request.process`."""
        if self.rendered is not None:  # called by `requestReceived`: the body is here and a form is parsed
            self._render(self.rendered)
            return
        self.setHeader(b"Date", self.site.date())
        self.request_id = self.site.ids.id_for(self.pairs)
        self.setHeader(b"X-Request-Id", self.request_id.encode("ascii"))
        self.prepath = []
        self.postpath = [_unquoted(part) for part in self.path[1:].split(b"/")]
        if self.fault is not None:
            self.keep_alive = False
            if isinstance(self.fault, MethodNotAllowed):
                self.setHeader(b"Allow", b", ".join(_COMMON_METHODS))
            self.refuse(self.fault)
        elif self.path == b"*":
            self._handleStar()
        else:
            try:
                resource = self.site.getResourceFor(self)
            except GatewayError as error:
                self.refuse(error)
            except Exception:
                self.processingFailed(Failure())
            else:
                self._serve(resource)

    def _serve(self, resource: IResource) -> None:
        self.rendered = resource
        if getattr(resource, "takes_upload", False):
            self._render(resource)
            return
        collecting = collect(self.upload, self.site.limits.max_held_body)
        collecting.addCallback(self._body_here).addErrback(self._no_body)

    def _body_here(self, body: HeldBody) -> None:
        self.content = io.BytesIO(body.data or b"")
        self.content.seek(0, io.SEEK_END)  # where Twisted's channel leaves it
        self.parseCookies()
        try:
            self.requestReceived(self.method, self.uri, self.clientproto)
        except Exception:  # twisted.web reads forms with `email`, which stumbles over some Content-Types
            self.refuse(BadRequest("the request's Content-Type cannot be read"))

    def _no_body(self, failure: Failure) -> None:
        if failure.check(GatewayError):
            self.refuse(cast("GatewayError", failure.value))
        else:
            self.processingFailed(failure)

    def _render(self, resource: IResource) -> None:
        try:
            get_encoder = getattr(resource, "getEncoder", None)  # as EncodingResourceWrapper has
            if get_encoder is not None:
                self._encoder = get_encoder(self)
            self.render(resource)
        except GatewayError as error:
            self.refuse(error)
        except Exception:
            self.processingFailed(Failure())

    def processingFailed(self, reason: Failure) -> Failure:
        """See `twisted.web.server.Request.processingFailed`: no traceback leaves the gateway."""
        self._log.failure("answering {uri} failed", failure=reason, uri=self.path)
        self.refuse(InternalError("the gateway failed to answer; its log says why"))
        return reason

    def refuse(self, error: GatewayError) -> None:
        """Answer with an error, unless the client left or was answered; break off half an answer."""
        if self.finished or self._disconnected:
            return
        if self.startedWriting:
            break_off(self)
            return
        self._encoder = None  # it would change the length
        write_error(self, error)


_COMMON_METHODS = (b"GET", b"HEAD", b"POST", b"PUT", b"PATCH", b"DELETE", b"OPTIONS")
_ONLY_ONCE = frozenset({b"content-type", b"content-encoding"})
"""Of two of these we might believe the one and the backend the other."""


def _unquoted(part: bytes) -> bytes:
    return unquote_to_bytes(part) if b"%" in part else part
