"""Recent traces, and which requests are traced: ``/api/tracing``."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import TYPE_CHECKING, Any, Final

from jairouter.config.edits import merge
from jairouter.config.effective import effective_view
from jairouter.config.naming import service_name
from jairouter.config.settings.tracing import TraceSamplingSettings
from jairouter.dates import date_of
from jairouter.refusals import InvalidRequest, NotFound
from jairouter.telemetry.tracing import query
from jairouter.web.management.audit_answers import time_of
from jairouter.web.management.changing import CHANGING, REFUSALS, change, replied
from jairouter.web.management.endpoint import CHANGED, Endpoint, Later, Parameter, Reply
from jairouter.web.management.live_schemas import COUNT, DATE, FLAG, TEXT, exactly, many, told
from jairouter.web.management.schemas import OBJECT, body_of

if TYPE_CHECKING:
    from collections.abc import Awaitable

    from jairouter.telemetry.tracing.tracing import Tracing
    from jairouter.web.management.endpoint import Call, Schema
    from jairouter.web.management.parts import Parts

TAG: Final = "Tracing"
READ: Final = "tracing:read"
WRITE: Final = "tracing:write"
DELETE: Final = "tracing:delete"
MOST: Final = 500
"""Traces in one list."""
MOST_EXPORTED: Final = 10_000

_QUERY: Final = "/api/tracing/query"
_SAMPLING: Final = "/api/tracing/sampling"
_NUMBER: Final = {"type": "number", "minimum": 0}
_RANGE: Final = (
    Parameter("startTime", "Only traces that were over then or later: `2026-01-31T12:00:00Z`."),
    Parameter("endTime", "Only traces that had begun then."),
)
_SERVICE: Final = Parameter(
    "serviceName",
    "Only traces of this kind of service, in any spelling; `tracing.service-name` stands for all.",
)
_LIMIT: Final = {"type": "integer", "minimum": 1, "maximum": MOST}
_FILTERS: Final = (
    *_RANGE,
    _SERVICE,
    Parameter("operationName", "Only traces with a span of this name."),
    Parameter("minDuration", "Only traces that took so many milliseconds or more.", _NUMBER),
    Parameter("maxDuration", "Only traces that took so many milliseconds or fewer.", _NUMBER),
    Parameter("hasError", "Only traces with an error, or only those without.", FLAG),
    Parameter("limit", "How many at most, the latest first.", _LIMIT, default=100),
)
_SUMMARY: Final = exactly(
    traceId=TEXT,
    operationName=told(TEXT, "The name of its first span."),
    services=many(TEXT),
    startTime=DATE,
    duration=told(_NUMBER, "Milliseconds."),
    spanCount=COUNT,
    hasError=FLAG,
    statusCode=COUNT,
)
_SPAN: Final = exactly(
    traceId=TEXT,
    spanId=TEXT,
    parentSpanId=TEXT,
    operationName=TEXT,
    kind={"type": "string", "enum": ["SERVER", "CLIENT", "INTERNAL"]},
    startTime=DATE,
    endTime=DATE,
    duration=told({"type": "number"}, "Milliseconds."),
    status={"type": "string", "enum": ["ERROR", "UNSET"]},
    statusMessage=TEXT,
    attributes=OBJECT,
    events=many(exactly(name=TEXT, time=DATE)),
)
_TRACE: Final = exactly(**_SUMMARY["properties"], spans=many(_SPAN))
_LIST: Final = exactly(enabled=FLAG, traces=many(_SUMMARY), kept=told(COUNT, "Traces in memory."))
_STATISTICS: Final = exactly(
    totalTraces=COUNT,
    totalSpans=COUNT,
    errorTraces=COUNT,
    averageDuration=_NUMBER,
    p50Duration=_NUMBER,
    p95Duration=_NUMBER,
    p99Duration=_NUMBER,
    operations=many(
        exactly(operationName=TEXT, count=COUNT, errors=COUNT, averageDuration=_NUMBER, maxDuration=_NUMBER)
    ),
)
_HEALTH: Final = exactly(
    status={"type": "string", "enum": ["UP", "DEGRADED", "DISABLED"]},
    exporter=TEXT,
    traces=COUNT,
    spans=COUNT,
    waiting=told(COUNT, "Spans that are still to be sent."),
    exported=COUNT,
    dropped=told(COUNT, "Spans that were not sent, because too many waited or their receiver failed."),
    failedBatches=COUNT,
)
_EXPORT: Final = {
    "title": "TraceExport",
    "type": "object",
    "properties": {
        "startTime": TEXT,
        "endTime": TEXT,
        "format": {"type": "string", "enum": ["json", "csv"], "default": "json"},
        "maxRecords": {"type": "integer", "minimum": 1, "maximum": MOST_EXPORTED, "default": 1000},
    },
    "additionalProperties": False,
}
_EXPORTED: Final = exactly(
    format=TEXT,
    count=COUNT,
    traces=told(many(_TRACE), "With `json`."),
    csv=told(TEXT, "With `csv`: a line for each span."),
)
_HOURS: Final = Parameter(
    "retentionHours",
    "Traces are kept that were not over before that.",
    {"type": "number", "minimum": 0, "maximum": 100_000},
    default=24,
)
_SAMPLED: Final = exactly(
    strategy=TEXT,
    ratio=told(_NUMBER, "The share of requests of which nothing else is said, as it is now."),
    adaptive=FLAG,
    sampled=COUNT,
    notSampled=COUNT,
    spans=told(COUNT, "That were made."),
)


def endpoints(parts: Parts, tracing: Tracing, today: Callable[[], float]) -> tuple[Endpoint, ...]:
    """What can be asked about traces.

    Args:
        parts: What endpoints work on.
        tracing: Traces.
        today: Seconds since the epoch.
    """
    return (*_looking(_Traces(tracing, today)), *_taking(_Traces(tracing, today)), *_sampling(parts, tracing))


class _Traces:
    """Answers about traces that are kept. To look through them is a thread's work."""

    def __init__(self, tracing: Tracing, today: Callable[[], float]) -> None:
        self._tracing, self._today = tracing, today

    def one(self, call: Call) -> Reply:
        kept = self._tracing.ring.get(call.path["traceId"])
        if kept is None:
            raise NotFound("no such trace is kept")
        return Reply(Later(partial(query.whole, kept)))

    def search(self, call: Call) -> Reply:
        asked = call.query
        wanted = query.Wanted(
            *_times(asked),
            self._service(asked),
            asked["operationName"] or "",
            asked["minDuration"],
            asked["maxDuration"],
            asked["hasError"],
        )
        return self._list(wanted, asked["limit"])

    def recent(self, call: Call) -> Reply:
        return self._list(query.Wanted(), call.query["limit"])

    def _list(self, wanted: query.Wanted, most: int) -> Reply:
        traces, enabled = self._tracing.ring.latest(), self._tracing.enabled

        def make() -> dict[str, Any]:
            found = [query.summary(each) for each in query.chosen(traces, wanted, most)]
            return {"enabled": enabled, "traces": found, "kept": len(traces)}

        return Reply(Later(make), "OK" if enabled else "Nothing is traced: tracing.enabled is false")

    def statistics(self, call: Call) -> Reply:
        traces, wanted = self._tracing.ring.latest(), query.Wanted(*_times(call.query))
        return Reply(Later(lambda: query.statistics(query.chosen(traces, wanted, len(traces)))))

    def services(self, call: Call) -> Reply:
        traces = self._tracing.ring.latest()
        return Reply(Later(lambda: query.services(traces)))

    def operations(self, call: Call) -> Reply:
        traces, service = self._tracing.ring.latest(), self._service(call.query)
        return Reply(Later(lambda: query.operations(traces, service)))

    def health(self, call: Call) -> Reply:
        tracing, counts = self._tracing, self._tracing.counts
        failing = tracing.failing
        return Reply(
            {
                "status": "DISABLED" if not tracing.enabled else "DEGRADED" if failing else "UP",
                "exporter": tracing.exporter,
                "traces": len(tracing.ring),
                "spans": tracing.ring.spans,
                "waiting": tracing.waiting,
                "exported": counts.exported,
                "dropped": counts.dropped,
                "failedBatches": counts.failed,
            }
        )

    def export(self, call: Call) -> Reply:
        traces = self._tracing.ring.latest()
        asked = {name: call.member(name) for name in ("startTime", "endTime")}
        wanted, most = query.Wanted(*_times(asked)), call.member("maxRecords", 1000)
        written = call.member("format", "json")

        def make() -> dict[str, Any]:
            found = query.chosen(traces, wanted, most)
            as_json = [query.whole(each) for each in found] if written == "json" else []
            as_csv = query.as_csv(found) if written == "csv" else ""
            return {"format": written, "count": len(found), "traces": as_json, "csv": as_csv}

        return Reply(Later(make))

    def clean_up(self, call: Call) -> Reply:
        before = self._today() - call.query["retentionHours"] * 3600.0
        gone = self._tracing.ring.forget(before)
        return Reply(
            {"deletedTraces": gone, "before": date_of(max(before, 0.0))}, f"{gone} traces are forgotten"
        )

    def _service(self, asked: Mapping[str, Any]) -> str:
        """The kind of service; what is none fits nothing, but for the gateway's own name, which fits all."""
        written: str = asked["serviceName"] or ""
        return "" if written == self._tracing.service_name else service_name(written) or written


