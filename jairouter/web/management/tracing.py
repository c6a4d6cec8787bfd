"""Recent traces: ``/api/tracing/query``."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Final

from jairouter.web.management.endpoint import Endpoint, Parameter, Reply
from jairouter.web.management.live_schemas import COUNT, DATE, TEXT, exactly, many
from jairouter.web.management.trace_answers import (
    EXPORT,
    EXPORTED,
    FILTERS,
    HEALTH,
    HOURS,
    LIMIT,
    LIST,
    RANGE,
    SERVICE,
    STATISTICS,
    TRACE,
    Traces,
)

if TYPE_CHECKING:
    from jairouter.telemetry.tracing.tracing import Tracing
    from jairouter.web.management.endpoint import Call, Schema

TAG: Final = "Tracing"
READ: Final = "tracing:read"
DELETE: Final = "tracing:delete"
_QUERY: Final = "/api/tracing/query"


def endpoints(tracing: Tracing, today: Callable[[], float]) -> tuple[Endpoint, ...]:
    """What can be asked about traces.

    Args:
        tracing: Traces.
        today: Seconds since the epoch.
    """
    traces = Traces(tracing, today)
    return (*_looking(traces), *_taking(traces))


def _looking(traces: Traces) -> tuple[Endpoint, ...]:
    recent = Parameter("limit", "How many at most.", LIMIT, default=50)
    return (
        _get(
            "/trace/{traceId}", "getTrace", "Show a trace with its spans", traces.one, (), TRACE, "NOT_FOUND"
        ),
        _get(
            "/search",
            "searchTraces",
            "Show the traces that fit, the latest first",
            traces.search,
            FILTERS,
            LIST,
        ),
        _get("/recent", "getRecentTraces", "Show the latest traces", traces.recent, (recent,), LIST),
        _get(
            "/statistics",
            "getTraceStatistics",
            "How many traces and spans there are, and how long they took",
            traces.statistics,
            RANGE,
            STATISTICS,
        ),
        _get(
            "/services",
            "getTracedServices",
            "The kinds of service in traces",
            traces.services,
            (),
            many(TEXT),
        ),
        _get(
            "/operations",
            "getTracedOperations",
            "The names of spans in traces",
            traces.operations,
            (SERVICE,),
            many(TEXT),
        ),
        _get("/health", "getTracingHealth", "How it stands with sending spans", traces.health, (), HEALTH),
    )


def _taking(traces: Traces) -> tuple[Endpoint, ...]:
    return (
        Endpoint(
            "POST",
            _QUERY + "/export",
            "exportTraces",
            TAG,
            "Take traces along, as JSON or as CSV",
            traces.export,
            body=EXPORT,
            body_required=False,
            data=EXPORTED,
            permission=READ,
        ),
        Endpoint(
            "POST",
            _QUERY + "/cleanup",
            "cleanUpTraces",
            TAG,
            "Forget traces that are too old",
            traces.clean_up,
            parameters=(HOURS,),
            data=exactly(deletedTraces=COUNT, before=DATE),
            permission=DELETE,
            event="TRACES_DELETED",
        ),
    )


def _get(
    path: str,
    name: str,
    summary: str,
    answer: Callable[[Call], Reply],
    parameters: tuple[Parameter, ...],
    data: Schema,
    *refusals: str,
) -> Endpoint:
    return Endpoint(
        "GET",
        _QUERY + path,
        name,
        TAG,
        summary,
        answer,
        parameters=parameters,
        data=data,
        refusals=refusals,
        permission=READ,
    )
