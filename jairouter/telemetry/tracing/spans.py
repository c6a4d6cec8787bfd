"""Makes the spans of an exchange that is over, from its times and those of its attempts: pure.

Names and attributes are those of OpenTelemetry's semantic conventions for HTTP
(https://opentelemetry.io/docs/specs/semconv/http/http-spans/) and generative AI
(https://opentelemetry.io/docs/specs/semconv/gen-ai/gen-ai-spans/), and beside them ``ai.*`` and
``backend.*``, which dashboards of earlier gateways look for.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

from jairouter.exchange import Outcome
from jairouter.telemetry.tracing.span import Event, Kind, Span, Value

if TYPE_CHECKING:
    from jairouter.errors import GatewayError
    from jairouter.exchange import Attempt, Exchange, Route
    from jairouter.tracing import Trace
    from jairouter.usage import Usage

LONGEST: Final = 200
"""Characters of a text from outside that an attribute holds."""

LIMIT_WAIT: Final = "infrastructure.rate_limiting"
STREAM: Final = "stream"
FIRST_TOKEN: Final = "first_token"  # noqa: S105 - no secret

_FAILED = Outcome.FAILED  # looking into the class takes five times as long
_SERVER, _CLIENT, _INTERNAL = Kind.SERVER, Kind.CLIENT, Kind.INTERNAL

_OPERATIONS: Final = {
    "/v1/chat/completions": "chat",
    "/v1/messages": "chat",
    "/v1/responses": "chat",
    "/v1/completions": "text_completion",
    "/v1/embeddings": "embeddings",
}
"""Those that the conventions name; others are called as their service is."""


def failed(status: int, error: GatewayError | None) -> bool:
    """Whether an exchange is one whose span has the status ERROR: 5xx, or an answer that broke off.

    What its client has done wrong, or that it left, is no error of a server.
    """
    return status >= 500 or (error is not None and status < 400 and error.status >= 500)


def spans_of(
    exchange: Exchange,
    trace: Trace,
    status: int,
    sent: int,
    error: GatewayError | None,
    now: float,
    ahead: float,
    new_id: Callable[[], str],
) -> list[Span]:
    """The spans, that of the exchange itself first.

    Args:
        exchange: That is over.
        trace: Its.
        status: What the client got.
        sent: Bytes of the body that it got.
        error: Why the answer is not complete, or None.
        now: The clock's seconds.
        ahead: By how many seconds today's date is ahead of the clock.
        new_id: Makes ids of spans.
    """
    trace_id, span_id, parent_id, _, _ = trace
    began = exchange.started + ahead
    path = exchange.request.route.path
    why = _why(status, error) if failed(status, error) else ""
    spans = [
        Span(
            trace_id,
            span_id,
            parent_id,
            "POST " + path,
            _SERVER,
            began,
            now + ahead,
            _of_server(exchange, status, sent, error),
            (),
            why,
        )
    ]
    if exchange.waited:
        # It waits once its body is there; waits of a single instance are added to that
        at = exchange.arrived + ahead
        waited: dict[str, Value] = {
            "component": "rate_limiter",
            "jairouter.waited_ms": exchange.waited * 1000,
        }
        name, end = LIMIT_WAIT, at + exchange.waited
        spans.append(Span(trace_id, new_id(), span_id, name, _INTERNAL, at, end, waited))
    for number, attempt in enumerate(sorted(exchange.attempts, key=_began)):
        spans += _of_attempt(exchange, trace, attempt, number, now, ahead, new_id)
    return spans


def _began(attempt: Attempt) -> float:
    return attempt.began


def _why(status: int, error: GatewayError | None) -> str:
    told = "" if error is None else error.code or error.type
    return told if status < 400 else f"HTTP {status} {told}".rstrip()


def _of_server(exchange: Exchange, status: int, sent: int, error: GatewayError | None) -> dict[str, Value]:
    request, route = exchange.request, exchange.request.route
    found: dict[str, Value] = {
        "http.request.method": "POST",
        "http.route": route.path,
        "url.path": route.path,
        "http.response.status_code": status,
        "http.response.body.size": sent,
        "client.address": request.client_ip,
        "jairouter.request.id": request.id,
        "jairouter.attempts": len(exchange.attempts),
        "ai.service.type": route.service,
        "ai.stream": exchange.stream,
    }
    if exchange.model:
        found["ai.model.name"] = exchange.model[:LONGEST]
    if exchange.known is not None:
        found["user.id"] = exchange.known.name[:LONGEST]
        found["auth.method"] = exchange.known.kind.value
    if error is not None:
        found["error.type"] = error.code or error.type
    elif status >= 500:
        found["error.type"] = str(status)
    if exchange.fallback:
        found["jairouter.fallback"] = exchange.fallback[:LONGEST]
    if exchange.not_retried:
        found["jairouter.not_retried"] = exchange.not_retried
    if exchange.attempts and (usage := exchange.attempts[-1].usage) is not None:
        found["ai.request.tokens"] = usage.prompt
        found["ai.response.tokens"] = usage.completion
        found["ai.total.tokens"] = usage.prompt + usage.completion
    return found


def _of_attempt(
    exchange: Exchange,
    trace: Trace,
    attempt: Attempt,
    number: int,
    now: float,
    ahead: float,
    new_id: Callable[[], str],
) -> list[Span]:
    route, status, outcome = exchange.request.route, attempt.status, attempt.outcome
    operation, instance = operation_of(route), attempt.instance
    end = (attempt.ended or now) + ahead
    host, port = address_of(instance.base_url)
    found: dict[str, Value] = {
        "gen_ai.operation.name": operation,
        "gen_ai.provider.name": "openai",  # whose dialect it is, says the convention
        "gen_ai.request.model": instance.name,
        "server.address": host,
        "server.port": port,
        "http.request.method": "POST",
        "backend.adapter.type": "normal",
        "backend.instance.name": instance.label,
        "backend.retry.count": number,
        "jairouter.outcome": outcome.word if outcome is not None else "unsettled",
        "jairouter.hedge": attempt.hedge,
        "http.response.body.size": attempt.received,
    }
    if number:
        found["http.request.resend_count"] = number
    error = ""
    if status:
        found["http.response.status_code"] = status
    if status >= 400 or outcome is _FAILED:
        error = found["error.type"] = str(status) if status >= 400 else "failed"
    if attempt.usage is not None:
        _add_usage(found, attempt.usage)
    events = (Event(FIRST_TOKEN, attempt.first_token + ahead),) if attempt.first_token else ()
    span_id = attempt.span_id or new_id()
    name = f"{operation} {instance.name}"
    began = attempt.began + ahead
    span = Span(trace[0], span_id, trace[1], name, _CLIENT, began, end, found, events, error)
    if not (exchange.stream and attempt.answered and status < 300):
        return [span]
    answered = attempt.answered + ahead
    return [span, Span(trace[0], new_id(), span_id, STREAM, _INTERNAL, answered, end)]


def _add_usage(found: dict[str, Value], usage: Usage) -> None:
    found["gen_ai.usage.input_tokens"] = usage.prompt
    found["gen_ai.usage.output_tokens"] = usage.completion
    if usage.cached:
        found["gen_ai.usage.cache_read.input_tokens"] = usage.cached
    if usage.estimated:
        found["jairouter.usage.estimated"] = True


def operation_of(route: Route) -> str:
    """The operation, as the conventions call it."""
    return _OPERATIONS.get(route.path, route.service)


@lru_cache(maxsize=10_000)
def address_of(base_url: str) -> tuple[str, int]:
    """Host and port of an instance."""
    parts = urlsplit(base_url)
    return parts.hostname or "", parts.port or (443 if parts.scheme == "https" else 80)
