"""How the record is made of settings."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from twisted.internet.defer import Deferred, succeed

from jairouter.auditing import ALLOWED, Event, IAudit
from jairouter.config.naming import relaxed
from jairouter.dates import DAY
from jairouter.telemetry.audit.alerts import Alerts, thresholds
from jairouter.telemetry.audit.chain import Chain
from jairouter.telemetry.audit.condition import Standing
from jairouter.telemetry.audit.files import Files
from jairouter.telemetry.audit.line import FIELDS, Entry, Form
from jairouter.telemetry.audit.log import AuditLog, Means, Policy, RunInThread
from jairouter.telemetry.audit.place import Place
from jairouter.telemetry.audit.several import AuditTo
from jairouter.telemetry.audit.writer import Rules, Writer
from jairouter.telemetry.metrics.families import Families
from jairouter.telemetry.security_metrics import SecurityMetrics

if TYPE_CHECKING:
    from random import Random

    from prometheus_client import CollectorRegistry
    from twisted.internet.interfaces import IReactorTime

    from jairouter.config.settings.root import Settings

_ABOVE_WARN: Final = frozenset({"ERROR", "FATAL", "OFF"})


def audit_on(settings: Settings) -> bool:
    """Whether there is to be a record: where one place says yes and the other no, there is.

    A record that nobody wanted can be deleted; one that is missing cannot be made up.
    """
    return settings.logging.audit.enabled or settings.security.audit.enabled


def place_of(settings: Settings) -> Place:
    """Where the record is, and how it is read."""
    audit, key = settings.logging.audit, settings.security.audit.chain_key
    return Place(
        # (What a link leads to, beside which the old files then are)
        Files(Path(audit.file or settings.security.audit.storage.file_path).resolve()),
        Form(audit.format == "json", {**FIELDS, **audit.fields}),
        Chain(key.reveal().encode() if key is not None else None),
    )


def _rules_of(settings: Settings) -> Rules:
    """How files are kept."""
    audit = settings.security.audit
    rotation = audit.storage.rotation
    return Rules(
        rotation.max_file_size,
        rotation.max_files,
        audit.retention_days * DAY,
        0o640 if audit.group_readable else 0o600,
        audit.fsync,
    )


def open_audit(
    settings: Settings,
    clock: IReactorTime,
    run_in_thread: RunInThread,
    today: Callable[[], float],
    random: Random,
) -> AuditLog | None:
    """Open the record. Blocks: for the start.

    Args:
        settings: What is configured.
        clock: Tells when to write.
        run_in_thread: For what blocks.
        today: Seconds since the epoch.
        random: Makes the ids of events.

    Returns:
        None where none is wanted.

    Raises:
        AuditUnusable: It cannot be written; the text says why.
    """
    if not audit_on(settings):
        return None

    def entry(event: Event) -> Entry:
        return Entry(today(), str(uuid.UUID(int=random.getrandbits(128), version=4)), event)

    audit, place = settings.security.audit, place_of(settings)
    writer = Writer(place, _rules_of(settings), entry, today)
    writer.open()
    policy = Policy(
        audit.buffer,
        audit.aggregation,
        audit.fsync,
        audit.fsync_interval,
        frozenset(relaxed(name) for name, wanted in audit.event_types.items() if not wanted),
        partial(_is_wanted, audit.log_level),
    )
    log = AuditLog(Means(clock, run_in_thread, entry, today), writer, place, policy)
    log.start()
    return log


def _is_wanted(level: str, event: Event) -> bool:
    if level in _ABOVE_WARN:
        return event.kind == "SECURITY_ALERT"
    return level != "WARN" or event.result != ALLOWED


class Auditing:
    """All that events are told to.

    Args:
        log: The record, if there is one.
        alerts: What raises alerts, if anything does.
        metrics: Counts events.

    Attributes:
        audit: Tells all of them; this is what other parts are given.
    """

    def __init__(self, log: AuditLog | None, alerts: Alerts | None, metrics: SecurityMetrics) -> None:
        self.log, self.alerts, self.metrics = log, alerts, metrics
        told = [each for each in (metrics, log, alerts) if each is not None]
        # Each request of somebody who is known is an event: one call less where there is no record
        self.audit: IAudit = AuditTo(*told) if told[1:] else metrics

    def standing(self) -> Standing:
        """How it stands with the record, for the health page."""
        return Standing("UP", {"enabled": False}) if self.log is None else self.log.standing()

    def reopen(self) -> None:
        """Look at once whether the file is still where it was; with each event that is done anyway."""
        if self.log is not None:
            self.log.reopen()

    def close(self) -> Deferred[Any]:
        """See `AuditLog.close`."""
        return succeed(None) if self.log is None else self.log.close()


def begin_auditing(
    settings: Settings,
    clock: IReactorTime,
    run_in_thread: RunInThread,
    today: Callable[[], float],
    random: Random,
    registry: CollectorRegistry,
) -> Auditing:
    """Make all that is configured about security events: the record, alerts, metrics.

    Args:
        settings: What is configured.
        clock: Tells when to write.
        run_in_thread: For what blocks.
        today: Seconds since the epoch.
        random: Makes the ids of events.
        registry: Where metrics are registered.

    Raises:
        AuditUnusable: The record cannot be written; the text says why.
    """
    log = open_audit(settings, clock, run_in_thread, today, random)
    metrics = SecurityMetrics(Families.of(settings), (lambda: log.lost) if log else lambda: 0)
    registry.register(metrics)
    audit, alerts = settings.security.audit, None
    if audit.alert_enabled:
        told = AuditTo(metrics, log) if log is not None else metrics
        alerts = Alerts(thresholds(audit.alert_thresholds), told, clock.seconds, today)
    return Auditing(log, alerts, metrics)