def _times(asked: Mapping[str, Any]) -> tuple[float | None, float | None]:
    start, end = time_of(asked, "startTime"), time_of(asked, "endTime")
    if start is not None and end is not None and start > end:
        raise InvalidRequest("startTime is later than endTime")
    return start, end


def _looking(traces: _Traces) -> tuple[Endpoint, ...]:
    recent = Parameter("limit", "How many at most.", _LIMIT, default=50)
    return (
        _get(
            "/trace/{traceId}", "getTrace", "Show a trace with its spans", traces.one, (), _TRACE, "NOT_FOUND"
        ),
        _get(
            "/search",
            "searchTraces",
            "Show the traces that fit, the latest first",
            traces.search,
            _FILTERS,
            _LIST,
        ),
        _get("/recent", "getRecentTraces", "Show the latest traces", traces.recent, (recent,), _LIST),
        _get(
            "/statistics",
            "getTraceStatistics",
            "How many traces and spans there are, and how long they took",
            traces.statistics,
            _RANGE,
            _STATISTICS,
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
            (_SERVICE,),
            many(TEXT),
        ),
        _get("/health", "getTracingHealth", "How it stands with sending spans", traces.health, (), _HEALTH),
    )


def _taking(traces: _Traces) -> tuple[Endpoint, ...]:
    return (
        Endpoint(
            "POST",
            _QUERY + "/export",
            "exportTraces",
            TAG,
            "Take traces along, as JSON or as CSV",
            traces.export,
            body=_EXPORT,
            body_required=False,
            data=_EXPORTED,
            permission=READ,
        ),
        Endpoint(
            "POST",
            _QUERY + "/cleanup",
            "cleanUpTraces",
            TAG,
            "Forget traces that are too old",
            traces.clean_up,
            parameters=(_HOURS,),
            data=exactly(deletedTraces=COUNT, before=DATE),
            permission=DELETE,
            event="TRACES_DELETED",
        ),
    )


