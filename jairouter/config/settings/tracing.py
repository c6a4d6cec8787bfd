"""Settings of distributed tracing."""

from typing import Any, ClassVar

from jairouter.config.addresses import HeaderName, HeaderValue
from jairouter.config.forms import Switch, Words
from jairouter.config.frozen import FrozenMapping, Named, NamedBy
from jairouter.config.numbers import Positive, Ratio
from jairouter.config.quantities import Seconds
from jairouter.config.settings.section import Section

_NONE: FrozenMapping[Any] = FrozenMapping()


class SamplingRule(Section):
    """A share for requests that meet a condition."""

    condition: Words
    """What requests the share is for."""

    ratio: Ratio = 1.0
    """Share of those requests that are traced."""


class AdaptiveSamplingSettings(Section):
    """A share that follows the load."""

    enabled: Switch = False
    """Whether the share follows the load."""

    target_spans_per_second: Positive = 1000
    """Spans per second to aim for."""

    min_ratio: Ratio = 0.1
    """Smallest share."""

    max_ratio: Ratio = 1.0
    """Largest share."""

    adjustment_interval: Seconds = 30.0
    """How often the share is adjusted."""


class TraceSamplingSettings(Section):
    """Which requests are traced."""

    strategy: Words = "parent_based_traceid_ratio"
    """How it is decided."""

    ratio: Ratio = 1.0
    """Share of requests that are traced."""

    service_ratios: Named[Ratio] = _NONE
    """Shares for single services."""

    always_sample: tuple[Words, ...] = ()
    """Paths that are always traced."""

    never_sample: tuple[Words, ...] = ("/health", "/actuator")
    """Paths that are never traced."""

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

    compression: Words = "none"
    """Compression of what is sent."""


class ExporterSettings(Section):
    """Where spans are sent."""

    type: Words = "otlp"
    """Kind of receiver: `otlp`, `zipkin`, `jaeger`, `logging` or `composite`."""

    jaeger: TraceEndpointSettings = TraceEndpointSettings(endpoint="http://localhost:14268/api/traces")
    zipkin: TraceEndpointSettings = TraceEndpointSettings(endpoint="http://localhost:9411/api/v2/spans")
    otlp: TraceEndpointSettings = TraceEndpointSettings(endpoint="http://localhost:4318/v1/traces")


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

    components: Named[Switch] = _NONE
    """Parts of the gateway, and whether each makes spans."""
