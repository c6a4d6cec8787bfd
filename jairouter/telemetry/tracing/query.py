"""Looks through the traces that are kept: pure; a thread may do it, since what is kept never changes."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from jairouter.dates import date_of
from jairouter.telemetry.tracing.span_log import shown

if TYPE_CHECKING:
    from jairouter.telemetry.tracing.ring import Kept
    from jairouter.telemetry.tracing.span import Span

SERVICE: Final = "ai.service.type"
COLUMNS: Final = (
    "traceId",
    "spanId",
    "parentSpanId",
    "operationName",
    "kind",
    "startTime",
    "duration",
    "status",
    "statusMessage",
)


class Wanted(NamedTuple):
    """Which traces are wanted; None and empty for any.

    Attributes:
        start: That were over then or later, in seconds since the epoch.
        end: That began then or earlier.
        service: With a request to this kind of service.
        operation: With a span of this name.
        min_duration: That took so many milliseconds or more.
        max_duration: That took so many or fewer.
        failed: That have an error, or have none.
    """

    start: float | None = None
    end: float | None = None
    service: str = ""
    operation: str = ""
    min_duration: float | None = None
    max_duration: float | None = None
    failed: bool | None = None

    def fits(self, kept: Kept) -> bool:
        """Whether a trace is one of them."""
        took = duration(kept)
        return (
            (self.start is None or kept.until >= self.start)
            and (self.end is None or kept.since <= self.end)
            and (self.min_duration is None or took >= self.min_duration)
            and (self.max_duration is None or took <= self.max_duration)
            and self.failed in {None, kept.failed}
            and (not self.operation or any(each.name == self.operation for each in kept.spans))
            and (not self.service or self.service in _services(kept))
        )


def duration(kept: Kept) -> float:
    """Milliseconds from its first span's beginning to its last one's end."""
    return round((kept.until - kept.since) * 1000, 3)


def _services(kept: Kept) -> Iterator[str]:
    for span in kept.spans:
        service = span.attributes.get(SERVICE)
        if service is not None:
            yield str(service)


def summary(kept: Kept) -> dict[str, Any]:
    """What a list says of a trace."""
    first = kept.spans[0]
    return {
        "traceId": kept.trace_id,
        "operationName": first.name,
        "services": sorted(set(_services(kept))),
        "startTime": date_of(kept.since),
        "duration": duration(kept),
        "spanCount": len(kept.spans),
        "hasError": kept.failed,
        "statusCode": first.attributes.get("http.response.status_code", 0),
    }


def whole(kept: Kept) -> dict[str, Any]:
    """A trace with its spans."""
    return {**summary(kept), "spans": [shown(each) for each in kept.spans]}


def chosen(traces: Iterable[Kept], wanted: Wanted, most: int) -> list[Kept]:
    """Those that are wanted, so many at most."""
    found: list[Kept] = []
    for kept in traces:
        if len(found) == most:
            break
        if wanted.fits(kept):
            found.append(kept)
    return found


def services(traces: Iterable[Kept]) -> list[str]:
    """The kinds of service that were asked."""
    return sorted({service for kept in traces for service in _services(kept)})


def operations(traces: Iterable[Kept], service: str = "") -> list[str]:
    """The names of spans, in traces with this kind of service or all."""
    wanted = Wanted(service=service)
    return sorted({span.name for kept in traces if wanted.fits(kept) for span in kept.spans})


def statistics(traces: Sequence[Kept]) -> dict[str, Any]:
    """How many there are of what, and how long they took, in milliseconds."""
    times = sorted(map(duration, traces))
    by_name: dict[str, list[Span]] = {}
    for kept in traces:
        for span in kept.spans:
            by_name.setdefault(span.name, []).append(span)
    return {
        "totalTraces": len(traces),
        "totalSpans": sum(len(kept.spans) for kept in traces),
        "errorTraces": sum(kept.failed for kept in traces),
        "averageDuration": round(sum(times) / len(times), 3) if times else 0.0,
        "p50Duration": _quantile(times, 0.5),
        "p95Duration": _quantile(times, 0.95),
        "p99Duration": _quantile(times, 0.99),
        "operations": [_operation(name, spans) for name, spans in sorted(by_name.items())],
    }


def _operation(name: str, spans: Sequence[Span]) -> dict[str, Any]:
    times = [(each.end - each.start) * 1000 for each in spans]
    return {
        "operationName": name,
        "count": len(spans),
        "errors": sum(1 for each in spans if each.error),
        "averageDuration": round(sum(times) / len(times), 3),
        "maxDuration": round(max(times), 3),
    }


def _quantile(times: Sequence[float], share: float) -> float:
    """Of sorted times the smallest below which, or at which, so many of them are."""
    return times[max(0, -int(-len(times) * share // 1) - 1)] if times else 0.0


def as_csv(traces: Iterable[Kept]) -> str:
    """The spans of traces, a line each."""
    text = io.StringIO()
    writer = csv.DictWriter(text, COLUMNS, extrasaction="ignore")
    writer.writeheader()
    for kept in traces:
        writer.writerows(shown(each) for each in kept.spans)
    return text.getvalue()
