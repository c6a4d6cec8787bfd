"""What there is to ask about recent traces, and the answers; `tracing` says where."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import TYPE_CHECKING, Any, Final

from jairouter.config.naming import service_name
from jairouter.dates import date_of
from jairouter.refusals import InvalidRequest, NotFound
from jairouter.telemetry.tracing import query
from jairouter.web.management.audit_answers import time_of
from jairouter.web.management.endpoint import Later, Parameter, Reply
from jairouter.web.management.live_schemas import COUNT, DATE, FLAG, TEXT, exactly, many, told
from jairouter.web.management.schemas import OBJECT

if TYPE_CHECKING:
    from jairouter.telemetry.tracing.tracing import Tracing
    from jairouter.web.management.endpoint import Call

MOST: Final = 500
"""Traces in one list."""
MOST_EXPORTED: Final = 10_000

_NUMBER: Final = {"type": "number", "minimum": 0}
RANGE: Final = (
    Parameter("startTime", "Only traces that were over then or later: `2026-01-31T12:00:00Z`."),
    Parameter("endTime", "Only traces that had begun then."),
)
SERVICE: Final = Parameter(
    "serviceName",
    "Only traces of this kind of service, in any spelling; `tracing.service-name` stands for all.",
)
LIMIT: Final = {"type": "integer", "minimum": 1, "maximum": MOST}
FILTERS: Final = (
    *RANGE,
    SERVICE,
    Parameter("operationName", "Only traces with a span of this name."),
    Parameter("minDuration", "Only traces that took so many milliseconds or more.", _NUMBER),
    Parameter("maxDuration", "Only traces that took so many milliseconds or fewer.", _NUMBER),
    Parameter("hasError", "Only traces with an error, or only those without.", FLAG),
    Parameter("limit", "How many at most, the latest first.", LIMIT, default=100),
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
TRACE: Final = exactly(**_SUMMARY["properties"], spans=many(_SPAN))
LIST: Final = exactly(enabled=FLAG, traces=many(_SUMMARY), kept=told(COUNT, "Traces in memory."))
STATISTICS: Final = exactly(
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
HEALTH: Final = exactly(
    status={"type": "string", "enum": ["UP", "DEGRADED", "DISABLED"]},
    exporter=TEXT,
    traces=COUNT,
    spans=COUNT,
    waiting=told(COUNT, "Spans that are still to be sent."),
    exported=COUNT,
    dropped=told(COUNT, "Spans that were not sent, because too many waited or their receiver failed."),
    failedBatches=COUNT,
)
EXPORT: Final = {
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
EXPORTED: Final = exactly(
    format=TEXT,
    count=COUNT,
    traces=told(many(TRACE), "With `json`."),
    csv=told(TEXT, "With `csv`: a line for each span."),
)
HOURS: Final = Parameter(
    "retentionHours",
    "Traces are kept that were not over before that.",
    {"type": "number", "minimum": 0, "maximum": 100_000},
    default=24,
)


class Traces:
    """Answers about traces that are kept. To look through them is a thread's work.

    Args:
        tracing: Traces.
        today: Seconds since the epoch.
    """

    def __init__(self, tracing: Tracing, today: Callable[[], float]) -> None:
        self._tracing, self._today = tracing, today

    def one(self, call: Call) -> Reply:
        """A trace with its spans."""
        kept = self._tracing.ring.get(call.path["traceId"])
        if kept is None:
            raise NotFound("no such trace is kept")
        return Reply(Later(partial(query.whole, kept)))

    def search(self, call: Call) -> Reply:
        """Those that fit."""
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
        """The latest."""
        return self._list(query.Wanted(), call.query["limit"])

    def _list(self, wanted: query.Wanted, most: int) -> Reply:
        traces, enabled = self._tracing.ring.latest(), self._tracing.enabled

        def make() -> dict[str, Any]:
            found = [query.summary(each) for each in query.chosen(traces, wanted, most)]
            return {"enabled": enabled, "traces": found, "kept": len(traces)}

        return Reply(Later(make), "OK" if enabled else "Nothing is traced: tracing.enabled is false")

    def statistics(self, call: Call) -> Reply:
        """How many there are of what."""
        traces, wanted = self._tracing.ring.latest(), query.Wanted(*_times(call.query))
        return Reply(Later(lambda: query.statistics(query.chosen(traces, wanted, len(traces)))))

    def services(self, call: Call) -> Reply:
        """The kinds of service."""
        traces = self._tracing.ring.latest()
        return Reply(Later(lambda: query.services(traces)))

    def operations(self, call: Call) -> Reply:
        """The names of spans."""
        traces, service = self._tracing.ring.latest(), self._service(call.query)
        return Reply(Later(lambda: query.operations(traces, service)))

    def health(self, call: Call) -> Reply:
        """How it stands with sending."""
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
        """Traces to take along."""
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
        """Forget some."""
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
