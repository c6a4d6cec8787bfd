"""Metrics of the configuration, of security, and of the metrics themselves."""

from __future__ import annotations

from typing import Final

from jairouter.telemetry.metrics.meaning import SYSTEM, Meaning, counter, gauge

CONFIGURATION: Final = (
    gauge("config_version", "", SYSTEM, "Number of the stored version in force; 0 without one."),
    counter(
        "config_reloads",
        "result",
        SYSTEM,
        "Configurations that were to come into force, by what came of it.",
    ),
    gauge("config_last_reload_successful", "", SYSTEM, "1 when all that was to be in force is, else 0."),
    gauge(
        "config_last_reload_success_timestamp_seconds",
        "",
        SYSTEM,
        "When a configuration last came into force, or was found to be still good.",
    ),
    counter("config_undone", "", SYSTEM, "Versions that were taken back because requests failed under them."),
    counter("metrics_errors", "source", SYSTEM, "How often a part of the metrics could not be read."),
)


def _security(name: str, labels: str, about: str) -> Meaning:
    return counter(f"security_{name}", labels, SYSTEM, about)


SECURITY: Final = (
    counter("tls_handshake_failures", "reason", SYSTEM, "TLS handshakes of clients that have failed."),
    gauge(
        "tls_certificate_expiry_timestamp_seconds",
        "",
        SYSTEM,
        "When the listener's certificate expires, in seconds since the epoch.",
    ),
    _security("events", "result", "Security events by how they ended."),
    _security("violations", "violation_type severity", "What looks like an attack, or like a mistake."),
    _security("jwt_tokens_issued", "", "Tokens that were issued."),
    _security("jwt_tokens_refreshed", "", "Tokens that were refreshed."),
    _security("jwt_tokens_revoked", "", "Tokens that were revoked."),
    _security("audit_events_lost", "", "Events that the audit log could not keep."),
    _security("authentication_attempts", "", "How often somebody said who they are."),
    _security("authentication_successes", "auth_type", "How often that was true."),
    _security("authentication_failures", "auth_type failure_reason", "How often it was not, and why."),
    _security("sanitization_operations", "content_type direction", "Bodies in which something was masked."),
    _security("sanitization_rule_matches", "rule_id rule_type", "What rules have masked."),
    _security(
        "sanitization_unreadable",
        "direction reason",
        "Bodies, and events of streams, that could not be looked through.",
    ),
)
