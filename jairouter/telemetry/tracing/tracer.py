"""Knows the trace of each request, and makes its spans when it is over."""

from __future__ import annotations

from collections.abc import Callable
from random import Random
from typing import TYPE_CHECKING, Final

from zope.interface import implementer

from jairouter.interfaces import IRecorder, ITracer
from jairouter.telemetry.slow.thresholds import thresholds_of
from jairouter.telemetry.tracing.adaptive import Adaptive
from jairouter.telemetry.tracing.context import parent_of, state_of, traceparent_of
from jairouter.telemetry.tracing.ring import Ring
from jairouter.telemetry.tracing.sampling import Sampler
from jairouter.telemetry.tracing.spans import failed, spans_of
from jairouter.tracing import Trace

if TYPE_CHECKING:
    from collections.abc import Sequence

    from jairouter.config.settings.monitoring import MonitoringSettings
    from jairouter.config.settings.tracing import TraceSamplingSettings, TracingSettings
    from jairouter.errors import GatewayError
    from jairouter.exchange import Attempt, Exchange, HeaderPairs
    from jairouter.telemetry.tracing.span import Span

_LAST: Final = 2**64 - 1
_made: Final = tuple.__new__  # each request makes one: `Trace(...)` is a function in Python


@implementer(ITracer, IRecorder)
class Tracer:
    """Traces requests.

    Spans are made of those that are sampled, and sent; and besides of those that failed or were slow, which
    are kept here and not sent: their callers were told that they are not.

    Args:
        random: For ids.
        seconds: The clock.
        today: Seconds since the epoch.
        send: Is given the spans of requests that are sampled.

    Attributes:
        ring: What is kept.
        sampled: How many requests were to be traced.
        not_sampled: How many were not.
        recorded: How many spans were made.
    """

    def __init__(
        self,
        random: Random,
        seconds: Callable[[], float],
        today: Callable[[], float],
        send: Callable[[Sequence[Span]], None],
    ) -> None:
        self._bits, self._seconds, self._today, self._send = random.getrandbits, seconds, today, send
        self.ring = Ring(0, 0)
        self.sampled = self.not_sampled = self.recorded = 0
        self._settings: TraceSamplingSettings | None = None
        self._sampler: Sampler
        self._adaptive: Adaptive | None = None
        self._slow: dict[str, float] = {}

    def configure(self, settings: TracingSettings, monitoring: MonitoringSettings) -> None:
        """Go by these settings from now on. What is kept goes on."""
        self._slow = thresholds_of(monitoring)
        self.ring.resize(settings.ring.max_traces, settings.ring.max_spans)
        sampling = settings.sampling
        if sampling == self._settings:
            return  # adaptive sampling goes on from where it is
        self._settings = sampling
        wanted = sampling.adaptive.enabled or sampling.strategy == "adaptive"
        self._adaptive = Adaptive(sampling.adaptive, sampling.ratio, self._seconds()) if wanted else None
        self._sampler = Sampler(sampling, self._adaptive)

    @property
    def ratio(self) -> float:
        """The share of requests that is traced where nothing else is said of them, as it is now."""
        if self._adaptive is not None:
            return self._adaptive.ratio
        return self._settings.ratio if self._settings is not None else 0.0

    def begin(self, exchange: Exchange) -> Trace:
        """See `ITracer.begin`."""
        request = exchange.request
        fields = request.fields
        given = fields.get(b"traceparent")
        parent = None if given is None else parent_of(given)
        if parent is None:
            bits = self._bits(192)
            made = bits.to_bytes(24, "big").hex()
            trace_id, span_id = made[16:], made[:16]
            sampled = self._sampler.wants(request, bits & _LAST, None, exchange.started)
            trace = _made(Trace, (trace_id, span_id, "", sampled, b""))
        else:
            trace_id = parent[0]
            sampled = self._sampler.wants(request, int(trace_id[16:], 16), parent[2], exchange.started)
            state = fields.get(b"tracestate", b"")
            trace = Trace(trace_id, self._new_id(), parent[1], sampled, state)
        if sampled:
            self.sampled += 1
        else:
            self.not_sampled += 1
        exchange.added = ((b"X-Trace-Id", trace_id.encode("ascii")),)
        return trace

    def _new_id(self) -> str:
        return self._bits(64).to_bytes(8, "big").hex()

    def outgoing(self, trace: Trace, attempt: Attempt) -> HeaderPairs:
        """See `ITracer.outgoing`."""
        attempt.span_id = self._new_id()
        told = (b"traceparent", traceparent_of(trace[0], attempt.span_id, trace[3]))
        if trace[4] and (state := state_of(trace[4])):
            return (told, (b"tracestate", state))
        return (told,)

    def record(self, exchange: Exchange, status: int, sent: int, error: GatewayError | None) -> None:
        """See `IRecorder.record`."""
        trace = exchange.trace
        if trace is None:
            return
        now = self._seconds()
        if not (trace[3] or failed(status, error) or self._is_slow(exchange, now)):
            return
        ahead = self._today() - now
        spans = spans_of(exchange, trace, status, sent, error, now, ahead, self._new_id)
        self.recorded += len(spans)
        self.ring.add(spans)
        if trace[3]:
            if self._adaptive is not None:
                self._adaptive.made(len(spans))
            self._send(spans)

    def _is_slow(self, exchange: Exchange, now: float) -> bool:
        """Judged as slow requests are: a stream by the time until it began."""
        threshold = self._slow.get(exchange.request.route.service)
        if threshold is None or now - exchange.started <= threshold:
            return False
        answered = exchange.attempts[-1].answered if exchange.attempts else 0.0
        return (answered if exchange.stream and answered else now) - exchange.started > threshold
