"""Spans as log lines."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from twisted.logger import Logger

from jairouter.dates import date_of

if TYPE_CHECKING:
    from jairouter.telemetry.tracing.span import Span


class SpanLog:
    """Writes each span as a line of the log.

    Args:
        as_json: Whether as a JSON object.
    """

    _log = Logger()

    def __init__(self, as_json: bool) -> None:
        self._as_json = as_json

    def add(self, spans: Sequence[Span]) -> None:
        """Write these."""
        for span in spans:
            text = json.dumps(shown(span)) if self._as_json else _line(span)
            self._log.info("{span}", span=text, trace_id=span.trace_id, span_id=span.span_id)


def shown(span: Span) -> dict[str, Any]:
    """A span as JSON values."""
    return {
        "traceId": span.trace_id,
        "spanId": span.span_id,
        "parentSpanId": span.parent_id,
        "operationName": span.name,
        "kind": span.kind.value,
        "startTime": date_of(span.start),
        "endTime": date_of(span.end),
        "duration": round((span.end - span.start) * 1000, 3),
        "status": "ERROR" if span.error else "UNSET",
        "statusMessage": span.error,
        "attributes": dict(span.attributes),
        "events": [{"name": each.name, "time": date_of(each.at)} for each in span.events],
    }


def _line(span: Span) -> str:
    error = f" ERROR {span.error}" if span.error else ""
    return f"span {span.name} ({span.kind.value}) {(span.end - span.start) * 1000:.1f} ms{error}"
