"""Settings of distributed tracing."""

from typing import Annotated, Any, ClassVar, Final

from jairouter.config.addresses import HeaderName, HeaderValue
from jairouter.config.forms import OneOf, Switch, Words
from jairouter.config.frozen import FrozenMapping, Named, NamedBy
from jairouter.config.numbers import Integer, Positive, Ratio
from jairouter.config.quantities import Seconds
from jairouter.config.settings.section import Section
from jairouter.config.trace_conditions import ConditionText

_NONE: FrozenMapping[Any] = FrozenMapping()


class SamplingRule(Section):
    """A share for requests that meet a condition."""

    condition: Annotated[str, ConditionText()]
    """What requests the share is for: tests such as `path=/v1/chat*`, `service=chat`, `client-ip=10.*` or
    `header.x-tenant=acme` (`!=` for all others), with `and` between them. `*` stands for any text."""

    ratio: Ratio = 1.0
    """Share of those requests that are traced."""


class AdaptiveSamplingSettings(Section):
    """A share that follows the load."""

    enabled: Switch = False
    """Whether the share follows the load, in place of `sampling.ratio`, with which it begins."""

    target_spans_per_second: Positive = 1000
    """Spans per second to aim for."""

    min_ratio: Ratio = 0.1
    """Smallest share."""

    max_ratio: Ratio = 1.0
    """Largest share."""

    adjustment_interval: Seconds = 30.0
    """How often the share is adjusted."""


STRATEGIES: Final = (
    "parent_based_traceid_ratio",
    "parent_based_always_on",
    "parent_based_always_off",
    "traceid_ratio",
    "always_on",
    "always_off",
    "ratio",
    "rule",
    "adaptive",
)


class TraceSamplingSettings(Section):
    """Which requests are traced."""

    strategy: Annotated[str, OneOf(STRATEGIES)] = "parent_based_traceid_ratio"
    """How it is decided. With `parent_based_...` what a caller's `traceparent` says counts, and the rest is
    for traces that begin here; `rule` and `adaptive` are this too, the latter with `adaptive.enabled`. With
    `traceid_ratio` (or `ratio`) callers are not heeded. With `..._on` all are traced, with `..._off` none."""

    ratio: Ratio = 1.0
    """Share of requests that are traced."""

    service_ratios: Named[Ratio] = _NONE
    """Shares for single services."""

    always_sample: tuple[Words, ...] = ()
    """Paths that are always traced, and all below them; `*` stands for any text."""

    never_sample: tuple[Words, ...] = ("/health", "/actuator")
    """Paths that are never traced, likewise; these come before those."""

    rules: tuple[SamplingRule, ...] = ()
    """Shares by condition; the first that fits applies."""

    adaptive: AdaptiveSamplingSettings = AdaptiveSamplingSettings()


class TraceEndpointSettings(Section):
    """One receiver of spans."""

    short_form: ClassVar[str | None] = "endpoint"

    enabled: Switch = True
    """Whether spans are sent there."""

    endpoint: Words | None = None
    """Address of the receiver."""

    headers: NamedBy[HeaderName, HeaderValue] = _NONE
    """Headers of each request to the receiver."""

    timeout: Seconds = 10.0
    """How long sending may take."""

    compression: Annotated[str, OneOf(("none", "gzip", "deflate"))] = "none"
    """Compression of what is sent."""


class SpanLogSettings(Section):
    """Spans as log lines; how they look, `tracing.logging` says."""

    short_form: ClassVar[str | None] = "enabled"

    enabled: Switch = True
    """Whether `composite` writes them."""


class BatchSettings(Section):
    """How spans are gathered before they are sent."""

    delay: Seconds = 5.0
    """How long spans wait for others."""

    max_batch: Positive = 512
    """Most spans in one request; as soon as there are so many, they are sent."""

    max_queue: Positive = 2048
    """Most spans that wait; more are dropped, and counted."""

    shutdown: Seconds = 5.0
    """How long the gateway waits, when it stops, for the last ones to be sent."""


class RingSettings(Section):
    """Traces that are kept in memory, for `/api/tracing/query`.

    They are those that are sampled, and others that failed or were slow.
    """

    max_traces: Annotated[int, Integer(1, 20_000)] = 1000
    """Most traces."""

    max_spans: Annotated[int, Integer(10, 100_000)] = 10_000
    """Most spans of all of them."""


class ExporterSettings(Section):
    """Where spans are sent."""

    type: Annotated[str, OneOf(("otlp", "logging", "composite", "none", "zipkin", "jaeger"))] = "otlp"
    """Kind of receiver: `otlp` (for which `jairouter[otlp]` has to be installed), `logging`, `composite` for
    both as far as they are enabled, or `none` for keeping traces in memory alone. Nothing is sent to `zipkin`
    or `jaeger` in forms of their own: a collector takes OTLP for both, and Jaeger does itself."""

    jaeger: TraceEndpointSettings = TraceEndpointSettings(endpoint="http://localhost:14268/api/traces")
    zipkin: TraceEndpointSettings = TraceEndpointSettings(endpoint="http://localhost:9411/api/v2/spans")
    otlp: TraceEndpointSettings = TraceEndpointSettings(endpoint="http://localhost:4318/v1/traces")
    logging: SpanLogSettings = SpanLogSettings()
    batch: BatchSettings = BatchSettings()


class TraceLoggingSettings(Section):
    """What log lines know of traces."""

    structured_logging: Switch = True
    """Whether spans are logged as JSON objects."""

    format: Words = "json"
    """How they are logged."""

    include_trace_id: Switch = True
    """Whether log lines carry the trace."""

    include_span_id: Switch = True
    """Whether log lines carry the span."""

    sanitize_enabled: Switch = True
    """Whether secrets in headers are masked."""

    capture_headers: Switch = True
    """Whether headers are recorded."""


class TracingSettings(Section):
    """Distributed tracing. `jairouter.tracing` is the same."""

    enabled: Switch = False
    """Whether requests are traced."""

    service_name: Words = "jairouter"
    """Name under which spans are sent."""

    service_version: Words = "1.0.0"
    """Version under which spans are sent."""

    service_namespace: Words = "production"
    """Namespace under which spans are sent."""

    sampling: TraceSamplingSettings = TraceSamplingSettings()
    exporter: ExporterSettings = ExporterSettings()
    logging: TraceLoggingSettings = TraceLoggingSettings()
    ring: RingSettings = RingSettings()

    components: Named[Switch] = _NONE
    """Parts of the gateway, and whether each makes spans."""
