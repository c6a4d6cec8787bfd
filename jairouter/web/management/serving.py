r"""Endpoints as resources: from a request to a call, and from a reply to an answer.

::

    who may? -> something here? -> this method? -> asks what it may? -> a body as it may be? -> answer
    401, 403        404               405              400, 415              400, 408, 413

Whatever is refused before the body is read, is refused without reading it.
"""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from twisted.internet.defer import CancelledError, Deferred, ensureDeferred
from twisted.logger import Logger
from twisted.python.failure import Failure
from twisted.web.server import NOT_DONE_YET

from jairouter.auditing import Event, refusal
from jairouter.errors import ClientGone, GatewayError, PermissionDenied, retry_after_headers
from jairouter.refusals import InvalidRequest, NotFound, Refusal
from jairouter.request_body.held import HeldBody, collect
from jairouter.request_body.spool import RunInThread
from jairouter.web.errors import CHALLENGE
from jairouter.web.management import asking, bodies, envelope
from jairouter.web.management.access import Access, Who
from jairouter.web.management.checking import check
from jairouter.web.management.endpoint import KNOWN, Call, Later, Reply, made
from jairouter.web.management.envelope import MethodNotAllowed
from jairouter.web.management.paths import Found, Paths
from jairouter.web.request import GatewayRequest
from jairouter.web.resources import Page

if TYPE_CHECKING:
    from twisted.web.http import Request
    from twisted.web.resource import Resource

    from jairouter.auditing import IAudit
    from jairouter.interfaces import IRequestBody
    from jairouter.web.management.endpoint import Endpoint

AT_ONCE: Final = {"json": 64 * 1024, "yaml": 1024}
"""Bytes of a body of each kind that is parsed at once; a larger one is parsed in a thread, since that takes a
while: 60 kB of YAML take more than a tenth of a second."""
_NOTHING: Final = {b"{}", b"null", b""}
"""What many clients send where there is nothing to send."""
_NOTHING_MUCH: Final = 16
"""Bytes of these, with line ends."""
Written = tuple[Reply, bytes]
"""A reply, and how it is written."""

_log = Logger()


@dataclass(frozen=True, slots=True)
class Service:
    """What all pages of the management API need.

    Attributes:
        access: Who may use it.
        max_body: Bytes of the largest body.
        today: Seconds since the epoch.
        run_in_thread: For what would take long.
    """

    access: Access
    max_body: int
    today: Callable[[], float]
    run_in_thread: RunInThread


class Api(Page):
    """All endpoints, to be put where their paths begin (``/api``).

    What else is put below it is served where there is no endpoint.

    Args:
        endpoints: What there is.
        service: What they need.

    Attributes:
        endpoints: As given.
    """

    nowhere = True

    def __init__(self, endpoints: Iterable[Endpoint], service: Service) -> None:
        super().__init__()
        self.endpoints = tuple(endpoints)
        self._paths = Paths(self.endpoints)
        self._service = service

    def getChildWithDefault(self, path: bytes, request: Any) -> Resource:
        """See `Resource.getChildWithDefault`; what comes before and after `path` is looked at too."""
        found = self._paths.find([*request.prepath, *request.postpath])
        if found is None and path in self.children:
            other: Resource = self.children[path]
            return other
        return _Place(found, self._service)

    def render(self, request: Any) -> int:
        """See `Resource.render`; it may lie at the path of an endpoint itself."""
        request.rendered = place = _Place(self._paths.find([*request.prepath]), self._service)
        return place.render(request)


