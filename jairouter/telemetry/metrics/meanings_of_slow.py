"""Metrics of slow requests and of errors, some under the names that the original's dashboards know."""

from __future__ import annotations

from typing import Final

from jairouter.telemetry.metrics.meaning import BUSINESS, COUNTER, GAUGE, HISTOGRAM, Meaning, counter


def _known(name: str, kind: str, labels: str, about: str) -> Meaning:
    return Meaning(name, kind, tuple(labels.split()), BUSINESS, about, foreign=True)


SLOW: Final = (
    _known("slow_query", COUNTER, "operation severity", "Slow requests."),
    _known("slow_query_duration_seconds", HISTOGRAM, "operation", "How long slow requests took."),
    _known(
        "slow_query_threshold_multiplier",
        GAUGE,
        "operation",
        "How many times its threshold the last slow request took.",
    ),
    _known("slow_query_alert_triggered", COUNTER, "operation severity", "Alerts about slow requests."),
    _known("slow_query_alert_active", GAUGE, "operation severity", "Whether there was such an alert lately."),
    counter("errors", "type operation", BUSINESS, "Requests that ended with an error, by its type."),
)
