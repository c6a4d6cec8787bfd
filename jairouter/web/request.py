"""twisted.web's Request over our channel: its body may still be arriving when it is rendered."""

from __future__ import annotations

import io
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Protocol, cast
from urllib.parse import unquote_to_bytes

from twisted.logger import Logger
from twisted.python.failure import Failure
from twisted.web.http import parse_qs
from twisted.web.http_headers import Headers
from twisted.web.resource import EncodingResourceWrapper
from twisted.web.server import Request

from jairouter.errors import BadRequest, GatewayError, InternalError, MethodNotAllowed, PermissionDenied
from jairouter.request_body.held import HeldBody, collect
from jairouter.twisted_headers import headers_of, pairs_of
from jairouter.web.cors import is_preflight
from jairouter.web.errors import break_off, write_error
from jairouter.web.upload import Upload

if TYPE_CHECKING:
    from twisted.web.resource import IResource

    from jairouter.exchange import HeaderPairs
    from jairouter.web.channel import Channel
    from jairouter.web.request_parser import Head


class Owner(Protocol):
    """Who must know when a request is over. Exactly one of the two is called, once."""

    def answered(self) -> None:
        """The answer is complete."""

    def client_gone(self) -> None:
        """It will never be: the connection is lost."""


class _WhenAskedFor:
    """Makes an attribute that Twisted's constructors make, when somebody asks for it."""

    def __init__(self, make: Callable[[Any], object]) -> None:
        self._make = make

    def __set_name__(self, owner: type, name: str) -> None:
        self._name = name

    def __get__(self, request: Any, owner: type) -> Any:
        made = request.__dict__[self._name] = self._make(request)
        return made