class _Place(Page):
    """One path, as one request asks for it.

    Attributes:
        label: The path for a metric.
        nowhere: Whether there is nothing.
    """

    isLeaf = True

    def __init__(self, found: Found | None, service: Service) -> None:
        super().__init__()
        self._found = found
        self._service = service
        self.nowhere = found is None
        self.label = "UNKNOWN" if found is None else found.template

    def render(self, request: Request) -> int:
        Answer(request, self._service).follow(self._answer(request))
        return NOT_DONE_YET

    async def _answer(self, request: Request) -> Written | None:
        """What is answered; None where only the methods are asked for."""
        found = self._found
        method = request.method.decode("latin-1")
        endpoint = None if found is None else found.methods.get("GET" if method == "HEAD" else method)
        # Who may not, learns nothing of what there is
        who = self._service.access.admit(
            request, KNOWN if endpoint is None else endpoint.permission, self.label
        )
        if isinstance(who, Deferred):
            who = await who
        if found is None:
            raise NotFound(f"there is nothing at {request.path.decode('utf-8', 'replace')[:200]}")
        if endpoint is None:
            request.setHeader(b"Allow", ", ".join(found.allowed).encode("ascii"))
            if method != "OPTIONS":
                raise not_possible(request)
            return None
        return await _answer(request, endpoint, found.values, who, self._service)


async def _answer(
    request: Request, endpoint: Endpoint, values: tuple[bytes, ...], who: Who, service: Service
) -> Written:
    """The reply, and how it is written."""
    fields = who.fields
    path = asking.read_path(endpoint, values)
    query = asking.read_query(endpoint, request.uri.partition(b"?")[2])
    method = request.method
    parent = asking.read_parent(endpoint, method, fields.get(b"if-match"), query.get("version"))
    upload = _upload(request)
    kind = _kind(endpoint, upload, fields.get(b"content-type", b""), fields.get(b"content-encoding", b""))
    body = await _body(endpoint, upload, kind, service)
    request_id = getattr(request, "request_id", "")
    call = Call(path, query, body, parent, who.name, who.caller, who.address, request_id, fields)
    reply = await _done(endpoint, call, service.access.audit)
    if isinstance(reply.data, Later):
        return reply, await service.run_in_thread(_written, reply, endpoint, service)
    return reply, _written(reply, endpoint, service)


async def _done(endpoint: Endpoint, call: Call, audit: IAudit) -> Reply:
    """Do what is asked, and have it recorded; or that the caller may not do quite that."""
    try:
        reply = endpoint.answer(call)
        if not isinstance(reply, Reply):
            reply = await reply
    except PermissionDenied as error:
        audit.often(refusal(error, call.who, call.address, endpoint.path, endpoint.method, call.request_id))
        raise
    if endpoint.event:
        done = Event(endpoint.event, call.who, call.address, endpoint.path, action=endpoint.method)
        audit.record(done._replace(request_id=call.request_id, details=_told(call.path, call.query)))
    return reply


def _told(path: Mapping[str, Any], query: Mapping[str, Any]) -> Mapping[str, Any]:
    """What was asked for, for the record. The query of an address in it may be a secret: see `key_of`."""
    given = path.items()
    names = {name: value.partition("?")[0] if isinstance(value, str) else value for name, value in given}
    return names | {name: value for name, value in query.items() if value is not None}


def _written(reply: Reply, endpoint: Endpoint, service: Service) -> bytes:
    reply = made(reply)
    return envelope.bare(reply) if endpoint.bare else envelope.good(reply, service.today())


def _upload(request: Request) -> IRequestBody:
    if isinstance(request, GatewayRequest):
        return request.upload
    return HeldBody(request.content.read() if request.content is not None else b"")


def _kind(endpoint: Endpoint, upload: IRequestBody, content_type: bytes, encoding: bytes) -> str:
    """Which kind of body is coming; ``none`` where there is none."""
    if upload.length == 0:
        return "none"
    if endpoint.body is not None:
        return bodies.media_type(content_type, encoding, yaml=endpoint.yaml)
    return "none"


def _no_body(endpoint: Endpoint) -> InvalidRequest:
    return InvalidRequest(f"{endpoint.method} {endpoint.path} takes no body")


