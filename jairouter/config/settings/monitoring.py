"""Settings of metrics, slow requests and errors."""

from typing import Annotated, Any

from jairouter.config.addresses import HeaderName, HeaderValue, SecretUrl
from jairouter.config.forms import OneOf, Switch, Text, Words
from jairouter.config.frozen import FrozenMapping, Named, NamedBy
from jairouter.config.numbers import Positive
from jairouter.config.quantities import Millis
from jairouter.config.secret import Secret
from jairouter.config.settings.section import Section

_NONE: FrozenMapping[Any] = FrozenMapping()
_MetricName = Annotated[str, Text("[a-zA-Z][a-zA-Z0-9_]*", "letters, digits and underscores")]
_Prefix = Annotated[
    str,
    Text(
        "(?!(?:http|http_server|jvm|jvm_memory|logback|process|python)$)[a-zA-Z][a-zA-Z0-9_]*",
        "letters, digits and underscores, and not what names of other metrics begin with",
    ),
]
_Category = Annotated[str, OneOf(("system", "business", "infrastructure"))]
_Severity = Annotated[str, OneOf(("critical", "warning", "info"))]


class MetricsCollectionSettings(Section):
    """Metrics of the gateway itself."""

    enabled: Switch = True
    """Whether there are any; those of the process (`process_*`, `python_*`, `jvm_*`) are there always."""

    prefix: _Prefix = "jairouter"
    """What the names of the gateway's own metrics begin with; none of `http`, `http_server`, `jvm`,
    `jvm_memory`, `logback`, `process` and `python`, which names of other metrics begin with."""

    enabled_categories: tuple[_Category, ...] = ("system", "business", "infrastructure")
    """Groups of metrics that are shown; which metric belongs to which, docs/metrics.md says."""

    custom_tags: NamedBy[_MetricName, Words] = _NONE
    """Labels that the gateway's own metrics carry besides those of `management.metrics.tags`. A metric that
    has a label of that name itself keeps its own."""

    thresholds: Named[Millis] = _NONE
    """Durations by service (or `slow-query` for all that are not named, `images` for both kinds of images)
    above which a request is slow, and logged with where its time went. A stream is judged by the time until
    it began. Not given means 8 s for chat and tts, 3 s for embedding, 2 s for rerank, 30 s for stt and
    images. A bare number is milliseconds."""


class PerformanceSettings(Section):
    """Thresholds outside the metrics tree, as some files have them."""

    thresholds: Named[Millis] = _NONE
    """The same as `monitoring.metrics.thresholds`."""


class SlowAlertSettings(Section):
    """When slow requests of one kind, above `monitoring.metrics.thresholds`, raise an alert."""

    enabled: Switch = True
    """Whether they do."""

    min_interval_ms: Millis = 300.0
    """Shortest time between two alerts about the same kind of request; a bare number is milliseconds."""

    min_occurrences: Positive = 3
    """Slow requests within an hour after which an alert is raised."""

    enabled_severities: tuple[_Severity, ...] = ("critical", "warning")
    """Severities that raise an alert: five times the threshold is critical, three times a
    warning."""

    suppression_window_ms: Millis = 3600.0
    """How long an alert of the same kind and severity is not repeated; a bare number is milliseconds."""

    max_alerts_per_hour: Positive = 10
    """Most alerts about the same kind of request in one hour."""


class AlertNotificationSettings(Section):
    """Where alerts go."""

    enable_prometheus_metrics: Switch = True
    """Whether alerts are counted as metrics."""

    enable_structured_logging: Switch = True
    """Whether alerts are logged."""

    enable_webhook: Switch = False
    """Whether alerts are posted to `webhook-url`."""

    webhook_url: Annotated[Secret, SecretUrl()] | None = None
    """Address that alerts are posted to; never shown, because such addresses often hold a key."""

    webhook_headers: NamedBy[HeaderName, HeaderValue] = _NONE
    """Headers of such a post."""


class SlowQuerySettings(Section):
    """Alerts about slow requests."""

    enabled: Switch = False
    """Whether slow requests raise alerts."""

    global_: SlowAlertSettings = SlowAlertSettings()
    """What applies to every kind of request."""

    operations: Named[SlowAlertSettings] = _NONE
    """What applies to one kind instead: `chat_request`, `embedding_request`, `rerank_request`, `tts_request`,
    `stt_request`, `imgGen_request`, `imgEdit_request`. What it does not say is as in `global`."""

    notification: AlertNotificationSettings = AlertNotificationSettings()


class ErrorTrackingSettings(Section):
    """Counting of equal errors."""

    enabled: Switch = False
    """Whether requests that fail are counted by kind, and summed up in the log."""

    aggregation_window_minutes: Positive = 5
    """Time over which equal errors are counted together, in minutes."""

    max_aggregations: Positive = 1000
    """Most kinds of errors that are told apart within that time."""


class MonitoringSettings(Section):
    """Metrics, slow requests and errors. `jairouter.monitoring` is the same."""

    enabled: Switch = True
    """Whether anything is measured."""

    metrics: MetricsCollectionSettings = MetricsCollectionSettings()
    performance: PerformanceSettings = PerformanceSettings()

    thresholds: Named[Millis] = _NONE
    """The same as `monitoring.metrics.thresholds`."""

    slow_query_alert: SlowQuerySettings = SlowQuerySettings()
    error_tracking: ErrorTrackingSettings = ErrorTrackingSettings()