class GatewayRequest(Request):
    """A request as twisted.web knows it, made from what llhttp parsed.

    A resource with a true attribute ``takes_upload`` is rendered as soon as the head is there and reads
    `upload`. Any other finds the whole body in `content`, and a form's fields in `args`, as everywhere in
    twisted.web.

    Args:
        channel: Where it came from.
        head: What llhttp has accepted.

    Attributes:
        pairs: The headers in wire order.
        fields: The value of each header by its name in lower case; several are joined by commas.
        repeated: The names in lower case that came more than once.
        query: The raw query string without the question mark.
        upload: The body.
        keep_alive: Whether the connection may be used for another request.
        expects_continue: Whether the client waits for ``100 Continue`` before it sends the body.
        fault: What is wrong with the head, found while it was read.
        request_id: The client's own, or one made for it.
        recorded: Whether the pipeline counts it.
        owner: Told when it is over.
        framed: Whether the answer that was begun says where it ends.
        cors: Which pages of other origins may call, as it was when the request came; None where that is not
            configured.
    """

    _log = Logger()
    channel: Any = None  # Twisted takes its own away when a request is finished
    site: Any  # a GatewaySite
    defaultContentType = None
    upload: Upload | HeldBody
    owner: Owner | None = None
    framed = False
    query = b""
    expects_continue = False
    fault: GatewayError | None = None
    request_id = ""
    recorded = False
    rendered: IResource | None = None
    queued = False
    _parsePOSTFormSubmission = True
    client: Any = _WhenAskedFor(lambda request: request.transport.getPeer())
    host: Any = _WhenAskedFor(lambda request: request.transport.getHost())
    requestHeaders: Any = _WhenAskedFor(lambda request: headers_of(request.pairs))
    responseHeaders: Any = _WhenAskedFor(lambda request: headers_of(request._always()))
    received_cookies: Any = _WhenAskedFor(lambda _: {})
    cookies: Any = _WhenAskedFor(lambda _: [])
    _adapterCache: Any = _WhenAskedFor(lambda _: {})
    args: Any = _WhenAskedFor(
        lambda request: parse_qs(request.query, keep_blank_values=True) if request.query else {}
    )
    arrived = 0.0

    def __init__(self, channel: Channel, head: Head) -> None:
        # Not Twisted's constructors: nearly every request is forwarded, and needs little of what they make.
        # The rest is made when it is asked for, see above; the tests hold the two side by side.
        self.channel = channel
        site = self.site = channel.site
        self.cors = site.cors
        self.transport = channel.transport
        self.notifications = []
        self.arrived = channel.site.wheel.seconds()
        self.method, target, version, self.pairs, self.fields, self.repeated, self.keep_alive, length = head
        self.clientproto = b"HTTP/1.0" if version == "1.0" else b"HTTP/1.1"
        if target[:1] != b"/":
            target = self._other_form(target)
        self.uri = target
        self.path, _, self.query = target.partition(b"?")
        if self.repeated and not self.repeated.isdisjoint(_ONLY_ONCE):
            self.fault = BadRequest(f"more than one {min(self.repeated & _ONLY_ONCE).decode('ascii')} header")
        if b"expect" in self.fields:
            self.expects_continue = version == "1.1" and self.fields[b"expect"].lower() == b"100-continue"
        given = self.fields.get(b"x-request-id")
        self.request_id = site.ids.id_for(given) if given else site.ids.new()
        whole = channel.whole_body()
        self.upload = Upload(channel, length) if whole is None else HeldBody(whole)

    def _other_form(self, target: bytes) -> bytes:
        """The other forms of RFC 9112, section 3.2."""
        if self.method == b"CONNECT":
            self.fault = MethodNotAllowed("CONNECT is not served")
        elif target != b"*":
            # absolute-form: its authority is in Host as well
            authority_and_rest = target.partition(b"://")[2]
            authority, slash, rest = authority_and_rest.partition(b"/")
            _, mark, query = authority.partition(b"?")
            target = b"/" + mark + query + (slash if mark else b"") + rest
        return target

    def _always(self) -> HeaderPairs:
        always = ((b"Date", self.site.date()), (b"X-Request-Id", self.request_id.encode("ascii")))
        return always if self.cors is None else (*always, *self.cors.pairs(self.fields))

    def own_lines(self) -> bytes:
        """What every answer carries, and what else was set with `setHeader`, as lines of a head."""
        headers: Headers | None = self.__dict__.get("responseHeaders")
        if headers is None:
            lines = b"Date: %b\r\nX-Request-Id: %b\r\n" % (
                self.site.date(),
                self.request_id.encode("ascii"),
            )
            return lines if self.cors is None else lines + self.cors.lines(self.fields)
        return b"".join([b"%b: %b\r\n" % pair for pair in pairs_of(headers)])

    @property
    def method_label(self) -> str:
        """The method for a metric, whose labels a client must not choose."""
        return self.method.decode("ascii") if self.method in _COMMON_METHODS else "OTHER"

    @property
    def uri_label(self) -> str:
        """The path for a metric: as far as it leads through resources that were put there by name."""
        if self.rendered is None or getattr(self.rendered, "nowhere", False):
            return "UNKNOWN"
        if self.path in self.site.operations:
            return self.path.decode("ascii")
        label: str | None = getattr(self.rendered, "label", None)
        if label is not None:
            return label
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
        operation = self.site.operations.get(self.path)
        if operation is not None and self.fault is None and (self.cors is None or not self._is_preflight):
            self.rendered = operation
            try:
                operation.render(self)  # without Twisted's around it: it never returns a page
            except GatewayError as error:
                self.refuse(error)
            except Exception:
                self.processingFailed(Failure())
            return
        self._find()

    def _find(self) -> None:
        """Look for the resource in the tree."""
        self.prepath = []
        self.postpath = [_unquoted(part) for part in self.path[1:].split(b"/")]
        if self.fault is not None:
            self._put_security_headers(None)
            self.keep_alive = False
            if isinstance(self.fault, MethodNotAllowed):
                self.setHeader(b"Allow", b", ".join(_COMMON_METHODS))
            self.refuse(self.fault)
        elif self.path == b"*":
            self._put_security_headers(None)
            self._handleStar()
        else:
            try:
                resource = self.site.getResourceFor(self)
            except GatewayError as error:
                self._put_security_headers(None)
                self.refuse(error)
            except Exception:
                self._put_security_headers(None)
                self.processingFailed(Failure())
            else:
                self._serve(resource)

    def _put_security_headers(self, resource: IResource | None) -> None:
        headers = self.site.security_headers
        if headers is not None and not getattr(resource, "of_models", False):
            headers.put_on(self)

    def _serve(self, resource: IResource) -> None:
        self.rendered = resource
        self._put_security_headers(resource)
        if self._is_preflight and not getattr(resource, "nowhere", False):
            self._answer_preflight()
            return
        if getattr(resource, "takes_upload", False):
            self._render(resource)
            return
        collecting = collect(self.upload, self.site.limits.max_held_body)
        collecting.addCallback(self._body_here).addErrback(self._no_body)

    @property
    def _is_preflight(self) -> bool:
        return self.cors is not None and is_preflight(self.method, self.fields)

    def _answer_preflight(self) -> None:
        """Tell a browser what a page may do; nobody has to say who it is for that, nor can a browser."""
        told = None if self.cors is None else self.cors.preflight(self.fields)
        if told is None:
            self.refuse(PermissionDenied("pages of this origin may not call; see security.validation.cors"))
            return
        for name, value in told:
            self.setHeader(name, value)
        self.setResponseCode(204)
        self.finish()

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
            if isinstance(resource, EncodingResourceWrapper):
                self._encoder = resource.getEncoder(self)
            self.render(resource)
        except GatewayError as error:
            self.refuse(error)
        except Exception:
            self.processingFailed(Failure())

    # -- the end ----------------------------------------------------------------

    def done(self) -> None:
        """As `finish`, for an answer that was written past `write`, and is recorded by whoever wrote it."""
        self.finished = 1
        channel, self.channel = self.channel, None
        notifications, self.notifications = self.notifications, []
        for waiting in notifications:
            waiting.callback(None)
        channel.requestDone(self)

    def connectionLost(self, reason: Failure) -> None:
        """See `twisted.web.http.Request.connectionLost`."""
        super().connectionLost(reason)
        owner, self.owner = self.owner, None
        if owner is not None:
            owner.client_gone()

    def over(self) -> None:
        """Called by the channel: the answer is complete, and the next request not begun."""
        owner, self.owner = self.owner, None
        if owner is not None:
            owner.answered()

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
