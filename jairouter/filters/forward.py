"""Forward: the request goes out, the answer comes back."""

from __future__ import annotations

from typing import TYPE_CHECKING

from OpenSSL import SSL
from service_identity import CertificateError, VerificationError
from twisted.internet import error as net
from twisted.internet.defer import CancelledError
from twisted.logger import Logger
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
    render,
)
from jairouter.exchange import Answer
from jairouter.headers import HOP_BY_HOP, end_to_end, first_value
from jairouter.interfaces import IResponder
from jairouter.upstream.failures import BadAddress, BadAnswer, WrongBodyLength
from jairouter.upstream.receivers import EventReceiver, PlainReceiver

if TYPE_CHECKING:
    from twisted.web.iweb import IResponse

    from jairouter.exchange import Exchange, HeaderPairs
    from jairouter.interfaces import IAdapter
    from jairouter.traffic.instance import Instance
    from jairouter.upstream.client import UpstreamClient

_OF_THE_BACKEND = frozenset(
    {b"date", b"x-request-id", b"alt-svc", b"strict-transport-security", b"server", b"set-cookie"}
)
"""Ours, or about the backend rather than about its answer. A cookie is a session with one backend, which
the next request may not reach, and which is the gateway's rather than the client's."""
_FRAMING = frozenset({b"content-length"})

_STOPPED = HOP_BY_HOP | _OF_THE_BACKEND
_STOPPED_WITHOUT_BODY = _STOPPED | _FRAMING
_STOPPED_IN_STREAMS = _STOPPED | _FRAMING | {b"cache-control", b"x-accel-buffering"}

_WAIT = frozenset({b"retry-after", b"retry-after-ms"})
_WITHOUT_BODY = frozenset({204, 205})
"""Answers that have no body; RFC 9110, section 8.6, forbids a 204 to say how long it is."""


@implementer(IResponder)
class Forward:
    """Sends an exchange to the instance of its attempt.

    Args:
        client: Sends.
        adapter: Says where to, and with which headers.
        max_event: Bytes of one unfinished event that are held back.
    """

    _log = Logger()

    def __init__(self, client: UpstreamClient, adapter: IAdapter, max_event: int) -> None:
        self._client = client
        self._adapter = adapter
        self._max_event = max_event

    async def respond(self, exchange: Exchange) -> Answer:
        """See `IResponder.respond`."""
        attempt = exchange.attempt
        try:
            response = await self._client.post(
                self._url(exchange, attempt.instance),
                self._headers(exchange, attempt.instance),
                exchange.body,
                attempt,
            )
        except (GatewayError, CancelledError):
            raise
        except Exception as error:
            raise self._explain(error, attempt.instance) from error
        attempt.status = response.code
        return await self._answer(exchange, response, response.headers.pairs)

    def _url(self, exchange: Exchange, instance: Instance) -> str:
        request = exchange.request
        url = instance.base_url + (self._adapter.target(request.route, instance) or request.route.path)
        if request.query:
            url += ("&" if "?" in url else "?") + request.query.decode("latin-1")
        return url

    def _headers(self, exchange: Exchange, instance: Instance) -> HeaderPairs:
        headers = self._adapter.headers(exchange.request, instance)
        if exchange.stream:
            # Compressed events could be neither watched nor followed by an error event
            kept = tuple(pair for pair in headers if pair[0].lower() != b"accept-encoding")
            headers = (*kept, (b"Accept-Encoding", b"identity"))
        return headers

    async def _answer(self, exchange: Exchange, response: IResponse, pairs: HeaderPairs) -> Answer:
        status = response.code
        content_type = first_value(pairs, b"content-type")
        if 300 <= status < 400:
            response.deliverBody(PlainReceiver(discard=True))
            raise UpstreamError("the backend answered with a redirect, which is not followed")
        if status >= 500 and b"json" not in content_type.lower():
            # A proxy's HTML page or a traceback: nothing an SDK could read, and it may name hosts
            response.deliverBody(PlainReceiver(discard=True))
            return _error_answer(status, pairs)
        if status in _WITHOUT_BODY:
            response.deliverBody(PlainReceiver(discard=True))
            return Answer(status, end_to_end(pairs, _STOPPED_WITHOUT_BODY), AnswerBody.of(b""))
        encoded = first_value(pairs, b"content-encoding").lower() not in (b"", b"identity")
        if status < 300 and is_event_stream(content_type) and not encoded:
            receiver = EventReceiver(exchange.request.route.dialect, self._max_event)
            response.deliverBody(receiver)
            await receiver.begun
            headers = (*end_to_end(pairs, _STOPPED_IN_STREAMS), *_NO_BUFFERING)
            return Answer(status, headers, receiver.body, event_stream=True)
        plain = PlainReceiver()
        response.deliverBody(plain)
        return Answer(status, end_to_end(pairs, _STOPPED), plain.body)

    def _explain(self, error: Exception, instance: Instance) -> GatewayError:
        """What went wrong, for the log with names, for the client without."""
        result = _translated(error)
        if result is None:
            self._log.failure("forwarding to {instance} failed", instance=instance.name)
            return InternalError("the gateway failed to forward the request; its log says why")
        self._log.warn(
            "{instance} at {url}: {result} ({reason})",
            instance=instance.name,
            url=instance.base_url,
            result=result.message,
            reason=getattr(error, "reasons", None) or error,
        )
        return result


_NO_BUFFERING = ((b"Cache-Control", b"no-cache, no-transform"), (b"X-Accel-Buffering", b"no"))
"""What keeps proxies in front of us, nginx above all, from holding events back."""


def _translated(error: Exception) -> GatewayError | None:
    """What may go wrong between here and the backend; None for what may not."""
    if isinstance(error, net.ConnectBindError):
        # No descriptors or no ports left: that is no fault of the instance
        return PoolExhausted("the gateway cannot open more connections at present", retry_after=1)
    if isinstance(error, WrongBodyLength):
        return BadRequest("the request body is not as long as it said")
    if isinstance(error, net.TimeoutError | net.TCPTimedOutError | TimeoutError):
        return UpstreamTimeout("the backend could not be reached in time")
    for kinds, words in _WORDS:
        if isinstance(error, kinds):
            return UpstreamError(words)
    return None


_WORDS: tuple[tuple[tuple[type[Exception], ...], str], ...] = (
    ((net.ConnectError, net.DNSLookupError), "the backend could not be reached"),
    ((BadAddress,), "the backend's address is none that can be connected to"),
    ((BadAnswer,), "the backend's answer is not valid HTTP"),
    (
        (SSL.Error, VerificationError, CertificateError),
        "no secure connection to the backend could be made",
    ),
    ((OSError, net.ConnectionClosed), "the connection to the backend was lost before it answered"),
)


def _error_answer(status: int, pairs: HeaderPairs) -> Answer:
    error = UpstreamError(f"the backend failed with status {status}")
    wait = tuple(pair for pair in pairs if pair[0].lower() in _WAIT)
    return Answer(status, ((b"Content-Type", b"application/json"), *wait), AnswerBody.of(render(error)))