def _sampling(parts: Parts, tracing: Tracing) -> tuple[Endpoint, ...]:
    def settings() -> TraceSamplingSettings:
        return parts.configuration.loaded.settings.tracing.sampling

    def get(call: Call) -> Reply:
        configuration = parts.configuration
        view = partial(effective_view, configuration.loaded, ("tracing", "sampling"))
        return Reply(Later(view), version=configuration.version)

    async def put(call: Call) -> Reply:
        edit = merge({"tracing": {"sampling": call.body}})
        outcome = await change(parts, call, edit, "update-sampling", "Changed which requests are traced")
        return replied(outcome, "Changed which requests are traced")

    def statistics(call: Call) -> Reply:
        tracer, now = tracing.tracer, settings()
        return Reply(
            {
                "strategy": now.strategy,
                "ratio": tracer.ratio,
                "adaptive": now.adaptive.enabled or now.strategy == "adaptive",
                "sampled": tracer.sampled,
                "notSampled": tracer.not_sampled,
                "spans": tracer.recorded,
            }
        )

    path, body = _SAMPLING + "/config", body_of(TraceSamplingSettings, "Sampling")
    show, count = "Show which requests are traced", "How many requests were traced, and how many were not"
    return (
        Endpoint("GET", path, "getSampling", TAG, show, get, data=OBJECT, permission=READ),
        Endpoint(
            "PUT",
            path,
            "updateSampling",
            TAG,
            "Change which requests are traced",
            put,
            "What the body does not name stays; a list is replaced. It makes a version, as every change does.",
            CHANGING,
            {**body, "type": "object"},
            data=CHANGED,
            refusals=REFUSALS,
            permission=WRITE,
        ),
        Endpoint(
            "GET",
            _SAMPLING + "/statistics",
            "getSamplingStatistics",
            TAG,
            count,
            statistics,
            data=_SAMPLED,
            permission=READ,
        ),
    )


def _get(
    path: str,
    name: str,
    summary: str,
    answer: Callable[[Call], Reply | Awaitable[Reply]],
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