async def _body(endpoint: Endpoint, upload: IRequestBody, kind: str, service: Service) -> Any:
    """The body as JSON values; None where there is none."""
    try:
        data = (await collect(upload, service.max_body if endpoint.body is not None else _NOTHING_MUCH)).data
    except GatewayError as error:
        if endpoint.body is None and error.status == 413:
            raise _no_body(endpoint) from None
        raise
    if endpoint.body is None:
        if data and data.strip() not in _NOTHING:
            raise _no_body(endpoint)
        return None
    if not data:
        if endpoint.body_required:
            raise InvalidRequest("a body is required")
        return None
    if len(data) <= AT_ONCE[kind]:
        return _read(data, kind, endpoint)
    return await service.run_in_thread(_read, data, kind, endpoint)


def _read(data: bytes, kind: str, endpoint: Endpoint) -> Any:
    assert endpoint.body is not None  # there are data
    value = bodies.parse(data, kind)
    faults = check(value, endpoint.body)
    if faults:
        raise InvalidRequest("the body is not what it should be", faults)
    return value


class Answer:
    """How one request is answered, once, unless its client leaves before.

    Args:
        request: What is answered.
        service: Tells the time.
    """

    def __init__(self, request: Request, service: Service) -> None:
        self._request = request
        self._service = service
        self._gone = False

    def follow(self, work: Coroutine[Deferred[Any], Any, Written | None]) -> None:
        """Answer with what `work` returns or raises; end it when the client leaves."""
        waiting = ensureDeferred(work)
        leaving: Deferred[Any] = self._request.notifyFinish()
        leaving.addErrback(self._left, waiting)
        waiting.addCallback(self._reply)
        waiting.addErrback(self._failed)
        waiting.addErrback(lambda failure: _log.failure("answering failed", failure=failure))

    def _left(self, _: Failure, waiting: Deferred[Any]) -> None:
        self._gone = True
        waiting.cancel()

    def _reply(self, written: Written | None) -> None:
        if written is None:
            if not self._gone:
                nothing(self._request)
            return
        reply, body = written
        if reply.status == 204:
            if not self._gone:
                nothing(self._request)
            return
        if reply.version is not None:
            self._request.setHeader(b"ETag", b'"%d"' % reply.version)
        self._write(reply.status, body)

    def _failed(self, failure: Failure) -> None:
        error = failure.value
        if self._gone and failure.check(CancelledError, ClientGone):
            return
        if isinstance(error, GatewayError):
            error = envelope.refusal_of(error)
        if not isinstance(error, Refusal):
            method, path = self._request.method.decode("latin-1"), getattr(self._request, "uri_label", "")
            _log.failure("{method} {path} failed", failure, method=method, path=path)
            error = Refusal("the gateway failed to answer; its log says why")
        self.refuse(error)

    def refuse(self, refusal: Refusal) -> int:
        """Answer with a refusal; what `render` then returns."""
        if refusal.retry_after is not None:
            for name, value in retry_after_headers(refusal.retry_after):
                self._request.setHeader(name, value)
        if refusal.status == 401:
            self._request.setHeader(*CHALLENGE)
        self._write(refusal.status, envelope.bad(refusal, self._service.today()))
        return NOT_DONE_YET

    def _write(self, status: int, body: bytes) -> None:
        if not self._gone:
            write(self._request, status, b"application/json", body)


def not_possible(request: Request) -> MethodNotAllowed:
    """How a method is refused."""
    method, path = request.method.decode("latin-1")[:20], request.path.decode("utf-8", "replace")[:200]
    return MethodNotAllowed(f"{method} is not possible at {path}")


def nothing(request: Request) -> int:
    """Answer with headers alone; what `render` then returns."""
    request.setResponseCode(204)
    request.finish()
    return NOT_DONE_YET


def write(request: Request, status: int, content_type: bytes, body: bytes) -> int:
    """Answer with a page that nobody keeps or takes for another kind; what `render` then returns."""
    request.setResponseCode(status)
    request.setHeader(b"Content-Type", content_type)
    request.setHeader(b"Content-Length", b"%d" % len(body))
    request.setHeader(b"Cache-Control", b"no-store")
    request.setHeader(b"X-Content-Type-Options", b"nosniff")
    request.write(body)
    request.finish()
    return NOT_DONE_YET
