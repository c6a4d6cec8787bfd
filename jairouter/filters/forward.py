"""Forward: the request goes out, the answer comes back."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from OpenSSL import SSL
from service_identity import CertificateError, VerificationError
from twisted.internet import error as net
from twisted.internet.defer import CancelledError
from twisted.logger import Logger, LogLevel
from twisted.python.failure import Failure
from zope.interface import implementer

from jairouter.body import AnswerBody
from jairouter.codec.sse import is_event_stream
from jairouter.errors import (
    BadRequest,
    GatewayError,
    InternalError,
    PoolExhausted,
    UpstreamError,
    UpstreamTimeout,
    UpstreamUnreachable,
    render,
)
from jairouter.exchange import Answer
from jairouter.filters.cost import of_answer, of_stream
from jairouter.headers import CORS, HOP_BY_HOP, end_to_end, without
from jairouter.interfaces import IResponder
from jairouter.telemetry.logs.often import left_out
from jairouter.upstream.failures import BadAddress, BadAnswer, WrongBodyLength, is_ours
from jairouter.upstream.receivers import EventReceiver, PlainReceiver

if TYPE_CHECKING:
    from jairouter.exchange import Attempt, Exchange, HeaderPairs, Route
    from jairouter.interfaces import IAdapter, ITracer
    from jairouter.telemetry.logs.levels import Levels
    from jairouter.telemetry.logs.often import Often
    from jairouter.traffic.instance import Instance
    from jairouter.upstream.agent import Agent
    from jairouter.upstream.response import Response

_OF_THE_BACKEND = frozenset(
    {b"date", b"x-request-id", b"alt-svc", b"strict-transport-security", b"server", b"set-cookie"}
)
"""Ours, or about the backend rather than about its answer. A cookie is a session with one backend, which
the next request may not reach, and which is the gateway's rather than the client's."""

_OURS = frozenset(
    {
        b"x-jairouter-instance",
        b"x-jairouter-attempts",
        b"x-jairouter-overhead-ms",
        b"x-jairouter-fallback",
    }
)
"""What the gateway itself tells clients; another one behind it does so too."""

_LIMITS = frozenset(
    {
        b"x-ratelimit-limit-requests",
        b"x-ratelimit-remaining-requests",
        b"x-ratelimit-reset-requests",
    }
)
"""The backend's limits, where the gateway's own are told in their place."""

_STOPPED = HOP_BY_HOP | _OF_THE_BACKEND | _OURS | {b"content-length"}
_STOPPED_IN_STREAMS = _STOPPED | {b"cache-control", b"x-accel-buffering"}

_OF_THE_PAGE = frozenset({b"origin", b"referer"})
_TRACE = frozenset({b"traceparent", b"tracestate"})
_ACCEPT_ENCODING = frozenset({b"accept-encoding"})
_WAIT = frozenset({b"retry-after", b"retry-after-ms"})
_WITHOUT_BODY = frozenset({204, 205})
"""Answers that have no body; RFC 9110, section 8.6, forbids a 204 to say how long it is."""


@implementer(IResponder)
class Forward:
    """Sends an exchange to the instance of its attempt.

    Args:
        agent: Sends.
        adapter: Says where to, and with which headers.
        max_event: Bytes of one unfinished event that are held back.
        cors: Whether the gateway tells browsers which pages may call. Then neither is a backend told of the
            page, which it may refuse, nor what it says about it passed on.
        often: Bounds what is said of instances that fail, which in an outage each attempt does; None for all.
        levels: Whether what is left out is logged as details.
        tracer: Tells backends of traces; None where nothing is traced, and what clients say of theirs passes.
    """

    _log = Logger()

    def __init__(
        self,
        agent: Agent,
        adapter: IAdapter,
        max_event: int,
        *,
        cors: bool = False,
        often: Often | None = None,
        levels: Levels | None = None,
        tracer: ITracer | None = None,
    ) -> None:
        self._tracer = tracer
        self._often, self._levels = often, levels
        self._agent = agent
        self._adapter = adapter
        self._max_event = max_event
        self._addresses: dict[tuple[Instance, Route], bytes] = {}
        self._cors = cors
        stopped = CORS if cors else frozenset[bytes]()
        self._stopped = _stopped(_STOPPED | stopped)
        self._stopped_in_streams = _stopped(_STOPPED_IN_STREAMS | stopped)

    async def respond(self, exchange: Exchange) -> Answer:
        """See `IResponder.respond`."""
        attempt = exchange.attempts[-1]
        try:
            response = await self._agent.post(
                self._url(exchange, attempt.instance),
                self._headers(exchange, attempt),
                exchange.body,
                attempt,
            )
        except (GatewayError, CancelledError):
            raise
        except Exception as error:
            raise self._explain(error, attempt.instance, exchange) from error
        status = attempt.status = response.code
        if (
            status < 300
            and is_event_stream(response.fields.get(b"content-type", b""))
            and not _encoded(response)
        ):
            return await self._stream(exchange, attempt, response)
        return self._answer(exchange, attempt, response)

    def _url(self, exchange: Exchange, instance: Instance) -> bytes:
        request = exchange.request
        address = self._addresses.get((instance, request.route))
        if address is None:
            path = self._adapter.target(request.route, instance) or request.route.path
            address = self._addresses[instance, request.route] = (instance.base_url + path).encode("ascii")
        if not request.query:
            return address
        return address + (b"&" if b"?" in address else b"?") + request.query

    def _headers(self, exchange: Exchange, attempt: Attempt) -> HeaderPairs:
        instance = attempt.instance
        headers = self._adapter.headers(exchange.request, instance)
        trace = exchange.trace
        if self._tracer is not None and trace is not None:
            fields = exchange.request.fields
            if b"traceparent" in fields or b"tracestate" in fields:
                headers = without(headers, _TRACE)
            headers += self._tracer.outgoing(trace, attempt)
        if self._cors:
            headers = without(headers, _OF_THE_PAGE)
        if exchange.stream:
            # Compressed events could be neither watched nor followed by an error event
            headers = (*without(headers, _ACCEPT_ENCODING), (b"Accept-Encoding", b"identity"))
        return headers

    async def _stream(self, exchange: Exchange, attempt: Attempt, response: Response) -> Answer:
        receiver = EventReceiver(exchange.request.route.dialect, self._max_event, attempt)
        response.deliverBody(receiver)
        await receiver.begun
        receiver.body.on_done(lambda _: of_stream(exchange, attempt, receiver.received, receiver.meter))
        headers = (*_kept(response, self._stopped_in_streams, exchange), *_NO_BUFFERING)
        return Answer(response.code, headers, receiver.body, event_stream=True)

    def _answer(self, exchange: Exchange, attempt: Attempt, response: Response) -> Answer:
        status = response.code
        if 300 <= status < 400:
            response.deliverBody(PlainReceiver(discard=True))
            raise UpstreamError("the backend answered with a redirect, which is not followed")
        if status >= 500 and b"json" not in response.fields.get(b"content-type", b"").lower():
            # A proxy's HTML page or a traceback: nothing an SDK could read, and it may name hosts
            response.deliverBody(PlainReceiver(discard=True))
            return _error_answer(status, response.pairs)
        headers = _kept(response, self._stopped, exchange)
        if status in _WITHOUT_BODY:
            response.deliverBody(PlainReceiver(discard=True))
            return Answer(status, headers, AnswerBody.of(b""))
        readable = not _encoded(response)
        whole = response.take_whole()
        if whole is not None:
            of_answer(exchange, attempt, len(whole), whole, readable=readable)
            return Answer(status, headers, AnswerBody.of(whole))
        plain = PlainReceiver()
        plain.body.on_done(
            lambda _: of_answer(exchange, attempt, plain.received, plain.tail, readable=readable)
        )
        response.deliverBody(plain)
        return Answer(status, headers, plain.body, length=response.content_length)

    def _explain(self, error: Exception, instance: Instance, exchange: Exchange) -> GatewayError:
        """What went wrong, for the log with names, for the client without."""
        result = _translated(error)
        kind = (instance.base_url, instance.name, type(error), result.message if result else "")
        untold = 0 if self._often is None else self._often.turn(kind)
        if untold is not None or (self._levels and self._levels.is_on(self._log.namespace, "DEBUG")):
            self._say(error, result, instance, exchange, untold)
        return result or InternalError("the gateway failed to forward the request; its log says why")

    def _say(
        self,
        error: Exception,
        result: GatewayError | None,
        instance: Instance,
        exchange: Exchange,
        untold: int | None,
    ) -> None:
        ids = {} if exchange.trace is None else {"trace_id": exchange.trace[0], "span_id": exchange.trace[1]}
        if result is None:
            text, failure = "forwarding to {instance} failed{left_out}", Failure(error)
            reason: Any = ""
        else:
            text, failure = "{instance} at {url}: {result} ({reason}){left_out}", None
            reason = getattr(error, "reasons", None) or error
        level = LogLevel.debug if untold is None else LogLevel.warn if result else LogLevel.critical
        self._log.emit(
            level,
            text,
            instance=instance.name,
            url=instance.base_url,
            result=result.message if result else "",
            reason=reason,
            left_out=left_out(untold or 0),
            **ids,
            **({"log_failure": failure} if failure else {}),
        )


def _encoded(response: Response) -> bool:
    return response.fields.get(b"content-encoding", b"").lower() not in (b"", b"identity")


def _stopped(names: frozenset[bytes]) -> tuple[frozenset[bytes], frozenset[bytes]]:
    """What is stopped without and with limits of the gateway's own."""
    return names, names | _LIMITS


