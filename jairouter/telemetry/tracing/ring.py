"""The traces that were made lately, in memory and bounded."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from typing import TYPE_CHECKING, Final, NamedTuple

if TYPE_CHECKING:
    from jairouter.telemetry.tracing.span import Span


MOST: Final = 500
"""Spans of one trace: with more, each exchange that a client counts to it would take longer than the last."""


class Kept(NamedTuple):
    """What is kept of a trace. Never changed, so that a thread may look at it.

    Attributes:
        trace_id: Of all its spans.
        spans: Those of each exchange together, that of the exchange itself first.
        since: When the first of its spans began, in seconds since the epoch.
        until: When the last of them ended, likewise.
        failed: Whether one of them has the status ERROR.
    """

    trace_id: str
    spans: tuple[Span, ...]
    since: float
    until: float
    failed: bool


class Ring:
    """Keeps the latest traces; the oldest make room for others.

    Exchanges of one trace that follow each other are kept together; each makes it the latest.

    Args:
        max_traces: How many at most.
        max_spans: Of all of them together, at most. What a trace has more than this, or than `MOST`, is not
            kept.

    Attributes:
        spans: How many there are.
    """

    def __init__(self, max_traces: int, max_spans: int) -> None:
        self._max_traces, self._max_spans = max_traces, max_spans
        self._traces: OrderedDict[str, Kept] = OrderedDict()
        self.spans = 0

    def __len__(self) -> int:
        """How many traces there are."""
        return len(self._traces)

    def resize(self, max_traces: int, max_spans: int) -> None:
        """Keep no more than so much from now on."""
        self._max_traces, self._max_spans = max_traces, max_spans
        self._make_room(0)

    def add(self, spans: Sequence[Span]) -> None:
        """Keep the spans of an exchange, its own first."""
        first = spans[0]
        before = self._traces.pop(first.trace_id, None)
        failed = any(each.error for each in spans)
        most = min(self._max_spans, MOST)
        kept = Kept(first.trace_id, tuple(spans[:most]), first.start, first.end, failed)
        if before is not None:
            self.spans -= len(before.spans)
            kept = Kept(
                first.trace_id,
                (*before.spans, *spans)[:most],
                min(before.since, first.start),
                max(before.until, first.end),
                failed or before.failed,
            )
        self._make_room(len(kept.spans))
        self._traces[first.trace_id] = kept
        self.spans += len(kept.spans)

    def _make_room(self, spans: int) -> None:
        traces = self._traces
        more = 1 if spans else 0
        while traces and (len(traces) + more > self._max_traces or self.spans + spans > self._max_spans):
            self.spans -= len(traces.popitem(last=False)[1].spans)

    def get(self, trace_id: str) -> Kept | None:
        """A trace, if it is kept."""
        return self._traces.get(trace_id)

    def latest(self) -> list[Kept]:
        """All of them, the latest first."""
        return [*self._traces.values()][::-1]

    def forget(self, before: float) -> int:
        """Keep only what was over then or later.

        Args:
            before: Seconds since the epoch.

        Returns:
            How many traces went.
        """
        gone = [each for each in self._traces.values() if each.until < before]
        for each in gone:
            del self._traces[each.trace_id]
            self.spans -= len(each.spans)
        return len(gone)
