"""Settings of the record of who did what."""

from typing import Annotated, Any, Self

from pydantic import model_validator

from jairouter.config.forms import Hush, OneOf, Switch, Words
from jairouter.config.frozen import FrozenMapping, Named
from jairouter.config.numbers import Count, Positive
from jairouter.config.quantities import Duration, SomeBytes
from jairouter.config.settings.section import Section, refuse

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
    """Old files that are kept, compressed."""


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
    """Whether events are recorded; `logging.audit.enabled` is another way to say so, and one of the two is
    enough."""

    log_level: Level = "INFO"
    """Lowest level of what is recorded: `INFO` for all, `WARN` for what was denied or failed; `OFF` for
    nothing."""

    include_request_body: Switch = False
    """Whether events hold the body of the request; they never do."""

    include_response_body: Switch = False
    """Whether events hold the body of the answer; they never do."""

    retention_days: Count = 90
    """How long files that are not written any more are kept, in days; 0 for as long as
    `storage.rotation.max-files` allows."""

    buffer: Positive = 10_000
    """Events that wait to be written, at most; those beyond are counted, and their number is recorded."""

    fsync: Annotated[str, OneOf(("always", "interval", "never"))] = "interval"
    """When what was written is forced to the disk: after each batch, every `fsync-interval`, or when the
    system sees fit."""

    fsync_interval: Annotated[float, Duration(least=0.1)] = 1.0
    """How much may be lost when the power fails."""

    group_readable: Switch = False
    """Whether the group may read the files (mode 0640 in place of 0600)."""

    chain_key: Hush | None = None
    """Secret of at least 16 characters with which lines are chained, so that nobody without it can write the
    file anew unnoticed; not given, the chain shows accidents and careless changes only."""

    aggregation: Annotated[float, Duration(least=1)] = 60.0
    """For how long events that are alike are counted, after the first, before one line tells their
    number."""

    alert_enabled: Switch = False
    """Whether alerts are raised."""

    alert_thresholds: AlertThresholdSettings = AlertThresholdSettings()

    event_types: Named[Switch] = _NONE
    """Kinds of events, such as `authentication-success`, and whether each is recorded; what is not named
    is."""

    storage: AuditStorageSettings = AuditStorageSettings()

    @model_validator(mode="after")
    def _check_key(self) -> Self:
        if self.chain_key is not None and len(self.chain_key.reveal()) < 16:
            raise refuse("expected a text of at least 16 characters", "chain_key")
        return self