def _kept(
    response: Response, stopped: tuple[frozenset[bytes], frozenset[bytes]], exchange: Exchange
) -> HeaderPairs:
    names = stopped[exchange.quota is not None]
    return end_to_end(response.pairs, response.fields.get(b"connection", b""), names)


_NO_BUFFERING = ((b"Cache-Control", b"no-cache, no-transform"), (b"X-Accel-Buffering", b"no"))
"""What keeps proxies in front of us, nginx above all, from holding events back."""


def _translated(error: Exception) -> GatewayError | None:
    """What may go wrong between here and the backend; None for what may not."""
    if is_ours(error):  # which is no fault of the instance
        return PoolExhausted("the gateway cannot open more connections at present", retry_after=1)
    if isinstance(error, WrongBodyLength):
        return BadRequest("the request body is not as long as it said")
    if isinstance(error, net.TimeoutError | net.TCPTimedOutError | TimeoutError):
        return UpstreamTimeout("the backend could not be reached in time")
    for kinds, result, words in _WORDS:
        if isinstance(error, kinds):
            return result(words)
    return None


_WORDS: tuple[tuple[tuple[type[Exception], ...], type[UpstreamError], str], ...] = (
    ((net.ConnectError, net.DNSLookupError), UpstreamUnreachable, "the backend could not be reached"),
    ((BadAddress,), UpstreamUnreachable, "the backend's address is none that can be connected to"),
    ((BadAnswer,), UpstreamError, "the backend's answer is not valid HTTP"),
    (
        (SSL.Error, VerificationError, CertificateError),
        UpstreamUnreachable,
        "no secure connection to the backend could be made",
    ),
    (
        (OSError, net.ConnectionClosed),
        UpstreamError,
        "the connection to the backend was lost before it answered",
    ),
)


def _error_answer(status: int, pairs: HeaderPairs) -> Answer:
    error = UpstreamError(f"the backend failed with status {status}")
    wait = tuple(pair for pair in pairs if pair[0].lower() in _WAIT)
    return Answer(status, ((b"Content-Type", b"application/json"), *wait), AnswerBody.of(render(error)))
