"""Settings of the record of who did what."""

from typing import Annotated, Any

from jairouter.config.forms import OneOf, Switch, Words
from jairouter.config.frozen import FrozenMapping, Named
from jairouter.config.numbers import Count, Positive
from jairouter.config.quantities import SomeBytes
from jairouter.config.settings.section import Section

LEVELS = ("TRACE", "DEBUG", "INFO", "WARN", "ERROR", "FATAL", "OFF")
Level = Annotated[str, OneOf(LEVELS)]
_NONE: FrozenMapping[Any] = FrozenMapping()


class AlertThresholdSettings(Section):
    """Rates at which an alert is raised, each per minute."""

    auth_failures_per_minute: Positive = 10
    """Refused credentials."""

    sanitization_operations_per_minute: Positive = 100
    """Bodies in which something was masked."""

    suspicious_requests_per_minute: Positive = 20
    """Requests that look like an attack."""


class AuditRotationSettings(Section):
    """When the audit file is started anew."""

    max_file_size: SomeBytes = 100 * 1024 * 1024
    """Size, in bytes, at which a new file is begun."""

    max_files: Positive = 30
    """Old files that are kept."""


class AuditStorageSettings(Section):
    """Where audit events go."""

    type: Words = "file"
    """Kind of storage; `file` is the only one."""

    file_path: Words = "logs/security-audit.log"
    """File that events are written to, one JSON object a line; `logging.audit.file` comes first
    when it is given."""

    rotation: AuditRotationSettings = AuditRotationSettings()


class AuditSettings(Section):
    """The record of logins, refusals and changes of the configuration."""

    enabled: Switch = False
    """Whether events are recorded; `logging.audit.enabled` is another way to say so."""

    log_level: Level = "INFO"
    """Level of the log lines about events."""

    include_request_body: Switch = False
    """Whether events hold the body of the request."""

    include_response_body: Switch = False
    """Whether events hold the body of the answer."""

    retention_days: Count = 90
    """How long events are kept, in days."""

    alert_enabled: Switch = False
    """Whether alerts are raised."""

    alert_thresholds: AlertThresholdSettings = AlertThresholdSettings()

    event_types: Named[Switch] = _NONE
    """Kinds of events, and whether each is recorded; what is not named is."""

    storage: AuditStorageSettings = AuditStorageSettings()
